# SPDX-License-Identifier: Apache-2.0
"""Turns all the time between Python code and system calls, and accounts for it.

The calls keep the GIL.  On SIGTERM it is printed how much of the time was in before(), calls() and
after(), in percent, a line each, such as `before 50.1`.
"""
from __future__ import print_function
import resource
import signal
import sys
import time

try:
    clock = time.perf_counter
except AttributeError: # 2.7
    clock = time.time
stopped = []


def before(n):
    s = 0
    for i in range(n):
        s += i
    return s


def calls(n):
    for _ in range(n):
        resource.getrusage(resource.RUSAGE_SELF)


def after(n):
    s = 0
    for i in range(n):
        s -= i
    return s


def main():
    signal.alarm(300)
    signal.signal(signal.SIGTERM, lambda *args: stopped.append(True))
    all_of_them, times = (before, calls, after), [0.0] * 3
    print('ready')
    sys.stdout.flush()
    while not stopped:
        for i, (f, n) in enumerate(zip(all_of_them, (150, 5, 100))):
            start = clock()
            f(n)
            times[i] += clock() - start
    for f, t in zip(all_of_them, times):
        print(f.__name__, '%.1f' % (100 * t / sum(times)))


main()
