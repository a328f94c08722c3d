# SPDX-License-Identifier: Apache-2.0
"""A parent that waits, and children that work.

    tree.py prefork N [TITLE]   N workers, as servers have them; one that ends is
                                replaced; the first calls itself TITLE
    tree.py waiting N           N children that wait, as the parent does
    tree.py METHOD N            N processes of multiprocessing: fork, spawn, forkserver
    tree.py chain PYTHON        a shell, a child of it, and a child that executes PYTHON
    tree.py daemon              after a while a child of a child, which then ends
    tree.py brief N             N children, 4 at a time, of 1 to 30 ms

TREE_SECONDS limits how long the workers work.
"""
import os
import random
import signal
import sys
import time


# For children that were forked to tell that they work.
working = os.pipe()


def await_work(n):
    for _ in range(n):
        os.read(working[0], 1)


def busy(seconds=float(os.environ.get('TREE_SECONDS', 300)), alone=False):
    """Ends when the parent does, unless it may be alone."""
    os.write(working[1], b'.')
    end, parent = time.time() + seconds, os.getppid()
    while time.time() < end and (alone or os.getppid() == parent):
        sum(range(1000))


def work(title=None):
    if title:
        call_itself(title)
    busy()


def call_itself(title):
    """Writes over the command line, as setproctitle does."""
    with open('/proc/self/stat') as file:
        start, end = [int(field) for field in file.read().rsplit(')', 1)[1].split()[45:47]]
    with open('/proc/self/mem', 'r+b', 0) as memory:
        memory.seek(start)
        memory.write(title.encode()[:end - start - 1].ljust(end - start, b'\0'))


def fork(function, *arguments):
    pid = os.fork()
    if not pid:
        try:
            function(*arguments)
        finally:
            os._exit(0)
    return pid


def say(word):
    sys.stdout.write(word + '\n')
    sys.stdout.flush()


def prefork(n, title=None):
    workers = {}
    for i in range(int(n)):
        workers[fork(work, None if i else title)] = i
    await_work(len(workers))
    say('ready')
    while workers:
        del workers[os.wait()[0]]
        if 'TREE_SECONDS' not in os.environ:
            workers[fork(work)] = 0


def waiting(n):
    for i in range(int(n)):
        fork(time.sleep, 300)
    say('ready')
    time.sleep(300)


def pool(method, n):
    import multiprocessing
    context = multiprocessing.get_context(method)
    children = [context.Process(target=busy) for _ in range(int(n))]
    for child in children:
        child.start()
    if method == 'fork':
        await_work(len(children))
    say('ready')
    for child in children:
        child.join()


def chain(python):
    shell = fork(os.execvp, 'sh', ['sh', '-c', '"$1" "$2" link "$3" & wait', 'sh',
                                   sys.executable, sys.argv[0], python])
    say('ready')
    os.waitpid(shell, 0)


def link(python):
    fork(os.execv, python, [python, sys.argv[0], 'end'])
    busy()


def daemon():
    def middle():
        fork(busy, 60, True)
        time.sleep(.3)
    say('ready')
    time.sleep(.3)
    os.waitpid(fork(middle), 0)
    time.sleep(300)


def brief(n):
    say('ready')
    time.sleep(1)
    for i in range(int(n)):
        if i >= 4:
            os.wait()
        fork(busy, random.uniform(.001, .03))
    for i in range(4):
        os.wait()
    say('over')
    time.sleep(300)


if __name__ == '__main__':
    signal.alarm(300)
    what, arguments = sys.argv[1], sys.argv[2:]
    if what in ('fork', 'spawn', 'forkserver'):
        pool(what, *arguments)
    else:
        {'prefork': prefork, 'waiting': waiting, 'chain': chain, 'link': link, 'end': busy,
         'daemon': daemon, 'brief': brief}[what](*arguments)
