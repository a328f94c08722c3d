# SPDX-License-Identifier: Apache-2.0
"""A file system whose server never answers, and a thread that looks for a file of it.

unanswered.py FOLDER: it is mounted there, for this process alone; needs root and /dev/fuse.
The thread is called `looker`.
"""
import ctypes
import os
import signal
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC_PRIVATE = 0x20000, 1 << 14 | 1 << 18
signal.alarm(300)
folder = sys.argv[1].encode()


def must(result):
    if result:
        sys.exit(os.strerror(ctypes.get_errno()))


must(libc.unshare(CLONE_NEWNS))
must(libc.mount(None, b'/', None, MS_REC_PRIVATE, None))
server = os.open('/dev/fuse', os.O_RDWR)
must(libc.mount(b'unanswered', folder, b'fuse', 0,
                b'fd=%d,rootmode=40000,user_id=0,group_id=0' % server))


def look():
    os.stat(folder + b'/file')


thread = threading.Thread(target=look, name='looker')
thread.daemon = True
thread.start()
print('ready')
sys.stdout.flush()
while True:
    signal.pause()
