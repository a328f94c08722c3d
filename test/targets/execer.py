# SPDX-License-Identifier: Apache-2.0
"""Be busy in before() until SIGUSR1, then become another Python, busy in after().

    execer.py PYTHON [thread|orphan]

It is a thread beside the main one that does so, or after the main one has ended.
"""
import ctypes
import os
import signal
import sys
import threading
import time

asked = []


def before():
    print('ready')
    sys.stdout.flush()
    while not asked:
        pass


def after():
    while True:
        pass


def become():
    os.execv(sys.argv[1], [sys.argv[1], sys.argv[0]])


def become_alone():
    while True:
        with open('/proc/self/stat') as stat:
            if ') Z ' in stat.read():
                become()


signal.alarm(300)
if len(sys.argv) > 1:
    signal.signal(signal.SIGUSR1, lambda *args: asked.append(True))
    before()
    if sys.argv[2:] == ['thread']:
        threading.Thread(target=become).start()
        time.sleep(100)
    elif sys.argv[2:] == ['orphan']:
        threading.Thread(target=become_alone).start()
        ctypes.CDLL(None).pthread_exit(None)
    become()
after()
