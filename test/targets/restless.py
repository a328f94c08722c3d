# SPDX-License-Identifier: Apache-2.0
"""Be in 10,000 different stacks, one after the other, for ever, while code objects
and threads come and go. What they are called is of a bounded number, so that no
profile of it has a reason to grow: restless.py SECONDS
"""
import itertools
import signal
import sys
import threading
import time

DIGIT = '''
def digit_%d(path):
    if path:
        path[0](path[1:])
    else:
        spin()
'''
PASSING = '''%s
def passing_%d(): spin()
'''


def spin():
    for _ in range(200):
        pass


def make(source, name, file):
    names = {'spin': spin}
    exec(compile(source, file, 'exec'), names)
    return names[name]


def visit():
    digits = [make(DIGIT % i, 'digit_%d' % i, 'digits.py') for i in range(10)]
    for path in itertools.cycle(itertools.product(digits, repeat=4)):
        path[0](path[1:])


def come_and_go():
    for i in itertools.count():
        i %= 1000
        name = 'passing_%d' % i
        make(PASSING % ('\n' * i, i), name, 'passing_%d.py' % i)()
        time.sleep(.001)


def short_lives():
    while True:
        time.sleep(.005)
        threading.Thread(target=time.sleep, args=(.02,)).start()


signal.alarm(int(sys.argv[1]))
for function in come_and_go, short_lives:
    thread = threading.Thread(target=function)
    thread.daemon = True
    thread.start()
print('ready')
sys.stdout.flush()
visit()
