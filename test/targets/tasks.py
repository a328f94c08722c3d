# SPDX-License-Identifier: Apache-2.0
"""Tasks of all shapes, which all stand; and what is true of them, written down by the program
itself: tasks.py FILE [python] [uvloop]

python: with the tasks and futures that are written in Python; uvloop: with that loop. The file gets, as JSON, for each
task its name, its frames (innermost first, "file:function:line") and, sorted, the names of the
tasks that await it.
"""
import asyncio
import gc
import json
import os
import sys
import threading
import time
import types


if 'python' in sys.argv[2:]:
    import tasks_python  # noqa: F401

if 'uvloop' in sys.argv[2:]:
    import uvloop
    uvloop.install()

version = sys.version_info
parents = {}    # by name, of those tasks of which it is known
names = {}      # by task
keep = []       # futures that nobody else keeps
told = []       # what is true of tasks that nobody keeps


def task(coro, name, parent=()):
    made = asyncio.ensure_future(coro)
    if hasattr(made, 'set_name'):
        made.set_name(name)
    names[made] = name
    parents[name] = [parent] if isinstance(parent, str) else list(parent)
    return made


def future():
    keep.append(asyncio.get_event_loop().create_future())
    return keep[-1]


async def nested(n):
    if n:
        await nested(n - 1)
    else:
        await future()


async def steps(n):
    for _ in range(n):
        await asyncio.sleep(0)
    await future()


@types.coroutine
def by_generator():
    yield from future()


@types.coroutine
def by_generators():
    for _ in range(2):
        yield
    yield from by_generator()


class Awaitable:
    def __init__(self, coro):
        self.coro = coro

    def __await__(self):
        return self.coro.__await__()


class Yielding:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        for _ in range(2):
            yield from nested(1).__await__()


async def numbers(n):
    for i in range(n):
        if i == n - 1:
            await nested(1)
        yield i


async def numbers_of_numbers():
    async for i in numbers(3):
        yield i


async def iterates(what):
    async for _ in what:
        pass


async def finally_waits():
    try:
        await future()
    finally:
        await nested(2)


async def catches():
    try:
        raise ValueError
    except ValueError:
        await nested(1)


class Context:
    async def __aenter__(self):
        await nested(1)

    async def __aexit__(self, *_):
        await nested(0)


async def enters():
    async with Context():
        pass


class Leaves(Context):
    async def __aenter__(self):
        pass


async def leaves():
    async with Leaves():
        pass


async def comprehends():
    return [i async for i in numbers(2) if i < 5]


async def many_locals(*args, **kwargs):
    a, b, c, d, e, f, g = range(7)
    await nested((a + b + c + d + e + f + g) // 21 + len(args))


async def awaits(*tasks):
    for one in tasks:
        await one


async def gathers(*coros):
    await asyncio.gather(*coros)


async def shields(one):
    await asyncio.shield(one)


async def waits_for(one):
    await asyncio.wait_for(one, 10000)


async def waits(*tasks):
    await asyncio.wait(tasks)


async def queued(queue):
    return await queue.get()


async def put(queue):
    await queue.put(1)
    await queue.put(2)


async def closes():
    stuck = stuck_generator()
    await stuck.__anext__()
    await stuck.aclose()


async def stuck_generator():
    try:
        yield 1
    finally:
        await nested(1)


async def sends():
    made = echo()
    await made.asend(None)
    await made.asend(5)


async def echo():
    while True:
        if (yield):
            await nested(1)


async def throws():
    made = catching()
    await made.asend(None)
    await made.athrow(KeyError)


async def catching():
    try:
        yield
    except KeyError:
        await nested(1)


async def completes(tasks):
    for one in asyncio.as_completed(tasks):
        await one


def blocked():
    time.sleep(100000)


async def in_executor():
    await asyncio.get_event_loop().run_in_executor(None, blocked)


async def grouped(end):
    async with asyncio.TaskGroup() as group:
        for i in range(3):
            made = group.create_task(nested(i))
            made.set_name('group-%s-%d' % (end, i))
            names[made] = made.get_name()
            parents[made.get_name()] = ['grouped-' + end]
        if end == 'body':
            await future()


async def resists():
    try:
        await future()
    except asyncio.CancelledError:
        await nested(1)


async def raises():
    raise ValueError


async def failing():
    async with asyncio.TaskGroup() as group:
        made = group.create_task(resists())
        made.set_name('resists')
        names[made] = 'resists'
        parents['resists'] = ['failing']
        group.create_task(raises())


async def conditioned(condition):
    async with condition:
        await condition.wait()


async def loses_shield(one):
    try:
        await asyncio.shield(one)
    except asyncio.CancelledError:
        await nested(0)


async def waits_first(*tasks):
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def alone():
    await asyncio.get_event_loop().create_future()


async def timed():
    async with asyncio.timeout(10000):
        await nested(2)


async def nexts():
    return await anext(numbers(1), None)


async def reads(reader):
    await reader.readline()


async def simple_shapes():
    lock = asyncio.Lock()
    await lock.acquire()
    semaphore = asyncio.Semaphore(0)
    condition = asyncio.Condition()
    keep.extend([lock, semaphore, condition])
    empty, full = asyncio.Queue(), asyncio.Queue(1)
    task(nested(0), 'future')
    task(nested(500), 'deep')
    task(steps(3), 'stepped')
    task(by_generator(), 'generator')
    task(awaits(by_generators()), 'generators')
    task(awaits(Awaitable(nested(1))), 'awaitable')
    task(awaits(Awaitable(Awaitable(nested(1)))), 'awaitables')
    task(awaits(Yielding()), 'yielding')
    task(iterates(numbers(2)), 'async for')
    task(iterates(numbers_of_numbers()), 'async for, twice')
    task(catches(), 'except')
    task(enters(), 'aenter')
    task(leaves(), 'aexit')
    task(comprehends(), 'comprehension')
    task(many_locals(1, 2, 3, k=4), 'locals')
    task(closes(), 'aclose')
    task(sends(), 'asend')
    task(throws(), 'athrow')
    task(queued(empty), 'queue.get')
    task(put(full), 'queue.put')
    task(lock.acquire(), 'lock')
    task(semaphore.acquire(), 'semaphore')
    task(conditioned(condition), 'condition')
    if hasattr(asyncio, 'Barrier'):
        task(asyncio.Barrier(2).wait(), 'barrier')
    task(asyncio.Event().wait(), 'event')
    task(asyncio.sleep(100000), 'sleep')
    task(awaits(asyncio.sleep(100000.5)), 'sleep.5')
    task(nested(3), 'na\u00efve \u2603 name')
    task(in_executor(), 'executor')
    if hasattr(asyncio, 'to_thread'):
        task(asyncio.to_thread(blocked), 'to_thread')
    if hasattr(asyncio, 'timeout'):
        task(timed(), 'timeout')
    if version >= (3, 10):
        task(nexts(), 'anext')


async def related_shapes():
    first = task(nested(2), 'awaited', ['awaiting'])
    task(awaits(first), 'awaiting')
    left = task(nested(1), 'left', ['top'])
    bottom = task(nested(0), 'bottom', ['side 1', 'side 2'])
    sides = [task(awaits(bottom), 'side 1', 'diamond'), task(awaits(bottom), 'side 2', 'diamond')]
    task(gathers(*sides), 'diamond')
    task(gathers(left, task(nested(1), 'right', 'top')), 'top')
    task(shields(task(nested(1), 'shielded', 'shield')), 'shield')
    task(waits_for(task(nested(3), 'waited for', 'wait_for')), 'wait_for')
    task(waits(task(nested(1), 'w1', 'wait'), task(nested(2), 'w2', 'wait')), 'wait')
    task(waits_first(task(nested(1), 'f1', 'first'), task(nested(2), 'f2', 'first')), 'first')
    chain = task(nested(0), 'chain 0', 'chain 1')
    for i in range(1, 100):
        chain = task(awaits(chain), 'chain %d' % i, 'chain %d' % (i + 1) if i < 99 else ())
    task(completes([task(nested(1), 'c1', '?')]), 'completes')
    nested_gather = asyncio.gather(task(nested(1), 'n1', 'nested gather'))
    task(gathers(nested_gather), 'nested gather')
    circle = []

    async def around(i):
        await asyncio.sleep(0)
        await circle[1 - i]
    circle.append(task(around(0), 'circle 0', 'circle 1'))
    circle.append(task(around(1), 'circle 1', 'circle 0'))
    if hasattr(asyncio, 'TaskGroup'):
        task(grouped('exit'), 'grouped-exit')
        task(grouped('body'), 'grouped-body')
        task(failing(), 'failing')


def names_of(one):
    return names.get(one) or one.get_name()


async def socket_shapes():
    async def serve(reader, _):
        names[asyncio.current_task() if version >= (3, 7) else None] = 'server'
        if version >= (3, 8):
            asyncio.current_task().set_name('server')
        parents['server'] = ['any']
        await reader.readline()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address)
    keep.extend([server, writer])
    task(reads(reader), 'client')


async def process_shape():
    child = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE)
    keep.append(child)
    task(child.wait(), 'process')


async def cancelled_shapes():
    made = [task(finally_waits(), 'finally'), task(loses_shield(task(nested(1), 'lost')), 'loses shield')]
    await asyncio.sleep(0)
    for one in made:
        one.cancel()
    await asyncio.sleep(0)


async def garbage_shape():
    made = task(alone(), 'garbage')
    await asyncio.sleep(0)
    told.append(truth_of(made, names.pop(made)))


def eager_shape(loop):
    if hasattr(asyncio, 'eager_task_factory'):
        made = asyncio.Task(nested(2), loop=loop, name='eager', eager_start=True)
        names[made] = 'eager'
        parents['eager'] = ()
        keep.append(made)


def other_thread(ready):
    async def run():
        one = asyncio.tasks.current_task()
        if hasattr(one, 'set_name'):
            one.set_name('thread')
        names[one] = 'thread'
        parents['thread'] = ()
        task(nested(4), 'in thread', ())
        loop = asyncio.get_event_loop()
        loop.call_later(0.05, ready.set)
        keep.append(loop)
        await future()
    asyncio.run(run())


def ended_loops():
    """Tasks of a loop that was stopped, and of one that was closed; of a thread that has ended."""
    for name in 'stopped', 'closed':
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        made = task(nested(2), 'in a loop that was ' + name)
        loop.run_until_complete(asyncio.sleep(0.01))
        if name == 'closed':
            loop.close()
        keep.extend([loop, made])


def frames_of(coro):
    found = []
    while coro is not None:
        for kind in 'cr', 'gi', 'ag':
            if hasattr(coro, kind + '_code'):
                break
        else:
            coro = inside(coro)
            continue
        frame, code = getattr(coro, kind + '_frame'), getattr(coro, kind + '_code')
        if frame is None:
            break
        found.append('%s:%s:%d' % (code.co_filename, getattr(code, 'co_qualname', code.co_name), frame.f_lineno))
        coro = getattr(coro, kind + ('_yieldfrom' if kind == 'gi' else '_await'))
    return found[::-1]


def inside(wrapper):
    """What a wrapper of another coroutine or of an asynchronous generator has, which only the
    garbage collector tells."""
    if type(wrapper).__name__ not in ('coroutine_wrapper', 'async_generator_asend',
                                      'async_generator_athrow', 'anext_awaitable'):
        return None
    for one in gc.get_referents(wrapper):
        if hasattr(one, 'cr_code') or hasattr(one, 'ag_code') or type(one).__name__ in (
                'coroutine_wrapper', 'async_generator_asend', 'async_generator_athrow'):
            return one
    return None


def truth_of(one, name):
    awaited_by = sorted(parents[name]) if parents[name] != ['?'] else None
    if version >= (3, 14):
        awaited_by = sorted(names_of(parent) for parent in one._asyncio_awaited_by or ())
    return {'name': name, 'frames': frames_of(one.get_coro() if version >= (3, 8) else one._coro),
            'awaited_by': awaited_by, 'graph': graph_of(one)}


def graph_of(one):
    """What asyncio itself says, outermost frame first: up to what wraps others. It does not come
    to an end with those that await themselves."""
    if version < (3, 14) or names_of(one).startswith('circle'):
        return []
    frames = [entry.frame for entry in asyncio.capture_call_graph(one).call_stack[::-1]]
    return ['%s:%s:%d' % (f.f_code.co_filename, f.f_code.co_qualname, f.f_lineno) for f in frames]


def truth():
    return told + [truth_of(one, name) for one, name in names.items() if not one.done()]


async def main():
    me = asyncio.tasks.current_task() if version >= (3, 7) else None
    if hasattr(me, 'set_name'):
        me.set_name('main')
    names[me] = 'main'
    parents['main'] = ()
    ready = threading.Event()
    threading.Thread(target=other_thread, args=(ready,), daemon=True).start()
    ended = threading.Thread(target=ended_loops)
    ended.start()
    ended.join()
    gc.disable()
    await simple_shapes()
    await related_shapes()
    await socket_shapes()
    await process_shape()
    await cancelled_shapes()
    await garbage_shape()
    eager_shape(asyncio.get_event_loop())
    while not ready.is_set():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    loop = asyncio.get_event_loop()
    loop.call_later(0.05, write)
    await future()


def write():
    with open(sys.argv[1] + '.new', 'w') as file:
        json.dump(truth(), file)
    os.rename(sys.argv[1] + '.new', sys.argv[1])
    print('ready', flush=True)


asyncio.run(main())
