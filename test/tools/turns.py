#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether samples tell what was true: turns.py FLAMECHART CALLS

CALLS is what targets/turns.py wrote, FLAMECHART is one with --by-thread: other formats share
out the time between ticks. The time of a sample is taken before anything is read; so a call
in which a thread is seen must not have returned before that time, and must have begun before
the next sample's. Prints `N samples, N untrue` and what these were.
"""
import bisect
import collections
import re
import sys

MICROSECOND = 2e-6  # and how times are rounded


def read_calls(path):
    calls = collections.defaultdict(list)
    for line in open(path):
        thread, function, began, returned = line.split()
        calls[thread].append((float(began), float(returned), function))
    return calls


def samples(path):
    """Thread, function and time of each sample of a mover."""
    with open(path) as f:
        for time in f:
            match = re.match(r'thread \d+ (mover_\d+);.*:(rest_\d):\d+;$', f.readline())
            if match:
                yield match[1], match[2], int(time) / 1e6


def main(profile, path):
    calls = read_calls(path)
    seen = sorted(samples(profile), key=lambda sample: sample[2])
    times = sorted({time for _, _, time in seen})
    untrue = []
    for thread, function, time in seen:
        after = bisect.bisect_right(times, time)
        following = times[after] if after < len(times) else float('inf')
        if not any(name == function and began <= following + MICROSECOND and
                   returned >= time - MICROSECOND for began, returned, name in calls[thread]):
            untrue.append((thread, function, time))
    print('%d samples, %d untrue' % (len(seen), len(untrue)))
    for one in untrue[:10]:
        print(*one)


main(*sys.argv[1:])
