# SPDX-License-Identifier: Apache-2.0
"""Greenlets of eventlet, waiting for one thing each: greenlets_eventlet.py ACCOUNT"""
import sys

from greenlets_account import write_account
import eventlet
import eventlet.event
import eventlet.patcher
import eventlet.queue
import eventlet.semaphore
from eventlet.green import socket
import _thread as thread
import time

queue, event = eventlet.queue.Queue(), eventlet.event.Event()
semaphore = eventlet.semaphore.Semaphore(0)
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen(1)
client = socket.create_connection(server.getsockname())
peer = server.accept()


def sleeps():
    eventlet.sleep(100000)


def gets():
    queue.get()


def waits():
    event.wait()


def acquires():
    semaphore.acquire()


def receives():
    client.recv(10)


def witness():
    """A thread of its own, while eventlet's waits."""
    time.sleep(0.5)
    write_account(sys.argv[1])
    print('ready', flush=True)
    time.sleep(100000)


def main():
    pool = eventlet.GreenPool()
    for run in (gets, waits, acquires, receives):
        eventlet.spawn(run)
    for _ in range(5):
        pool.spawn(sleeps)
    thread.start_new_thread(witness, ())
    pool.waitall()


main()
