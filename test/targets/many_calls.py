# SPDX-License-Identifier: Apache-2.0
"""Threads that wait, below calls from C to Python of many kinds: many_calls.py"""
from __future__ import print_function
import os
import re
import select
import signal
import sys
import threading
import time

signal.alarm(300)
begun = []


def wait():
    begun.append(1)
    time.sleep(300)


class Waits(object):
    def __init__(self):
        wait()

    def __call__(self):
        wait()

    def __lt__(self, other):
        wait()
        return True

    def __iter__(self):
        return self

    def __next__(self):
        wait()

    next = __next__


class Before(Waits):
    def __init__(self):
        pass


def generator():
    wait()
    yield 1


def delegates():
    for i in generator():
        yield i


def thrown():
    try:
        yield 1
    except KeyError:
        wait()


def throws():
    it = thrown()
    next(it)
    it.throw(KeyError())


# throw() puts generators on the stack that nothing runs, which can't be merged up to 3.10.
if sys.version_info >= (3, 11):
    exec("""
def delegates_throw():
    yield from thrown()


def throws_deep():
    it = delegates_throw()
    next(it)
    it.throw(KeyError())
""")


def reads():
    begun.append(1)
    os.read(os.pipe()[0], 1)


def polls():
    begun.append(1)
    select.select([], [], [], 300)


def deep(n):
    wait() if n == 0 else list(map(deep, [n - 1]))


kinds = [
    wait, reads, polls, Waits, Before(), throws,
    lambda: sorted([Before(), Before()]),
    lambda: sorted([2, 1], key=lambda i: wait()),
    lambda: list(delegates()),
    lambda: sum(Before()),
    lambda: re.sub('a', lambda m: wait(), 'a'),
    lambda: deep(30),
    lambda: eval('wait()'),
    lambda: apply_by(wait),
]
if sys.version_info >= (3, 11):
    kinds.append(throws_deep)  # noqa: F821


def apply_by(function, *args, **kwargs):
    return function(*args, **kwargs)


for kind in kinds:
    thread = threading.Thread(target=kind)
    thread.daemon = True
    thread.start()
while len(begun) < len(kinds):
    time.sleep(0.01)
print('ready, with %d threads' % (len(kinds) + 1))
sys.stdout.flush()
wait()
