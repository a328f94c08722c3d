# SPDX-License-Identifier: Apache-2.0
"""What servers with three kinds of requests have in common: of the time that these use, they are
about 50, 30 and 20 of 100; of the time that they wait, 20, 30 and 50. As a machine does as it
likes, the seconds of each kind up to now are written to the file that the first argument names,
those that were used first."""
import os
import sys
import time

WAIT, BUSY = .04, .005
used, waited = [0, 0, 0], [0, 0, 0]


def burn(n):
    for _ in range(n):
        for i in range(100):
            i * i


def calibrate():
    n, best = 200, 1
    for _ in range(20):
        before = time.perf_counter()
        burn(n)
        best = min(best, time.perf_counter() - before)
    return max(1, int(n * BUSY / 25 / best))


def busy(kind):
    """Uses what one of a kind uses. When that ended."""
    before = time.perf_counter()
    burn((25, 10, 4)[kind] * unit)
    between = time.perf_counter()
    used[kind] += between - before
    return between


def has_waited(kind, since):
    waited[kind] += time.perf_counter() - since


def write():
    os.pwrite(file, b'%.6f %.6f %.6f %.6f %.6f %.6f\n' % (*used, *waited), 0)


file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
unit = calibrate()
