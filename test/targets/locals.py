# SPDX-License-Identifier: Apache-2.0
"""Waits in frames with every kind of variable; each says in a comment what is seen."""
import collections, sys
import time

marker = 'module'  # and no more of the module: the rest are modules, classes, functions


class Point(object):
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def method(self):
        pass


class Old:
    pass


class Slots(object):
    __slots__ = ('a',)


class Words(list):
    pass


class Wrong(ValueError):
    pass


class Account(object):
    def __init__(self):
        self.user = 'u'
        self.api_key = 'hidden'
        self.inner = Point(1, 2)
        self.me = self


class Grant(collections.namedtuple('Grant', 'user password')):
    __slots__ = ()


def wait():
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    while True:
        time.sleep(1000)


def secrets(password, key, keyboard):
    user_token = authToken = ssh_key = DB_PASSWD = Cookie = 'hidden'
    tokens = ['hidden']
    headers = {'Authorization': 'hidden', u'X-Api-Key': 'hidden', 'Host': 'seen', b'cookie': 'hidden'}
    pairs = [(b'authorization', b'hidden'), ['set-cookie', 'hidden'], (b'host', b'seen')]
    account = Account()
    grant = Grant('seen', 'hidden')
    wait()


def instances():
    point = Point(3, 'four')
    words = Words([1])
    words.extra = 2
    slots = Slots()
    old = Old()
    wrong = Wrong('x', 1)
    method = point.method
    builtin = len
    kind = Point
    module = sys
    function = wait
    one = [point]
    me = {}
    me['me'] = me
    secrets('hidden', 1, 2)


def generator(limit):
    sent = limit * 2
    instances()
    yield sent


def outer(a, b=2, *args, **kwargs):
    cell = [a]

    def inner(z):
        local = (a, cell)
        deleted = 1
        del deleted
        if z > 5:
            never = 1
        for step in generator(z):
            pass
        return never

    b = 'changed'
    shared = lambda: (inner, b)
    return inner(5)


class Body(object):
    attribute = 'class'
    outer(1, 2, 3, 4, last=5)
