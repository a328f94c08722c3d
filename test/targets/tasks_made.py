# SPDX-License-Identifier: Apache-2.0
"""Tasks that are made, hop and end all the time, awaited in all ways. Of each way there is a whole
chain of functions with its name at their ends: a stack with two of these cannot be. The time that
a function takes is as much as its argument."""
import asyncio
import sys

CHAIN = '''
async def leaf_{name}(n):
    for i in range(n):
        i * i
    await asyncio.sleep(0)
    for i in range(n):
        i * i


async def inner_{name}(n):
    await leaf_{name}(n)


async def child_{name}(n):
    await inner_{name}(n)


async def parent_{name}(n):
    while True:
        {how}
'''

WAYS = {
    'task': 'await asyncio.ensure_future(child_task(n))',
    'gather': 'await asyncio.gather(child_gather(n), child_gather(n))',
    'wait': 'await asyncio.wait([asyncio.ensure_future(child_wait(n)), asyncio.ensure_future(child_wait(n))])',
    'shield': 'await asyncio.shield(child_shield(n))',
    'for': 'await asyncio.wait_for(child_for(n), 100)',
    'self': 'await child_self(n)',
}
if sys.version_info >= (3, 11):
    WAYS['group'] = '''async with asyncio.TaskGroup() as group:
            group.create_task(child_group(n))
            group.create_task(child_group(n))'''

for name in WAYS:
    exec(CHAIN.format(name=name, how=WAYS[name]))


async def main():
    print('ready', flush=True)
    await asyncio.gather(*(globals()['parent_' + name](int(sys.argv[1])) for name in WAYS))


asyncio.run(main())
