# SPDX-License-Identifier: Apache-2.0
"""Sleep, and do nothing else."""
import signal
import sys
import time


def idle():
    time.sleep(1000)


signal.alarm(300)
print('ready')
sys.stdout.flush()
idle()
