# SPDX-License-Identifier: Apache-2.0
"""What a program knows of its greenlets, for those that are compared with a dump."""
import ctypes
import gc
import json
import os
import threading

for library in os.environ.get('PRELOAD', '').split():
    ctypes.CDLL(library, ctypes.RTLD_GLOBAL)

import greenlet # noqa: E402: it may need these


def frames_of(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        name = getattr(code, 'co_qualname', code.co_name)
        frames.append('%s:%s:%d' % (code.co_filename, name, frame.f_lineno))
        frame = frame.f_back
    return frames


def state_of(one):
    """gevent's have other ideas of these."""
    if greenlet.greenlet.dead.__get__(one):
        return 'dead'
    if one.gr_frame is not None:
        return 'suspended'
    return 'runs' if greenlet.greenlet.__bool__(one) else 'not begun'


def account():
    return [{'address': hex(id(one)), 'state': state_of(one), 'frames': frames_of(one.gr_frame),
             'parent': one.parent and hex(id(one.parent))}
            for one in gc.get_objects() if isinstance(one, greenlet.greenlet)]


def write_account(path, threads=None):
    """threads: address of a greenlet that runs: the number of its thread."""
    with open(path, 'w') as out:
        json.dump({'greenlets': account(), 'threads': threads or {}}, out)


def tid():
    number = getattr(threading, 'get_native_id', None)
    return number() if number else ctypes.CDLL(None).syscall(186 if ctypes.sizeof(ctypes.c_void_p) == 8 else 224)
