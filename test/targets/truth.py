# SPDX-License-Identifier: Apache-2.0
"""Park many threads, each in a known position, and write down their stacks.

    truth.py [--deep N] FILE [CASE...]

FILE receives Python's own account of every thread, in the format of
`pyflame -d` once truth_normalise (truth.bash) has been over it; then `ready`
is printed and nothing moves any more. Given CASEs, only those are parked.

A @case calls `down` from the position it is about; a @leaf blocks by itself.
Each gets a thread, and one thread more has all cases on one stack, nested.
"""
from __future__ import print_function
import argparse
import ctypes
import dis
import functools
import linecache
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback
import types
import weakref
try:
    import queue
    import _thread
except ImportError:
    import Queue as queue
    import thread as _thread

sys.dont_write_bytecode = True
PY3 = sys.version_info[0] >= 3
cases, leaves = [], []
arrived = []                    # not empty: the thread just started is parked
tids = {}                       # thread ident: the kernel's id of the thread
never = threading.Lock()
never.acquire()


def case(function):
    cases.append(function)
    return function


def leaf(function):
    leaves.append(function)
    return function


def native_id():
    if hasattr(threading, 'get_native_id'):
        return threading.get_native_id()
    machine = os.uname()[4]
    if machine == 'x86_64' and sys.maxsize < 2**32:
        machine = 'i686'
    gettid = {'x86_64': 186, 'i686': 224, 'armv7l': 224, 's390x': 236,
              'ppc64le': 207}.get(machine, 178)
    return ctypes.CDLL(None).syscall(gettid)


def note_tid():
    tids[_thread.get_ident()] = native_id()


def arrive():
    note_tid()
    arrived.append(True)


def park():
    arrive()
    never.acquire()


def nothing():
    pass


def hot(down):
    """Callables to go through: the last one parks, in code gone hot by then."""
    return [nothing] * 600 + [down]


def chain(links):
    if links:
        links[0](lambda: chain(links[1:]))
    else:
        park()


def source(filename, text, name):
    """What `text` defines as `name`; GAP is 300 empty lines, CHASM 70,000."""
    text = text.replace('GAP', '\n' * 300).replace('CHASM', '\n' * 70000)
    namespace = {}
    exec(compile(text, filename, 'exec'), namespace)
    return namespace[name]


# Ways to block ------------------------------------------------------------

@leaf
def blocked_in_event():
    arrive()
    threading.Event().wait()


@leaf
def blocked_in_condition():
    condition = threading.Condition()
    with condition:
        arrive()
        condition.wait()


@leaf
def blocked_in_sleep():
    arrive()
    time.sleep(1000)


@leaf
def blocked_in_read():
    arrive()
    os.read(os.pipe()[0], 1)


@leaf
def blocked_in_queue():
    empty = queue.Queue()
    arrive()
    empty.get()


@leaf
def blocked_in_recv():
    ends = socket.socketpair()
    arrive()
    ends[0].recv(1)


@leaf
def blocked_in_c_callback():
    arrive()
    list(map(time.sleep, [1000]))


@leaf
def blocked_in_one_line_for():
    arrive()
    for _ in range(3): never.acquire()


@leaf
def blocked_in_one_line_while():
    arrive()
    while True: never.acquire()


@leaf
def thread_with_an_odd_name():
    name = u'na\xefve; \u540d\n\\ (x)'
    threading.current_thread().name = name if PY3 else name.encode('utf-8')
    park()


@leaf
def thread_not_of_threading():
    def dummy():
        threading.current_thread()
        park()
    note_tid()
    _thread.start_new_thread(dummy, ())
    never.acquire()


# Calls --------------------------------------------------------------------

@case
def nested(down):
    def one(): two()
    def two():
        three()

    def three():

        down()
    one()


@case
def recursive(down):
    def fib(n):
        if n < 2:
            return down()
        return fib(n - 1) + fib(n - 2)
    fib(600 if down is park else 20)


@case
def recursive_by_turns(down):
    def even(n):
        return odd(n - 1) if n else down()

    def odd(n):
        return (n and
                even(n - 1))
    even(100 if down is park else 10)


@case
def closure(down):
    def make(inner):
        def call():
            return inner()
        return call
    make(make(make(down)))()


@case
def star_args(down):
    def keywords(*args, **kwargs):
        kwargs['go'](*args)

    def defaults(go, a=1, *args, **kwargs):
        keywords(*args, **dict(kwargs, go=go))
    for go in hot(down):
        defaults(*(go, 2), **{'x': None})


@case
def hot_function(down):
    def leaf_call(go):
        go()

    def call(go): leaf_call(go)
    for go in hot(down):
        call(go)


@case
def hot_keywords(down):
    def call(go=None, other=2):
        go()
    for go in hot(down):
        call(other=1, go=go)


@case
def chained_methods(down):
    class Query(object):
        def where(self):
            return self

        def order(self, by):
            by()
            return self
    (Query()
     .where()
     .where()
     .order(
         down)
     .where())


@case
def lambdas(down):
    outer = lambda f: (
        f())
    outer(lambda: outer(lambda: down()))


@case
def called_from_c(down):
    def with_sorted(go):
        sorted([2, 1], key=lambda item: go())

    def with_map(go):
        list(map(lambda item: with_sorted(go), [1]))

    def with_filter(go):
        list(filter(lambda item: with_map(go), [1]))

    def with_reduce(go):
        functools.reduce(lambda a, b: with_filter(go), [1, 2])

    def with_sub(go):
        re.sub('x', lambda match: with_reduce(go), 'x')

    def with_iter(go):
        list(iter(lambda: with_sub(go), 1))
    functools.partial(with_iter, down)()


@case
def decorated(down):
    def plain(function):
        def wrapper(*args):
            return function(*args)
        return wrapper

    def wrapping(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)
        return wrapper

    @plain
    @wrapping
    @plain
    def target(go):
        go()
    target(down)


@case
def in_decorator(down):
    def first(go):
        return lambda function: function

    def second(go):
        go()
    @first(1)
    @second(
        down)
    @first(2)
    def target():
        pass


@case
def in_default(down):
    def target(a=1,
               b=down()):
        pass


@case
def line_gaps(down):
    source('gaps.py', '''
def in_argument(go):
    return call(
        1,
GAP
        go(),
GAP
        2)
GAP
def after_arguments(go):
    return call(
GAP
        lambda: in_argument(go),
GAP
        [
GAP
        ])
GAP
def chasm(go):
    a = (1,
CHASM
         lambda: 2, after_arguments(go),
GAP
         3)
def back(go):
    a = {
CHASM
        1: 2}; chasm(go)
def call(go, *args):
    go()
''', 'back')(down)


@case
def far_line(down):
    source('far.py', 'CHASM\ndef far(go):\n  go()', 'far')(down)


@case
def long_line(down):
    text = 'def long(go):\n  a = 1; %s; go()\ndef after(go):\n long(go)'
    text %= '; '.join('b%d = [a, a, %d]' % (i, i) for i in range(999))
    source('long.py', text, 'after')(down)


@case
def many_lines(down):
    text = 'def many(go):\n' + ' a = 1\n\n b = [\n  a]\n' * 400 + ' go()'
    source('many.py', text, 'many')(down)


@case
def exec_and_eval(down):
    code = compile('\ngo()', 'own name', 'exec')
    eval('run(code)', {'code': code, 'run': lambda code: exec_(code, down)})


def exec_(code, down):
    exec(code, {'go': down})


# Statements and expressions -----------------------------------------------

@case
def loops(down):
    def body():
        for _ in 'abc':
            while True:
                down()
    for _ in range(3): body()


@case
def in_except(down):
    try:
        raise ValueError(
            1)
    except ValueError:
        down()
    finally:
        pass


@case
def in_finally(down):
    def returning():
        try:
            return 1
        finally:
            down()
    try:
        1 / 0
    finally:
        returning()


@case
def in_else(down):
    try:
        pass
    except ValueError:
        pass
    else:
        down()


@case
def in_raise(down):
    raise ValueError(
        'text',
        down())


@case
def in_assert(down):
    assert down(), \
        'text'


@case
def in_expression(down):
    return (1 +
            2 * (3 -
                 down()) +
            4)


@case
def in_comparison(down):
    return (0
            < 1
            < down() < 2)


@case
def in_boolean(down):
    return (0 or
            1 and
            (down() if 1
             else 2))


@case
def in_display(down):
    return {'a': [1,
                  (2,
                   down())],
            'b': 3}


@case
def in_class_body(down):
    class Outer(object):
        a = 1

        class Inner(object):
            down()


@case
def in_with(down):
    with threading.Lock(), \
            threading.Lock():
        down()


# Generators and comprehensions --------------------------------------------

@case
def generators(down):
    def inner():
        yield 1
        down()

    def outer():
        for item in inner():
            yield item
    for _ in outer():
        pass


@case
def hot_generator(down):
    def calls():
        for go in hot(down):
            go()
            yield
    for _ in calls(): pass


@case
def generator_methods(down):
    def closing():
        try:
            yield
        finally:
            down()

    def sent():
        go = yield
        go()

    def thrown():
        try:
            yield
        except ValueError:
            generator = sent()
            next(generator)
            generator.send(close)

    def close():
        generator = closing()
        next(generator)
        generator.close()
    generator = thrown()
    next(generator)
    generator.throw(ValueError())


@case
def generator_expression(down):
    return sum(go() or 0
               for go in hot(down))


@case
def comprehensions(down):
    def a_list():
        return [
            go() for
            go in hot(down)]

    def a_set():
        return {go()
                for go in (nothing, a_list)}

    def a_dict():
        return {go: go()
                for go in (nothing, a_set)}
    return [[go() for go in row] for row in [[nothing], [a_dict]]]


# Classes ------------------------------------------------------------------

@case
def hot_init(down):
    class Made(object):
        def __init__(self, go):
            self.method(go)

        def method(self, go):
            go()
    for go in hot(down):
        Made(go)


@case
def inherited_init(down):
    class Base(object):
        def __init__(self, go):
            go()

    class Derived(Base):
        def __init__(self, go):
            super(Derived, self).__init__(go)
    for go in hot(down):
        Derived(go)


@case
def new_and_metaclass(down):
    class Meta(type):
        def __call__(cls, go):
            return super(Meta, cls).__call__(go)

    def new(cls, go):
        go()
        return object.__new__(cls)
    for go in hot(down):
        Meta('Made', (object,), {'__new__': new})(go)


@case
def method_kinds(down):
    class Kinds(object):
        def plain(self, go):
            self.of_class(go)

        @classmethod
        def of_class(cls, go):
            cls.static(go)

        @staticmethod
        def static(go):
            go()
    for go in hot(down):
        bound = Kinds().plain
        bound(go)


@case
def hot_property(down):
    class Holder(object):
        @property
        def value(self):
            return self.go()
    holder = Holder()
    for go in hot(down):
        holder.go = go
        holder.value


@case
def hot_getitem(down):
    class Holder(object):
        def __getitem__(self, go):
            return go()
    holder = Holder()
    for go in hot(down):
        holder[go]


@case
def hot_getattribute(down):
    class Holder(object):
        def __getattribute__(self, name):
            return object.__getattribute__(self, '__dict__')['go']()
    holder = Holder()
    for go in hot(down):
        holder.go = go
        holder.value


@case
def hot_getattr(down):
    class Holder(object):
        def __getattr__(self, name):
            return self.go()
    holder = Holder()
    for go in hot(down):
        holder.go = go
        holder.value


class Special(object):
    """Each special method goes on to the next step, the last step parks."""
    def __init__(self, steps):
        self.steps = steps

    def step(self, *args):
        return self.steps.pop(0)(self)

    def __getattr__(self, name):
        return self.step()

    def __call__(self):
        return self.step()

    def __enter__(self):
        return self.step()

    def __exit__(self, *args):
        return self.step()

    def __iter__(self):
        return self.step()

    def __next__(self):
        return self.step()
    next = __next__

    def __get__(self, instance, owner):
        return self.step()

    def __set__(self, instance, value):
        return self.step()

    __getitem__ = __setitem__ = __delitem__ = __contains__ = __len__ = step
    __setattr__ = lambda self, name, value: (
        object.__setattr__(self, name, value) if name == 'steps' else
        self.step())
    __eq__ = __lt__ = __add__ = __radd__ = __iadd__ = __neg__ = __str__ = step
    __hash__ = __bool__ = __nonzero__ = __format__ = __repr__ = __index__ = step
    __delattr__ = __reversed__ = __divmod__ = __instancecheck__ = step


def enter(special):
    with special:
        pass


def leave(special):
    class Quiet(Special):
        def __enter__(self):
            pass
    with Quiet(special.steps):
        pass


def descriptor(special):
    holder = type('Holder', (object,), {'x': special})()
    return holder.x


def set_descriptor(special):
    type('Holder', (object,), {'x': special})().x = 1


def assign(special):
    special.value = 1


def assign_item(special):
    special[0] = 1


def delete(special):
    del special[0]


def add_in_place(special):
    special += 1


def unpack(special):
    a, b = special


def finalise(special):
    class Finalised(object):
        def __del__(self):
            special.step()
    finalised = Finalised()
    del finalised


def weak_callback(special):
    referent = threading.Event()
    reference = weakref.ref(referent, special.step)
    del referent
    return reference


@case
def special_methods(down):
    Special([
        lambda s: s.missing, lambda s: s(), enter, leave, assign, assign_item,
        lambda s: s[0], lambda s: 0 in s, lambda s: len(s), lambda s: s == 1,
        lambda s: sorted([s, s]), lambda s: s + 1, lambda s: 1 + s,
        add_in_place, lambda s: -s, lambda s: '%s' % s, lambda s: {s: 1},
        lambda s: 1 if s else 2, lambda s: '{0}'.format(s), lambda s: repr(s),
        lambda s: 'abc'[s], delete, unpack, descriptor, set_descriptor,
        lambda s: next(s), lambda s: list(s), lambda s: divmod(s, 1),
        lambda s: isinstance(1, s), lambda s: reversed(s), finalise,
        weak_callback, lambda s: down()]).step()


# Names --------------------------------------------------------------------

NAMES = [u'plain', u'caf\xe9', u'\u540d\u524d', u'fire\U0001f525', u'a;b;c',
         u'two words ', u'new\nline', u'"quo\'tes"', u'back\\slash \\x3b',
         u'\x01\t\r\x1b\x1f\x7f', u'a:b:12', u'-', u'%s%n', u'</b>&amp;',
         u'\xff', u'\u0100', u'\uffff', u'\U0010ffff', u'x' * 300,
         u'\xe9' * 300, u'\u20ac' * 300, u'\U0001f40d' * 300]
if PY3:
    ODD_NAMES = [u'\udcff', u'a\ud800', u'\ud83d\udd25', u'nul\x00nul', u'']
else:
    NAMES = [name.encode('utf-8') for name in NAMES]
    ODD_NAMES = [b'\xff', b'caf\xe9', b'\xe2\x82', b'\xed\xb3\xbf', b'\xc0\x80',
                 b'\xe0\x80\x80', b'\xf4\x90\x80\x80', b'\xe2\x82;', b'nul\0',
                 b'']


def renamed(function, name, filename):
    code = function.__code__
    new = {'co_name': name, 'co_filename': filename}
    if hasattr(code, 'co_qualname'):
        new['co_qualname'] = name
    if hasattr(code, 'replace'):
        code = code.replace(**new)
    else:
        fields = ('argcount', 'kwonlyargcount', 'nlocals', 'stacksize', 'flags',
                  'code', 'consts', 'names', 'varnames', 'filename', 'name',
                  'firstlineno', 'lnotab', 'freevars', 'cellvars')
        fields = ['co_' + field for field in fields]
        code = types.CodeType(*[new.get(field, getattr(code, field))
                                for field in fields if hasattr(code, field)])
    return types.FunctionType(code, globals())


def step(steps):
    steps[0](steps[1:])


@case
def function_names(down):
    step([renamed(step, name, step.__code__.co_filename)
          for name in NAMES + ODD_NAMES] + [lambda steps: down()])


@case
def file_names(down):
    step([renamed(step, 'step', name) for name in NAMES + ODD_NAMES] +
         [renamed(step, name, name) for name in NAMES + ODD_NAMES] +
         [lambda steps: down()])


@case
def compiled_file_names(down):
    steps = [lambda steps: down()]
    for name in NAMES:
        steps.insert(0, source(name, 'def f(s):\n\n  s[0](s[1:])', 'f'))
    step(steps)


if PY3:
    import truth_py3            # noqa: adds its cases to ours


# Tracing (last: it goes on for whatever is nested in it) ------------------

@case
def under_trace(down):
    def tracer(frame, event, arg):
        return tracer

    def traced():
        first = 1
        down(
            )
        return first
    sys.settrace(tracer)
    traced()


@case
def in_trace_function(down):
    def tracer(frame, event, arg):
        sys.settrace(None)
        down()

    def traced():
        pass
    sys.settrace(tracer)
    traced()


@case
def in_profile_function(down):
    def profiler(frame, event, arg):
        sys.setprofile(None)
        down()

    def profiled():
        return 1
    sys.setprofile(profiler)
    profiled()


# The last of all, for Python 2 has one import lock, which this one keeps.
@leaf
def blocked_in_module_body():
    import truth_parked
    return truth_parked


# The account --------------------------------------------------------------

CHARACTER = re.compile(
    b'(\\\\)|([\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|'
    b'[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|'
    b'\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|'
    b'\xf4[\x80-\x8f][\x80-\xbf]{2})|[\x00-\xff]')


def encode(text):
    return text if isinstance(text, bytes) else text.encode(
        'utf-8', 'surrogatepass')


def escape(name):
    def replace(match):
        if match.group(1):
            return b'\\\\'
        if match.group(2) and match.group() != b';':
            return match.group()
        return encode('\\x%02x' % ord(match.group()))
    return CHARACTER.sub(replace, encode(name))


def walk(frame):
    frames = []
    while frame:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return frames


def look():
    me = _thread.get_ident()
    return {ident: walk(frame) for ident, frame in sys._current_frames().items()
            if ident != me}


def settled():
    """The stacks, once four looks at them in a row agree."""
    seen, times = look(), 0
    while times < 3:
        time.sleep(.02)
        last, seen = seen, look()
        times = times + 1 if seen == last else 0
    return seen


def line_by_table(frame, tables={}):
    code = frame.f_code
    if id(code) not in tables:
        tables[id(code)] = code, list(dis.findlinestarts(code))
    lines = [line for start, line in tables[id(code)][1]
             if start <= frame.f_lasti]
    return lines[-1] if lines else code.co_firstlineno


def check(frames):
    """Other ways of finding the lines must lead to the same ones."""
    linecache.getline = linecache.checkcache = lambda *args: ''
    if PY3:
        summary = traceback.StackSummary.extract(
            traceback.walk_stack(frames[0][0]), lookup_lines=False)
    else:
        summary = traceback.extract_stack(frames[0][0])[::-1]
    lines = [line for _, line in frames]
    assert lines == [entry[1] for entry in summary], (lines, summary)
    by_table = [line_by_table(frame) for frame, _ in frames]
    assert lines == by_table, (lines, by_table)


def describe(frame, line):
    code = frame.f_code
    name = getattr(code, 'co_qualname', code.co_name)
    line = code.co_firstlineno if line is None else line
    return b':'.join([escape(code.co_filename), escape(name),
                      encode(str(line))])


def account(stacks):
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    blocks = []
    for ident, frames in sorted(stacks.items(), key=lambda i: tids[i[0]]):
        header = encode('%d: ' % tids[ident]) + escape(names[ident])
        lines = [header] + [describe(*frame) for frame in frames]
        blocks.append(b'\n'.join(lines) + b'\n')
    return b'\n'.join(blocks)


def writer(path):
    try:
        while not arrived:      # the main thread
            time.sleep(.001)
        stacks = settled()
        for frames in stacks.values():
            check(frames)
        text = account(stacks)
        with open(path, 'wb') as output:
            output.write(text)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    print('ready')
    sys.stdout.flush()
    never.acquire()


def run(function, *args):
    note_tid()
    try:
        function(*args)
    except BaseException:
        traceback.print_exc()
    os._exit(1)                 # a case has not parked


def start(name, *args):
    thread = threading.Thread(target=run, name=name, args=args)
    thread.daemon = True
    thread.start()


def start_and_wait(*args):
    start(*args)
    while not arrived:
        time.sleep(.001)
    del arrived[:]


def dive(depth):
    if depth == 1:
        park()
    dive(depth - 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--deep', type=int, default=0)
    parser.add_argument('file')
    parser.add_argument('case', nargs='*')
    options = parser.parse_args()
    signal.alarm(300)
    sys.setrecursionlimit(max(5000, options.deep + 100))

    if options.deep:
        threading.stack_size(64 << 20)
        start_and_wait('deep', dive, options.deep)
        threading.stack_size(0)
    if not options.case:
        start_and_wait('everything', chain, cases)
    for function in cases:
        if function.__name__ in options.case or not options.case:
            start_and_wait(function.__name__, function, park)
    for function in leaves:
        if function.__name__ in options.case or not options.case:
            start_and_wait(function.__name__, function)
    start('writer', writer, options.file)
    park()


if __name__ == '__main__':
    main()
