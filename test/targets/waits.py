# SPDX-License-Identifier: Apache-2.0
"""Threads that wait in ways that they know: waits.py FOLDER

Each thread is called what it waits in. Before 'ready' comes a line NAME<TAB>REGEX for each:
what pyflame is to say of it after 'waits: '. FOLDER is for files, and empty.
SIGTERM ends it and its children.
"""
from __future__ import print_function
import ctypes
import errno
import fcntl
import functools
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

folder = sys.argv[1]
signal.alarm(300)
waits = []
helpers = []  # processes
libc = ctypes.CDLL(None, use_errno=True)
me = open('/proc/self/cmdline').read().rstrip('\0').split('\0')
me = re.escape(' '.join([os.path.basename(me[0])] + me[1:])[:80]) + '[.]{0,3}'


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


def close_all_but(*kept):
    for fd in range(3, 256):
        if fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass


def helper(prepare):
    """A process with what prepare() returns, and nothing else of ours: its pid."""
    told, tells = os.pipe()
    pid = os.fork()
    if not pid:
        signal.alarm(300)
        kept = prepare()
        close_all_but(kept.fileno(), tells)
        os.write(tells, b'done')
        signal.pause()
    os.close(tells)
    assert os.read(told, 4) == b'done'
    os.close(told)
    helpers.append(pid)
    return pid


def hold(name, how, operation, *args):
    """A process with a lock of a file: its pid."""
    def prepare():
        held = open(file(name), 'a+')
        how(held, operation, *args)
        return held
    return helper(prepare)


def command(*args):
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True)
    helpers.append(process.pid)
    return process


holder = hold('record', fcntl.lockf, fcntl.LOCK_EX)
lock = threading.Lock()
lock.acquire()
other_lock = threading.Lock()
other_lock.acquire()
listening, client, server = connected(socket.AF_INET, '127.0.0.1')
pipe = os.pipe()
child = command('cat')
stopped = command('sleep', '300')
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
helpers.append(reader.pid)
os.close(full[0])


@waits_for('write pipe to %d sleep 300' % reader.pid)
def full_pipe():
    while True:
        os.write(full[1], b'x' * 65536)


@waits_for('(wait4|waitpid|waitid) child %d cat, waiting' % child.pid)
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


@waits_for('accept unix %s LISTEN, 0 to be accepted' % re.escape(file('socket')))
def unix_accept():
    named.accept()


pair = socket.socketpair()


@waits_for('recv unix with itself')
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
    @waits_for('rt_sigtimedwait a signal of SIGUSR2')
    def a_signal():
        signal.sigwait([signal.SIGUSR2])


# --- times ---

@waits_for('sleep, for 250.0 s at most')
def sleep_by_select():
    select.select([], [], [], 250)


@waits_for('sleep, for 280.0 s at most')
def sleep_in_c():
    libc.sleep(280)


@waits_for('poll, for 200.0 s at most')
def poll_nothing():
    select.poll().poll(200000)


class Timespec(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('ns', ctypes.c_long)]


@waits_for('poll pipe from itself, for 90.2 s at most')
def ppoll():
    fds = ctypes.create_string_buffer(struct.pack('ihh', pipe[0], 1, 0))
    libc.ppoll(fds, 1, ctypes.byref(Timespec(90, 200000000)), None)


if sys.version_info[0] > 2:
    @waits_for('lock, 2[0-9]{2}[0-9.]+ s left')
    def lock_with_timeout():
        other_lock.acquire(timeout=290)

    @waits_for('lock, 2[0-9]{2}[0-9.]+ s left')
    def event_with_timeout():
        threading.Event().wait(295)

    @waits_for('rt_sigtimedwait a signal of SIGUSR1, SIGUSR2, for 260.0 s at most')
    def signal_with_timeout():
        signal.sigtimedwait([signal.SIGUSR1, signal.SIGUSR2], 260)


@waits_for('lock')
def event():
    threading.Event().wait()


@waits_for('lock')
def condition():
    one = threading.Condition()
    with one:
        one.wait()


@waits_for('lock')
def semaphore():
    threading.Semaphore(0).acquire()


@waits_for('(pause|rt_sigsuspend|ppoll) a signal')
def pause():
    libc.pause()


# --- descriptors without a file ---

eventfd = libc.eventfd(0, 0)


@waits_for('read eventfd')
def read_eventfd():
    os.read(eventfd, 8)


timerfd = libc.timerfd_create(1, 0)
libc.timerfd_settime(timerfd, 0, (Timespec * 2)(Timespec(0, 0), Timespec(300, 0)), None)


@waits_for('read timerfd, 2[0-9]{2}[0-9.]+ s left')
def read_timerfd():
    os.read(timerfd, 8)


unset = libc.timerfd_create(1, 0)


@waits_for('read timerfd, not set')
def read_unset_timerfd():
    os.read(unset, 8)


signals = (ctypes.c_uint64 * 16)(1 << signal.SIGWINCH - 1 | 1 << signal.SIGURG - 1)
signalfd = libc.signalfd(-1, signals, 0)


@waits_for('read signalfd of (SIGURG, SIGWINCH|SIGWINCH, SIGURG)')
def read_signalfd():
    os.read(signalfd, 128)


os.mkdir(file('watched'))
inotify = libc.inotify_init()
assert libc.inotify_add_watch(inotify, file('watched').encode(), 0x100) >= 0
assert libc.inotify_add_watch(inotify, file('record').encode(), 0x400) >= 0


@waits_for('read inotify of 2 files')
def read_inotify():
    os.read(inotify, 1024)


pidfd = libc.syscall(434, child.pid, 0)
if pidfd >= 0:
    @waits_for('poll pidfd of %d cat, waiting' % child.pid)
    def poll_pidfd():
        one = select.poll()
        one.register(pidfd, select.POLLIN)
        one.poll()

    @waits_for('waitid pidfd of %d cat, waiting' % child.pid)
    def waitid_pidfd():
        libc.waitid(3, pidfd, ctypes.create_string_buffer(256), 4)


nothing = select.epoll()


@waits_for('epoll nothing')
def epoll_nothing():
    nothing.poll()


several = select.epoll()
for one in pipe[0], eventfd, timerfd, listening.fileno(), signalfd:
    several.register(one, select.EPOLLPRI)


watched = '(%s)' % '|'.join([
    'pipe from itself', 'eventfd', 'timerfd, 2[0-9]{2}[0-9.]+ s left',
    'tcp %s LISTEN, 0 to be accepted' % address(listening), 'signalfd of SIGURG, SIGWINCH'])


@waits_for('epoll %s, %s, %s and 2 more, for 60.0 s at most' % (watched, watched, watched))
def epoll_several():
    several.poll(60)


@waits_for('poll pipe from itself, eventfd, signalfd of (SIGURG, SIGWINCH|SIGWINCH, SIGURG)')
def poll_several():
    fds = b''.join(struct.pack('ihh', fd, 2, 0) for fd in (pipe[0], eventfd, signalfd))
    libc.poll(ctypes.create_string_buffer(fds), 3, -1)


within = select.epoll()
within.register(several.fileno(), select.EPOLLPRI)


@waits_for('epoll eventpoll')
def epoll_within():
    within.poll()


# --- pipes and files ---

empty, other = os.pipe(), os.pipe()


@waits_for('splice pipe from itself to pipe to itself')
def splice():
    libc.splice(empty[0], None, other[1], None, 1, 0)


@waits_for('tee pipe from itself')
def tee():
    libc.tee(empty[0], other[1], ctypes.c_size_t(1), 0)


os.mkfifo(file('both'))
both = os.open(file('both'), os.O_RDWR)


@waits_for('read %s' % re.escape(file('both')))
def read_fifo():
    os.read(both, 1)


os.mkfifo(file('full'))
crammed = os.open(file('full'), os.O_RDWR)


@waits_for('write %s' % re.escape(file('full')))
def write_fifo():
    while True:
        os.write(crammed, b'x' * 65536)


os.mkfifo(file('unread'))


@waits_for('open(at)? %s' % re.escape(file('unread')))
def open_fifo_to_write():
    os.open(file('unread'), os.O_WRONLY)


busy_master, busy_terminal = os.openpty()


@waits_for('write %s' % re.escape(os.ttyname(busy_terminal)))
def write_tty():
    while True:
        os.write(busy_terminal, b'x' * 4096)


# --- locks of files ---

def any_of(pids):
    """Those processes, in any order; three of them if there are more."""
    one = '(%s) %s' % ('|'.join(map(str, pids)), me)
    more = len(pids) - 3
    return ', '.join([one] * min(len(pids), 3)) + (' and %d more' % more if more > 0 else '')


def will_lock(name, how, *args):
    wanted = open(file(name), 'a+')
    return lambda: how(wanted, fcntl.LOCK_EX, *args)


two = [hold('two', fcntl.flock, fcntl.LOCK_SH) for _ in range(2)]
five = [hold('five', fcntl.flock, fcntl.LOCK_SH) for _ in range(5)]
by_record = hold('mixed', fcntl.lockf, fcntl.LOCK_EX)
by_flock = hold('mixed', fcntl.flock, fcntl.LOCK_EX)
first = hold('ranges', fcntl.lockf, fcntl.LOCK_EX, 10, 0)
second = hold('ranges', fcntl.lockf, fcntl.LOCK_EX, 10, 100)
readers = [hold('shared', fcntl.lockf, fcntl.LOCK_SH) for _ in range(2)]
lock_two_holders = will_lock('two', fcntl.flock)
lock_five_holders = will_lock('five', fcntl.flock)
lock_mixed = will_lock('mixed', fcntl.flock)
lock_mixed_record = will_lock('mixed', fcntl.lockf)
lock_range = will_lock('ranges', fcntl.lockf, 50, 105)
lock_shared = will_lock('shared', fcntl.lockf)


@waits_for('flock %s held by %s' % (re.escape(file('two')), any_of(two)))
def flock_of_two():
    lock_two_holders()


@waits_for('flock %s held by %s' % (re.escape(file('five')), any_of(five)))
def flock_of_five():
    lock_five_holders()


@waits_for('flock %s held by %d %s' % (re.escape(file('mixed')), by_flock, me))
def flock_not_record():
    lock_mixed()


@waits_for('fcntl %s held by %d %s' % (re.escape(file('mixed')), by_record, me))
def record_not_flock():
    lock_mixed_record()


@waits_for('fcntl %s held by %d %s' % (re.escape(file('ranges')), second, me))
def record_of_range():
    lock_range()


@waits_for('fcntl %s held by %s' % (re.escape(file('shared')), any_of(readers)))
def record_of_readers():
    lock_shared()


passed_on = open(file('passed'), 'a+')
gone = os.fork()  # who took the lock has ended, a child of it has it
if not gone:
    passed = open(file('passed'), 'a+')
    fcntl.flock(passed, fcntl.LOCK_EX)
    if os.fork():
        os._exit(0)
    signal.alarm(300)
    close_all_but(passed.fileno())
    open(file('heir'), 'w').write(str(os.getpid()))
    signal.pause()
os.waitpid(gone, 0)
while not os.path.exists(file('heir')) or not open(file('heir')).read():
    time.sleep(0.01)
helpers.append(int(open(file('heir')).read()))


@waits_for('flock %s' % re.escape(file('passed')))
def flock_passed_on():
    fcntl.flock(passed_on, fcntl.LOCK_EX)


# --- children ---

@waits_for('(wait4|waitpid|waitid) any child')
def wait_for_any():
    os.wait()


@waits_for('waitid child %d sleep 300, stopped' % stopped.pid)
def waitid():
    libc.waitid(1, stopped.pid, ctypes.create_string_buffer(256), 4)


# --- sockets ---

def unix(kind, name=None):
    one = socket.socket(socket.AF_UNIX, kind)
    if name:
        one.bind(name)
    return one


serving, unix_one = unix(socket.SOCK_STREAM, file('server')), unix(socket.SOCK_STREAM)
serving.listen(1)
unix_one.connect(file('server'))
accepted = serving.accept()[0]
keeper = helper(lambda: accepted)
accepted.close()


@waits_for('recv unix [^ ]+ %s with %d %s' % (re.escape(file('server')), keeper, me))
def unix_client():
    unix_one.recv(1)


datagram = unix(socket.SOCK_DGRAM, file('datagrams'))


@waits_for('recv unix %s' % re.escape(file('datagrams')))
def unix_datagram():
    datagram.recv(1)


abstract = unix(socket.SOCK_STREAM, '\0waits.%d' % os.getpid())
abstract.listen(5)
waiting = [unix(socket.SOCK_STREAM) for _ in range(2)]
for one in waiting:
    one.connect('\0waits.%d' % os.getpid())


@waits_for('poll unix @waits.%d LISTEN, 2 to be accepted' % os.getpid())
def unix_listening():
    one = select.poll()
    one.register(abstract.fileno(), select.POLLPRI)
    one.poll()


no_room = unix(socket.SOCK_STREAM, file('no room'))
no_room.listen(0)
last = unix(socket.SOCK_STREAM)
last.connect(file('no room'))
late = unix(socket.SOCK_STREAM)


@waits_for('connect unix [^ ]+ %s' % re.escape(file('no room')))
def unix_connect():
    late.connect(file('no room'))


stuffed = socket.socketpair()


@waits_for('send unix with itself')
def unix_send():
    while True:
        stuffed[0].send(b'x' * 65536)


sent, sent_to = socket.socketpair()
content = open(sys.argv[0], 'rb')


@waits_for('sendfile unix with itself')
def sendfile():
    while True:
        offset = ctypes.c_long(0)
        libc.sendfile(sent.fileno(), content.fileno(), ctypes.byref(offset), ctypes.c_size_t(4096))


tcp, sender, receiver = connected(socket.AF_INET, '127.0.0.1')


@waits_for('send tcp %s [^ ]+ %s ESTABLISHED' % (address(sender), address(receiver)))
def tcp_send():
    while True:
        sender.send(b'x' * 65536)


pending = socket.socket()
pending.bind(('127.0.0.1', 0))
pending.listen(5)
calls = [socket.create_connection(pending.getsockname()) for _ in range(3)]


@waits_for('poll tcp %s LISTEN, 3 to be accepted, for 88.0 s at most' % address(pending))
def tcp_listening():
    one = select.poll()
    one.register(pending.fileno(), select.POLLPRI)
    one.poll(88000)


deaf = socket.socket()
deaf.bind(('127.0.0.1', 0))
deaf.listen(0)
unheard = socket.create_connection(deaf.getsockname())
caller = socket.socket()
caller.bind(('127.0.0.1', 0))


@waits_for('connect tcp %s [^ ]+ %s SYN_SENT' % (address(caller), address(deaf)))
def tcp_connect():
    caller.connect(deaf.getsockname())


mail = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mail.bind(('127.0.0.1', 0))
mail.connect(datagrams.getsockname())


@waits_for('recv udp %s [^ ]+ %s' % (address(mail), address(datagrams)))
def udp_connected():
    mail.recv(1)


if six:
    mail6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    mail6.bind(('::1', 0))

    @waits_for('recv udp %s' % address(mail6))
    def udp6():
        mail6.recv(1)

    @waits_for('accept tcp %s LISTEN, 0 to be accepted' % address(six[0]))
    def accept6():
        six[0].accept()


def by_libc(family, kind, protocol):
    """Python 2 does not know some families."""
    fd = libc.socket(family, kind, protocol)
    if fd < 0:
        print(family, os.strerror(ctypes.get_errno()), file=sys.stderr)
    return fd


def receive(fd):
    libc.recv(fd, ctypes.create_string_buffer(64), 64, 0)


unbound = by_libc(16, 3, 0)  # the kernel's list lacks it
if unbound >= 0:
    @waits_for('recv netlink')
    def netlink():
        receive(unbound)
for protocol, name in (0, 'route'), (15, 'kobject_uevent'):
    fd = by_libc(16, 3, protocol)
    if fd >= 0 and not libc.bind(fd, struct.pack('HHII', 16, 0, 0, 0), 12):
        waits.append((functools.partial(receive, fd), 'recv netlink ' + name))
packets = by_libc(17, 3, 0) if not os.geteuid() else -1
if packets >= 0:
    @waits_for('recv packet')
    def packet():
        receive(packets)
vsock = by_libc(40, 1, 0)
if vsock >= 0 and not libc.bind(vsock, struct.pack('HHIIB3x', 40, 0, 2 ** 32 - 1, 2 ** 32 - 1, 0), 16):
    libc.listen(vsock, 1)

    @waits_for('accept vsock')
    def vsock_accept():
        libc.accept(vsock, None, None)

# --- System V ---

queue = libc.msgget(0, 0o1600)
if queue >= 0:
    @waits_for('msgrcv|ipc')
    def message():
        libc.msgrcv(queue, ctypes.create_string_buffer(64), ctypes.c_size_t(16), ctypes.c_long(0), 0)
semaphores = libc.semget(0, 1, 0o1600)
if semaphores >= 0:
    @waits_for('semop|semtimedop|ipc')
    def sysv_semaphore():
        libc.semop(semaphores, struct.pack('Hhh', 0, -1, 0), ctypes.c_size_t(1))


BLOCK = 0  # SIG_BLOCK; 1 is SIG_UNBLOCK


def start(function):
    name = getattr(function, '__name__', 'receive_%d' % len(threading.enumerate()))
    thread = threading.Thread(target=function, name=name)
    thread.daemon = True
    thread.start()
    return name


def main():
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    # What reads signals from a descriptor would else take that one, too.
    term = (ctypes.c_uint64 * 16)(1 << signal.SIGTERM - 1)
    libc.pthread_sigmask(BLOCK, term, None)
    for function, regex in waits:
        print('%s\t%s' % (start(function), regex))
    libc.pthread_sigmask(1 - BLOCK, term, None)
    print('ready')
    sys.stdout.flush()
    try:
        signal.pause()
    finally:
        for process in helpers:
            os.kill(process, signal.SIGKILL)
        libc.msgctl(queue, 0, None)
        libc.semctl(semaphores, 0, 0, 0)


main()
