# SPDX-License-Identifier: Apache-2.0
"""N busy threads (3 by default) contend for the GIL, and measure it: held.py [N]

On SIGTERM prints `held SHARE`, the share of time that the threads have spent with
the GIL, at least: what they have done all together, compared with what one does
alone on a CPU, before or after, whichever was faster.
"""
from __future__ import print_function
import signal
import sys
import threading
import time

STEP = 20000
cpu = getattr(time, 'process_time', None) or time.clock
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
    """How fast it is alone, the best of some tries; others' use of the CPU is no matter."""
    times = []
    for _ in range(100):
        start = cpu()
        work()
        times.append(cpu() - start)
    return 1 / min(times)


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
    done = (sum(counts) - before) / (time.time() - start)
    for thread in threads:
        thread.join()
    print('held %.3f' % (done / max(alone, steps_a_second())))


main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
