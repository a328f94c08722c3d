# SPDX-License-Identifier: Apache-2.0
"""Has values that are too large, too deep, or without an end."""
import sys
import time


class Tree(object):
    def __init__(self, left):
        self.left = left
        self.me = self


def wait():
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    while True:
        time.sleep(1000)


def values():
    digits = 10 ** 100000
    million = list(range(1000000))
    pairs = dict((i, str(i)) for i in range(1000000))
    sparse = set(range(1000000))
    for i in range(10, 1000000):
        sparse.discard(i)
    none = set(range(1000000))
    for i in range(1000000):
        none.discard(i)
    popped = dict.fromkeys(range(1000000))
    for i in range(999990):
        del popped[i]
    text = u'\u20ac' * 10000000
    raw = b'x' * 10000000
    round = []
    round.append([round, {'round': round}])
    deep = []
    for i in range(100000):
        deep = [deep]
    tuples = ()
    for i in range(100000):
        tuples = (tuples, tuples)
    tree = None
    for i in range(1000):
        tree = Tree(tree)
    wide = [[[], [], {}]] * 100000
    odd = type('odd' * 100000, (), {'x' * 100000: 1})()
    name = type('a\x1b[2J\n\u202eb', (), {})()
    setattr(name, 'at\x1b\n', 'x\x1b\n')
    many()


def many():
    source = 'def frame(wait):\n'
    for i in range(1000):
        source += '    v%d = %d\n' % (i, i)
    names = {}
    exec(source + '    wait()\n', names)
    names['frame'](wait)


values()
