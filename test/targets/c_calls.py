# SPDX-License-Identifier: Apache-2.0
"""Python below C of many libraries: c_calls.py LIBRARY waits|works|exits [EXTENSION]

LIBRARY is native.c, compiled, EXTENSION throws.cc. waits: a thread for each kind of call, which
waits at its end; works: some threads that compute, in C most of the time; exits: waits when
the program ends.
"""
from __future__ import print_function
import array
import bisect
import codecs
import collections
import csv
import ctypes
import functools
import gc
import hashlib
import io
import itertools
import json
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
import zlib

try:
    import sqlite3
except ImportError:
    sqlite3 = None
try:
    from xml.parsers import expat
except ImportError:
    expat = None

signal.alarm(600)
library = ctypes.CDLL(sys.argv[1])
extension = ctypes.CDLL(sys.argv[3]) if len(sys.argv) > 3 else None
callback = ctypes.CFUNCTYPE(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
begun, kinds, kept = [], [], []
lock = threading.Lock()
lock.acquire()


def kind(function):
    kinds.append(function)
    return function


def wait(*args, **kwargs):
    """Waits in one of several ways, the next thread in another one."""
    begun.append(1)
    ways = [waits_sleep, waits_select, waits_lock, waits_read]
    ways[len(begun) % len(ways)]()
    return 0


def waits_sleep():
    time.sleep(600)


def waits_select():
    select.select([], [], [], 600)


def waits_lock():
    lock.acquire()


def waits_read():
    os.read(os.pipe()[0], 1)


class Object(object):
    def __init__(self, n=0):
        self.n = n

    def __lt__(self, *others):
        return wait()

    __eq__ = __len__ = __getattr__ = __call__ = __add__ = __getitem__ = __contains__ = __lt__

    def __hash__(self):
        return 7

    def __exit__(self, *args):
        wait()

    def __enter__(self):
        pass

    def write(self, text):
        wait()

    @property
    def value(self):
        return wait()

    def __reduce__(self):
        return wait()


class Deleted(object):
    def __del__(self):
        wait()


kind(wait)
kind(lambda: sorted([2, 1, 3], key=wait))
kind(lambda: sorted([Object(), Object()]))
kind(lambda: [3, 1, 2].sort(key=lambda i: wait()))
kind(lambda: Object() + 1)
kind(lambda: Object()[1])
kind(lambda: 1 in Object())
kind(lambda: {Object(): 1}[Object()])
kind(lambda: len(Object()))
kind(lambda: Object().value)
kind(lambda: Object().nothing)
kind(lambda: bool(Object()))
kind(lambda: pickle.dumps(Object()))
kind(lambda: print('text', file=Object()))
kind(lambda: bisect.bisect([Object()], Object()))
kind(lambda: list(map(wait, [1])))
kind(lambda: list(filter(wait, [1])))
kind(lambda: functools.reduce(wait, [1, 2]))
kind(lambda: functools.partial(wait, 1)())
kind(lambda: list(itertools.takewhile(wait, [1, 2])))
kind(lambda: max([1, 2], key=wait))
kind(lambda: re.sub('a+', wait, 'baab'))
kind(lambda: json.dumps(Deleted, default=wait))
kind(lambda: json.loads('{"a": [{"b": 1}]}', object_hook=wait))
kind(lambda: list(csv.reader(wait() for i in 'ab')))
kind(lambda: exec_('wait()'))
kind(lambda: collections.defaultdict(wait)[1])
kind(lambda: library.outer(callback(wait)))
kind(lambda: library.inner(callback(lambda: library.outer(callback(wait)))))
kind(lambda: library.born(callback(wait)))


def exec_(text):
    eval(compile(text, 'text', 'exec'), globals())


@kind
def receives():
    pair = socket.socketpair()
    begun.append(1)
    pair[0].recv(1)


@kind
def accepts():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen(1)
    begun.append(1)
    s.accept()


@kind
def waits_for_child():
    child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, close_fds=True)
    begun.append(1)
    child.wait()


def keep(one):
    kept.append(one)
    return one


def full_pair():
    pair = keep(socket.socketpair())
    pair[0].setblocking(False)
    try:
        while True:
            pair[0].send(b'x' * 100000)
    except (OSError, IOError):
        pair[0].setblocking(True)
    return pair


def blocks(function):
    """Has a function of the kernel wait."""
    def call():
        begun.append(1)
        return function()
    return kind(call)


blocks(lambda: full_pair()[0].send(b'x'))
blocks(lambda: full_pair()[0].sendall(b'x' * 1000))
blocks(lambda: keep(socket.socketpair())[0].recvfrom(1))
blocks(lambda: keep(socket.socketpair())[0].recv_into(bytearray(1)))
blocks(lambda: keep(socket.socketpair())[0].makefile('rb').readline())
blocks(lambda: os.fdopen(os.pipe()[0], 'rb').read())
blocks(lambda: io.open(os.pipe()[0], 'r').readline())
blocks(lambda: os.write(os.pipe()[1], b'x' * 1000000))
blocks(lambda: threading.Event().wait())
blocks(lambda: threading.Event().wait(600))
blocks(lambda: threading.Semaphore(0).acquire())
blocks(lambda: library.outer(callback(lambda: time.sleep(600))))
blocks(lambda: keep(subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)).stdout.read())
blocks(lambda: os.waitpid(keep(subprocess.Popen(['cat'], stdin=subprocess.PIPE)).pid, 0))
blocks(lambda: select.poll().poll())
blocks(lambda: select.epoll().poll())
blocks(lambda: select.select([os.pipe()[0]], [], []))
if sys.version_info > (3,):
    blocks(lambda: signal.sigwait([signal.SIGUSR2]))
    blocks(lambda: signal.sigtimedwait([signal.SIGUSR2], 600))
    blocks(lambda: keep(socket.socketpair())[0].recvmsg(1))
    blocks(lambda: os.readv(os.pipe()[0], [bytearray(1)]))


@blocks
def flocks():
    import fcntl
    with tempfile.NamedTemporaryFile() as one, open(one.name) as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)


@blocks
def opens():
    name = os.path.join(tempfile.mkdtemp(), 'fifo')
    os.mkfifo(name)
    open(name).read()


@blocks
def receives_from_process():
    import multiprocessing
    keep(multiprocessing.Pipe())[0].recv()


@blocks
def waits_for_semaphore():
    import multiprocessing
    multiprocessing.Semaphore(0).acquire()


@blocks
def shakes_hands():
    import ssl
    pair = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if sys.version_info > (3, 6) else ssl.PROTOCOL_SSLv23)
    context.check_hostname = False
    context.wrap_socket(pair[0])


@blocks
def gets():
    try:
        import queue
    except ImportError:
        import Queue as queue
    queue.Queue().get()
    queue.SimpleQueue().get()


@kind
def queries():
    if not sqlite3:
        return wait()
    db = sqlite3.connect(':memory:')
    db.create_function('waits', 1, wait)
    db.execute('create table t (a)')
    db.executemany('insert into t values (?)', [(i,) for i in range(10)])
    db.execute('select sum(waits(a)) from t order by waits(a)').fetchall()


@kind
def collates():
    if not sqlite3:
        return wait()
    db = sqlite3.connect(':memory:')
    db.create_collation('waits', wait)
    db.execute('select a from (select 1 a union select 2) order by cast(a as text) collate waits').fetchall()


@kind
def parses():
    if not expat:
        return wait()
    p = expat.ParserCreate()
    p.StartElementHandler = wait
    p.Parse('<a><b/></a>', 1)


@kind
def calls_qsort():
    numbers = (ctypes.c_int * 3)(2, 1, 3)
    ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(wait))


@kind
def deletes():
    one = Deleted()
    del one


@kind
def collects():
    one = Deleted()
    one.self = one
    del one
    gc.collect()
    wait()


@kind
def dies():
    one = Object()
    ref = weakref.ref(one, wait)
    del one
    return ref


@kind
def recurses(n=300):
    return recurses(n - 1) if n else wait()


@kind
def recurses_in_c(n=40):
    return list(map(recurses_in_c, [n - 1])) if n else wait()


def generator(n):
    if n:
        for i in generator(n - 1):
            yield i
    wait()
    yield 1


kind(lambda: list(generator(20)))
kind(lambda: sum(i for i in generator(3)))


@kind
def closes():
    def waits_at_end():
        try:
            yield 1
        finally:
            wait()
    it = waits_at_end()
    next(it)
    it.close()


@kind
def imports():
    folder = tempfile.mkdtemp()
    name = 'waits_%d' % os.getpid()
    path = os.path.join(folder, name + '.py')
    with open(path, 'w') as f:
        f.write('import __main__\n__main__.wait()\n')
    # 2.7 keeps a lock for all imports
    if sys.version_info < (3,):
        return wait()
    sys.path.insert(0, folder)
    __import__(name)


@kind
def leaves():
    with Object():
        raise ValueError


@kind
def traces():
    sys.setprofile(wait)
    len('a')


@kind
def reads_lines():
    class Raw(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, b):
            return wait()
    io.TextIOWrapper(io.BufferedReader(Raw())).readline()


@kind
def encodes():
    codecs.register_error('waits', wait)
    u'\u1234'.encode('ascii', 'waits')


@kind
def makes_class():
    class Meta(type):
        def __call__(cls):
            return wait()
    Meta('Name', (object,), {})()


if extension:
    kind(lambda: extension.catches(callback(wait)))
    kind(lambda: extension.unwinds(callback(wait)))

if sys.version_info >= (3, 7):
    exec("""
import asyncio
import contextvars


@kind
def runs_loop():
    async def inner():
        wait()

    async def outer():
        await asyncio.gather(inner(), inner())
    asyncio.new_event_loop().run_until_complete(outer())


@kind
def polls_loop():
    async def outer():
        begun.append(1)
        await asyncio.sleep(600)
    asyncio.new_event_loop().run_until_complete(outer())


@kind
def delegates(n=10):
    def inner(n):
        yield from inner(n - 1) if n else map(wait, [1])
    list(inner(10))


kind(lambda: contextvars.copy_context().run(wait))
kind(lambda: functools.lru_cache()(wait)(1))
kind(lambda: f'{Formats()}')


class Formats:
    def __format__(self, spec):
        return wait()
""")


def ready():
    print('ready')
    sys.stdout.flush()


def waits():
    threading.stack_size(1 << 20)
    for one in kinds:
        t = threading.Thread(target=one)
        t.daemon = True
        t.start()
    while len(begun) < len(kinds):
        time.sleep(0.01)
    signal.signal(signal.SIGUSR1, lambda *args: time.sleep(600))
    threading.Timer(0.2, lambda: (ready(), os.kill(os.getpid(), signal.SIGUSR1))).start()
    [wait() for i in range(1) if time.sleep(1) is None]


def exits():
    import atexit
    atexit.register(lambda: (ready(), time.sleep(600)))


def works():
    text = os.urandom(20000)
    data = {'a%d' % i: [i, float(i), str(i)] for i in range(300)}
    db = sqlite3 and sqlite3.connect(':memory:', check_same_thread=False)
    if db:
        db.create_function('f', 1, lambda a: a * 7 % 13)
        db.execute('create table t (a)')
        db.executemany('insert into t values (?)', [(i,) for i in range(300)])
    numbers = (ctypes.c_int * 300)(*[i * 7919 % 307 for i in range(300)])
    less = compare(lambda a, b: a % 5 - b % 5)

    def spread(n):
        return n if n < 2 else spread(n - 1) + spread(n - 2)

    def produce(n):
        if n:
            for i in produce(n - 1):
                yield i
        for i in range(30):
            yield i
    tasks = [
        lambda: zlib.compress(text),
        lambda: hashlib.sha256(text).hexdigest(),
        lambda: json.loads(json.dumps(data)),
        lambda: json.dumps(data, indent=1),
        lambda: sorted(range(2000), key=lambda i: i * 7919 % 2003),
        lambda: sorted([str(i) for i in range(500)]),
        lambda: re.sub('(a|b)*c', lambda m: 'd', 'abababc' * 100),
        lambda: re.match('(a*)*b', 'a' * 14),
        lambda: pickle.loads(pickle.dumps(data, 2)),
        lambda: str(3 ** 3000),
        lambda: spread(14),
        lambda: list(produce(8)),
        lambda: library.spin(100),
        lambda: ctypes.CDLL(None).qsort(numbers, 300, 4, less),
        lambda: array.array('d', range(2000)).tobytes() if sys.version_info > (3,) else 0,
        lambda: collections.Counter(text),
        lambda: [Object(i).n for i in range(300)],
        lambda: exec_('a = [i * i for i in range(100)]'),
        lambda: gc.collect(0),
        lambda: u'text {0:>20.3f} %s'.format(1.5).encode('utf-16'),
    ]
    if extension:
        tasks.append(lambda: [extension.throws(5) for i in range(30)])
    if db:
        tasks.append(lambda: db.execute('select sum(f(a)) from t group by a % 7').fetchall())

    def loops():
        for task in itertools.cycle(tasks):
            task()
    for i in range(2):
        if not db:
            t = threading.Thread(target=loops)
            t.daemon = True
            t.start()
    if sys.version_info > (3,):
        t = threading.Thread(target=lambda: [hashlib.sha512(text * 20) for i in itertools.count()])
        t.daemon = True
        t.start()
    ready()
    loops()


globals()[sys.argv[2]]()
