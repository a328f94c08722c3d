# SPDX-License-Identifier: Apache-2.0
"""Threads that move now and then, beside one that is busy: turns.py THREADS FILE

Each of them waits in one of four functions after the other, for some milliseconds.
After SIGTERM FILE gets a line for each such call: the thread's name, the function's
and the times, in seconds since the epoch, before and after it.
"""
import random
import signal
import sys
import threading
import time

FUNCTIONS = ['rest_%d' % i for i in range(4)]
SOURCE = '''
def %s(seconds):
    time.sleep(seconds)
'''
calls = []
ended = threading.Event()


def mover(name, seed):
    choice = random.Random(seed)
    while not ended.is_set():
        function = choice.choice(FUNCTIONS)
        began = time.time()
        globals()[function](choice.uniform(0.001, 0.05))
        calls.append('%s %s %.6f %.6f\n' % (name, function, began, time.time()))


def busy():
    for _ in range(1000):
        pass


def main(count, path):
    for name in FUNCTIONS:
        exec(SOURCE % name, globals())
    signal.signal(signal.SIGTERM, lambda *args: ended.set())
    threads = [threading.Thread(target=mover, args=('mover_%d' % i, i), name='mover_%d' % i)
               for i in range(count)]
    for thread in threads:
        thread.start()
    print('ready')
    sys.stdout.flush()
    while not ended.is_set():
        busy()
    for thread in threads:
        thread.join()
    with open(path, 'w') as f:
        f.writelines(calls)


signal.alarm(300)
main(int(sys.argv[1]), sys.argv[2])
