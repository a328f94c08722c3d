# SPDX-License-Identifier: Apache-2.0
"""Be busy for some time, then exit with status 3: exit_after.py SECONDS"""
import sys
import time


def busy(seconds):
    print('ready')
    sys.stdout.flush()
    end = time.time() + seconds
    while time.time() < end:
        pass


busy(min(float(sys.argv[1]), 300))
sys.exit(3)
