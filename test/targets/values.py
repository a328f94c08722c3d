# SPDX-License-Identifier: Apache-2.0
"""Has random values in local variables, and says what repr() says of them.

  values.py SEED COUNT FILE

v0, v1, ... are in frames of a hundred. FILE gets "vN = VALUE" of each, cut to 80
characters as pyflame cuts it.
"""
import collections
import io
import random
import struct
import sys
import time

PER_FRAME = 100
MOST = 80
NEW = sys.version_info[0] > 2
TEXT = type(u'')
CHARACTER = chr if NEW else lambda c: (r'\U%08x' % c).encode('ascii').decode('unicode_escape')

# Blocks of which every version has all characters assigned.
BLOCKS = [(0x20, 0x7e)] * 6 + [(0, 0x1f), (0x7f, 0xff), (0xa1, 0xac), (0x391, 0x3a1), (0x410, 0x44f),
          (0x4e00, 0x9fa5), (0xac00, 0xd7a3), (0x1f600, 0x1f640), (0x2000, 0x2010), (0xe000, 0xe010)]


def number(r):
    kind = r.randrange(5)
    if kind == 0:
        return r.randrange(-10, 300)
    sign = r.choice([1, -1])
    if kind == 1:
        return sign * r.choice([0, 1, 2**15, 2**30, 2**31, 2**32, 2**60, 2**63, 2**64, 2**90, 10**79, 10**80]) \
            + r.randrange(-2, 3)
    return sign * r.getrandbits(r.choice([8, 15, 16, 29, 30, 31, 45, 60, 61, 64, 120, 300, 3000, 14000]))


def real(r):
    kind = r.randrange(6)
    if kind == 0:
        return r.choice([0.0, -0.0, 1.0, float('inf'), -float('inf'), float('nan'), 1e16, 1e22, 1e23, 5e-324, 0.1,
                         1e-4, 1e-5, 123456789012345678.0, 2.2250738585072014e-308, 1.7976931348623157e308])
    if kind == 1:
        return float(r.randrange(-10**6, 10**6)) / r.choice([1, 2, 3, 8, 10, 1000])
    if kind == 2:
        return float(2) ** r.randrange(-1074, 1023)
    return struct.unpack('<d', struct.pack('<Q', r.getrandbits(64)))[0]


def text(r):
    first, last = r.choice(BLOCKS)
    length = r.choice([0, 1, 2, 5, 12, 12, 77, 78, 79, 200])
    if r.random() < .2:
        return TEXT().join(CHARACTER(r.randrange(*r.choice(BLOCKS))) for _ in range(length))
    return TEXT().join(CHARACTER(r.randint(first, last)) for _ in range(length))


def quoted(r):
    return TEXT().join(r.choice(u'\'"\\ab\n\t') for _ in range(r.randrange(9)))


def raw(r):
    return bytes(bytearray(r.choice([r.randrange(256), 39, 34, 92, 97]) for _ in range(r.choice([0, 1, 7, 30, 90]))))


def scalar(r):
    return r.choice([number, real, text, quoted, raw, lambda r: complex(real(r), real(r)),
                     lambda r: r.choice([None, True, False, Ellipsis, NotImplemented]),
                     lambda r: bytearray(raw(r)), lambda r: str(number(r))])(r)


def many(r, depth, one):
    return [one(r, depth) for _ in range(r.choice([0, 1, 2, 3, 4, 9, 30]))]


def hashable(r, depth=0):
    if depth and r.random() < .3:
        return tuple(many(r, depth - 1, hashable))
    while True:
        value = scalar(r)
        if type(value) is not bytearray:
            return value


def nested(r, depth):
    kind = r.randrange(9) if depth else 9
    if kind == 0:
        return many(r, depth - 1, nested)
    if kind == 1:
        return tuple(many(r, depth - 1, nested))
    if kind == 2:
        return dict((k, nested(r, depth - 1)) for k in many(r, 1, hashable))
    if kind == 3:
        return set(many(r, 1, hashable))
    if kind == 4:
        return frozenset(many(r, 1, hashable))
    if kind == 5 and NEW:
        return collections.deque(many(r, depth - 1, nested), r.choice([None, 0, 2, 100]))
    if kind == 6 and NEW:
        return range(r.randrange(-5, 5), number(r), r.choice([1, 1, 2, -1, 2**70]))
    if kind == 7:
        return slice(*[nested(r, depth - 1) for _ in range(3)])
    if kind == 8:
        return r.choice([ValueError, KeyError, OSError, StopIteration])(*many(r, depth - 1, nested))
    return scalar(r)


def changed(r, value):
    """Some containers with a history: what was removed from them leaves traces."""
    for _ in range(r.randrange(20)):
        if isinstance(value, dict):
            value.pop(r.choice(list(value) or [0]), None)
            value[hashable(r, 1)] = scalar(r)
        elif isinstance(value, set):
            value.discard(r.choice(list(value) or [0]))
            value.add(hashable(r, 1))
        elif isinstance(value, list):
            if r.random() < .03:
                value.append(value)
            value.append(scalar(r))
            del value[:r.randrange(2)]
        elif isinstance(value, bytearray):
            value.extend(b'xy')
            del value[:r.randrange(4)]
        elif isinstance(value, collections.deque):
            value.rotate(r.randrange(9))
            value.append(scalar(r))
    return value


def shown(value):
    said = repr(value)
    said = said if isinstance(said, TEXT) else said.decode('ascii')
    return said if len(said) <= MOST else said[:MOST - 1] + u'\u2026'


def frame_of(first, n, then):
    source = 'def frame(values, then):\n'
    for i in range(n):
        source += '    v%d = values[%d]\n' % (first + i, i)
    names = {}
    exec(source + '    del values\n    then()\n', names)
    return names['frame']


def main():
    seed, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    r = random.Random(seed)
    values = [changed(r, nested(r, 3)) for _ in range(count)]

    with io.open(path, 'w', encoding='utf-8', errors='surrogatepass' if NEW else 'strict') as out:
        for i, value in enumerate(values):
            out.write(u'v%d = %s\n' % (i, shown(value)))

    def ready():
        sys.stdout.write('ready\n')
        sys.stdout.flush()
        while True:
            time.sleep(1000)

    then = ready
    for first in range(0, count, PER_FRAME):
        piece = values[first:first + PER_FRAME]
        then = (lambda f, p, t: lambda: f(p, t))(frame_of(first, len(piece), None), piece, then)
    then()


main()
