# SPDX-License-Identifier: Apache-2.0
"""Sleep, and do nothing else. It is ready a moment before it sleeps, see start_target."""
import signal
import sys
import time


def idle():
    print('ready')
    sys.stdout.flush()
    time.sleep(1000)


signal.alarm(300)
idle()
