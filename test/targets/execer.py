# SPDX-License-Identifier: Apache-2.0
"""Be busy in before(), then become another Python, busy in after().

    execer.py SECONDS PYTHON
"""
import os
import signal
import sys
import time


def before(end):
    while time.time() < end:
        pass


def after():
    while True:
        pass


signal.alarm(300)
print('ready')
sys.stdout.flush()
if len(sys.argv) > 2:
    before(time.time() + float(sys.argv[1]))
    os.execv(sys.argv[2], [sys.argv[2], sys.argv[0]])
after()
