# SPDX-License-Identifier: Apache-2.0
"""A program whose function has a name that nobody answers for.

    stuck.py

On SIGUSR1 the file name of a code object is made to lie in a page that userfaultfd(2)
is to fill, and nobody does; then that function is called. Says "stuck" then; exits with
status 77 if it has no userfaultfd.
"""
import ctypes
import fcntl
import os
import signal
import struct

API, NEW, REGISTER = 0xc018aa3f, 0xaa00, 0xc020aa00


def make_page():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    fd = fcntl.ioctl(os.open('/dev/userfaultfd', os.O_RDWR), NEW, 0)
    fcntl.ioctl(fd, API, bytearray(struct.pack('QQQ', 0xaa, 0, 0)))
    page = libc.mmap(None, 4096, 3, 0x22, -1, 0)
    fcntl.ioctl(fd, REGISTER, bytearray(struct.pack('QQQQ', page, 4096, 1, 0)))
    return page


def stuck():
    while True:
        pass


def work():
    while not asked:
        pass
    code = stuck.__code__
    at = ctypes.string_at(id(code), 200).find(struct.pack('Q', id(code.co_filename)))
    ctypes.c_uint64.from_address(id(code) + at).value = page
    print('stuck', flush=True)
    stuck()


asked = []
try:
    page = make_page()
except OSError:
    raise SystemExit(77)
signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
print('ready', flush=True)
work()
