# SPDX-License-Identifier: Apache-2.0
"""A supervisor of one worker after another, each killed and waited for.

    workers.py COUNT

It waits for a signal (USR1), so that somebody can begin to look at it. A worker has a
deep stack that moves all the time, which takes a profiler long to read. What is said at
the end: how many there were, for how many it had to wait longer than any kill takes,
and the longest wait in milliseconds.
"""
import os
import random
import signal
import sys
import threading
import time

PATIENCE = 2


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


def work():
    sys.setrecursionlimit(100000)
    threading.stack_size(64 << 20)
    threading.Thread(target=deep).start()
    deep()


def wait_for(pid):
    """How long that took."""
    begun = time.time()
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.time() - begun > PATIENCE:
            print('worker %d is kept from its parent' % pid, flush=True)
            os.waitpid(pid, 0)
            break
        time.sleep(.001)
    return time.time() - begun


def main(count):
    signal.sigwait([signal.SIGUSR1])
    waits = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            work()
        time.sleep(.03 + random.random() * .07)
        os.kill(pid, signal.SIGKILL)
        waits.append(wait_for(pid))
    print('workers %d kept %d longest %d' %
          (count, sum(wait > PATIENCE for wait in waits), max(waits) * 1000), flush=True)
    time.sleep(100)


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
if hasattr(os, 'nice'):
    os.nice(1)
print('ready', flush=True)
main(int(sys.argv[1]))
