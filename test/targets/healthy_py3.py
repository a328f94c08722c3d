# SPDX-License-Identifier: Apache-2.0
"""What only Python 3 has, and is not stuck: see healthy.py."""
import asyncio
import concurrent.futures
import hashlib
import selectors
import signal
import time

import stage
from staged import healthy


@healthy('idle', least=(3, 6))
def selectors_idle():
    selector = selectors.DefaultSelector()
    selector.register(stage.listen(), selectors.EVENT_READ)
    stage.standing()
    selector.select()


def pool():
    """Of three, each of which has done something."""
    executor = concurrent.futures.ThreadPoolExecutor(3, thread_name_prefix='worker')
    list(executor.map(time.sleep, [0.05] * 9))
    return executor


@healthy('idle', least=(3, 6))
def pool_idle():
    kept = pool()
    stage.standing()
    while kept:
        signal.pause()


@healthy('idle', least=(3, 6))
def pool_sleep():
    kept = pool()
    stage.standing()
    while kept:
        time.sleep(250)


@healthy('moves', least=(3, 6))
def pool_busy():
    executor = pool()
    stage.standing('any')
    while True:
        for done in [executor.submit(hashlib.sha256, b'x' * 100000) for _ in range(10)]:
            done.result()


def run_in_loop(coroutine):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(coroutine)


# What a worker waits for need not be its own pool's to do.
@healthy('idle', least=(3, 6))
def pool_asks_loop():
    def ask(loop):
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(250), loop).result()

    async def serve():
        loop = asyncio.get_event_loop()
        asked = loop.run_in_executor(None, ask, loop)
        stage.standing()
        await asked
    run_in_loop(serve())


@healthy('idle', least=(3, 6))
def pool_asks_other():
    others = concurrent.futures.ThreadPoolExecutor(1)
    for _ in range(3):
        last = others.submit(time.sleep, 250)
    asking = concurrent.futures.ThreadPoolExecutor(2)
    asking.submit(last.result)
    asking.submit(lambda: last.result())
    stage.standing()
    while True:
        signal.pause()


async def echo(reader, writer):
    writer.write(await reader.readline())
    writer.close()


@healthy('idle', least=(3, 6))
def asyncio_idle():
    async def serve():
        server = await asyncio.start_server(echo, '127.0.0.1', 0)
        stage.standing()
        await asyncio.get_event_loop().create_future()
        server.close()
    run_in_loop(serve())


@healthy('moves', least=(3, 6))
def asyncio_timers():
    async def tick(interval):
        while True:
            await asyncio.sleep(interval)

    async def serve():
        stage.standing('any')
        await asyncio.gather(tick(0.1), tick(0.17), tick(1))
    run_in_loop(serve())
