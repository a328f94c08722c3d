# SPDX-License-Identifier: Apache-2.0
"""Hangs of threads that wait for one another: see hangs.py."""
from __future__ import print_function
import contextlib
import logging
import os
import sys
import threading
import time

import stage
from staged import CLAIMS, hang
try:
    import queue
except ImportError:
    import Queue as queue

DEADLOCK = CLAIMS['deadlock']
LOCK = r'\bR?locks?\b'
WORKERS = r'\bworker-1\b', r'\bworker-2\b', r'\bworker-3\b'
ENDS = r'\b(join|joins|end|ends|finish|finishes)\b'
SLEEPS = r'\bsleep(s|ing)?\b'
IMPORT = r'\bimport'
shared = {}     # what modules that are imported here look into


# --- cycles -------------------------------------------------------------------

def enter(lock, condition=None):
    with lock:
        if condition:
            condition.wait()


def ring(locks, want=enter):
    """Each thread holds one lock and wants the next one's."""
    arrive = stage.all_at(len(locks))

    def transfer(mine, other):
        with mine:
            arrive()
            want(other)
    workers = [stage.worker(n + 1, transfer, lock, locks[(n + 1) % len(locks)])
               for n, lock in enumerate(locks)]
    stage.standing()
    workers[0].join()


@hang(DEADLOCK, LOCK, *WORKERS[:2], may=['deadlock'], false=WORKERS[2] + '|' + IMPORT)
def rlock_pair():
    ring([threading.RLock(), threading.RLock()])


@hang(DEADLOCK, LOCK, *WORKERS, may=['deadlock'], false=IMPORT)
def rlock_three():
    ring([threading.RLock() for _ in range(3)])


@hang(DEADLOCK, LOCK, *WORKERS[:2], may=['deadlock'], false=WORKERS[2] + '|' + IMPORT)
def lock_pair():
    ring([threading.Lock(), threading.Lock()])


# That one ends by itself.
@hang(DEADLOCK, LOCK, *WORKERS[:2] + (r'\b2[0-9.]+ s left\b',), may=['deadlock'], least=(3, 6))
def lock_pair_timed():
    ring([threading.Lock(), threading.Lock()], lambda lock: lock.acquire(timeout=250))


@hang(DEADLOCK, ENDS + r'|\beach other\b', *WORKERS[:2], may=['deadlock'],
      false=LOCK + '|' + IMPORT)
def join_pair():
    both = []
    arrive = stage.all_at(3)

    def wait_for(other):
        arrive()
        both[other].join()
    both.append(stage.worker(1, wait_for, 1))
    both.append(stage.worker(2, wait_for, 0))
    arrive()
    stage.standing()
    both[0].join()


@hang(r'\bitself\b|\bits own\b|\btwice\b|\balready (has|holds)', LOCK, may=['deadlock'],
      false=r'\bworker')
def lock_twice():
    lock = threading.Lock()
    stage.standing()
    with lock:
        with lock:
            pass


@hang(r'\bitself\b|\bits own\b|\btwice\b|\balready (has|holds)', LOCK, may=['deadlock'],
      false=r'\bworker')
def lock_twice_called():
    lock = threading.Lock()
    stage.standing()
    with lock:
        lock.acquire()


# --- locks that are held ------------------------------------------------------

def keep(lock, do):
    """worker-1 does something with the lock. What is returned wants it, too."""
    taken = []

    def hold():
        with lock:
            taken.append(True)
            do()

    def want():
        with lock:
            pass
    stage.worker(1, hold)
    stage.wait_until(lambda: taken)
    return want


def held(lock, do):
    """worker-1 does something with the lock, the others want it."""
    want = keep(lock, do)
    stage.worker(2, want)
    stage.standing()
    want()


def doze():
    time.sleep(250)


@hang(LOCK, WORKERS[0], SLEEPS, false=r'\bno thread\b')
def lock_sleeper():
    held(threading.Lock(), doze)


@hang(LOCK, WORKERS[0], SLEEPS)
def rlock_sleeper():
    held(threading.RLock(), doze)


@hang(LOCK, WORKERS[0], r'\b(recv|receiv\w+|reads?|answers?|socket|tcp)\b')
def rlock_recv():
    client = stage.connected()
    held(threading.RLock(), lambda: client.recv(1))


# A lock does not know who took it: nobody can say.
@hang(LOCK, false=r'\b(held|taken) by (MainThread|worker|itself)|\bitself\b|\bfork|\bprocess\b')
def lock_lost():
    lock = threading.Lock()
    stage.worker(1, lock.acquire).join()
    stage.standing()
    lock.acquire()


NOBODY = r'\b(held|taken) by (MainThread|worker|itself)|\bitself\b|\bthat (MainThread|worker)'


# What a `with` begins with lies where others have ended.
@hang(LOCK, r'\bno thread\b', false=NOBODY)
def lock_lost_with():
    lock = threading.Lock()
    for _ in range(3):
        enter(lock)
    stage.worker(1, lock.acquire).join()
    stage.worker(2, enter, lock)
    stage.standing()
    enter(lock)


def wait_in(lock, number, condition):
    stage.worker(number, enter, lock, condition)
    stage.wait_until(lambda: condition._waiters if hasattr(condition, '_waiters') else
                     condition._Condition__waiters)


@contextlib.contextmanager
def entered(lock):
    with lock:
        yield


# What that began with is left on the stack of who waits there.
@hang(LOCK, false=r'\bitself\b|\bthat MainThread|\bthat worker-[23]', least=(3, 6))
def lock_in_context():
    lock = threading.Lock()

    def hold():
        with lock:
            doze()

    def want():
        with entered(lock):
            pass
    want()
    stage.worker(1, hold)
    stage.wait_until(lock.locked)
    for number in (2, 3):
        stage.worker(number, want)
    stage.standing()
    want()


# Who waits for a Condition has let go of its lock,
@hang(LOCK, r'\bno thread\b', false=NOBODY)
def lock_let_go():
    lock = threading.Lock()
    wait_in(lock, 1, threading.Condition(lock))
    stage.worker(2, lock.acquire).join()
    stage.standing()
    enter(lock)


# and does not have it twice when it takes it again.
@hang(LOCK, r'\bworker-2\b', SLEEPS, false=r'\bitself\b')
def lock_taken_again():
    lock = threading.Lock()
    condition = threading.Condition(lock)
    wait_in(lock, 1, condition)

    def hold():
        with lock:
            condition.notify()
            doze()
    stage.worker(2, hold)
    stage.standing()
    enter(lock)


@hang(LOCK, WORKERS[0], r'\blog(s|ging)?\b')
def logging_emit():
    stuck = []

    class Network(logging.Handler):
        def emit(self, record):
            stuck.append(record)
            doze()
    log = logging.getLogger('app')
    log.addHandler(Network())
    stage.worker(1, log.warning, 'first')
    stage.wait_until(lambda: stuck)
    stage.worker(2, log.warning, 'second')
    stage.standing()
    log.warning('third')


@hang(LOCK, WORKERS[0], r'\blogging\b', SLEEPS, false=r'\bhandler\b')
def logging_names():
    def hold():
        with logging._lock:
            doze()
    stage.worker(1, hold)
    time.sleep(0.1)
    stage.standing()
    logging.getLogger('another')


# --- what nobody does ---------------------------------------------------------

@hang(r'\bcondition\b|\bnotif(y|ied|ies)\b')
def condition_lost():
    condition, items = threading.Condition(), []

    def notify_too_early():
        with condition:
            condition.notify()
    stage.worker(1, notify_too_early).join()
    stage.standing()
    with condition:
        while not items:
            condition.wait()


@hang(r'\bevent\b(?! loop)')
def event_unset():
    event = threading.Event()
    stage.worker(1, event.wait)
    stage.standing()
    event.wait()


@hang(r'\bqueue\b', r'\b(empty|items?|puts|feeds?|fed|get)\b', false=r'\bfull\b|\bpipe\b')
def queue_empty():
    jobs = queue.Queue()
    stage.worker(1, jobs.get)
    stage.standing()
    jobs.get()


@hang(r'\bqueue\b', r'\b(full|room|put)\b', false=r'\bempty\b|\bpipe\b')
def queue_full():
    jobs = queue.Queue(3)
    stage.standing()
    while True:
        jobs.put('a job')


@hang(WORKERS[0], ENDS, r'\b(pipe|reads?)\b', false=LOCK)
def join_stuck():
    ours, theirs = os.pipe()
    stage.tells('names', stage.child())
    os.close(theirs)
    reading = stage.worker(1, os.read, ours, 1)
    stage.standing()
    reading.join()


# --- imports ------------------------------------------------------------------

def module(source):
    stage.write_file(stage.file('slow_module.py'), 'from hangs_locks import shared\n' + source)
    sys.path.insert(0, stage.folder)


def import_it():
    import slow_module
    return slow_module


# Modules that import each other from two threads are no longer a deadlock: one of the
# threads gets a module that is not complete.
@hang(DEADLOCK, IMPORT, *WORKERS[:2], may=['deadlock'])
def import_pair():
    shared.update(lock=threading.Lock(), reached=[])
    module('shared["reached"].append(True)\n'
           'with shared["lock"]:\n'
           '    pass\n')

    def import_locked():
        with shared['lock']:
            stage.worker(2, import_it)
            stage.wait_until(lambda: shared['reached'])
            import_it()
    first = stage.worker(1, import_locked)
    stage.wait_until(lambda: shared['reached'])
    stage.standing()
    first.join()


@hang(DEADLOCK, IMPORT, WORKERS[0], may=['deadlock'], false=WORKERS[1])
def import_join():
    module('shared["start"]().join()\n')
    shared['start'] = lambda: stage.worker(1, import_it)
    stage.standing()
    import_it()


@hang(IMPORT, WORKERS[0], SLEEPS, false=WORKERS[1])
def import_sleeper():
    shared['reached'] = []
    module('import time\n'
           'shared["reached"].append(True)\n'
           'time.sleep(250)\n')
    stage.worker(1, import_it)
    stage.wait_until(lambda: shared['reached'])
    stage.standing()
    import_it()


# --- forks --------------------------------------------------------------------

@hang(LOCK, r'\bfork|\bgone\b|\bno longer\b|\bended\b|\bnot (there|exist|in this)'
      r'|\bno (such )?thread')
def fork_rlock():
    want = keep(threading.RLock(), doze)
    pid = stage.child(then=want)
    stage.tells('look', pid)
    stage.standing(pid=pid)
    os.waitpid(pid, 0)
