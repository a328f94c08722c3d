# SPDX-License-Identifier: Apache-2.0
"""Be sent many real-time signals of three kinds, and look whether all arrive and
each kind in its order: ordered.py LIBRARY COUNT

LIBRARY is tools/ordered.c. Waits for SIGUSR1, so that it is sampled by then;
prints `arrived N disordered N` and exits with status 0 if all is well.
"""
import ctypes
import os
import signal
import sys
import threading
import time


def busy():
    for _ in range(2000):
        pass


def elsewhere():
    time.sleep(60)


def start_another():
    """Another thread, which takes none from its first moment on: two threads at once
    would know no order."""
    every = range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, every)
    threading.Thread(target=elsewhere, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, every)


def main(library, count):
    started = []
    signal.signal(signal.SIGUSR1, lambda *args: started.append(True))
    library.listen()
    parent = os.getpid()
    print('ready')
    sys.stdout.flush()
    while not started:
        busy()
    if os.fork() == 0:
        library.send_all(parent, count)
        os._exit(0)
    start_another()
    end = time.time() + 60
    while library.count_arrived() < 3 * count and time.time() < end:
        busy()
    print('arrived', library.count_arrived(), 'disordered', library.count_disordered())
    sys.exit(library.count_arrived() != 3 * count or library.count_disordered() != 0)


signal.alarm(100)
main(ctypes.CDLL(os.path.abspath(sys.argv[1])), int(sys.argv[2]))
