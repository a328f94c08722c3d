# SPDX-License-Identifier: Apache-2.0
"""Tasks of AnyIO, on asyncio."""
import anyio


async def leaf(event):
    await event.wait()


async def child(event):
    await leaf(event)


async def main():
    event = anyio.Event()
    async with anyio.create_task_group() as group:
        for i in range(3):
            group.start_soon(child, event, name='child %d' % i)
        await anyio.sleep(0.1)
        print('ready', flush=True)
        await event.wait()


anyio.run(main)
