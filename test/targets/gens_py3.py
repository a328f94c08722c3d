# SPDX-License-Identifier: Apache-2.0
"""The part of gens.py that Python 2 cannot parse."""
import types

from __main__ import leaf


def delegate(levels):
    if levels > 1:
        yield from delegate(levels - 1)
    else:
        for _ in range(5):
            leaf()
            yield


def delegating():
    for _ in delegate(3):
        pass


async def chunks():
    for _ in range(5):
        leaf()
        yield


async def fetch():
    async for _ in chunks():
        pass


async def request():
    await fetch()


def coroutines():
    try:
        request().send(None)
    except StopIteration:
        pass


def catching():
    while True:
        try:
            yield
        except ValueError:
            leaf()


def passing(levels, to):
    if levels > 1:
        yield from passing(levels - 1, to)
    else:
        yield from to


def throwing():
    generator = passing(3, catching())
    next(generator)
    for _ in range(5):
        generator.throw(ValueError())
    generator.close()


@types.coroutine
def suspended():
    yield


async def cleaning():
    try:
        await suspended()
    finally:
        leaf()


async def cancelled():
    try:
        await cleaning()
    finally:
        leaf()


def cancelling():
    coroutine = cancelled()
    coroutine.send(None)
    try:
        coroutine.throw(ValueError())
    except ValueError:
        pass
