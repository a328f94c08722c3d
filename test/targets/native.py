# SPDX-License-Identifier: Apache-2.0
"""Python that calls C that calls Python: native.py LIBRARY WHAT [LIBRARY]

LIBRARY is native.c, compiled; reloads wants another one. WHAT is one of the functions here that are called what_...; it
says 'ready' and waits in the innermost of them, or goes on for ever.
"""
from __future__ import print_function
import ctypes
import signal
import sys
import threading
import time

signal.alarm(300)
library = ctypes.CDLL(sys.argv[1])
callback = ctypes.CFUNCTYPE(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def ready():
    print('ready')
    sys.stdout.flush()


def wait():
    threading.current_thread()  # which gives one that is not Python's a name
    ready()
    time.sleep(300)


def what_calls():
    library.outer(callback(calls_again))


def calls_again():
    library.inner(callback(wait))


def what_sorts():
    def key(a, b):
        wait()
        return 0
    numbers = (ctypes.c_int * 2)(2, 1)
    ctypes.CDLL(None).qsort(numbers, 2, ctypes.sizeof(ctypes.c_int), compare(key))


def what_born():
    library.born(callback(wait))


def what_interrupted():
    library.interrupted()


def nap():
    time.sleep(300)


def what_computes():
    much = 2000000000
    waiter = threading.Thread(target=nap, name='waiter')
    waiter.daemon = True
    waiter.start()
    ready()
    while True:
        library.spin(much)


cpu = getattr(time, 'process_time', None) or time.clock


def loops(seconds):
    end = cpu() + seconds
    while cpu() < end:
        for i in range(2000):
            pass


def what_shares():
    ready()
    while True:
        before = cpu()
        library.spin(5000)
        loops(3 * (cpu() - before))


def what_gil():
    """The GIL is kept."""
    global library
    library = ctypes.PyDLL(sys.argv[1])
    what_shares()


def what_below():
    ready()
    while True:
        library.below()


def what_lets_go():
    ready()
    while True:
        library.spin(20)


def what_naps():
    ready()
    library.naps()


def py_left():
    left_3()


def py_right():
    right_3()


def what_chains():
    """Of every stack all is left or right, and in order."""
    global left_3, right_3
    kept = ctypes.PyDLL(sys.argv[1])
    left_1, left_3, right_1, right_3 = kept.left_1, kept.left_3, kept.right_1, kept.right_3
    plain = ctypes.PYFUNCTYPE(None)
    left, right = plain(py_left), plain(py_right)
    ready()
    while True:
        left_1(left)
        right_1(right)


def what_reloads():
    """Another library takes the place of the first."""
    global library
    import _ctypes
    ready()
    end = cpu() + 1
    while cpu() < end:
        library.spin(100)
    _ctypes.dlclose(library._handle)
    library = ctypes.CDLL(sys.argv[3])
    again()


def again():
    while True:
        library.spin(100)


globals()['what_' + sys.argv[2]]()
