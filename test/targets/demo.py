# SPDX-License-Identifier: Apache-2.0
"""A day after the other in the life of a small shop: demo.py [SECONDS]

Orders come in as JSON and CSV, the warehouse fills them, a van brings them
round, invoices are written and archived, and the evening ends with a report.
Nothing but the standard library is used: a sample program for a flame graph.
"""
import base64
import csv
import hashlib
import heapq
import io
import json
import random
import re
import signal
import string
import sys
import textwrap
import time
import zlib
from collections import Counter, defaultdict, namedtuple
from operator import attrgetter

Product = namedtuple('Product', 'name price description')
GOODS = {name: Product(name, price, text) for name, price, text in [
    ('kettle', 2995, 'Boils a litre of water while you look for the cups.'),
    ('teapot', 1850, 'Earthenware, brown, pours without a drop on the table.'),
    ('cup', 650, 'With a handle, as cups should have, and room for 25 cl.'),
    ('saucer', 420, 'Goes below the cup, or below a pot with a small cactus.'),
    ('spoon', 199, 'Stainless steel, does not bend in honey or in ice cream.'),
    ('tray', 1250, 'Beech, carries all of the above from here to the garden.')]}
STREETS = ['Mill Lane', 'Station Road', 'Church Street', 'The Green', 'High Street',
           'Park Avenue', 'Bridge Street', 'Orchard Close', 'North End', 'Quay']
ADDRESS = re.compile(r'\s*(?P<number>\d+)\s+(?P<street>[A-Z][\w ]+?)\s*,'
                     r'\s*(?P<town>\w+)\s+(?P<code>[A-Z]{2}\d\s?\d[A-Z]{2})\s*$')
INVOICE = string.Template('''\
Invoice $number                                 $digest
$name
$address

$lines
$description
Total $total  (VAT included: $vat)
''')


class Order(object):
    def __init__(self, number, name, address, items):
        self.number = int(number)
        self.name = name.strip().title()
        self.address = Address(address)
        self.items = {item: int(count) for item, count in items.items()}

    @property
    def total(self):
        return sum(GOODS[item].price * count
                   for item, count in self.items.items())


class Address(object):
    def __init__(self, text):
        match = ADDRESS.match(text)
        if not match:
            raise ValueError('not an address: ' + text)
        self.number = int(match.group('number'))
        self.street = match.group('street')
        self.town = match.group('town')
        self.code = match.group('code').replace(' ', '')

    def __str__(self):
        return '%d %s\n%s %s' % (self.number, self.street, self.town, self.code)


# Orders come in ---------------------------------------------------------------

def customers(count):
    for number in range(count):
        name = random.choice(['ann', 'bob', 'chloe', 'dev', 'eve', 'femi'])
        address = '%d  %s, Teaford TF%d %dAB' % (
            random.randint(1, 99), random.choice(STREETS),
            random.randint(1, 9), random.randint(1, 9))
        items = {item: random.randint(1, 6)
                 for item in random.sample(sorted(GOODS), 3)}
        yield {'number': number, 'name': name + ' SMITH', 'address': address,
               'items': items}


def as_csv(orders):
    text = io.StringIO() if sys.version_info[0] >= 3 else io.BytesIO()
    writer = csv.writer(text)
    for order in orders:
        items = ' '.join('%s=%d' % pair for pair in order['items'].items())
        writer.writerow([order['number'], order['name'], order['address'], items])
    return text.getvalue()


def read_json(text):
    return [Order(**order) for order in json.loads(text)]


def read_csv(text):
    orders = []
    for number, name, address, items in csv.reader(text.splitlines()):
        pairs = re.findall(r'(\w+)=(\d+)', items)
        orders.append(Order(number, name, address, dict(pairs)))
    return orders


def receive_orders():
    from_web = json.dumps(list(customers(150)))
    from_shops = as_csv(customers(150))
    return read_json(from_web) + read_csv(from_shops)


# The warehouse fills them -----------------------------------------------------

class Warehouse(object):
    def __init__(self):
        self.shelves = defaultdict(list)
        self.batches = 0

    def restock(self, item):
        for _ in range(random.randint(5, 10)):
            self.batches += 1
            batch = [self.batches + random.randint(0, 50), random.randint(1, 20)]
            heapq.heappush(self.shelves[item], batch)

    def take(self, item, count):
        """Oldest first."""
        shelf = self.shelves[item]
        while count:
            if not shelf:
                self.restock(item)
            taken = min(count, shelf[0][1])
            shelf[0][1] -= taken
            count -= taken
            if not shelf[0][1]:
                heapq.heappop(shelf)

    def fill(self, orders):
        for order in orders:
            for item, count in order.items.items():
                self.take(item, count)


# A van brings them round ------------------------------------------------------

def distance(a, b):
    streets = abs(STREETS.index(a.street) - STREETS.index(b.street))
    return 100 * streets + abs(a.number - b.number)


def nearest(here, others):
    return min(others, key=lambda other: distance(here, other))


def plan_tour(orders):
    ahead = [order.address for order in orders]
    tour = [ahead.pop()]
    while ahead:
        following = nearest(tour[-1], ahead)
        ahead.remove(following)
        tour.append(following)
    return tour


def deliver(orders):
    by_code = defaultdict(list)
    for order in sorted(orders, key=attrgetter('address.code')):
        by_code[order.address.code].append(order)
    by_van = defaultdict(list)
    for code, group in by_code.items():
        by_van[code[:2]].extend(group[:20])
    return {van: plan_tour(group[:160]) for van, group in by_van.items()}


# Invoices are written and archived --------------------------------------------

def money(cents):
    return '%d.%02d' % divmod(cents, 100)


def invoice_line(item, count):
    product = GOODS[item]
    return '%4d x %-8s%10s' % (count, item, money(count * product.price))


def description(order):
    texts = [GOODS[item].description for item in sorted(order.items)]
    return textwrap.fill(' '.join(texts), width=48)


def digest(order):
    key = '%s/%s/%s' % (order.number, order.name, order.address)
    value = hashlib.sha256(key.encode('utf-8')).hexdigest()
    for _ in range(20):
        value = hashlib.sha256(value.encode('ascii')).hexdigest()
    return value[:12]


def write_invoice(order):
    lines = [invoice_line(*pair) for pair in sorted(order.items.items())]
    return INVOICE.substitute(
        number=order.number, digest=digest(order), name=order.name,
        address=order.address, lines='\n'.join(lines), total=money(order.total),
        vat=money(order.total // 6),
        description=description(order) if order.total > 15000 else '')


def archive(invoices):
    text = json.dumps({'invoices': [invoice.splitlines() for invoice in invoices]},
                      indent=2, sort_keys=True)
    return base64.b64encode(zlib.compress(text.encode('utf-8'), 9))


# The evening ends with a report -----------------------------------------------

def best_sellers(orders):
    sold = Counter()
    for order in orders:
        sold.update(order.items)
    return sold.most_common(3)


def pairs_bought(orders):
    pairs = Counter()
    for order in orders:
        items = sorted(order.items)
        pairs.update((a, b) for a in items for b in items if a < b)
    return pairs


def quantile(values, share):
    """By quickselect, for the pleasure of it."""
    def select(values, rank):
        pivot = values[len(values) // 2]
        below = [value for value in values if value < pivot]
        equal = values.count(pivot)
        if rank < len(below):
            return select(below, rank)
        if rank < len(below) + equal:
            return pivot
        above = [value for value in values if value > pivot]
        return select(above, rank - len(below) - equal)
    return select(values, int(share * (len(values) - 1)))


def report(orders):
    totals = [order.total for order in orders]
    quantiles = [money(quantile(totals, share / 10.)) for share in range(1, 10)]
    return best_sellers(orders), pairs_bought(orders), quantiles


def day(warehouse):
    orders = receive_orders()
    warehouse.fill(orders)
    deliver(orders)
    archive([write_invoice(order) for order in orders])
    return report(orders)


def main(seconds):
    random.seed(1)
    warehouse = Warehouse()
    print('ready')
    sys.stdout.flush()
    end = time.time() + seconds
    while time.time() < end:
        day(warehouse)


if __name__ == '__main__':
    signal.alarm(300)
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
