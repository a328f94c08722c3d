# SPDX-License-Identifier: Apache-2.0
"""Run a1 -> a2 -> a3 and b1 -> b2 -> b3 in turn, all of them next to nothing.

    chains.py [--deep K]

Level i of the chains, K levels long (3 by default), is line i of a.py and b.py:
any stack which holds both letters, skips a level or has the wrong line is false.
"""
import argparse
import signal
import sys


def chain(letter, levels):
    lines = ['def %s%d(): %s%d()' % (letter, i, letter, i + 1)
             for i in range(1, levels)]
    lines.append('def %s%d(): pass' % (letter, levels))
    namespace = {}
    exec(compile('\n'.join(lines), letter + '.py', 'exec'), namespace)
    return namespace[letter + '1']


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
print('ready')
sys.stdout.flush()
run(a, b)
