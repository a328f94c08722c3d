# SPDX-License-Identifier: Apache-2.0
"""A loop with many tasks: tasks_crowd.py pool|blocked|circle|timer

pool: 200 wait for a semaphore that nobody releases, and nothing can wake the loop; timer: the
same, beside one that goes on; blocked: 30 have got what they waited for, while one blocks the
loop; circle: two await each other.
"""
import asyncio
import sys
import time


async def acquire(pool):
    async with pool:
        await asyncio.get_event_loop().create_future()


async def handle(pool):
    await acquire(pool)


async def beat():
    while True:
        await asyncio.sleep(0.01)


async def reply(event):
    await event.wait()


async def around(tasks, i):
    await asyncio.sleep(0)
    await tasks[1 - i]


async def main():
    what, tasks = sys.argv[1], []
    event, pool = asyncio.Event(), asyncio.Semaphore(5)
    if what in ('pool', 'timer'):
        tasks = [asyncio.ensure_future(handle(pool)) for _ in range(205)]
    elif what == 'blocked':
        tasks = [asyncio.ensure_future(reply(event)) for _ in range(30)]
        tasks += [asyncio.ensure_future(asyncio.sleep(100000)) for _ in range(20)]
    else:
        tasks += [asyncio.ensure_future(around(tasks, i)) for i in range(2)]
    if what in ('timer', 'circle'):
        tasks.append(asyncio.ensure_future(beat()))
    await asyncio.sleep(0.1)
    event.set()
    print('ready', flush=True)
    if what == 'blocked':
        time.sleep(100000)
    await asyncio.gather(*tasks)


asyncio.run(main())
