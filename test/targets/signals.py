# SPDX-License-Identifier: Apache-2.0
"""Count signals, sent one after the other, to find out if any gets lost.

SIGUSR1 and SIGUSR2 come from a child process, which sends the next one when the
last has been received; so does a real-time signal, queued five at a time (on
Python 2 one at a time). SIGALRM comes from a timer, SIGCHLD from children that
exit. On SIGTERM prints a line `NAME sent N received N` for each and exits with
status 0 if these are equal, else 1.
"""
from __future__ import print_function
import collections
import ctypes
import errno
import fcntl
import os
import signal
import sys
import time

PY3 = sys.version_info[0] >= 3
REAL_TIME = signal.SIGRTMIN + 1
NAMES = collections.OrderedDict([
    (signal.SIGUSR1, 'SIGUSR1'), (signal.SIGUSR2, 'SIGUSR2'),
    (REAL_TIME, 'SIGRTMIN+1'), (signal.SIGALRM, 'SIGALRM'),
    (signal.SIGCHLD, 'SIGCHLD')])
FROM_CHILD = {signal.SIGUSR1: 1, signal.SIGUSR2: 1, REAL_TIME: 5 if PY3 else 1}
sent, received = collections.Counter(), collections.Counter()
stopped = []


def read(fd, size):
    """os.read, which on Python 2 any signal interrupts."""
    while True:
        try:
            return os.read(fd, size)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise


def send(parent, acknowledged, report):
    """The child: its loop ends when the parent closes the other end."""
    libc = ctypes.CDLL(None)
    while True:
        for number, count in FROM_CHILD.items():
            time.sleep(.0005)
            for i in range(count):
                libc.sigqueue(parent, int(number), ctypes.c_void_p(i))
                sent[number] += 1
            for _ in range(count):
                if not os.read(acknowledged, 1):
                    counts = ['%d' % sent[number] for number in FROM_CHILD]
                    os.write(report, ' '.join(counts).encode('ascii'))
                    return


def fork(function, *args):
    pid = os.fork()
    if pid == 0:
        try:
            function(*args)
        finally:
            os._exit(0)
    return pid


def nothing():
    pass


def busy():
    for _ in range(2000):
        pass


class Arrivals(object):
    """The numbers of the signals that have arrived.

    Python 3 writes each to a pipe at once, while it may call a handler but once
    for several signals. A handler must not count, another may interrupt it.
    """
    def __init__(self):
        self.handled = collections.deque()
        self.reader, self.writer = os.pipe()
        for fd in self.reader, self.writer:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        for number in NAMES:
            signal.signal(number, self.handle)

    def start(self):
        if PY3:
            signal.set_wakeup_fd(self.writer)

    def handle(self, number, frame):
        if not PY3:
            self.handled.append(number)

    def take(self):
        if PY3:
            try:
                self.handled.extend(os.read(self.reader, 65536))
            except BlockingIOError:
                pass
        while self.handled:
            yield self.handled.popleft()


def step(arrivals, children, ack):
    """Count, and let the next SIGALRM and SIGCHLD come if the last one has."""
    busy()
    for number in arrivals.take():
        if number in NAMES:
            received[number] += 1
        if number in FROM_CHILD and not stopped:
            os.write(ack, b'.')
    if sent[signal.SIGALRM] == received[signal.SIGALRM] and not stopped:
        sent[signal.SIGALRM] += 1
        signal.setitimer(signal.ITIMER_REAL, .003)
    if sent[signal.SIGCHLD] == received[signal.SIGCHLD]:
        while children:
            os.waitpid(children.pop(), 0)
        if not stopped:
            sent[signal.SIGCHLD] += 1
            children.append(fork(nothing))


def wait_for_the_last(kinds, *args):
    end = time.time() + 30
    while (any(sent[kind] != received[kind] for kind in kinds) and
           time.time() < end):
        step(*args)


def main():
    (ack_reader, ack_writer), (report_reader, report_writer) = (
        os.pipe(), os.pipe())
    arrivals = Arrivals()
    signal.signal(signal.SIGTERM, lambda *args: stopped.append(True))

    def child():
        os.close(ack_writer)
        send(parent, ack_reader, report_writer)
    parent = os.getpid()
    arrivals.start()
    sender = fork(child)
    os.close(ack_reader)
    os.close(report_writer)

    children, end = [], time.time() + 300
    while not all(received[number] for number in NAMES):
        step(arrivals, children, ack_writer)
    print('ready')
    sys.stdout.flush()
    while not stopped and time.time() < end:
        step(arrivals, children, ack_writer)
    stopped.append(True)
    wait_for_the_last([signal.SIGALRM, signal.SIGCHLD],
                      arrivals, children, ack_writer)
    os.close(ack_writer)
    for number, total in zip(FROM_CHILD, read(report_reader, 1000).split()):
        sent[number] = int(total)
    sent[signal.SIGCHLD] += 1
    wait_for_the_last(NAMES, arrivals, [sender], None)
    for number, name in NAMES.items():
        print(name, 'sent', sent[number], 'received', received[number])
    sys.exit(sent != received)


main()
