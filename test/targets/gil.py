# SPDX-License-Identifier: Apache-2.0
"""N busy threads (3 by default) contend for the GIL: gil.py [N]

The main thread is the first of them, busy_0; busy_1 and so on are the others.
"""
import signal
import sys
import threading

SOURCE = '''
def busy_%d(arrive):
    arrive()
    n = 0
    while True:
        n += 1
'''


def ready():
    print('ready')
    sys.stdout.flush()


def main(count):
    namespace = {}
    arrived = threading.Semaphore(0)
    for i in range(count):
        exec(compile(SOURCE % i, 'busy_%d.py' % i, 'exec'), namespace)
    for i in range(1, count):
        name = 'busy_%d' % i
        thread = threading.Thread(target=namespace[name], name=name,
                                  args=(arrived.release,))
        thread.daemon = True
        thread.start()
        arrived.acquire()
    namespace['busy_0'](ready)


signal.alarm(300)
main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
