# SPDX-License-Identifier: Apache-2.0
"""Threads that use 3 ms of CPU time and end, and twice as many that use 1 ms: brief.py FILE

After SIGTERM FILE gets what all those of each kind have used, in seconds, by their own
clocks: first longer(), then shorter().
"""
import signal
import sys
import threading
import time

used = {}
ended = []


def now():
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def spin(name, seconds):
    while now() < seconds:
        pass
    used[name] = used.get(name, 0) + now()


def longer():
    spin('longer', .003)


def shorter():
    spin('shorter', .001)


signal.alarm(300)
signal.signal(signal.SIGTERM, lambda *args: ended.append(1))
print('ready')
sys.stdout.flush()
while not ended:
    threads = [threading.Thread(target=function) for function in (longer, shorter, shorter)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
with open(sys.argv[1], 'w') as f:
    f.write('%f %f\n' % (used['longer'], used['shorter']))
