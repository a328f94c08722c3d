# SPDX-License-Identifier: Apache-2.0
"""Threads that wait in ways that they know: waits.py FOLDER

Each thread is called what it waits in. Before 'ready' comes a line NAME<TAB>REGEX for each:
what pyflame is to say of it after 'waits: '. FOLDER is for files, and empty.
SIGTERM ends it and its children.
"""
from __future__ import print_function
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

folder = sys.argv[1]
signal.alarm(300)
waits = []


def waits_for(regex):
    def decorate(function):
        waits.append((function, regex))
        return function
    return decorate


def address(sock):
    host, port = sock.getsockname()[:2]
    return re.escape('[%s]:%d' % (host, port) if ':' in host else '%s:%d' % (host, port))


def file(name):
    return os.path.join(folder, name)


def connected(family, host):
    listening = socket.socket(family)
    listening.bind((host, 0))
    listening.listen(5)
    client = socket.socket(family)
    client.connect(listening.getsockname())
    server = listening.accept()[0]
    return listening, client, server


def hold_record():
    """A process with a lock, and nothing else of ours: its pid."""
    told, tells = os.pipe()
    pid = os.fork()
    if not pid:
        signal.alarm(300)
        held = open(file('record'), 'w')
        fcntl.lockf(held, fcntl.LOCK_EX)
        os.write(tells, b'held')
        signal.pause()
    os.read(told, 4)
    os.close(told)
    os.close(tells)
    return pid


holder = hold_record()
lock = threading.Lock()
lock.acquire()
listening, client, server = connected(socket.AF_INET, '127.0.0.1')
pipe = os.pipe()
child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         close_fds=True)
stopped = subprocess.Popen(['sleep', '300'], close_fds=True)
os.kill(stopped.pid, signal.SIGSTOP)
os.mkfifo(file('fifo'))


@waits_for('sleep, ([0-9.]+ s left|for 250.0 s at most)')
def sleep():
    time.sleep(250)


@waits_for('sleep, (2[0-9]{2}[0-9.]+ s left|for 299.5 s at most)')
def sleep_fraction():
    time.sleep(299.5)


@waits_for('lock(, 1 other waits for it too)?')
def lock_one():
    lock.acquire()


@waits_for('lock(, 1 other waits for it too)?')
def lock_two():
    lock.acquire()


@waits_for('recv tcp %s [^ ]+ %s ESTABLISHED' % (address(client), address(server)))
def recv():
    client.recv(1)


@waits_for('accept tcp %s LISTEN, 0 to be accepted' % address(listening))
def accept():
    listening.accept()


@waits_for('read pipe from itself')
def own_pipe():
    os.read(pipe[0], 1)


@waits_for('read pipe from %d cat' % child.pid)
def pipe_of_child():
    child.stdout.read(1)


full = os.pipe()
reader = subprocess.Popen(['sleep', '300'], stdin=full[0], close_fds=True)
os.close(full[0])


@waits_for('write pipe to %d sleep 300' % reader.pid)
def full_pipe():
    while True:
        os.write(full[1], b'x' * 65536)


@waits_for('(wait4|waitpid|waitid) child %d cat' % child.pid)
def wait_for_child():
    os.waitpid(child.pid, 0)


@waits_for('(wait4|waitpid|waitid) child %d sleep 300, stopped' % stopped.pid)
def wait_for_stopped():
    os.waitpid(stopped.pid, 0)


poller = select.epoll()
poller.register(listening.fileno(), 1)


@waits_for('epoll tcp %s LISTEN, 0 to be accepted, for 100.0 s at most' % address(listening))
def epoll():
    poller.poll(100)


@waits_for('poll tcp %s [^ ]+ %s ESTABLISHED, for 50.0 s at most' % (address(client), address(server)))
def poll():
    waiting = select.poll()
    waiting.register(client.fileno(), 1)
    waiting.poll(50000)


@waits_for('select tcp %s [^ ]+ %s ESTABLISHED, pipe from itself, for 77.0 s at most' %
           (address(client), address(server)))
def select_two():
    select.select([client, pipe[0]], [], [], 77)


named = socket.socket(socket.AF_UNIX)
named.bind(file('socket'))
named.listen(1)


@waits_for('accept unix %s' % re.escape(file('socket')))
def unix_accept():
    named.accept()


pair = socket.socketpair()


@waits_for('recv unix')
def unix_pair():
    pair[0].recv(1)


locked = open(file('locked'), 'w')
fcntl.flock(locked, fcntl.LOCK_EX)
wanted = open(file('locked'), 'w')


@waits_for('flock %s held by itself' % re.escape(file('locked')))
def flock():
    fcntl.flock(wanted, fcntl.LOCK_EX)


record = open(file('record'), 'w')


@waits_for('fcntl %s held by %d .+' % (re.escape(file('record')), holder))
def lockf():
    fcntl.lockf(record, fcntl.LOCK_EX)


@waits_for('open(at)? %s' % re.escape(file('fifo')))
def open_fifo():
    open(file('fifo')).read()


datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(('127.0.0.1', 0))


@waits_for('recv udp %s' % address(datagrams))
def udp():
    datagrams.recvfrom(10)


try:
    six = connected(socket.AF_INET6, '::1')
except (OSError, socket.error):
    six = None
if six:
    @waits_for(r'recv tcp %s [^ ]+ %s ESTABLISHED' % (address(six[1]), address(six[2])))
    def recv6():
        six[1].recv(1)


master, terminal = os.openpty()


@waits_for('read %s' % re.escape(os.ttyname(terminal)))
def tty():
    os.read(terminal, 1)


if hasattr(signal, 'sigwait'):
    @waits_for('rt_sigtimedwait a signal')
    def a_signal():
        signal.sigwait([signal.SIGUSR2])


def main():
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    for function, regex in waits:
        thread = threading.Thread(target=function, name=function.__name__)
        thread.daemon = True
        thread.start()
        print('%s\t%s' % (function.__name__, regex))
    print('ready')
    sys.stdout.flush()
    try:
        signal.pause()
    finally:
        for process in child.pid, stopped.pid, reader.pid, holder:
            os.kill(process, signal.SIGKILL)


main()
