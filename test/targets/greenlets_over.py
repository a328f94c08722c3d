# SPDX-License-Identifier: Apache-2.0
"""Greenlets of threads that have ended, and new threads, which have the stacks of these:
greenlets_over.py"""
import threading
import time

from greenlets_account import greenlet

kept = []


def park():
    greenlet.getcurrent().parent.switch()


def leaves():
    kept.append(greenlet.greenlet(park))
    kept[-1].switch()


def stays():
    time.sleep(100000)


leaving = [threading.Thread(target=leaves) for _ in range(4)]
for thread in leaving:
    thread.start()
for thread in leaving:
    thread.join()
for _ in range(4):
    threading.Thread(target=stays, daemon=True).start()
time.sleep(0.5)
leaves()
print('ready', flush=True)
stays()
