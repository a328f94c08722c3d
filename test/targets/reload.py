# SPDX-License-Identifier: Apache-2.0
"""A server that executes itself anew, from its main thread, beside a thread with a deep
stack that moves all the time.

    reload.py COUNT [NUMBER]

Each of the COUNT generations says its number. The last one stays.
"""
import os
import random
import sys
import threading
import time


def recurse(n):
    x = 0
    if n:
        recurse(n - 1)
    for i in range(3):
        x += i
    return x


def deep():
    while True:
        recurse(8000)


def main(count, number):
    print('generation %d' % number, flush=True)
    sys.setrecursionlimit(100000)
    threading.stack_size(64 << 20)
    threading.Thread(target=deep, daemon=True).start()
    time.sleep(.03 + random.random() * .07)
    if number < count:
        os.execv(sys.executable, [sys.executable, '-S', __file__, str(count), str(number + 1)])
    print('done', flush=True)
    time.sleep(100)


main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
