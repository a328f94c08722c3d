# SPDX-License-Identifier: Apache-2.0
"""Three threads that hold the GIL for about 70, 20 and 10 % of the time, and account for it.

Each computes within one call of C for some milliseconds, in which nobody else can have the GIL,
and then lets go of it.  On SIGTERM it is printed when each did, as `hog 1500000000.1 1500000000.2`,
seconds since the epoch.
"""
from __future__ import print_function
import functools
import operator
import signal
import sys
import threading
import time

PARTS = (('hog', 42), ('second', 12), ('third', 6))  # milliseconds; who waits asks after 5
clock = time.time
held = []
stopped = []

call = operator.methodcaller('__call__')

SOURCE = '''
def {0}(n):
    steps = clock, functools.partial(sum, range(n)), clock
    while not stopped:
        before, _, after = list(map(call, steps))
        held.append(('{0}', before, after))
'''


def numbers_in(ms):
    """How many are added up in so long."""
    best = min(time_of(100000) for _ in range(20))
    return int(100000 * ms / 1000 / best)


def time_of(n):
    before = clock()
    sum(range(n))
    return clock() - before


def main():
    signal.alarm(300)
    signal.signal(signal.SIGTERM, lambda *args: stopped.append(True))
    threads = []
    for name, ms in PARTS:
        exec(compile(SOURCE.format(name), name + '.py', 'exec'), globals())
        thread = threading.Thread(target=globals()[name], name=name, args=(numbers_in(ms),))
        threads.append(thread)
    for thread in threads:
        thread.daemon = True
        thread.start()
    print('ready')
    sys.stdout.flush()
    while not stopped:
        signal.pause()
    for thread in threads:
        thread.join()
    for one in held:
        print('%s %.6f %.6f' % one)


main()
