#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures pyflame side by side with its neighbours, in one run.

    bench.py [--seconds S] [--shape NAME]...

Each tool samples the same process, by turns, as fast as it can; what starting it
costs is taken off by running it twice, for a short and for a longer time.  The
table goes to stdout and, with a description of the machine, to RESULTS.md
beside this file.  A tool or an interpreter that is not there is left out, and
that is said.

A time means little on another machine, or on this one tomorrow; the ratios to
the floor, which is what the kernel charges for reading the same memory, and to
the others do.
"""
import argparse
import collections
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PYFLAME = os.path.join(ROOT, 'pyflame')
SHORT = 0.2
PATIENCE = 30  # seconds, for any one run
MOVING = ('generators', 'call churn')  # shapes that never hold still

Shape = collections.namedtuple('Shape', 'name args versions threads valid')
Run = collections.namedtuple('Run', 'cpu seconds ticks lost lines memory')


def valid_deep(depth):
    def valid(names):
        dives = names.count('dive')
        return (dives == depth - 2 and names[:2] in (['<module>', 'deep'], ['<module>', 'dive'])
                if 'work' in names or 'advance' in names else True)
    return valid


def valid_chains(names):
    letters = [name for name in names if re.match('[ab][123]$', name)]
    return letters in ([], ['a1'], ['a1', 'a2'], ['a1', 'a2', 'a3'],
                       ['b1'], ['b1', 'b2'], ['b1', 'b2', 'b3'])


def valid_generators(names):
    names = [name for name in names if name not in ('<module>', 'generators', '<listcomp>')]
    text = ' '.join(names)
    return re.match('(outer( inner( leaf)?)?|request( fetch( leaf)?)?|advance)?$', text)


def always(_):
    return True


with open(os.path.join(ROOT, 'layouts.c')) as source:
    NEWEST = re.search('layouts_supported.* to (.*)"', source.read()).group(1)
GIL = ['3.8', '3.14', NEWEST]
MORE = ['3.8', '3.12', '3.13', '3.14', NEWEST]
SHAPES = [
    Shape('depth 20', ['deep', '20'], MORE, [], valid_deep(20)),
    Shape('depth 200', ['deep', '200'], MORE, [], valid_deep(200)),
    Shape('depth 2000', ['deep', '2000'], ['3.14', NEWEST], [], valid_deep(2000)),
    Shape('50 threads', ['threads', '50'], GIL, ['all'], always),
    Shape('9 busy threads', ['parallel', '9'], ['3.13t', '3.14t', NEWEST + 't'], ['all'], always),
    Shape('generators', ['generators'], GIL, [], valid_generators),
    Shape('call churn', ['chains'], GIL, [], valid_chains),
]


# --- the target --------------------------------------------------------------

class Target:
    def __init__(self, python, shape):
        self.progress = tempfile.NamedTemporaryFile()
        self.progress.write(bytes(8))
        self.progress.flush()
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, 'shapes.py')] + shape.args, stdout=subprocess.PIPE,
            env=dict(os.environ, PROGRESS=self.progress.name))
        self.pid = self.process.pid
        if b'ready' not in self.process.stdout.readline():
            sys.exit('%s could not run shapes.py' % python)
        time.sleep(0.3)

    def done(self):
        self.progress.seek(0)
        return struct.unpack('<Q', self.progress.read(8))[0]

    def speed(self, seconds):
        started, before = time.monotonic(), self.done()
        time.sleep(seconds)
        return (self.done() - before) / (time.monotonic() - started)

    def close(self):
        self.process.kill()
        self.process.wait()


# --- the tools ---------------------------------------------------------------

def peak_memory(pid):
    try:
        with open('/proc/%d/status' % pid) as status:
            return int(re.search(r'VmHWM:\s+(\d+)', status.read()).group(1))
    except (OSError, AttributeError):
        return 0


def run(command, out):
    """CPU seconds, wall seconds, peak KB and stderr of a command."""
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=open(out, 'wb'), stderr=said)
        memory = 0
        while True:
            pid, _, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - started > PATIENCE:
                process.kill()
            memory = max(memory, peak_memory(process.pid))
            time.sleep(0.02)
        process.returncode = 0
        said.seek(0)
        return (usage.ru_utime + usage.ru_stime, time.monotonic() - started, memory,
                said.read().decode('utf-8', 'replace'))


def split_collapsed(line):
    stack, _, count = line.rpartition(' ')
    return ([re.sub(r':-?\d+$', '', frame).rpartition(':')[2].rpartition('.')[2]
             for frame in stack.split(';')], int(count))


class Pyflame:
    name = 'pyflame'

    def __init__(self, options=()):
        self.options = list(options)
        if options:
            self.name = 'pyflame ' + ' '.join(options)

    def reads(self, version):
        return True

    def is_for(self, shape):
        # What moves fast has to be stopped, or few samples are proven; all else is
        # measured without, as an odd stop would cost more than many samples.
        return ('--no-pause' in self.options) != (shape.name in MOVING)

    def command(self, shape, seconds, rate, out, pid):
        options = ['--threads'] if shape.threads and not shape.args[0] == 'parallel' else []
        return ([PYFLAME, '-s', str(seconds), '-r', '1us' if rate is None else '%dhz' % rate,
                 '--stats', '-o', out, str(pid)] + options + self.options)

    def sample(self, shape, seconds, pid, folder):
        out = os.path.join(folder, 'out')
        cpu, wall, memory, said = run(self.command(shape, seconds, None, out, pid), os.devnull)
        ticks = int(re.search(r'ticks (\d+)', said).group(1))
        lines = [split_collapsed(line) for line in open(out, encoding='utf-8')]
        lost = sum(count for names, count in lines if names == ['(failed)'])
        return Run(cpu, wall, ticks, lost,
                   [line for line in lines if not line[0][0].startswith('(')], memory)


class AtRate(Pyflame):
    """As fast as the kernel takes samples, as it may as root; and without that."""
    RATE = 10000

    def __init__(self, options=()):
        super().__init__(options)
        self.name += ' at %d kHz' % (self.RATE // 1000)

    def is_for(self, shape):
        return shape.name in MOVING

    def command(self, shape, seconds, rate, out, pid):
        return super().command(shape, seconds, rate or self.RATE, out, pid)


class Austin:
    name = 'Austin'

    def reads(self, version):
        return version in ('2.7', '3.6', '3.7', '3.8')

    def command(self, shape, seconds, rate, out, pid):
        return ['timeout', '-s', 'INT', str(seconds + 0.1), 'austin',
                '-i', str(1 if rate is None else 1000000 // rate), '-o', out, '-p', str(pid)]

    def sample(self, shape, seconds, pid, folder):
        out = os.path.join(folder, 'out')
        cpu, wall, memory, _ = run(self.command(shape, seconds, None, out, pid), os.devnull)
        lines, threads = [], set()
        for line in open(out, encoding='utf-8', errors='replace'):
            parts = line.rstrip('\n').rpartition(' ')[0].split(';')
            if parts[0].startswith('P'):
                parts = parts[1:]
            if len(parts) > 1:
                threads.add(parts[0])
                names = [part.rpartition(' (')[0] for part in parts[1:]]
                lines.append(([name for name in names if name], 1))
        return Run(cpu, wall, len(lines) / max(1, len(threads)), 0, lines, memory)


class Own:
    """CPython's own, which reads processes of its own version only."""
    SHORT = 1         # it takes whole seconds only
    FASTEST = 100000  # a second; with 1,000,000 it never ends

    def __init__(self, python, version):
        self.python, self.version = python, version
        self.name = 'profiling.sampling'

    def reads(self, version):
        return version == self.version

    def command(self, shape, seconds, rate, out, pid):
        return ([self.python, '-m', 'profiling.sampling', 'attach', '-d', str(int(seconds + 0.99)), '-r',
                 str(self.FASTEST if rate is None else rate), '--collapsed', '-o', out] +
                (['-a'] if shape.threads else []) + [str(pid)])

    def sample(self, shape, seconds, pid, folder):
        out = os.path.join(folder, 'out')
        if os.path.exists(out):
            os.remove(out)
        said = os.path.join(folder, 'said')
        cpu, wall, memory, errors = run(self.command(shape, seconds, None, out, pid), said)
        text = open(said).read() + errors
        match = re.search(r'Captured ([\d,]+) samples', text)
        if not match:
            return Run(cpu, wall, 0, 0, [], memory)
        ticks = int(match.group(1).replace(',', ''))
        rate = re.search(r'Error rate: ([\d.]+)', text)
        lines = []
        for line in open(out, encoding='utf-8'):
            names, count = split_collapsed(line)
            lines.append((names[1:] if names and names[0].startswith('tid') else names, count))
        return Run(cpu, wall, ticks, ticks * float(rate.group(1)) / 100 if rate else 0, lines, memory)


class PySpy:
    name = 'py-spy'

    def reads(self, version):
        return not version.endswith('t') and version not in ('3.14', NEWEST)

    def command(self, shape, seconds, rate, out, pid):
        return ['py-spy', 'record', '-d', str(max(1, int(seconds))), '-r',
                str(20000 if rate is None else rate), '-f', 'raw', '-o', out, '-p', str(pid)]

    def sample(self, shape, seconds, pid, folder):
        out = os.path.join(folder, 'out')
        cpu, wall, memory, _ = run(self.command(shape, seconds, None, out, pid), os.devnull)
        lines = []
        for line in open(out, encoding='utf-8'):
            stack, _, count = line.rpartition(' ')
            lines.append(([f.rpartition(' (')[0] for f in stack.split(';')], int(count)))
        return Run(cpu, wall, sum(c for _, c in lines), 0, lines, memory)


# --- one row -----------------------------------------------------------------

def system_calls(tool, shape, pid, folder):
    """System calls a tick, the sleep not counted; by strace, which slows it down."""
    counts = []
    if not shutil.which('strace'):
        return None
    start = getattr(tool, 'SHORT', SHORT)
    for seconds in (start, start + 1):
        command = tool.command(shape, seconds, None, os.path.join(folder, 'out'), pid)
        log = os.path.join(folder, 'strace')
        _, _, _, said = run(['strace', '-f', '-c', '-o', log] + command,
                            os.path.join(folder, 'said'))
        said += open(os.path.join(folder, 'said')).read()
        calls = sum(int(m.group(1)) for m in re.finditer(
            r'^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?!rt_sigtimedwait|clock_nanosleep|'
            r'nanosleep|total)\w+$', open(log).read(), re.M))
        match = (re.search(r'ticks (\d+)', said) or
                 re.search(r'Captured ([\d,]+) samples', said))
        ticks = (int(match.group(1).replace(',', '')) if match else
                 sum(1 for _ in open(os.path.join(folder, 'out'), errors='replace')))
        counts.append((calls, ticks))
    (calls0, ticks0), (calls1, ticks1) = counts
    return (calls1 - calls0) / (ticks1 - ticks0) if ticks1 > ticks0 else None


def target_speed(tool, shape, target, folder):
    """The target's speed while it is sampled at 1 kHz, as a part of its own."""
    alone, sampled = [], []
    for _ in range(2):
        alone.append(target.speed(0.7))
        process = subprocess.Popen(tool.command(shape, 2, 1000, os.path.join(folder, 'out'),
                                                target.pid),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.8)
        sampled.append(target.speed(0.7))
        process.kill()
        process.wait()
    return max(sampled) / max(alone)


class Event:
    """An event that interrupts the target as often, for nothing."""
    def __init__(self, program):
        self.program = program

    def command(self, shape, seconds, rate, out, pid):
        return [self.program, str(pid), str(seconds), 'event', str(rate)]


def floor_program(folder):
    """None: there is no compiler."""
    program = os.path.join(folder, 'floor')
    compiler = shutil.which('gcc') or shutil.which('cc')
    if compiler and not os.path.exists(program):
        subprocess.run([compiler, '-O2', '-o', program, os.path.join(HERE, 'floor.c')], check=True)
    return program if compiler else None


def floor(shape, target, folder):
    """CPU microseconds of the reads that pyflame does for a sample, and no more."""
    program, log = floor_program(folder), os.path.join(folder, 'strace')
    if not program or not shutil.which('strace'):
        return None
    subprocess.run(['strace', '-o', log, '-e', 'trace=process_vm_readv', '-e', 'abbrev=none', '-s', '0'] +
                   Pyflame().command(shape, 0.01, 1000, os.devnull, target.pid),
                   stderr=subprocess.DEVNULL)
    calls = [re.findall(r'iov_base=(0x[0-9a-f]+), iov_len=(\d+)', line.partition('], 1, [')[2] or
                        line.partition('], ')[2]) for line in open(log)]
    calls = [call for call in calls if call]
    if not calls:
        return None
    said = subprocess.run([program, str(target.pid), '1'] + ['%s:%s' % v for v in calls[-1]],
                          stdout=subprocess.PIPE, text=True).stdout
    return float(said.split()[0]) if said else None


def measure(tool, shape, target, seconds, folder):
    start = getattr(tool, 'SHORT', SHORT)
    short = tool.sample(shape, start, target.pid, folder)
    best = None
    for _ in range(2):
        long = tool.sample(shape, start + seconds, target.pid, folder)
        ticks = long.ticks - short.ticks
        if not long.ticks:
            continue
        cost = (long.cpu - short.cpu) / ticks * 1e6 if ticks > 0 else long.cpu / long.ticks * 1e6
        if best is None or cost < best[0]:
            best = (cost, long.ticks / max(0.01, long.seconds), long)
    if best is None:
        return None
    cost, rate, long = best
    total = sum(count for _, count in long.lines) or 1
    wrong = sum(count for names, count in long.lines if not shape.valid(names))
    return {
        'cost': cost, 'rate': rate, 'lost': 100 * long.lost / (long.ticks or 1),
        'impossible': 100 * wrong / total, 'memory': long.memory,
        'calls': system_calls(tool, shape, target.pid, folder),
        'speed': target_speed(tool, shape, target, folder),
    }


def measure_all(available, shape, version, target, seconds, folder):
    """The rows of all tools, and of the floor, for one target."""
    rows, ours = [], None
    for tool in available:
        if not tool.reads(version) or not getattr(tool, 'is_for', lambda _: True)(shape):
            continue
        m = measure(tool, shape, target, seconds, folder)
        if not m:
            print('%s took no samples of %s' % (tool.name, shape.name), file=sys.stderr)
            continue
        ours = ours or m['cost']
        rows.append(row(shape, version, tool.name, m, ours))
        print(' '.join(rows[-1]), file=sys.stderr)
    # One call is a sample only of a thread that stands still.
    least = floor(shape, target, folder) if shape.name.startswith('depth') else None
    if least:
        rows.append(row(shape, version, '(floor)', {'cost': least}, ours))
    program = floor_program(folder)
    if shape.name in MOVING and program:
        speed = target_speed(Event(program), shape, target, folder)
        rows.append(row(shape, version, '(an event)', {'speed': speed}, ours))
    return rows


# --- the table ---------------------------------------------------------------

HEADS = ['shape', 'Python', 'tool', 'CPU µs a tick', '× pyflame', 'ticks/s', 'calls a tick',
         'lost', 'impossible', "target's speed", 'peak KB']


def row(shape, version, name, m, ours):
    def number(value, form):
        return '' if value is None else form % value
    return [shape.name, version, name, number(m.get('cost'), '%.2f'),
            '%.1f' % (m['cost'] / ours) if ours and 'cost' in m else '', number(m.get('rate'), '%.0f'),
            number(m.get('calls'), '%.2f'), number(m.get('lost'), '%.2f %%'),
            number(m.get('impossible'), '%.2f %%'),
            '' if m.get('speed') is None else '%.1f %%' % (100 * m['speed']),
            number(m.get('memory'), '%d')]


def print_table(rows):
    widths = [max(len(r[i]) for r in [HEADS] + rows) for i in range(len(HEADS))]
    lines = ['| ' + ' | '.join(c.ljust(w) for c, w in zip(r, widths)) + ' |'
             for r in [HEADS] + rows]
    lines.insert(1, '|' + '|'.join('-' * (w + 2) for w in widths) + '|')
    return '\n'.join(lines) + '\n'


def machine():
    with open('/proc/cpuinfo') as cpuinfo:
        model = re.search(r'model name\s*: (.*)', cpuinfo.read())
    return '%s, %d CPUs, Linux %s' % (model.group(1) if model else platform.machine(),
                                      os.cpu_count(), platform.release())


def pythons():
    found = {}
    listed = subprocess.run([os.path.join(ROOT, 'test', 'pythons')], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    for line in listed.splitlines():
        name, path = line.split('\t')
        version, _, source = name.partition('-')
        if source not in ('debug', 'i386'):
            found[version] = path
    return found


def tools(found):
    result = [Pyflame(['--no-pause']), Pyflame(), Pyflame(['--pause']), AtRate(), AtRate(['--no-kernel'])]
    if shutil.which('austin'):
        result.append(Austin())
    else:
        print('no austin: left out (apt-get install austin)', file=sys.stderr)
    if shutil.which('py-spy'):
        result.append(PySpy())
    else:
        print('no py-spy on the PATH: left out', file=sys.stderr)
    result += [Own(found[v], v) for v in (NEWEST, NEWEST + 't') if v in found]
    if not any(v in found for v in (NEWEST, NEWEST + 't')):
        print(f'no Python {NEWEST}: profiling.sampling left out (test/pythons --fetch)',
              file=sys.stderr)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--seconds', type=float, default=2.0)
    parser.add_argument('--shape', action='append')
    options = parser.parse_args()
    found, rows = pythons(), []
    available = tools(found)
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            if options.shape and shape.name not in options.shape:
                continue
            for version in shape.versions:
                if version not in found:
                    print('no Python %s: left out' % version, file=sys.stderr)
                    continue
                target = Target(found[version], shape)
                try:
                    rows += measure_all(available, shape, version, target, options.seconds, folder)
                finally:
                    target.close()
            if not options.shape:
                keep(rows)
    sys.stdout.write(print_table(rows))


def keep(rows):
    if rows:
        table = print_table(rows)
        with open(os.path.join(HERE, 'RESULTS.md'), 'w') as results:
            results.write('# The last run of `make bench`\n\n%s.\n\n%s' % (machine(), table))


main()
