#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has targets die while pyflame samples them, or just before.

    deaths.py PYFLAME ROUNDS [OPTION]...

Each round is a child of this process that ends in one way or another, up to 80 ms
after pyflame has been started on it. pyflame has to end by itself, soon, either
with what it sampled and status 0, or with one line and status 5 (3 if that finds a
zombie, or what is not Python any more). What is not so is printed, and ends it with
status 1.
"""
import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time

PATIENCE = 20


def dying(seconds):
    end = time.time() + seconds
    while time.time() < end:
        sum(range(300))


def die_by(number):
    os.kill(os.getpid(), number)
    time.sleep(10)


def execute(*words):
    os.execv(words[0], words)


def fork_and_exit():
    """The other one lives a little longer."""
    if os.fork() == 0:
        dying(.05)
    os._exit(0)


def in_thread(function, *args):
    threading.Thread(target=function, args=args).start()
    time.sleep(10)


SELF = [sys.executable, '-S', '-c', 'sum(range(3000000))']
WAYS = {
    'exit': lambda: sys.exit(3),
    'exit of a thread': lambda: in_thread(os._exit, 3),
    'SIGKILL': lambda: die_by(signal.SIGKILL),
    'SIGSEGV': lambda: die_by(signal.SIGSEGV),
    'SIGTERM': lambda: die_by(signal.SIGTERM),
    'fork': fork_and_exit,
    'exec': lambda: execute(*SELF),
    'exec of a thread': lambda: in_thread(execute, *SELF),
    'exec of another': lambda: execute('/bin/sleep', '0.05'),
}


def target(way, delay):
    signal.alarm(30)
    sys.stdout = sys.stderr = open(os.devnull, 'w')
    try:
        dying(delay)
        WAYS[way]()
    finally:
        os._exit(1)


def one(pyflame, options, way):
    delay = random.random() * .08
    pid = os.fork()
    if pid == 0:
        target(way, delay)
    collected_early = random.random() < .5
    profiler = subprocess.Popen([pyflame, '-q', '-s', '100'] + options + [str(pid)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if collected_early:
        os.waitpid(pid, 0)
    try:
        out, err = profiler.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        profiler.kill()
        return 'it did not end'
    if not collected_early:
        os.waitpid(pid, 0)
    counts = [int(line.rsplit(b' ', 1)[1]) for line in out.splitlines()]
    if profiler.returncode == 0 and sum(counts) > 0:
        return None
    other = b'zombie' in err or b'sleep) is not Python' in err
    if profiler.returncode == (3 if other else 5) and not out and err.count(b'\n') == 1:
        return None
    return 'status %d, %d samples, %s' % (profiler.returncode, sum(counts), err.decode())


def main(pyflame, rounds, *options):
    bad = collections.Counter()
    for i in range(int(rounds)):
        way = list(WAYS)[i % len(WAYS)]
        wrong = one(pyflame, list(options), way)
        if wrong:
            print('%s: %s' % (way, wrong))
            bad[way] += 1
    print('%s rounds, wrong: %d' % (rounds, sum(bad.values())))
    return 1 if bad else 0


sys.exit(main(*sys.argv[1:]))
