# SPDX-License-Identifier: Apache-2.0
"""Tasks that use the CPU in turn, each awaited in another way. python: those are not of C."""
import asyncio
import sys
import threading


def burn():
    for i in range(20000):
        i * i


async def forever():
    while True:
        burn()
        await asyncio.sleep(0)


async def leaf_gather():
    await forever()


async def worker():
    await leaf_gather()


async def gatherer():
    await asyncio.gather(worker(), worker())


async def in_group():
    await forever()


async def grouper():
    async with asyncio.TaskGroup() as group:
        group.create_task(in_group())


async def inner():
    await forever()


async def middle():
    await inner()


async def nested():
    await middle()


async def in_completed():
    await forever()


async def completer():
    for one in asyncio.as_completed([in_completed()]):
        await one


async def bottom():
    for _ in range(3):  # all others have begun to wait then
        burn()
        await asyncio.sleep(0)
    print('ready', flush=True)
    await forever()


async def side(shared):
    await shared


async def job():
    await forever()


def named(coroutine, name):
    if sys.version_info < (3, 8):
        return asyncio.ensure_future(coroutine)
    return asyncio.get_running_loop().create_task(coroutine, name=name)


async def eager():
    burn()
    await asyncio.sleep(0)


async def hurry():
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    while True:
        await asyncio.ensure_future(eager())


if sys.argv[1:] == ['python']:
    import tasks_python  # noqa: F401


async def main():
    threading.Thread(target=lambda: asyncio.run(hurry()), daemon=True).start()
    shared = asyncio.ensure_future(bottom())
    tasks = [gatherer(), nested(), completer(), side(shared), side(shared),
             named(job(), 'job-1'), named(job(), 'job #2')]
    if sys.version_info >= (3, 11):
        tasks.append(grouper())
    await asyncio.gather(*tasks)


def start():
    asyncio.run(main())


start()
