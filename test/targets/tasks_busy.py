# SPDX-License-Identifier: Apache-2.0
"""Tasks that run, and some that wait for their turn: two loops in two threads."""
import asyncio
import threading
import time


async def spin():
    await asyncio.sleep(0)
    print('ready', flush=True)
    while True:
        pass


async def busy():
    await spin()


async def block():
    await asyncio.sleep(0)
    time.sleep(100000)


async def short():
    await asyncio.sleep(0.01)


async def not_begun():
    pass


async def other():
    await asyncio.gather(block(), short())


async def main():
    threading.Thread(target=lambda: asyncio.run(other()), daemon=True).start()
    cancelled = asyncio.ensure_future(short())
    await asyncio.sleep(0)
    running = asyncio.ensure_future(busy())
    await asyncio.sleep(0)
    asyncio.ensure_future(not_begun())
    cancelled.cancel()
    await running


asyncio.run(main())
