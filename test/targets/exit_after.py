# SPDX-License-Identifier: Apache-2.0
"""Be busy for some CPU time, then exit with status 3: exit_after.py SECONDS"""
import os
import sys


def busy(seconds):
    print('ready')
    sys.stdout.flush()
    while sum(os.times()[:2]) < seconds:
        pass


busy(min(float(sys.argv[1]), 300))
sys.exit(3)
