# SPDX-License-Identifier: Apache-2.0
"""What hangs.py and healthy.py stage programs with.

A guardian, which is no child of the program, says "ready" when the program stands, and
clears away behind it when it ends, however that is. Helpers are children and end with it.
"""
from __future__ import print_function
import ctypes
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

LIMIT = 300         # seconds that a program lives at most
PATIENCE = 40       # seconds that it has until it stands
UNAVAILABLE = 77    # status if it can't be staged here
PR_SET_PDEATHSIG, PR_SET_PTRACER = 1, 0x59616d61

libc = ctypes.CDLL(None, use_errno=True)
folder = None       # for files; removed at the end
cgroups = []        # to be removed at the end: folder, file that thaws it, word for that
go = None           # the pipe by which the guardian is told


def unavailable(why):
    print('needs ' + why, file=sys.stderr)
    os._exit(UNAVAILABLE)


def file(name):
    return os.path.join(folder, name)


def tells(*words):
    """A line to be printed before "ready"."""
    print(*words)
    sys.stdout.flush()


# --- what is seen of a process from outside -----------------------------------

def read(*path):
    with open(os.path.join('/proc', *[str(part) for part in path])) as opened:
        return opened.read()


def fields(pid, tid):
    """Of a thread: its state, CPU time in ticks, and how often it was off the CPU."""
    words = read(pid, 'task', tid, 'stat').rpartition(')')[2].split()
    switches = sum(int(line.split()[1]) for line in read(pid, 'task', tid, 'status').splitlines()
                   if 'ctxt_switches' in line)
    return words[0], int(words[11]) + int(words[12]), switches


def threads(pid):
    return [fields(pid, tid) for tid in os.listdir('/proc/%d/task' % pid)]


def cpu_time(pid):
    """In ticks, threads that have ended included."""
    words = read(pid, 'stat').rpartition(')')[2].split()
    return int(words[11]) + int(words[12])


def is_alive(pid):
    try:
        return read(pid, 'stat').rpartition(')')[2].split()[0] != 'Z'
    except EnvironmentError:
        return False


def is_to_be_killed(pid):
    """What is frozen can't die."""
    for line in read(pid, 'status').splitlines():
        if line.startswith(('SigPnd:', 'ShdPnd:')) and int(line.split()[1], 16) >> 8 & 1:
            return True
    return False


def is_busy(pid, since):
    return cpu_time(pid) - since >= 10


def keeps(pid, states, calm):
    """One or more threads are in these states for a while, the others sleep; nothing moves.

    calm: they may wake up, if only for so little that it is hardly seen.
    """
    before, since = threads(pid), cpu_time(pid)
    for _ in range(6):
        time.sleep(0.05)
        now = threads(pid)
        seen = set(thread[0] for thread in now)
        if not seen & set(states) or seen - set(states + 'S') or len(now) != len(before):
            return False
        if now != before if not calm else cpu_time(pid) - since > 3:
            return False
    return True


def stands(pid, kind, since):
    if kind == 'any':
        return True
    try:
        if kind == 'busy':
            return is_busy(pid, since)
        return keeps(pid, {'calm': 'S', 'frozen': 'DSRT'}.get(kind, kind), kind == 'calm')
    except EnvironmentError:
        return False # a thread has just ended


# --- the guardian -------------------------------------------------------------

def write_file(name, text):
    with open(name, 'w') as opened:
        opened.write(text)


def thaw():
    for _, control, word in cgroups:
        if control:
            write_file(control, word)


def clear_away():
    shutil.rmtree(folder, ignore_errors=True)
    for group, _, _ in cgroups:
        for _ in range(100):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.05)


def announce(pid, kind):
    since, end = cpu_time(pid), time.time() + PATIENCE
    while time.time() < end and is_alive(pid):
        if stands(pid, kind, since):
            os.write(1, b'ready\n')
            return
        time.sleep(0.02)
    os.write(2, b'it never stood\n')


def see_off(pid):
    """Until the program has ended, which it must not outlive."""
    end = time.time() + LIMIT
    while is_alive(pid):
        late = time.time() > end
        if late or is_to_be_killed(pid):
            thaw()
        if late:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def guard(pid, told):
    word = b''
    while not word.endswith(b'\n'):
        piece = os.read(told, 1)
        if not piece:
            break
        word += piece
    try:
        if word.endswith(b'\n'):
            whose, kind = word.decode().split()
            announce(int(whose), kind)
        see_off(pid)
    except EnvironmentError:
        pass # it ended meanwhile
    clear_away()


def start_guardian():
    """Its parent is none of the program's, nor does it share a process group with it."""
    global folder, go
    pid = os.getpid()
    folder = tempfile.mkdtemp()
    told, go = os.pipe()
    between = os.fork()
    if not between:
        os.setsid()
        if not os.fork():
            os.close(go)
            guard(pid, told)
        os._exit(0)
    os.close(told)
    os.waitpid(between, 0)


def standing(kind='S', pid=None):
    """From now on the guardian looks whether it stands, and then says so.

    kind: the state of what hangs, while other threads sleep; "busy": it uses the CPU; "calm": they sleep
    but wake up now and then; "frozen"; "any": it need not be looked at. pid: of the
    process that hangs.
    """
    with os.fdopen(go, 'w') as opened: # to encode a string, 2.7 may import
        opened.write('%d %s\n' % (pid or os.getpid(), kind))


# --- helpers ------------------------------------------------------------------

def end_with(parent):
    signal.alarm(LIMIT)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def child(prepare=None, then=None):
    """A process that does the one, lets us go on, does the other, and waits: its pid."""
    parent = os.getpid()
    told, tells_us = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(go)
            end_with(parent)
            if prepare:
                prepare()
            os.close(told)
            os.write(tells_us, b'x')
            os.close(tells_us)
            if then:
                then()
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(tells_us)
    if not os.read(told, 1):
        raise SystemExit('a helper failed')
    os.close(told)
    return pid


def command(*words):
    """A program that ends with us, as an argument to subprocess.Popen."""
    parent = os.getpid()
    return {'args': words, 'close_fds': True, 'preexec_fn': lambda: end_with(parent)}


def worker(number, function, *args):
    """A thread: worker-1 is the first."""
    thread = threading.Thread(target=function, args=args, name='worker-%d' % number)
    thread.daemon = True
    thread.start()
    return thread


def wait_until(true):
    """Polls, so that it is not part of what is staged."""
    end = time.time() + PATIENCE
    while not true():
        if time.time() > end:
            raise SystemExit('waited in vain')
        time.sleep(0.002)


def all_at(count):
    """A function that returns once so many threads have called it."""
    arrived = []

    def arrive():
        arrived.append(1)
        wait_until(lambda: len(arrived) >= count)
    return arrive


# --- what hangs and healthy programs share -------------------------------------

def address(pair):
    return '%s:%d' % pair


def listen(backlog=5):
    listening = socket.socket()
    listening.bind(('127.0.0.1', 0))
    listening.listen(backlog)
    return listening


def connected():
    """To a peer that is another process, and does nothing."""
    kept, listening = [], listen()
    child(then=lambda: kept.append(listening.accept()))
    client = socket.create_connection(listening.getsockname())
    listening.close()
    tells('names', address(client.getpeername()))
    return client


def forking():
    """The part of multiprocessing that needs no other processes of its own."""
    get = getattr(multiprocessing, 'get_context', None)
    return get('fork') if get else multiprocessing


# --- cgroups ------------------------------------------------------------------

def mounted_cgroup(controller):
    """Where a new group with that controller can be made; "" is version 2, without any."""
    for line in read('self', 'mountinfo').splitlines():
        place = line.split()[4]
        kind, _, options = line.partition(' - ')[2].split(' ', 2)
        if kind == 'cgroup2' and not controller or \
                kind == 'cgroup' and controller in options.split(','):
            return place
        if kind == 'cgroup2' and controller in \
                open(os.path.join(place, 'cgroup.controllers')).read().split():
            return place


def make_cgroup(controller, thaws=None, thawed=None):
    """To be called before the guardian is started, which removes it."""
    place = mounted_cgroup(controller)
    if not place or not os.access(place, os.W_OK):
        unavailable('a cgroup %s' % (controller or 'of version 2'))
    group = os.path.join(place, 'pyflame-hangs-%d' % os.getpid())
    os.mkdir(group)
    cgroups.append((group, thaws and os.path.join(group, thaws), thawed))
    return group
