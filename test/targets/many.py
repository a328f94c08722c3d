# SPDX-License-Identifier: Apache-2.0
"""N threads sleep, each at the bottom of DEPTH nested calls: many.py N DEPTH [spin]; the main
one, too, or it spins."""
import signal
import sys
import threading
import time


def dive(n, asleep):
    if n > 1:
        dive(n - 1, asleep)
    else:
        asleep.release()
        time.sleep(1000)


count, depth = int(sys.argv[1]), int(sys.argv[2])
signal.alarm(300)
sys.setrecursionlimit(depth + 100)
threading.stack_size((512 << 10) + depth * 4096)
asleep = threading.Semaphore(0)
for i in range(count):
    thread = threading.Thread(target=dive, args=(depth, asleep),
                              name='sleeper-%d' % i)
    thread.daemon = True
    thread.start()
    asleep.acquire()
print('ready')
sys.stdout.flush()
while len(sys.argv) > 3:
    pass
time.sleep(1000)
