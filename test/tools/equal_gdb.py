# SPDX-License-Identifier: Apache-2.0
"""For gdb: compares the C frames of a process with gdb's, some times over.

gdb -nx -q -batch -ex 'python args = [PYFLAME, PID, ROUNDS]' -ex 'source equal_gdb.py'

With no rounds the process is left alone, as one all of whose threads wait; else it is stopped
by a signal at each of them. As many frames have to be there as gdb finds, without those that
have none on the stack, each in the same module and function as far as that can be seen.
Where pyflame says that it knows no more, gdb may have a caller in no module. Prints each stack
that differs, and how many there were.
"""
import os
import re
import signal
import subprocess
import time

import gdb

pyflame, pid, rounds = args[0], int(args[1]), int(args[2])    # noqa: F821
root = '/proc/%d' % pid
added = set()
python = re.compile(r':\d+$|^\(')


def read_maps():
    """The modules: base, end, path."""
    modules = []
    for line in open(root + '/maps'):
        words = line.rstrip('\n').split(None, 5)
        start, end = (int(a, 16) for a in words[0].split('-'))
        path = words[5] if len(words) > 5 else ''
        if path and modules and modules[-1][2] == path:
            modules[-1] = (modules[-1][0], end, path)
        else:
            modules.append((start, end, path))
    return modules


def add_symbols(modules):
    """Those that gdb has not found: of a program that its loader was told to run."""
    known = {os.path.realpath(o.filename) for o in gdb.objfiles() if o.filename}
    for base, end, path in modules:
        file = root + '/root' + path
        if path in known or path in added or not path.startswith('/') or not os.path.exists(file):
            continue
        with open(file, 'rb') as f:
            head = f.read(18)
        added.add(path)
        if head[:4] == b'\x7fELF':
            # where it wants to be: of programs that can't be elsewhere
            offset = 0 if head[16] == 2 else base
            gdb.execute('add-symbol-file %s -o %#x' % (file, offset), to_string=True)


def read_frames(modules):
    frames, frame, newer = [], gdb.newest_frame(), None
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            address = frame.pc() - (newer is not None and newer.type() != gdb.SIGTRAMP_FRAME)
            text = gdb.execute('info symbol %d' % address, to_string=True)
            module = [(b, os.path.basename(p)) for b, e, p in modules if b <= address < e]
            frames.append((address, '-' if text.startswith('No symbol') else text.split()[0],
                           module[0] if module else (0, '?')))
            newer = frame
        frame = frame.older()
    return frames


def plain(name):
    """What a compiler makes several of, or has two names."""
    name = re.sub(r'[@(].*', '', name).split('::')[-1].strip('_').split('.')[0]
    return re.sub('64$', '', name)


def agree(ours, theirs):
    address, name, (base, module) = theirs
    found = re.match(r'(.*?)(?:\+0x([0-9a-f]+)|:(.*))$', ours)
    if not found or (found.group(1) != module and module != '?'):
        return False
    if found.group(2):
        begins = int(found.group(2), 16)
        return 0 <= address - base - begins < 1 << 17 or 0 <= address - begins < 1 << 17
    return name == '-' or plain(name) == plain(found.group(3))


def dump():
    threads, marked = {}, set()
    text = subprocess.run(['timeout', '60', pyflame, '-d', '--native=all', str(pid)],
                          stdout=subprocess.PIPE).stdout.decode('utf-8', 'replace')
    for line in text.split('\n'):
        start = re.match(r'(\d+)\*?: ', line)
        if start:
            tid = int(start.group(1))
            frames = threads[tid] = []
        elif line.startswith('(C frames'):
            marked.add(tid)
            frames.append(line)
        elif line and not python.search(line):
            frames.append(line)
    return threads, marked


def is_stopped():
    states = [open('%s/task/%s/stat' % (root, t)).read().rsplit(')', 1)[1].split()[0]
              for t in os.listdir(root + '/task')]
    return all(s in 'TtZ' for s in states)


def frames_agree(ours, theirs):
    if ours[-1:] == ['(C frames lost)'] and len(theirs) >= len(ours) and theirs[len(ours) - 1][2][1] == '?':
        ours, theirs = ours[:-1], theirs[:len(ours) - 1]
    return len(ours) == len(theirs) and all(map(agree, ours, theirs))


def compare():
    ours, marked = dump()
    modules = read_maps()
    gdb.execute('attach %d' % pid, to_string=True)
    add_symbols(modules)
    bad = 0
    for thread in gdb.selected_inferior().threads():
        tid = thread.ptid[1] or thread.ptid[0]
        if tid not in ours:
            continue
        thread.switch()
        theirs = read_frames(modules)
        if frames_agree(ours[tid], theirs):
            continue
        bad += 1
        print('thread %d:%s' % (tid, ' marked' if tid in marked else ''))
        for i in range(max(len(ours[tid]), len(theirs))):
            mine = ours[tid][i] if i < len(ours[tid]) else ''
            other = theirs[i] if i < len(theirs) else None
            same = other and mine and agree(mine, other)
            print(' %s %s | %s' % (' ' if same else '!', mine, other and '%x %s %x %s' % (
                other[0], other[1], other[2][0], other[2][1])))
    gdb.execute('detach', to_string=True)
    return len(ours), bad, len(marked)


gdb.execute('set backtrace past-main on')
gdb.execute('set backtrace limit 100000')
gdb.execute('set confirm off')
total = bad = marked = 0
for i in range(max(rounds, 1)):
    if rounds:
        os.kill(pid, signal.SIGSTOP)
        while not is_stopped():
            time.sleep(0.001)
    n, b, m = compare()
    total, bad, marked = total + n, bad + b, marked + m
    if rounds:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05 + 0.0137 * i)
print('%d stacks, %d differ, %d marked' % (total, bad, marked))
