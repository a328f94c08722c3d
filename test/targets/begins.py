# SPDX-License-Identifier: Apache-2.0
"""Compute Fibonacci numbers, from half a second on, where that begins: begins.py WHERE

WHERE is thread, fork (a child), exec (a child that executes this again) or now (here, at
once and for a second).
"""
import os
import subprocess
import sys
import threading
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work():
    end = time.time() + (1 if sys.argv[1] == 'now' else 60)
    while time.time() < end:
        fib(14)


def begin(where):
    if where == 'thread':
        thread = threading.Thread(target=work)
        thread.daemon = True
        thread.start()
    elif where == 'fork':
        if not os.fork():
            work()
            os._exit(0)
    else:
        subprocess.Popen([sys.executable, __file__, 'now'])


print('ready')
sys.stdout.flush()
if sys.argv[1] == 'now':
    work()
else:
    time.sleep(0.7)
    begin(sys.argv[1])
    time.sleep(60)
