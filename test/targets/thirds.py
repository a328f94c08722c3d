# SPDX-License-Identifier: Apache-2.0
"""Spend about a third of the time each in fast(), slow() and nap(): 30 ms of many calls,
of one that holds the GIL, and of sleep.

    thirds.py

On SIGTERM prints what was measured since SIGUSR1, for each of the three a line
`NAME WALL CPU`: its shares of wall-clock and of CPU time.
"""
from __future__ import print_function
import signal
import sys
import time

wall = getattr(time, 'perf_counter', time.time)
cpu = getattr(time, 'thread_time', None) or getattr(time, 'process_time', None) or time.clock
TEXT = 'x' * 10000000


def inner():
    return 1


def outer():
    return inner()


def fast(end):
    while wall() < end:
        outer()
        outer()
        outer()


def slow(end):
    while wall() < end:
        TEXT.count('yz')


def nap(end):
    time.sleep(max(0, end - wall()))


def main():
    signal.alarm(310)
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    spent = {}
    forget = lambda *args: spent.update({function: [0, 0] for function in (fast, slow, nap)})
    forget()
    signal.signal(signal.SIGUSR1, forget)
    print('ready')
    sys.stdout.flush()
    try:
        while True:
            for function in (fast, slow, nap):
                cpu_start, wall_start = cpu(), wall()
                function(wall_start + .03)
                wall_end, cpu_end = wall(), cpu()
                spent[function][0] += wall_end - wall_start
                spent[function][1] += cpu_end - cpu_start
    finally:
        sums = [sum(times) for times in zip(*spent.values())]
        for function, times in spent.items():
            print(function.__name__, *['%.4f' % (t / s) for t, s in zip(times, sums)])


main()
