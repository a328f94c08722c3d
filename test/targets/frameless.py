# SPDX-License-Identifier: Apache-2.0
"""Sleeps, while a thread in C has the GIL and no frame: frameless.py LIBRARY

The library is tools/frameless.c, its thread is called `carrier`. On SIGTERM prints
`held SHARE`: of the time, by the thread's own account.
"""
from __future__ import print_function
import ctypes
import signal
import sys
import time

stopped = []


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.share.restype = ctypes.c_double
    signal.signal(signal.SIGTERM, lambda *args: stopped.append(True))
    signal.alarm(300)
    library.begin(ctypes.pythonapi.PyGILState_Ensure,
                  ctypes.pythonapi.PyGILState_Release)
    print('ready')
    sys.stdout.flush()
    while not stopped:
        time.sleep(.1)
    print('held %.3f' % library.share())


main()
