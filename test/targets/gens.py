# SPDX-License-Identifier: Apache-2.0
"""Busy in nested generators and, on Python 3, coroutines.

Each round runs leaf(), always at the end of one of these:
  main -> generators -> outer -> middle -> inner -> <genexpr> -> leaf
  main -> delegating -> delegate, three times -> leaf            (Python 3)
  main -> coroutines -> request -> fetch -> chunks -> leaf       (Python 3)
"""
import signal
import sys


def leaf():
    for _ in range(50):
        pass


def inner():
    for _ in (leaf() for _ in range(5)):
        yield


def middle():
    for _ in inner():
        yield


def outer():
    for _ in middle():
        yield


def generators():
    for _ in outer():
        pass


def main():
    rounds = [generators]
    if sys.version_info[0] >= 3:
        import gens_py3
        rounds += [gens_py3.delegating, gens_py3.coroutines]
    print('ready')
    sys.stdout.flush()
    while True:
        for function in rounds:
            function()


if __name__ == '__main__':
    signal.alarm(300)
    sys.dont_write_bytecode = True
    main()
