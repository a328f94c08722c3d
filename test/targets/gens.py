# SPDX-License-Identifier: Apache-2.0
"""Busy in nested generators and, on Python 3, coroutines.

Each round runs leaf(), always at the end of one of these:
  main -> generators -> outer -> middle -> inner -> <genexpr> -> leaf
  main -> delegating -> delegate, three times -> leaf            (Python 3)
  main -> coroutines -> request -> fetch -> chunks -> leaf       (Python 3)
  main -> throwing -> passing, three times -> catching -> leaf   (3.10 and later)
  main -> cancelling -> cancelled -> cleaning -> leaf            (3.10 and later)
  main -> cancelling -> cancelled -> leaf                        (3.10 and later)
Before 3.10 a generator that throw() only passes through is not in the stack, or what
called it is not.
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
    if sys.version_info >= (3, 10):
        rounds += [gens_py3.throwing, gens_py3.cancelling]
    print('ready')
    sys.stdout.flush()
    while True:
        for function in rounds:
            function()


if __name__ == '__main__':
    signal.alarm(300)
    sys.dont_write_bytecode = True
    main()
