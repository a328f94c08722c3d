# SPDX-License-Identifier: Apache-2.0
"""A parent that waits, and children that work.

    tree.py prefork N        forks N workers, as web servers do; replaces one that ends
    tree.py fork|spawn|forkserver N    a pool of multiprocessing
    tree.py chain PYTHON     a shell between this and a child that executes PYTHON
    tree.py daemon           a child of a child that has ended, a while after its birth
    tree.py brief N MS       N children, 4 at a time, that live up to MS milliseconds
"""
import os
import random
import signal
import sys
import time


def busy(seconds=300):
    end = time.time() + seconds
    while time.time() < end:
        sum(range(1000))


def worker(number=0):
    if number == 0 and len(sys.argv) > 3:
        name_itself()
    busy()


def name_itself():
    """As setproctitle does: writes over the command line."""
    with open('/proc/self/stat') as file:
        start, end = map(int, file.read().rsplit(')', 1)[1].split()[45:47])
    title = sys.argv[3].encode()[:end - start - 1]
    with open('/proc/self/mem', 'r+b', 0) as memory:
        memory.seek(start)
        memory.write(title.ljust(end - start, b'\0'))


def fork(function, *arguments):
    pid = os.fork()
    if not pid:
        try:
            function(*arguments)
        finally:
            os._exit(0)
    return pid


def say_ready():
    sys.stdout.write('ready\n')
    sys.stdout.flush()


def wait_for_children():
    while True:
        try:
            os.wait()
        except OSError:
            return


def prefork():
    workers = dict((fork(worker, i), i) for i in range(int(sys.argv[2])))
    say_ready()
    while workers:
        pid, _ = os.wait()
        number = workers.pop(pid)
        workers[fork(worker, number)] = number


def pool(method):
    import multiprocessing
    context = multiprocessing.get_context(method)
    children = [context.Process(target=busy, daemon=True) for _ in range(int(sys.argv[2]))]
    for child in children:
        child.start()
    say_ready()
    for child in children:
        child.join()


def chain():
    command = ['sh', '-c', '"$1" "$2" link "$3" & wait', 'sh', sys.executable, sys.argv[0],
               sys.argv[2]]
    shell = fork(os.execvp, 'sh', command)
    say_ready()
    os.waitpid(shell, 0)


def link():
    fork(os.execv, sys.argv[2], [sys.argv[2], sys.argv[0], 'end'])
    busy()


def daemon():
    def middle():
        fork(busy)
        time.sleep(.5)
    os.waitpid(fork(middle), 0)
    say_ready()
    time.sleep(300)


def brief():
    say_ready()
    running = 0
    for _ in range(int(sys.argv[2])):
        if running == 4:
            os.wait()
            running -= 1
        fork(busy, random.uniform(.001, float(sys.argv[3]) / 1000))
        running += 1
    wait_for_children()
    sys.stdout.write('done\n')
    sys.stdout.flush()
    time.sleep(300)


if __name__ == '__main__':
    signal.alarm(300)
    what = sys.argv[1]
    if what in ('fork', 'spawn', 'forkserver'):
        pool(what)
    else:
        {'prefork': prefork, 'chain': chain, 'link': link, 'end': busy, 'daemon': daemon,
         'brief': brief}[what]()
