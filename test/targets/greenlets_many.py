# SPDX-License-Identifier: Apache-2.0
"""Many greenlets that are alike: greenlets_many.py N [MB], with so much other memory."""
import sys
import time

from greenlets_account import greenlet


def handler():
    park()


def park():
    greenlet.getcurrent().parent.switch()


def main():
    kept = [greenlet.greenlet(handler) for _ in range(int(sys.argv[1]))]
    for one in kept:
        one.switch()
    other = [bytes(b'x') * 1000 for _ in range(1000 * int((sys.argv + ['0'])[2]))]
    print('ready', flush=True)
    time.sleep(100000)
    return other


main()
