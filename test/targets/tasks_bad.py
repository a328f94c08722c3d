# SPDX-License-Identifier: Apache-2.0
"""Tasks that are not what they seem: names that end lines, a set of tasks with anything in it,
tasks without attributes, a chain without end."""
import asyncio
import asyncio.tasks
import types


class Fake:
    _coro = 5


class Endless:
    """Awaits itself."""
    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return None


class Liar(asyncio.Task):
    pass


async def forever():
    await asyncio.get_event_loop().create_future()


async def awaits(what):
    await what


@types.coroutine
def turns():
    while True:
        yield


async def main():
    keep = [Fake(), Endless()]
    for name in ('_all_tasks', '_scheduled_tasks'):
        for one in keep:
            if hasattr(asyncio.tasks, name):
                getattr(asyncio.tasks, name).add(one)
    tasks = [asyncio.ensure_future(forever()), Liar(forever(), loop=asyncio.get_event_loop())]
    if hasattr(tasks[0], 'set_name'):
        tasks[0].set_name('a;b\nc\x1b[2J)')
        tasks[1].set_name('x' * 100000)
    future = asyncio.get_event_loop().create_future()
    future.extra = future
    tasks.append(asyncio.ensure_future(awaits(future)))
    tasks.append(asyncio.ensure_future(awaits(tasks[0])))
    await asyncio.sleep(0.1)
    print('ready', flush=True)
    await asyncio.wait(tasks)


asyncio.run(main())
