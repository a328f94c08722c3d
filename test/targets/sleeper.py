# SPDX-License-Identifier: Apache-2.0
"""The main thread is busy, N threads (3 by default) sleep: sleeper.py [N]

It is ready when all of them do.
"""
import os
import signal
import sys
import threading
import time


def sleeper(asleep):
    asleep.release()
    time.sleep(1000)


def state_of(tid):
    with open('/proc/self/task/%s/stat' % tid) as stat:
        return stat.read().rsplit(')', 1)[1].split()[0]


def others_sleep():
    """Asked by a thread that has just slept, so that they don't wait for it."""
    others = set(os.listdir('/proc/self/task')) - set([str(os.getpid())])
    return all(state_of(tid) == 'S' for tid in others)


def busy():
    print('ready')
    sys.stdout.flush()
    while True: pass


def main(count):
    asleep = threading.Semaphore(0)
    for i in range(count):
        thread = threading.Thread(target=sleeper, args=(asleep,),
                                  name='sleeper-%d' % i)
        thread.daemon = True
        thread.start()
        asleep.acquire()
    time.sleep(.001)
    while not others_sleep():
        time.sleep(.001)
    busy()


signal.alarm(300)
main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
