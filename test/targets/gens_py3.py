# SPDX-License-Identifier: Apache-2.0
"""The part of gens.py that Python 2 cannot parse."""
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
