# SPDX-License-Identifier: Apache-2.0
"""Twenty greenlets that switch to each other all the time, from two kinds of stacks."""
import random

from greenlets_account import greenlet

every, choice = [], random.Random(1)


def other():
    return every[choice.randrange(len(every))]


def leaf_a():
    other().switch()


def leaf_b():
    other().switch()


def a(n):
    if n:
        return a(n - 1)
    for _ in range(3):
        leaf_a()


def b(n):
    if n:
        return b(n - 1)
    for _ in range(3):
        leaf_b()


def outer(leaf):
    yield from inner(leaf)


def inner(leaf):
    leaf()
    yield


def hop():
    while True:
        a(5)
        b(8)
        for leaf in (leaf_a, leaf_b):
            for _ in outer(leaf):
                pass


def main():
    for _ in range(20):
        every.append(greenlet.greenlet(hop))
    print('ready', flush=True)
    every[0].switch()


main()
