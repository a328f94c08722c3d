# SPDX-License-Identifier: Apache-2.0
"""A second Python in this one's process: two_runtimes.py LIBRARY WHAT

WHAT the second one does: `nothing`, not even start; `idle`, it has started; `busy`, it
runs `inner`, and this one does nothing meanwhile.  In the other cases this one is busy.
"""
from __future__ import print_function
import ctypes
import signal
import sys

INNER = b"""
def inner():
    print('ready', flush=True)
    while True:
        pass
inner()
"""


def busy():
    print('ready')
    sys.stdout.flush()
    while True:
        pass


def main():
    signal.alarm(300)
    # its own symbols before those of the process (RTLD_DEEPBIND)
    library = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_LOCAL | 8)
    if sys.argv[2] != 'nothing':
        library.Py_InitializeEx(0)
    if sys.argv[2] == 'busy':
        library.PyRun_SimpleString(INNER)
    busy()


main()
