# SPDX-License-Identifier: Apache-2.0
"""Many tasks that wait alike, five frames deep each: tasks_many.py N"""
import asyncio
import sys


async def leaf():
    await asyncio.sleep(100000)


async def middle():
    await leaf()


async def handler():
    await middle()


async def main():
    tasks = [asyncio.ensure_future(handler()) for _ in range(int(sys.argv[1]))]
    waiting = asyncio.gather(*tasks)
    await asyncio.sleep(0.1)
    print('ready', flush=True)
    await waiting


asyncio.run(main())
