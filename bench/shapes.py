# SPDX-License-Identifier: Apache-2.0
"""A program of one shape, for measuring what sampling it costs.

    shapes.py SHAPE [NUMBER]

deep D       one thread, busy, D frames deep
threads N    N threads that wait, and the main thread, busy
parallel N   N threads, all of them busy
generators   generators in generators and coroutines that await each other
chains       two chains of three fast calls, by turns

It tells how far it has come in the file that the variable PROGRESS names: eight
bytes, the number of rounds done.
"""
import mmap
import os
import struct
import sys
import threading

ROUNDS = 20000

with open(os.environ['PROGRESS'], 'r+b') as progress:
    memory = mmap.mmap(progress.fileno(), 8)
done = 0


def advance():
    global done
    done += 1
    memory[0:8] = struct.pack('<Q', done)


def work():
    while True:
        for i in range(ROUNDS):
            i * i
        advance()


def dive(depth):
    if depth > 3:
        dive(depth - 1)
    else:
        work()


def deep(depth):
    sys.setrecursionlimit(depth + 1000)
    dive(depth)


def sleep(event, depth):
    if depth:
        sleep(event, depth - 1)
    else:
        event.wait()


def threads(count):
    event = threading.Event()
    for _ in range(count):
        threading.Thread(target=sleep, args=(event, 16), daemon=True).start()
    deep(20)


def parallel(count):
    for _ in range(count - 1):
        threading.Thread(target=deep, args=(20,), daemon=True).start()
    deep(20)


def leaf(n):
    return sum([i * i for i in range(n)])


def inner(n):
    for i in range(n):
        yield leaf(i)


def outer(n):
    for value in inner(n):
        yield value


async def fetch(n):
    return leaf(n)


async def request(n):
    return await fetch(n)


def generators(_):
    while True:
        for _ in range(20):
            sum(outer(20))
            coroutine = request(20)
            try:
                coroutine.send(None)
            except StopIteration:
                pass
        advance()


def chain(letter):
    lines = ['def %s%d(): %s%d()' % (letter, i, letter, i + 1) for i in (1, 2)]
    lines.append('def %s3(): pass' % letter)
    namespace = {}
    exec(compile('\n'.join(lines), letter + '.py', 'exec'), namespace)
    return namespace[letter + '1']


def chains(_):
    a, b = chain('a'), chain('b')
    while True:
        for _ in range(ROUNDS):
            a()
            b()
        advance()


print('ready', flush=True)
globals()[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 0)
