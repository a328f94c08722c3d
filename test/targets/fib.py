# SPDX-License-Identifier: Apache-2.0
"""Compute Fibonacci numbers by recursion, for ever."""
import signal
import sys


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def main():
    print('ready')
    sys.stdout.flush()
    while True:
        fib(20)


signal.alarm(300)
main()
