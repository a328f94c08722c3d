# SPDX-License-Identifier: Apache-2.0
"""The main thread is busy, N threads (3 by default) sleep: sleeper.py [N]"""
import signal
import sys
import threading
import time


def sleeper(asleep):
    asleep.release()
    time.sleep(1000)


def busy():
    while True:
        pass


def main(count):
    asleep = threading.Semaphore(0)
    for i in range(count):
        thread = threading.Thread(target=sleeper, args=(asleep,),
                                  name='sleeper-%d' % i)
        thread.daemon = True
        thread.start()
        asleep.acquire()
    print('ready')
    sys.stdout.flush()
    busy()


signal.alarm(300)
main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
