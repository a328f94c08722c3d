# SPDX-License-Identifier: Apache-2.0
"""Greenlets of gevent, waiting for one thing each: greenlets_gevent.py ACCOUNT"""
import sys

from greenlets_account import write_account # loads libraries that gevent needs, too

from gevent import monkey
monkey.patch_all()
import gevent # noqa: E402
import gevent.event # noqa: E402
import gevent.lock # noqa: E402
import gevent.pool # noqa: E402
import gevent.queue # noqa: E402
import socket # noqa: E402

original_sleep = monkey.get_original('time', 'sleep')
original_thread = monkey.get_original('_thread', 'start_new_thread')
lock, relock = gevent.lock.BoundedSemaphore(1), gevent.lock.RLock()
queue, event = gevent.queue.Queue(), gevent.event.Event()
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen(1)
client = socket.create_connection(server.getsockname())
peer = server.accept()


def sleeps():
    gevent.sleep(100000)


def locks():
    lock.acquire()


def relocks():
    relock.acquire()


def gets():
    queue.get()


def waits():
    event.wait()


def receives():
    client.recv(10)


def accepts():
    server.accept()


def spawns():
    gevent.spawn(sleeps).join()


def witness():
    """A thread of its own, while gevent's waits."""
    original_sleep(0.5)
    write_account(sys.argv[1])
    print('ready', flush=True)
    original_sleep(100000)


def main():
    lock.acquire()
    relock.acquire()
    all_of_them = [gevent.spawn(run) for run in (locks, relocks, gets, waits, receives, accepts, spawns)]
    all_of_them[0].name = 'the;name'
    pool = gevent.pool.Pool(10)
    for _ in range(5):
        pool.spawn(sleeps)
    all_of_them += [gevent.spawn_later(100000, waits), gevent.Greenlet(gets)]
    original_thread(witness, ())
    gevent.wait(all_of_them)


main()
