# SPDX-License-Identifier: Apache-2.0
"""Be busy at the bottom of N nested calls: deep.py N

The stack is <module>, then N times dive, then spin.
"""
import resource
import signal
import sys


def spin():
    print('ready')
    sys.stdout.flush()
    while True:
        pass


def dive(n):
    if n > 1:
        dive(n - 1)
    else:
        spin()


depth = int(sys.argv[1])
signal.alarm(300)
sys.setrecursionlimit(depth + 100)
# Before 3.11 each call takes its share of the C stack.
resource.setrlimit(resource.RLIMIT_STACK,
                   (100 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
dive(depth)
