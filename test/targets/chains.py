# SPDX-License-Identifier: Apache-2.0
"""Run a1 -> a2 -> a3 and b1 -> b2 -> b3 in turn, all of them next to nothing.

    chains.py [--deep K]

Level i of the chains, K levels long (3 by default), is line i of a.py and b.py:
any stack which holds both letters, skips a level or has the wrong line is false.

How long the chains take depends on where they happen to lie in memory, so the
share of a in the time of both is measured first and printed as `share_a`.
"""
import argparse
import signal
import sys
import time


def chain(letter, levels):
    lines = ['def %s%d(): %s%d()' % (letter, i, letter, i + 1)
             for i in range(1, levels)]
    lines.append('def %s%d(): pass' % (letter, levels))
    namespace = {}
    exec(compile('\n'.join(lines), letter + '.py', 'exec'), namespace)
    return namespace[letter + '1']


def seconds(function, calls):
    start = time.time()
    for _ in range(calls):
        function()
    return time.time() - start


def share(a, b):
    # the fastest of many, since anything else may run in between
    fastest = [min(seconds(chain, 1000 // deep) for _ in range(100)) for chain in (a, b)]
    return fastest[0] / sum(fastest)


def run(a, b):
    while True:
        a()
        b()


parser = argparse.ArgumentParser()
parser.add_argument('--deep', type=int, default=3)
deep = parser.parse_args().deep
signal.alarm(300)
sys.setrecursionlimit(deep + 1000)
a, b = chain('a', deep), chain('b', deep)
print('share_a %.4f' % share(a, b))
print('ready')
sys.stdout.flush()
run(a, b)
