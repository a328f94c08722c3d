# SPDX-License-Identifier: Apache-2.0
"""Compares C frames with gdb's: compare_gdb.py DUMP GDB MAPS

DUMP is what pyflame -d --native=all printed, GDB what frames_gdb.py did. As many frames have to
be there, and each with gdb's name, or without one, in the same function as far as can be seen.
"""
import re
import sys


def read_dump(path):
    threads = {}
    for line in open(path):
        line = line.rstrip('\n')
        start = re.match(r'(\d+)\*?: ', line)
        if start:
            frames = threads[int(start.group(1))] = []
        elif line and not re.search(r':\d+$', line):     # those of Python have lines
            frames.append(line)
    return threads


def read_gdb(path):
    threads, frames = {}, None
    for line in open(path):
        words = line.split()
        if words[:1] == ['T'] and len(words) == 2:
            frames = threads[int(words[1])] = []
        elif words[:1] == ['F'] and len(words) == 3:
            frames.append((int(words[1], 16), words[2]))
    return threads


def read_bases(path):
    bases = {0}     # of programs that are where they want to be
    for line in open(path):
        words = line.split(None, 5)
        if len(words) > 5 and int(words[2], 16) == 0:
            bases.add(int(words[0].split('-')[0], 16))
    return bases


def agree(ours, theirs, bases):
    address, name = theirs
    offset = re.search(r'\+0x([0-9a-f]+)$', ours)
    if offset:
        begins = int(offset.group(1), 16)
        return any(0 <= address - base - begins < 1 << 17 for base in bases)
    ours = ours.split(':', 1)[1]
    name = re.sub(r'@.*', '', name)
    # what a compiler makes several of, or has two names
    return name == '-' or name.strip('_').split('.')[0] == ours.strip('_').split('.')[0] \
        or name.endswith(ours)


def main():
    ours, theirs = read_dump(sys.argv[1]), read_gdb(sys.argv[2])
    bases, bad = read_bases(sys.argv[3]), 0
    for tid, frames in ours.items():
        expected = theirs.get(tid, [])
        same = len(frames) == len(expected) and all(
            agree(one, other, bases) for one, other in zip(frames, expected))
        if not same:
            bad += 1
            print('thread %d:' % tid)
            for i in range(max(len(frames), len(expected))):
                print('  %s | %s' % (frames[i] if i < len(frames) else '',
                                     expected[i] if i < len(expected) else ''))
    print('%d stacks, %d differ' % (len(ours), bad))
    return bad or not ours


sys.exit(main())
