# SPDX-License-Identifier: Apache-2.0
"""N busy threads (3 by default) contend for the GIL, and measure it: held.py [N]

On SIGTERM prints `held SHARE`, the share of time that the threads have spent with
the GIL: what they have done all together, compared with what one does alone.
"""
from __future__ import print_function
import signal
import sys
import threading
import time

STEP = 20000
counts = []
stopped = []


def work():
    n = STEP
    while n:
        n -= 1


def busy(number):
    while not stopped:
        work()
        counts[number] += 1


def steps_a_second():
    """How fast it is alone, the best of some tries."""
    best = None
    for _ in range(20):
        start = time.time()
        for _ in range(10):
            work()
        elapsed = time.time() - start
        best = elapsed if best is None else min(best, elapsed)
    return 10 / best


def main(count):
    signal.signal(signal.SIGTERM, lambda *args: stopped.append(True))
    signal.alarm(300)
    alone = steps_a_second()
    counts.extend([0] * count)
    threads = [threading.Thread(target=busy, args=(i,)) for i in range(1, count)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    start, before = time.time(), sum(counts)
    print('ready')
    sys.stdout.flush()
    busy(0)
    print('held %.3f' % ((sum(counts) - before) / (time.time() - start) / alone))


main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
