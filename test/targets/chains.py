# SPDX-License-Identifier: Apache-2.0
"""Run a1 -> a2 -> a3 and b1 -> b2 -> b3 in turn, all of them next to nothing.

    chains.py [--deep K]

Level i of the chains, K levels long (3 by default), is line i of a.py and b.py;
run.py calls those of a.py on its odd lines and those of b.py on its even ones:
any stack which holds both letters, skips a level or has the wrong line is false.

How long one chain takes depends on where its objects happen to lie in memory. Of
each letter there are many, made in random order, so that both letters take the same
time to within 2 percent or so.
"""
import argparse
import random
import signal
import sys

COPIES = 128


def chain(letter, levels):
    lines = ['def %s%d(): %s%d()' % (letter, i, letter, i + 1)
             for i in range(1, levels)]
    lines.append('def %s%d(): pass' % (letter, levels))
    namespace = {}
    exec(compile('\n'.join(lines), letter + '.py', 'exec'), namespace)
    return namespace[letter + '1']


def runner(levels):
    names = ['ab'[i % 2] + str(i) for i in range(2 * COPIES)]
    # It says so itself, in calls to C: what is seen from then on is run(), or more.
    lines = ['def run():', ' write("ready\\n")', ' flush()', ' while True:']
    lines += ['  %s()' % name for name in names]
    random.shuffle(names)
    namespace = dict((name, chain(name[0], levels)) for name in names)
    namespace.update(write=sys.stdout.write, flush=sys.stdout.flush)
    exec(compile('\n'.join(lines), 'run.py', 'exec'), namespace)
    return namespace['run']


parser = argparse.ArgumentParser()
parser.add_argument('--deep', type=int, default=3)
deep = parser.parse_args().deep
signal.alarm(300)
sys.setrecursionlimit(deep + 1000)
run = runner(deep)
run()
