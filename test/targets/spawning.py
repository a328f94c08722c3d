# SPDX-License-Identifier: Apache-2.0
"""A thread that waits for a child which shares its memory, and opens a FIFO: spawning.py FIFO

It is called `spawn`; a line `child PID` comes before 'ready'.
"""
import ctypes
import os
import signal
import sys
import threading
import time

libc = ctypes.CDLL(None)
signal.alarm(300)
os.mkfifo(sys.argv[1])


def children():
    found = set()
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % entry) as stat:
                fields = stat.read().rsplit(')', 1)[1].split()
        except (IOError, OSError):
            continue
        if fields[1] == str(os.getpid()):
            found.add(int(entry))
    return found


def spawn():
    actions = ctypes.create_string_buffer(512)
    pid = ctypes.c_int()
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_addopen(actions, 0, sys.argv[1].encode(), os.O_RDONLY, 0)
    argv = (ctypes.c_char_p * 2)(b'true', None)
    libc.posix_spawn(ctypes.byref(pid), b'/bin/true', actions, None, argv, argv)


thread = threading.Thread(target=spawn, name='spawn')
thread.daemon = True
thread.start()
while not children():
    time.sleep(0.01)
child = children().pop()
print('child %d' % child)
print('ready')
sys.stdout.flush()
try:
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    signal.pause()
finally:
    os.kill(child, signal.SIGKILL)
