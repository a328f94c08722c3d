# SPDX-License-Identifier: Apache-2.0
"""Spend 70, 20 and 10 % of the time in seventy(), twenty() and ten().

    split.py long|short|mixed|quick|native [SECONDS]

long: calls of some milliseconds; short: calls of about 50 ns; mixed: seventy
makes long calls, twenty short ones, ten short nested ones; quick: the same
within 20 us; native: functions written in C, a different one for each.

At the end (after SECONDS or on SIGTERM) prints what was measured, for each of
the three a line `NAME WALL CPU`: its shares of wall-clock and of CPU time.
"""
from __future__ import print_function
import signal
import sys
import time
from zlib import crc32

wall = getattr(time, 'perf_counter', time.time)
cpu = (getattr(time, 'thread_time', None) or
       getattr(time, 'process_time', None) or time.clock)


def long_call(steps):
    while steps:
        steps -= 1


def short_calls(steps):
    while steps:
        tick()
        steps -= 1


def tick():
    pass


def nested_calls(steps):
    while steps:
        nested_1()
        steps -= 1


def nested_1(): nested_2()
def nested_2(): nested_3()
def nested_3(): nested_4()
def nested_4(): pass


def checksums(steps):
    while steps:
        crc32(BYTES)
        steps -= 1


def sums(steps):
    while steps:
        sum(NUMBERS)
        steps -= 1


def sorts(steps):
    while steps:
        sorted(NUMBERS)
        steps -= 1


BYTES = bytes(bytearray(4000))
NUMBERS = list(range(50, 0, -1))
MODES = {'long': (.010, long_call, long_call, long_call),
         'short': (.001, short_calls, short_calls, short_calls),
         'mixed': (.001, long_call, short_calls, nested_calls),
         'quick': (.00002, long_call, short_calls, nested_calls),
         'native': (.001, checksums, sums, sorts)}


def seventy(work, steps):
    work(steps)


def twenty(work, steps):
    work(steps)


def ten(work, steps):
    work(steps)


def steps_for(work, seconds):
    """How many steps of this work take that long."""
    best = None
    for _ in range(20):
        start = wall()
        work(20000)
        elapsed = wall() - start
        best = elapsed if best is None else min(best, elapsed)
    return int(20000 * seconds / best)


def nothing(work, steps):
    pass


def run_quick(parts, spent, end):
    """Without the time on a CPU: asking for that is a system call, and where one
    ends a thread is stopped sooner than elsewhere. What it takes to look at the
    clock is found by a call of nothing, and taken off."""
    times = [0] * 4
    try:
        while wall() < end:
            for i, (function, work, steps) in enumerate(parts + [(nothing, None, 0)]):
                start = wall()
                function(work, steps)
                times[i] += wall() - start
    finally:
        for i, (function, _, _) in enumerate(parts):
            spent[function][:] = [times[i] - times[3]] * 2


def run(parts, spent, end):
    while wall() < end:
        for function, work, steps in parts:
            cpu_start, wall_start = cpu(), wall()
            function(work, steps)
            wall_end, cpu_end = wall(), cpu()
            times = spent[function]
            times[0] += wall_end - wall_start
            times[1] += cpu_end - cpu_start


def main(mode, seconds=300):
    signal.alarm(310)
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    period, works = MODES[mode][0], MODES[mode][1:]
    parts = [(function, work, steps_for(work, period * share))
             for function, work, share
             in zip((seventy, twenty, ten), works, (.7, .2, .1))]
    spent = {function: [0, 0] for function, _, _ in parts}
    print('ready')
    sys.stdout.flush()
    try:
        (run_quick if mode == 'quick' else run)(parts, spent, wall() + float(seconds))
    finally:
        sums = [sum(times) for times in zip(*spent.values())]
        for function, _, _ in parts:
            print(function.__name__, *['%.4f' % (t / s) for t, s
                                       in zip(spent[function], sums)])


main(*sys.argv[1:])
