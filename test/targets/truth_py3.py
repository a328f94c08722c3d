# SPDX-License-Identifier: Apache-2.0
"""The cases of truth.py that Python 2 cannot parse, or a later version has."""
import asyncio
import concurrent.futures
import functools
import sys
import threading
import time
import types

from __main__ import (
    _thread, arrive, case, hot, leaf, never, nothing, note_tid, park)


@leaf
def blocked_in_executor():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.submit(park).result()


@leaf
def blocked_in_asyncio():
    async def parked():
        park()

    async def work():
        await asyncio.sleep(0)
        await parked()

    async def main():
        await asyncio.gather(asyncio.sleep(1000), work())
    asyncio.new_event_loop().run_until_complete(main())


@leaf
def blocked_in_cancelled_task():
    async def parked():
        try:
            await asyncio.sleep(1000)
        finally:
            park()

    async def work():
        await parked()

    async def main():
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await task
    asyncio.new_event_loop().run_until_complete(main())


class Thrown(Exception):
    def __index__(self):
        return 1000
    __int__ = __index__


class Catching:
    """What is delegated to, but no generator."""
    def __init__(self, throw):
        self.throw = throw

    def __iter__(self):
        return self

    def __next__(self):
        return 1


def delegating(to, levels=3):
    if levels > 1:
        yield from delegating(to, levels - 1)
    else:
        yield from to


def throw_into(generator):
    next(generator)
    try:
        generator.throw(Thrown())
    except StopIteration:
        pass


@leaf
def blocked_in_throw():
    generator = delegating(Catching(time.sleep))
    next(generator)
    arrive()
    generator.throw(Thrown())


@leaf
def blocked_in_thread_of_throw():
    def parked():
        try:
            yield
        finally:
            threading.current_thread()
            park()
    generator = delegating(parked())
    next(generator)
    _thread.start_new_thread(generator.throw, (Thrown(),))
    never.acquire()


@case
def throw_to_delegate(down):
    def inner(go):
        try:
            yield
        except Thrown:
            go()
    for go in hot(down):
        throw_into(delegating(inner(go)))


@case
def throw_to_method(down):
    throw_into(delegating(Catching(lambda *args: down())))


@case
def throw_in_throw(down):
    def inner():
        try:
            yield
        except Thrown:
            throw_into(delegating(Catching(lambda *args: down())))
            yield from ()
    throw_into(delegating(inner()))


@case
def throw_and_go_on(down):
    def inner():
        try:
            yield
        except Thrown:
            yield
        down()
    generator = delegating(inner())
    throw_into(generator)
    for _ in generator:
        pass


@case
def close_delegate(down):
    def inner():
        try:
            yield
        finally:
            down()
    generator = delegating(inner())
    next(generator)
    generator.close()


@case
def delete_delegate(down):
    def inner():
        try:
            yield
        finally:
            down()
    generator = delegating(inner())
    next(generator)
    del generator


@types.coroutine
def suspended():
    yield


async def caught(go):
    try:
        await suspended()
    finally:
        go()


async def passing(go):
    await caught(go)


@case
def throw_to_coroutine(down):
    for go in hot(down):
        coroutine = passing(go)
        coroutine.send(None)
        try:
            coroutine.throw(Thrown())
        except Thrown:
            pass


@case
def throw_to_awaited(down):
    iterator = passing(down).__await__()
    next(iterator)
    iterator.throw(Thrown())


@case
def close_coroutine(down):
    coroutine = passing(down)
    coroutine.send(None)
    coroutine.close()


@case
def asynchronous_throws(down):
    async def numbers(go):
        try:
            await passing(nothing)
            yield 1
        finally:
            await passing(go)

    def throw_at_next():
        asked = numbers(throw_at_close).__anext__()
        asked.send(None)
        try:
            asked.throw(Thrown())
        except Thrown:
            pass
        asked.throw(Thrown())

    def throw_at_close():
        generator = numbers(down)
        try:
            asked = generator.__anext__()
            asked.send(None)
            asked.send(None)
        except StopIteration:
            pass
        closed = generator.aclose()
        closed.send(None)
        closed.throw(Thrown())
    throw_at_next()


@case
def identifiers(down):
    def naïve(go):
        名前(go)

    def 名前(go):
        Ω(go)

    class 𝔘nicode:
        def ñ(self, go):
            go()
    Ω = 𝔘nicode().ñ
    naïve(down)


@case
def yield_from(down):
    def inner(go):
        yield 1
        go()

    def middle(go):
        yield from inner(go)

    def outer(go):
        yield from \
            middle(go)
    for go in hot(down):
        for _ in outer(go):
            pass


@case
def coroutines(down):
    async def inner(go):
        go()

    async def middle(go):
        await inner(go)

    async def outer(go):
        return [
            await middle(go)]
    for go in hot(down):
        try:
            outer(go).send(None)
        except StopIteration:
            pass


@case
def asynchronous(down):
    class Manager:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *args):
            return down()

    async def numbers():
        yield 1
        async with Manager():
            yield 2

    async def comprehension():
        return [n async for n in numbers()]

    async def loop():
        async for n in numbers():
            if n == 2:
                await comprehension()
    loop().send(None)


@case
def awaitable(down):
    class Awaitable:
        def __await__(self):
            down()
            yield

    async def wait():
        await Awaitable()
    wait().send(None)


@case
def formatted_string(down):
    return f'text {down()} text'


@case
def formatted_lines(down):
    return f'''
        {1}
        { down() }
        '''


@case
def hot_super(down):
    class Base:
        def method(self, go):
            go()

    class Derived(Base):
        def method(self, go):
            super().method(go)
    derived = Derived()
    for go in hot(down):
        derived.method(go)


@case
def keyword_only(down):
    def call(*, go, default=None):
        go()
    for go in hot(down):
        call(go=go)


@case
def class_hooks(down):
    class Meta(type):
        @classmethod
        def __prepare__(meta, *args, **kwargs):
            return {'go': nothing}

        def __new__(meta, name, bases, namespace, **kwargs):
            return super().__new__(meta, name, bases, namespace)

        def __init__(cls, *args, **kwargs):
            kwargs['go']()

    class Attribute:
        def __set_name__(self, owner, name):
            class Made(metaclass=Meta, go=down):
                pass

    class Base:
        def __init_subclass__(cls):
            class Other:
                attribute = Attribute()

    class Derived(Base):
        pass


@case
def generic_function(down):
    @functools.singledispatch
    def dispatched(go):
        go()
    dispatched(down)


@case
def annotations(down):
    def make():
        def annotated(a: 1,
                      b: down()):
            pass
        return annotated
    make().__annotations__      # only here from 3.14 on


NEWER = {(3, 8): '''
@case
def walrus(down):
    if (n :=
            down()):
        return n


@case
def positional_only(down):
    def call(go, /, a=1, *, b=2):
        go()
    for go in hot(down):
        call(go)


@case
def async_comprehension_nested(down):
    async def go_twice():
        return [[down() for _ in range(2)] for _ in range(2)]
    go_twice().send(None)


''', (3, 9): '''
@case
def any_decorator(down):
    @[lambda f: f,
      lambda f: down()][1]
    def function():
        pass


''', (3, 10): '''
@case
def match_statement(down):
    class Point:
        __match_args__ = ('x', 'y')
        x = 1

        @property
        def y(self):
            return down()

    def guarded(value):
        match value:
            case [1, 2]:
                pass
            case {'a': a} if matched(
                    a):
                pass

    def matched(value):
        match value:
            case Point(2, _):
                pass
            case Point(1, 2) | \\
                    None:
                pass
    match 1:
        case 1 if guarded({'a': Point()}):
            pass


@case
def with_in_parentheses(down):
    class Manager:
        def __init__(self, go): self.go = go
        def __enter__(self): pass
        def __exit__(self, *args): self.go()
    with (
            Manager(nothing) as a,
            Manager(down) as b,
            Manager(nothing)
    ):
        1 / 0


''', (3, 11): '''
@case
def exception_group(down):
    try:
        raise ExceptionGroup('text', [ValueError(), KeyError()])
    except* ValueError:
        pass
    except* KeyError:
        down()


''', (3, 12): '''
@case
def type_parameters(down):
    type Alias = (
        down())

    def generic[T: Alias.__value__](x: T):
        pass

    class Generic[T](
            generic.__type_params__[0].__bound__):
        pass


@case
def nested_formatted_strings(down):
    return f'{f"{
        f'{down()}'
    }"}'


@case
def monitored(down):
    tool, E = sys.monitoring.DEBUGGER_ID, sys.monitoring.events

    def on_start(code, offset):
        sys.monitoring.set_local_events(tool, code, 0)
        down()

    def watched():
        pass
    if sys.monitoring.get_tool(tool) is None:
        sys.monitoring.use_tool_id(tool, 'truth')
    sys.monitoring.register_callback(tool, E.PY_START, on_start)
    sys.monitoring.set_local_events(tool, watched.__code__, E.PY_START)
    watched()


''', (3, 14): '''
@case
def template_string(down):
    return t'text {
        down()} text'


''', (3, 15): '''
@case
def unpacking_in_comprehension(down):
    return [*row
            for row in [[1], down()]]


'''}
for version, text in sorted(NEWER.items()):
    if sys.version_info >= version:
        exec(compile(text, 'truth_py%d%d.py' % version, 'exec'))
