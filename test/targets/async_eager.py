# SPDX-License-Identifier: Apache-2.0
"""Tasks that are begun at once, each within another one that does nothing else and is new."""
import asyncio


def burn():
    for i in range(20000):
        i * i


async def leaf():
    burn()


async def eager():
    await leaf()


async def middle():
    await asyncio.Task(eager(), loop=asyncio.get_running_loop(), eager_start=True)


async def outer():
    await middle()


async def main():
    waiting = [asyncio.ensure_future(asyncio.sleep(100000)) for _ in range(100)]
    print('ready', flush=True)
    while True:
        kept = [asyncio.ensure_future(outer()) for _ in range(10)]
        await asyncio.gather(*kept)
    return waiting


asyncio.run(main())
