# SPDX-License-Identifier: Apache-2.0
"""A child by fork(2), of which Python is not told: forked.py idle|busy

Says "ready PID" of the child, which sleeps in idle_child() or computes in busy_child().
"""
import ctypes
import os
import signal
import sys
import threading
import time


def idle_child():
    while True:
        time.sleep(1000)


def busy_child():
    while True:
        pass


signal.alarm(300)
# a thread that the child does not have
other = threading.Thread(target=time.sleep, args=(1000,), name='other')
other.daemon = True
other.start()
child = ctypes.PyDLL(None).fork()
if not child:
    signal.alarm(300)
    busy_child() if sys.argv[1] == 'busy' else idle_child()
print('ready %d' % child)
sys.stdout.flush()
try:
    os.waitpid(child, 0)
finally:
    os.kill(child, signal.SIGKILL)
