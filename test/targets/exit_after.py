# SPDX-License-Identifier: Apache-2.0
"""Be busy for some time, then exit with status 3: exit_after.py SECONDS"""
import sys
import time


def busy(end):
    while time.time() < end:
        pass


print('ready')
sys.stdout.flush()
busy(time.time() + min(float(sys.argv[1]), 300))
sys.exit(3)
