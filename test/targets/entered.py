# SPDX-License-Identifier: Apache-2.0
"""Enters Python from C as often as it can.

What runs is always one of these, or the beginning of one:
  main -> by_key -> key -> leaf                 called by max()
  main -> through -> outer -> inner             generators, called by list()
and the same with below() called by main().
"""
import signal
import sys

FEW = [2, 3, 1]


def leaf(x):
    return x


def key(x):
    return leaf(x)


def by_key():
    return max(FEW, key=key)


def inner():
    for x in FEW:
        yield x


def outer():
    for x in inner():
        yield x


def through():
    return list(outer())


def below(function):
    a = b = c = d = function
    return a() and b() and c() and d()


def main():
    print('ready')
    sys.stdout.flush()
    while True:
        by_key()
        below(through)
        through()
        below(by_key)


if __name__ == '__main__':
    signal.alarm(300)
    main()
