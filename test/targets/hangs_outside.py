# SPDX-License-Identifier: Apache-2.0
"""Hangs of programs that wait for others, or for the kernel: see hangs.py."""
from __future__ import print_function
import ctypes
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import stage
from staged import hang

try:
    ask = raw_input
except NameError:
    ask = input

TCP = r'\btcp\b|\bsocket\b|\bconnection\b|127\.0\.0\.1'
DISK = r'\bfuse\b|\bfile\b|\bdisk\b|\buninterruptibl|\bkernel\b'


# --- sockets ------------------------------------------------------------------

@hang(TCP, r'\b(recv|receiv\w+|reads?|answers?|reply|replies|sent)\b',
      false=r'\bfull\b|\bdoes not read\b|\bconnects\b|\budp\b|\block\b')
def recv_silent():
    client = stage.connected()
    client.sendall(b'a question\n')
    stage.standing()
    client.recv(100)


@hang(TCP, r'\b(send|sends|sending|writes?|full)\b', false=r'\brecv|\breceives\b|\bempty\b')
def send_full():
    client = stage.connected()
    stage.standing()
    client.sendall(b'x' * (64 << 20))


@hang(TCP, r'\bconnect(s|ing|ed)?\b', false=r'\brecv|\breceiv|\bsends\b')
def connect_full():
    listening = stage.listen(0)
    stage.tells('names', stage.address(listening.getsockname()))
    kept = []
    while True: # until its backlog is full
        one = socket.socket()
        one.settimeout(0.5)
        try:
            one.connect(listening.getsockname())
        except socket.timeout:
            break
        kept.append(one)
    one = socket.socket()
    stage.standing()
    one.connect(listening.getsockname())


@hang(r'\budp\b|\bDNS\b|\bresolv|\bname (server|lookup)', false=r'\btcp\b')
def dns_silent():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 0))
    stage.child()
    question = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    question.connect(server.getsockname())
    server.close()
    stage.tells('names', stage.address(question.getpeername()))
    question.send(struct.pack('>6H', 1, 0x100, 1, 0, 0, 0) + b'\3www\7example\0\0\1\0\1')
    stage.standing()
    question.recv(512)


def private_mounts():
    if stage.libc.unshare(0x20000) or stage.libc.mount(None, b'/', None, 0x44000, None):
        stage.unavailable('mount namespaces')


def bind_mount(text, over):
    stage.write_file(stage.file('mounted'), text)
    os.chmod(stage.file('mounted'), 0o644)
    if stage.libc.mount(stage.file('mounted').encode(), over, None, 0x1000, None):
        stage.unavailable('to mount over ' + over.decode())
    os.unlink(stage.file('mounted'))


# The C library's own resolver, which waits for half a minute each time that it asks.
@hang(r'\bDNS\b|\bresolv|\bname (server|lookup)|\bgetaddrinfo\b', false=r'\btcp\b', needs='root')
def dns_lookup():
    private_mounts()
    if stage.libc.unshare(0x40000000):
        stage.unavailable('network namespaces')
    try:
        subprocess.check_call(['ip', 'link', 'set', 'lo', 'up'])
    except (OSError, subprocess.CalledProcessError):
        stage.unavailable('ip')
    bind_mount('nameserver 127.0.0.1\noptions timeout:30 attempts:5\n', b'/etc/resolv.conf')
    bind_mount('hosts: dns\n', b'/etc/nsswitch.conf')
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 53))
    stage.child()
    server.close()
    stage.standing()
    socket.getaddrinfo('www.example', 80)


# --- pipes --------------------------------------------------------------------

def pipe_to_other(end):
    """One end of a pipe, of which a process that does nothing has the other: our end."""
    ends = os.pipe()
    stage.tells('names', stage.child(lambda: os.close(ends[1 - end])))
    os.close(ends[end])
    return ends[1 - end]


@hang(r'\bpipe\b', r'\breads?\b|\bwrites nothing\b|\bwritten\b|\bsilent\b',
      false=r'\bfull\b|\b(does not|never) reads?\b|\bitself\b|\bworker')
def pipe_silent():
    reading = pipe_to_other(1)
    stage.standing()
    os.read(reading, 1)


@hang(r'\bpipe\b', r'\b(full|writes? (in)?to|writing|does not read|never reads)\b',
      false=r'\bwrites nothing\b|\bempty\b')
def pipe_full():
    writing = pipe_to_other(0)
    stage.standing()
    while True:
        os.write(writing, b'x' * 4096)


STDIN = r'\bstdin\b|\bstandard input\b|\binput\b'


def type_nothing(reading):
    os.dup2(reading, 0)
    os.close(reading)
    stage.tells('Sure?')
    stage.standing()
    ask()


@hang(STDIN, false=r'\bterminal\b')
def stdin_pipe():
    type_nothing(pipe_to_other(1))


@hang(STDIN + r'|\bterminal\b|\btty\b|/dev/pts\b', false=r'\bpipe\b')
def stdin_terminal():
    master, terminal = pty.openpty()
    stage.child(lambda: os.close(terminal))
    os.close(master)
    type_nothing(terminal)


# --- processes ----------------------------------------------------------------

@hang(r'\bchild\b|\bsleep 300\b', false=r'\bvfork|\bexec|\bsleeps\b')
def wait_command():
    process = subprocess.Popen(**stage.command('sleep', '300'))
    stage.tells('names', process.pid)
    stage.standing()
    process.wait()


@hang(r'\bpipe\b', r'\bsleep 300\b')
def command_output():
    pipes = subprocess.PIPE
    command = subprocess.Popen(**dict(stage.command('sleep', '300'), stdout=pipes, stderr=pipes))
    stage.tells('names', command.pid)
    stage.standing()
    command.communicate()


@hang(r'\bprocess\b', r'\bto end\b', least=(3, 9))
def wait_pidfd():
    command = subprocess.Popen(**stage.command('sleep', '300'))
    stage.tells('names', command.pid)
    waiting = select.poll()
    waiting.register(os.pidfd_open(command.pid), select.POLLIN)
    stage.standing()
    waiting.poll()


@hang(r'\bchild\b', false=r'\bvfork|\bexec')
def wait_child():
    pid = stage.child()
    stage.tells('names', pid)
    stage.standing()
    os.waitpid(pid, 0)


# Which process has a semaphore the kernel does not know, nor does multiprocessing.
@hang(r'\bsemaphore\b|\bmultiprocessing\b|\bprocess',
      false=r'\bheld by (MainThread|worker|itself)\b|\bchild\b|\bpipe\b|\bfork')
def mp_lock():
    lock = stage.forking().Lock()
    stage.child(lock.acquire)
    stage.standing()
    lock.acquire()


@hang(r'\bqueue\b|\bpipe\b', r'\bitself\b|\bnobody\b|\bnothing\b|\bno (other|one|writer|process)'
      r'|\bonly\b|\bsilent\b|\bempty\b', false=r'\bfull\b|\bput\b')
def mp_queue():
    results = stage.forking().Queue()
    feeder = stage.child()
    os.kill(feeder, signal.SIGKILL)
    os.waitpid(feeder, 0)
    stage.standing()
    results.get()


# --- locks of files -----------------------------------------------------------

def held_file(take, *part):
    def hold():
        held.append(open(stage.file('data.lock'), 'w'))
        take(held[0], fcntl.LOCK_EX, *part)
    held = []
    stage.tells('names', stage.child(hold))
    wanted = open(stage.file('data.lock'), 'w')
    stage.standing()
    take(wanted, fcntl.LOCK_EX)


@hang(r'\bf?lock(ed|s)?\b(?<!data\.lock)', r'\bdata\.lock\b')
def file_flock():
    held_file(fcntl.flock)


@hang(r'\block(ed|s)?\b(?<!data\.lock)|\bfcntl\b', r'\bdata\.lock\b')
def file_record():
    held_file(fcntl.lockf)


# All of the file is wanted, of which some bytes are locked.
@hang(r'\block(ed|s)?\b(?<!data\.lock)|\bfcntl\b', r'\bdata\.lock\b')
def file_part():
    held_file(fcntl.lockf, 10, 5)


# --- the kernel ---------------------------------------------------------------

CLONE = {'x86_64': 56, 'i686': 120, 'aarch64': 220}
CLONE_VFORK = 0x4000


# As vfork, but with memory of its own, so that the child can be Python.
@hang(r'\bvfork\b|\bexec|\buninterruptibl|\bkernel\b', false=r'\bopen|\bfile\b|\bdisk\b')
def vfork_child():
    machine = os.uname()[4]
    if ctypes.sizeof(ctypes.c_void_p) == 4:
        machine = {'x86_64': 'i686'}.get(machine)
    if machine not in CLONE:
        stage.unavailable('another machine')
    stage.standing('D')
    parent = os.getpid()
    if not stage.libc.syscall(CLONE[machine], CLONE_VFORK | signal.SIGCHLD, 0, 0, 0, 0):
        stage.end_with(parent)
        while True:
            signal.pause()


def serve_nothing(device):
    """Answers that it is there, and then not even takes what is asked."""
    request = os.read(device, 1 << 16)
    unique = struct.unpack_from('=Q', request, 8)[0]
    body = struct.pack('=4I', 7, 31, 0, 0) + struct.pack('=2H3I', 10, 10, 4096, 1, 0)
    body += b'\0' * (64 - len(body))
    os.write(device, struct.pack('=IiQ', 16 + len(body), 0, unique) + body)


def interrupt_until(pid, state):
    """A request that is not answered can be interrupted by a signal only once."""
    while stage.threads(pid)[0][0] != state:
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.05)


@hang(DISK, r'\bopen|\bfuse\b|/data\b', needs='fuse')
def fuse_open():
    private_mounts()
    try:
        device = os.open('/dev/fuse', os.O_RDWR)
    except OSError:
        stage.unavailable('/dev/fuse')
    place = stage.file('mnt')
    os.mkdir(place)
    options = 'fd=%d,rootmode=40000,user_id=0,group_id=0' % device
    if stage.libc.mount(b'server', place.encode(), b'fuse', 6, options.encode()):
        stage.unavailable('FUSE')
    signal.signal(signal.SIGUSR1, lambda *_: None)
    parent = os.getpid()
    stage.child(lambda: serve_nothing(device), lambda: interrupt_until(parent, 'D'))
    os.close(device)
    stage.standing('D')
    open(os.path.join(place, 'data'))


# --- stopped ------------------------------------------------------------------

@hang(r'\bstopped\b|\bSIGSTOP\b', may=['stopped'])
def stop_signal():
    stage.standing('T')
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(250)


PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207


@hang(r'\btrace[dr]\b|\bptrace\b|\bdebugger\b', may=['traced', 'stopped'])
def ptrace_stop():
    parent = os.getpid()

    def trace():
        for tid in os.listdir('/proc/%d/task' % parent):
            for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
                if stage.libc.ptrace(request, int(tid), None, None):
                    print('needs ptrace', file=sys.stderr)
                    os._exit(1)
    stage.libc.prctl(stage.PR_SET_PTRACER, ctypes.c_long(-1))
    told, tell = os.pipe()
    pid = stage.child(then=lambda: (os.read(told, 1), trace()))
    stage.tells('names', pid)
    stage.standing('t')
    os.write(tell, b'x')
    time.sleep(250)
