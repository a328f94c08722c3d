# SPDX-License-Identifier: Apache-2.0
"""Children that use 2 to 5 ms of CPU time each and end: births.py KIND COUNT FILE

KIND is fork, pool (of multiprocessing, by fork, one task a worker) or exec (children that
execute Python, and use 50 ms). A second after 'ready' they begin, one after the other. FILE
gets, of each of the functions that they are in, its name and how long that was, in seconds by
their own clocks: CPU time, and time.
"""
import multiprocessing
import os
import random
import subprocess
import sys
import time

FUNCTIONS = 'first', 'second', 'third'


def now():
    return time.process_time(), time.perf_counter()


def spin(begun, seconds):
    while now()[0] < begun + seconds:
        pass


def first(*arguments):
    spin(*arguments)


def second(*arguments):
    spin(*arguments)


def third(*arguments):
    spin(*arguments)


def work(name, seconds):
    """What it took."""
    begun = now()
    globals()[name](begun[0], seconds)
    ended = now()
    return ' '.join([name] + ['%.6f' % (b - a) for a, b in zip(begun, ended)]) + '\n'


def tasks(count):
    rng = random.Random(1)
    for i in range(count):
        yield FUNCTIONS[i % 3], rng.uniform(.002, .005)


def fork(name, seconds):
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(theirs, work(name, seconds).encode())
        os._exit(0)
    os.close(theirs)
    said = os.read(ours, 100).decode()
    os.close(ours)
    os.waitpid(pid, 0)
    return said


def execute(name, seconds):
    return subprocess.check_output([sys.executable, '-S', __file__, 'child', name, '.05']).decode()


def run(kind, count):
    if kind == 'pool':
        with multiprocessing.get_context('fork').Pool(2, maxtasksperchild=1) as pool:
            return pool.starmap(work, tasks(count), chunksize=1)
    return [(fork if kind == 'fork' else execute)(*task) for task in tasks(count)]


def main(kind, count, account):
    print('ready')
    sys.stdout.flush()
    time.sleep(1)
    sums = {}
    for line in run(kind, int(count)):
        name, used, took = line.split()
        before = sums.get(name, (0, 0))
        sums[name] = before[0] + float(used), before[1] + float(took)
    with open(account + '.part', 'w') as file:
        for name, (used, took) in sorted(sums.items()):
            file.write('%s %f %f\n' % (name, used, took))
    os.rename(account + '.part', account)


if sys.argv[1] == 'child':
    sys.stdout.write(work(sys.argv[2], float(sys.argv[3])))
else:
    main(*sys.argv[1:])
