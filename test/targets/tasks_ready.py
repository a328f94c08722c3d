# SPDX-License-Identifier: Apache-2.0
"""Tasks that wait, that are to go on, and that have not begun, in a loop that does not come to
them; their names say which: tasks_ready.py [python]"""
import asyncio
import sys
import time

if 'python' in sys.argv[1:]:
    import tasks_python  # noqa: F401


class Derived(asyncio.Future):
    pass


def task(coro, name):
    made = asyncio.ensure_future(coro)
    made.set_name(name)
    return made


async def awaits(what):
    await what


async def twice(what):
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await what


async def steps():
    while True:
        await asyncio.sleep(0)


async def some_steps():
    for _ in range(8):
        await asyncio.sleep(0)


async def main():
    loop = asyncio.get_event_loop()
    futures = [loop.create_future() for _ in range(5)]
    derived = [Derived(loop=loop) for _ in range(2)]
    child = task(some_steps(), 'done')
    tasks = [
        task(awaits(futures[0]), 'waits future'), task(awaits(futures[1]), 'ready result'),
        task(awaits(futures[2]), 'ready exception'), task(awaits(futures[3]), 'ready cancelled'),
        task(awaits(derived[0]), 'waits derived'), task(awaits(derived[1]), 'ready derived'),
        task(twice(futures[4]), 'waits after steps'), task(steps(), 'ready steps'),
        task(asyncio.sleep(100000), 'waits sleep'), task(asyncio.sleep(100000), 'ready cancelled sleep'),
        task(awaits(child), 'ready child')]
    tasks.append(task(awaits(tasks[0]), 'waits task'))
    tasks.append(task(awaits(asyncio.gather(tasks[0], futures[0])), 'waits gather'))
    for _ in range(4):
        await asyncio.sleep(0)
    while not child.done():
        await asyncio.sleep(0)
    futures[1].set_result(1)
    futures[2].set_exception(ValueError())
    futures[3].cancel()
    derived[1].set_result(1)
    tasks[9].cancel()
    tasks.append(task(some_steps(), 'not begun'))
    print('ready', flush=True)
    time.sleep(100000)


asyncio.run(main())
