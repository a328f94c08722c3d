# SPDX-License-Identifier: Apache-2.0
"""What async_server.py is for tasks, with greenlets of gevent: greenlets_server.py FILE"""
import os
import sys
import time

import greenlets_account # noqa: F401: loads libraries that gevent needs
import gevent

WAIT, BUSY = .04, .005
used, waited = [0, 0, 0], [0, 0, 0]


def burn(n):
    for _ in range(n):
        for i in range(100):
            i * i


def calibrate():
    n, best = 200, 1
    for _ in range(20):
        before = time.perf_counter()
        burn(n)
        best = min(best, time.perf_counter() - before)
    return max(1, int(n * BUSY / 25 / best))


def serve(kind, n):
    before = time.perf_counter()
    burn(n)
    between = time.perf_counter()
    gevent.sleep(WAIT)
    used[kind] += between - before
    waited[kind] += time.perf_counter() - between


def request_a():
    serve(0, 25 * unit)


def request_b():
    serve(1, 10 * unit)


def request_c():
    serve(2, 4 * unit)


def client(request):
    gevent.spawn(request).join()


def main():
    kinds = [request_a] * 2 + [request_b] * 3 + [request_c] * 5
    print('ready', flush=True)
    while True:
        gevent.joinall([gevent.spawn(client, kind) for kind in kinds])
        os.pwrite(file, b'%.6f %.6f %.6f %.6f %.6f %.6f\n' % (*used, *waited), 0)


file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
unit = calibrate()
main()
