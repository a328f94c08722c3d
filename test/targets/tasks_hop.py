# SPDX-License-Identifier: Apache-2.0
"""Tasks that hop, begin and end all the time. A chain is one of a() or one of b(), never both,
and has no more than one of each depth."""
import asyncio


async def leaf_a():
    await asyncio.sleep(0)


async def leaf_b():
    await asyncio.sleep(0)


async def a(n):
    if n:
        await a(n - 1)
    else:
        await leaf_a()


async def b(n):
    if n:
        await b(n - 1)
    else:
        await leaf_b()


async def hop_a():
    while True:
        await a(4)


async def hop_b():
    while True:
        await b(7)


async def both():
    while True:
        await a(4)
        await b(7)


async def spawn():
    while True:
        await asyncio.ensure_future(a(4))


async def main():
    hopping = [asyncio.ensure_future(f()) for f in (hop_a, hop_b, both, spawn) * 10]
    print('ready', flush=True)
    await asyncio.gather(*hopping)


asyncio.run(main())
