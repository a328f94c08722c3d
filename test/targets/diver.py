# SPDX-License-Identifier: Apache-2.0
"""Go 3000 calls deep and back, all the time, in one thread that keeps the GIL: diver.py

From 3.11 on the stack is mapped and unmapped for that, piece by piece.
"""
import signal
import sys
import threading


def dive(n):
    if n:
        dive(n - 1)
    for _ in range(3):
        pass


def run():
    print('ready')
    sys.stdout.flush()
    while True:
        dive(3000)


signal.alarm(300)
sys.setrecursionlimit(10000)
threading.stack_size(256 << 20)
thread = threading.Thread(target=run)
thread.daemon = True
thread.start()
thread.join()
