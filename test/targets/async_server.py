# SPDX-License-Identifier: Apache-2.0
"""Three kinds of requests, each a task of its own. Of the time that they use, these are about 50, 30
and 20 of 100; of the time that they wait, 20, 30 and 50. As a machine does as it likes, the seconds
of each kind up to now are written to a file, those that were used first: async_server.py FILE
[uvloop]"""
import asyncio
import os
import sys
import time

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


async def serve(kind, n):
    before = time.perf_counter()
    burn(n)
    between = time.perf_counter()
    await asyncio.sleep(WAIT)
    used[kind] += between - before
    waited[kind] += time.perf_counter() - between


async def request_a():
    await serve(0, 25 * unit)


async def request_b():
    await serve(1, 10 * unit)


async def request_c():
    await serve(2, 4 * unit)


async def client(request):
    await asyncio.ensure_future(request())


async def main():
    kinds = [request_a] * 2 + [request_b] * 3 + [request_c] * 5
    print('ready', flush=True)
    while True:
        await asyncio.gather(*map(client, kinds))
        os.pwrite(file, b'%.6f %.6f %.6f %.6f %.6f %.6f\n' % (*used, *waited), 0)


if sys.argv[2:] == ['uvloop']:
    import uvloop
    uvloop.install()

file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
unit = calibrate()
asyncio.run(main())
