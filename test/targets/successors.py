# SPDX-License-Identifier: Apache-2.0
"""Threads follow each other, each at the address and with the pthread_t of the one
before: of those called first-N runs only first(), of those called second-N only second().
"""
import signal
import sys
import threading
import time


def spin():
    end = time.time() + 0.01
    while time.time() < end:
        pass


def first():
    spin()


def second():
    spin()


signal.alarm(300)
print('ready')
sys.stdout.flush()
number = 0
while True:
    number += 1
    for function in first, second:
        thread = threading.Thread(target=function, name='%s-%d' % (function.__name__, number % 5))
        thread.start()
        thread.join()
