# SPDX-License-Identifier: Apache-2.0
"""Tasks that are made and end all the time, of two kinds that have some functions in common.

Those that are called a, and what they wait for, only ever run burn_a; those that are called b burn_b.
"""
import asyncio
import signal
import time


def burn_a():
    end = time.time() + .002
    while time.time() < end:
        pass


def burn_b():
    end = time.time() + .002
    while time.time() < end:
        pass


async def fetch(burn):
    await asyncio.sleep(0)
    burn()
    await asyncio.sleep(0)


def new_task(name, coroutine):
    try:
        return asyncio.get_running_loop().create_task(coroutine, name=name)
    except TypeError: # up to 3.7 they have no names
        return asyncio.get_running_loop().create_task(coroutine)


async def sleep_a():
    await asyncio.sleep(.001)


async def sleep_b():
    await asyncio.sleep(.001)


async def client(name, burn, sleep):
    while True:
        made = [new_task(name, fetch(burn)) for _ in range(3)]
        made.append(new_task(name, sleep()))
        for each in asyncio.as_completed(made):
            await each


async def main():
    print('ready', flush=True)
    await asyncio.gather(client('a', burn_a, sleep_a), client('b', burn_b, sleep_b))


signal.alarm(300)
asyncio.run(main())
