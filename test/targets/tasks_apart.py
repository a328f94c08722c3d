# SPDX-License-Identifier: Apache-2.0
"""A loop in the main interpreter, and one in another one, each with tasks that await in a gather
and through a task."""
import asyncio
import os
import threading

CODE = '''
import asyncio
import os

async def sleeps():
    await asyncio.sleep(100000)

async def awaits(one):
    await one

async def %(name)s():
    made = [asyncio.ensure_future(sleeps()) for _ in range(3)]
    made[0].set_name('%(name)s direct')
    waits = asyncio.ensure_future(awaits(made[0]))
    waits.set_name('%(name)s waits')
    for one in made[1:]:
        one.set_name('%(name)s gathered')
    asyncio.get_event_loop().call_later(0.1, os.write, %(done)d, b'x')
    await asyncio.gather(waits, asyncio.gather(*made[1:]))

asyncio.run(%(name)s())
'''


def other():
    try:
        import _interpreters
        create = lambda: _interpreters.create('legacy')
    except ImportError:
        import _xxsubinterpreters as _interpreters
        create = lambda: _interpreters.create(isolated=False)
    _interpreters.run_string(create(), CODE % {'name': 'inner', 'done': done})


def tell():
    os.read(both, 1)
    os.read(both, 1)
    print('ready', flush=True)


both, done = os.pipe()
threading.Thread(target=tell, daemon=True).start()
threading.Thread(target=other, daemon=True).start()
exec(CODE % {'name': 'outer', 'done': done})
