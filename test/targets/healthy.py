# SPDX-License-Identifier: Apache-2.0
"""Programs that are not stuck, though they may look it; see hangs.py for what is alike.

    healthy.py NAME [N]
    healthy.py --list               with a fourth column: "moves", or "idle" until somebody
                                    wants something of it
    healthy.py --truth NAME
    healthy.py --judge NAME FINDING [WORD]...
"""
from __future__ import print_function
import sys
sys.dont_write_bytecode = True
import gc
import hashlib
import os
import re
import sched
import select
import signal
import socket
import subprocess
import threading
import time
import zlib
try:
    import queue
except ImportError:
    import Queue as queue

import stage
import staged
if sys.version_info >= (3, 6):
    import healthy_py3  # noqa: F401

healthy = staged.healthy
if sys.version_info < (3,):
    range = xrange      # noqa: F821


# --- servers ------------------------------------------------------------------

@healthy('idle')
def server_idle():
    listening = stage.listen()
    stage.standing()
    listening.accept()


@healthy('idle')
def server_threads():
    """One thread accepts, the others are to have the connections."""
    listening, accepted = stage.listen(), queue.Queue()
    for number in range(3):
        stage.worker(number + 1, accepted.get)
    stage.standing()
    accepted.put(listening.accept())


@healthy('idle')
def server_selects():
    listening = stage.listen()
    stage.standing()
    select.select([listening], [], [])


def serve(listening):
    while True:
        connection = listening.accept()[0]
        connection.sendall(hashlib.sha1(connection.recv(100) * 1000).hexdigest().encode())
        connection.close()


def request_all(address):
    while True:
        client = socket.create_connection(address)
        client.sendall(b'a question')
        client.recv(100)
        client.close()
        time.sleep(0.005)


@healthy('moves')
def server_busy():
    listening = stage.listen()
    stage.child(then=lambda: request_all(listening.getsockname()))
    stage.standing('any')
    serve(listening)


@healthy('idle')
def connection_kept():
    """A client between two requests: it waits for neither."""
    kept = stage.connected()
    stage.standing()
    select.select([kept, stage.listen()], [], [])


def work_for(listening):
    while True:
        if select.select([listening], [], [], 0.2)[0]:
            listening.accept()


@healthy('moves')
def prefork():
    """A master that looks after workers, which wait for connections."""
    listening = stage.listen()
    for _ in range(2):
        stage.child(then=lambda: work_for(listening))
    stage.standing('any')
    while True:
        os.waitpid(-1, os.WNOHANG)
        time.sleep(0.2)


# --- processes ----------------------------------------------------------------

@healthy('idle')
def processes_idle():
    """One worker waits for a job, the others for their turn to do so."""
    parent = os.getpid()
    pool = stage.forking().Pool(3, stage.end_with, (parent,))
    pool.map(abs, range(10))
    stage.standing('any')
    while True:
        signal.pause()


@healthy('moves')
def child_computes():
    busy = 'while True: sum(range(1000))'
    process = subprocess.Popen(**stage.command(sys.executable, '-c', busy))
    stage.standing()
    process.wait()


def write_slowly(writing):
    while True:
        os.write(writing, b'x')
        time.sleep(0.05)


@healthy('moves')
def pipe_slow():
    reading, writing = os.pipe()
    stage.child(then=lambda: write_slowly(writing))
    os.close(writing)
    stage.standing('any')
    while os.read(reading, 1):
        pass


# --- queues and timers --------------------------------------------------------

def consume(jobs):
    while True:
        hashlib.sha1(jobs.get()).digest()


def produce(jobs, pause):
    while True:
        jobs.put(b'a job' * 1000)
        time.sleep(pause)


@healthy('moves')
def queue_flows():
    jobs = queue.Queue(10)
    stage.worker(1, consume, jobs)
    stage.worker(2, consume, jobs)
    stage.standing('any')
    produce(jobs, 0.002)


@healthy('moves')
def queue_slow():
    jobs = queue.Queue()
    stage.worker(1, consume, jobs)
    stage.standing('any')
    produce(jobs, 0.3)


@healthy('moves')
def condition_used():
    condition, turns = threading.Condition(), [0]

    def take_turns(mine):
        while True:
            with condition:
                while turns[0] % 2 != mine:
                    condition.wait()
                turns[0] += 1
                condition.notify_all()
            time.sleep(0.02)
    stage.worker(1, take_turns, 0)
    stage.standing('any')
    take_turns(1)


@healthy('moves')
def timer_periodic():
    def tick():
        timer = threading.Timer(0.1, tick)
        timer.daemon = True
        timer.start()
    tick()
    stage.standing('any')
    while True:
        signal.pause()


@healthy('moves')
def sched_periodic():
    scheduler = sched.scheduler(time.time, time.sleep)

    def tick():
        scheduler.enter(0.1, 1, tick, ())
    tick()
    stage.standing('any')
    scheduler.run()


@healthy('moves')
def sleep_loop():
    def work():
        return sum(range(1000))
    stage.standing('any')
    while True:
        work()
        time.sleep(0.5)


# --- what computes ------------------------------------------------------------

def step_one(n):
    return sum(range(n % 1000))


def step_two(n):
    return [word for word in ('%d' % n) * 50 if word != '1']


def compute():
    n = 0
    while True:
        n += 1
        step_one(n)
        step_two(n)


@healthy('moves')
def computing():
    stage.standing('any')
    compute()


@healthy('moves')
def computing_threads():
    for number in range(3):
        stage.worker(number + 1, compute)
    stage.standing('any')
    compute()


@healthy('moves')
def main_joins():
    workers = [stage.worker(number + 1, compute) for number in range(2)]
    stage.standing('any')
    for thread in workers:
        thread.join()


@healthy('moves')
def zlib_threads():
    """C that works without the GIL, in 2.7 too; not every hashlib there is so."""
    def compress():
        data = os.urandom(1 << 20)
        while True:
            zlib.compress(data)
    workers = [stage.worker(number + 1, compress) for number in range(2)]
    stage.standing('any')
    workers[0].join()


@healthy('moves')
def lock_often():
    lock, counts = threading.Lock(), [0]

    def count():
        while True:
            with lock:
                counts[0] += 1
    for number in range(3):
        stage.worker(number + 1, count)
    stage.standing('any')
    count()


@healthy('moves')
def lock_turns():
    """Somebody always has the lock, and it is never the same for long."""
    lock = threading.Lock()

    def take():
        while True:
            with lock:
                time.sleep(0.02)
            time.sleep(0.001)
    for number in range(3):
        stage.worker(number + 1, take)
    stage.standing('any')
    take()


@healthy('moves')
def regex_often():
    stage.standing('any')
    while True:
        re.match('(a|b)*c', 'ab' * 50 + 'c')
        step_two(7)


@healthy('moves')
def gc_ordinary():
    kept = []
    stage.standing('any')
    while True:
        kept.append([[] for _ in range(100)])
        del kept[:-1000]
        if len(kept) == 1000:
            gc.collect(0)


if __name__ == '__main__':
    sys.exit(staged.main(sys.argv[1:]))
