# SPDX-License-Identifier: Apache-2.0
"""Be busy in before() until SIGUSR1, then become another Python, busy in after().

    execer.py PYTHON
"""
import os
import signal
import sys

asked = []


def before():
    print('ready')
    sys.stdout.flush()
    while not asked:
        pass


def after():
    while True:
        pass


signal.alarm(300)
if len(sys.argv) > 1:
    signal.signal(signal.SIGUSR1, lambda *args: asked.append(True))
    before()
    os.execv(sys.argv[1], [sys.argv[1], sys.argv[0]])
after()
