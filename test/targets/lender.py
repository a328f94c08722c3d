# SPDX-License-Identifier: Apache-2.0
"""Be busy beside a thread that lends its memory to a child: lender.py FIFO [LIBRARY]

The child opens that file first, which takes until another opens it for writing; then it
executes Python, and is busy in executed().  It is made by posix_spawn(3), or by the
library's lend().
"""
import ctypes
import os
import signal
import sys
import threading


def busy():
    while True:
        pass


def executed():
    while True:
        pass


def spawn(path, argv):
    libc = ctypes.CDLL(None)
    actions = ctypes.create_string_buffer(1024)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_addopen(actions, 9, path, os.O_RDONLY, 0)
    libc.posix_spawn(ctypes.byref(ctypes.c_int()), argv[0], actions, None, argv, None)


def lend():
    args = [sys.executable, sys.argv[0]]
    argv = (ctypes.c_char_p * 3)(*[arg.encode() for arg in args])
    path = sys.argv[1].encode()
    if len(sys.argv) > 2:
        ctypes.CDLL(sys.argv[2]).lend(path, argv)
    else:
        spawn(path, argv)


signal.alarm(300)
if len(sys.argv) == 1:
    executed()
thread = threading.Thread(target=lend, name='lender')
thread.daemon = True
thread.start()
print('ready')
sys.stdout.flush()
busy()
