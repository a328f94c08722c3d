# SPDX-License-Identifier: Apache-2.0
"""Greenlets in all positions, in three threads: greenlets.py ACCOUNT"""
import sys
import threading
import time

from greenlets_account import greenlet, tid, write_account

getcurrent = greenlet.getcurrent
kept, threads, parked = [], {}, threading.Semaphore(0)


def make(run, *args, **others):
    one = greenlet.greenlet(run, **others)
    kept.append(one)
    one.switch(*args)
    return one


def park():
    getcurrent().parent.switch()


def deep(n):
    if n:
        return deep(n - 1)
    return park()


def nested(n):
    if n:
        make(nested, n - 1)
    park()


def values():
    yield park()


def generator():
    for _ in values():
        pass


def delegates():
    yield from inner()


def inner():
    yield park()


def sorts():
    sorted([2, 1], key=lambda value: park())


def catches():
    try:
        park()
    except ValueError:
        park()


def sends():
    value = getcurrent().parent.switch(1)
    while True:
        value = getcurrent().parent.switch(value)


class Derived(greenlet.greenlet):
    def run(self):
        deep(3)


class Further(Derived):
    pass


def all_positions():
    first = make(park)
    for run in (generator, sorts):
        make(run)
    sender = make(sends)
    make(lambda: list(delegates()))
    make(deep, 100)
    make(nested, 4)
    for _ in range(5):
        make(deep, 7)
    make(catches).throw(ValueError)
    make(int)                                   # over at once
    make(park).throw(greenlet.GreenletExit)     # over by an exception
    for one in (Derived(), Further()):
        kept.append(one)
        one.switch()
    kept.append(greenlet.greenlet(deep))        # not begun
    kept.append(greenlet.greenlet(sorts, parent=first))
    kept.append(Derived())
    for _ in range(3):
        sender.switch(2)


def last(seconds):
    threads[hex(id(getcurrent()))] = tid()
    parked.release()
    time.sleep(seconds)


def thread():
    all_positions()
    make(last, 100000)


def main():
    for _ in range(2):
        threading.Thread(target=thread, daemon=True).start()
        parked.acquire()
    all_positions()
    make(end)


def end():
    threads[hex(id(getcurrent()))] = tid()
    write_account(sys.argv[1], threads)
    print('ready', flush=True)
    time.sleep(100000)


main()
