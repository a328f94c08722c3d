#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what pyflame writes for other programs, by the rules of each format.

  formats.py FORMAT FILE             collapsed stacks with the counts that it has
  formats.py FORMAT FILE threads     the threads: PID TID NAME, one a line
  formats.py FORMAT FILE times       of each thread and stack the microseconds
  formats.py FORMAT FILE totals      of each thread the microseconds: these, THREAD
  formats.py FORMAT FILE waits       of each kind of wait the samples, or microseconds

What breaks a rule ends it with a traceback. A chrome trace has times only: a
count is then the time over the period, argument PERIOD (microseconds). Names are
written as the format has them.
"""
import collections
import gzip
import json
import re
import sys

COLORS = {'transparent', 'purple', 'green', 'orange', 'yellow', 'lightblue', 'blue', 'brown',
          'magenta', 'red', 'lightred', 'darkgrey', 'grey'}


# C1 controls, line separators, and what turns the direction of writing.
CONTROLS = re.compile('[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')


def label(name, file, line):
    return ':'.join([file] * (file is not None) + [name] + [str(line)] * bool(line))


def load(path):
    with open(path, 'rb') as f:
        raw = f.read()
    assert b'</script' not in raw.lower()
    assert not any(byte < 32 and byte != 10 or byte == 127 for byte in raw)
    assert not CONTROLS.search(raw.decode('utf-8'))
    return json.loads(raw.decode('utf-8'), parse_constant=lambda word: 1 / 0)


class Profile:
    def __init__(self):
        self.counts = collections.Counter()
        self.times = collections.Counter()
        self.waits = collections.Counter()
        self.threads = []

    def add(self, stack, count=0, time=0, thread=None):
        self.counts[';'.join(stack)] += count
        self.times[thread, ';'.join(stack)] += time


def read_json(p, path):
    d = load(path)
    assert list(d)[:3] == ['format', 'version', 'generator'] and d['format'] == 'pyflame'
    strings, frames, stacks = d['strings'], d['frames'], d['stacks']
    assert len(set(strings)) == len(strings)
    assert len({len(column) for column in frames.values()}) == 1
    assert len({len(column) for column in stacks.values()}) == 1
    labels = [label(strings[f], strings[g] if g >= 0 else None, line)
              for f, g, line in zip(frames['function'], frames['file'], frames['line'])]
    assert d['threads']
    for t in d['threads']:
        p.threads.append((t.get('pid'), t.get('tid'), t.get('name')))
    paths = []
    for i, (parent, frame) in enumerate(zip(stacks['parent'], stacks['frame'])):
        assert -len(d['threads']) <= parent < i and frame >= 0
        paths.append((paths[parent] if parent >= 0 else []) + [labels[frame]])
        assert 0 <= stacks.get('idle', stacks['count'])[i] <= stacks['count'][i]
        p.add(paths[i], stacks['count'][i])
    p.add(['(idle)'], d['idle'])
    p.add(['(failed)'], d['failed'])
    assert sum(p.counts.values()) == d['total']
    if 'before' in d:
        before = d['before']
        assert before['total'] == sum(before['count']) + before['idle'] + before['failed']
        assert len(before['count']) == len(paths)


def read_speedscope(p, path):
    d = load(path)
    assert d['$schema'] == 'https://www.speedscope.app/file-format-schema.json'
    labels = [label(f['name'], f.get('file'), f.get('line')) for f in d['shared']['frames']]
    assert 0 <= d['activeProfileIndex'] < len(d['profiles'])
    for profile in d['profiles']:
        p.threads.append((None, None, profile['name']))
        assert profile['unit'] in ('microseconds', 'none')
        if profile['type'] == 'sampled':
            assert len(profile['samples']) == len(profile['weights'])
            assert profile['endValue'] - profile['startValue'] == sum(profile['weights'])
            for stack, weight in zip(profile['samples'], profile['weights']):
                p.add([labels[f] for f in stack], weight if profile['unit'] == 'none' else 0,
                      weight, profile['name'])
            continue
        assert profile['type'] == 'evented'
        opened, last = [], profile['startValue']
        for event in profile['events']:
            assert event['at'] >= last
            if opened and event['at'] > last:
                counted = event['at'] - last if profile['unit'] == 'none' else 0
                p.add([labels[f] for f in opened], counted, event['at'] - last, profile['name'])
            last = event['at']
            if event['type'] == 'O':
                opened.append(event['frame'])
            else:
                assert event['type'] == 'C' and opened.pop() == event['frame']
        assert not opened and last <= profile['endValue']


def read_chrome(p, path, period=0):
    d = load(path)
    slices = collections.defaultdict(list)
    for event in d['traceEvents']:
        thread = event['pid'], event['tid']
        if event['ph'] == 'M':
            assert event['name'] in ('thread_name', 'process_name', 'thread_sort_index',
                                     'process_sort_index')
            if event['name'] == 'thread_name':
                p.threads.append(thread + (event['args']['name'],))
            continue
        assert event['ph'] == 'X' and event['cat'] and event['dur'] > 0
        slices[thread].append(event)
    assert all(isinstance(value, str) for value in d['otherData'].values())
    for thread, events in slices.items():
        opened = [] # of each its end, its label, and the time that is its own

        def close(until):
            while opened and opened[-1][0] <= until:
                _, wait, time = opened[-1][0], opened[-1][2], opened[-1][3]
                assert not period or time % period == 0
                if time:
                    p.add([o[1] for o in opened], time // period if period else 0, time, thread)
                    p.waits[wait] += time
                opened.pop()

        for event in events:
            args, end = event.get('args', {}), event['ts'] + event['dur']
            assert not opened or event['ts'] >= opened[-1][4]
            close(event['ts'])
            if opened:
                assert end <= opened[-1][0] # a child ends with its parent, or before
                opened[-1][3] -= event['dur']
            opened.append([end, label(event['name'], args.get('file'), args.get('line')),
                           args.get('state', 'busy'), event['dur'], event['ts']])
            assert len(opened) < 512 # Perfetto drops what is deeper
        close(float('inf'))


def table(t):
    """A table of the Firefox Profiler: columns of the length that it says."""
    for name, column in t.items():
        assert not isinstance(column, list) or len(column) == t['length'], name
    return t


def read_gecko(p, path):
    d = load(path)
    meta, strings = d['meta'], d['shared']['stringArray']
    assert meta['preprocessedProfileVersion'] == 57 and d['libs'] == []
    categories = meta['categories']
    assert categories[0]['color'] == 'grey'
    assert all(c['color'] in COLORS and c['subcategories'] for c in categories)
    for key in ('interval', 'startTime', 'product', 'stackwalk', 'version', 'markerSchema'):
        assert key in meta
    for t in d['threads']:
        assert isinstance(t['pid'], str) and t['isMainThread'] in (True, False)
        p.threads.append((int(t['pid']), t['tid'], t['name']))
        stacks, frames, funcs = (table(t[n]) for n in ('stackTable', 'frameTable', 'funcTable'))
        samples = table(t['samples'])
        table(t['markers']), table(t['nativeSymbols']), table(t['resourceTable'])
        labels, paths = [], []
        for func, line, category in zip(frames['func'], frames['line'], frames['category']):
            file = funcs['fileName'][func]
            labels.append(label(strings[funcs['name'][func]],
                                None if file is None else strings[file], line))
            assert 0 <= category < len(categories)
        for i, (prefix, frame) in enumerate(zip(stacks['prefix'], stacks['frame'])):
            assert prefix is None or 0 <= prefix < i
            paths.append((paths[prefix] if prefix is not None else []) + [labels[frame]])
        assert samples['time'] == sorted(samples['time'])
        lasts = [b - a for a, b in zip(samples['time'], samples['time'][1:] + [0])]
        counts = [1] * samples['length']
        if samples['weightType'] == 'tracing-ms':
            lasts, counts = samples['weight'], [round(w / meta['interval']) for w in samples['weight']]
        elif samples['weight'] is not None:
            counts = samples['weight']
        lasted = collections.Counter()
        for stack, count, time in zip(samples['stack'], counts, lasts):
            if stack is None: # it was not seen
                continue
            p.add(paths[stack], count, round(time * 1000), (t['pid'], t['tid']))
            kind = categories[frames['category'][stacks['frame'][stack]]]['name']
            p.waits[{'Idle': 'idle', 'Waits for the GIL': 'waits for the GIL'}.get(kind, 'busy')] += count
            lasted[kind] += time
        markers = t['markers']
        assert all(a < b for a, b in zip(markers['startTime'], markers['endTime']))
        marked = sum(markers['endTime']) - sum(markers['startTime'])
        p.waits['markers'] += round(1000 * marked)
        if 'threadCPUDelta' in samples: # then the times of samples are known, too
            cpu = sum(samples['threadCPUDelta'])
            p.waits['cpu'] += cpu
            assert abs(marked - lasted['Waits for the GIL']) < .1
            idle = sum(lasted[kind] for kind in ('Waits for the GIL', 'Idle', 'Other'))
            assert abs(cpu / 1000 - sum(lasted.values()) + idle) < .1
        for script, relevant, file in zip(funcs['isJS'], funcs['relevantForJS'], funcs['fileName']):
            assert script == (file is not None) and relevant == (file is None)


def fields(raw):
    """The fields of a protocol buffer: (number, integer or bytes)."""
    at = 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            byte = raw[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                assert n < 1 << 64
                return n

    while at < len(raw):
        key = varint()
        value = varint()
        if key & 7 == 2:
            assert at + value <= len(raw)
            at += value
            value = raw[at - value:at]
        else:
            assert key & 7 == 0
        yield key >> 3, value


def message(raw):
    found = collections.defaultdict(list)
    for number, value in fields(raw):
        found[number].append(value)
    return found


def varints(raw):
    """A packed field, as the values of one-field messages."""
    values, n, shift = [], 0, 0
    for byte in raw:
        n |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(n)
            n = shift = 0
    return values


def read_pprof(p, path):
    with gzip.open(path) as f:
        d = message(f.read())
    strings = [s.decode('utf-8') for s in d[6]]
    assert strings[0] == ''
    types = [(strings[t[1][0]], strings[t[2][0]]) for t in map(message, d[1])]
    assert types[0] == ('samples', 'count')
    assert len(types) == 1 or types[1][1] == 'nanoseconds'
    mapping, = map(message, d[3])
    assert mapping[1] == mapping[7] == [1] and strings[mapping[5][0]]
    assert [strings[i] for i in varints(d[13][0])][0].startswith('generator: pyflame ')
    functions, locations = {}, {}
    for f in map(message, d[5]):
        assert f[1][0] not in functions
        functions[f[1][0]] = strings[f[2][0]] if f[2] else '', strings[f[4][0]] if f[4] else None
    assert len(set(functions.values())) == len(functions)
    for location in map(message, d[4]):
        line, = map(message, location[4])
        assert location[2] == [1]
        name, file = functions[line[1][0]]
        locations[location[1][0]] = label(name, file, line[2][0] if line[2] else 0)
    for sample in map(message, d[2]):
        values = varints(sample[2][0])
        assert len(values) == len(types)
        labels = {}
        for one in map(message, sample[3]):
            labels[strings[one[1][0]]] = strings[one[2][0]] if one[2] else one[3][0]
        thread = labels.get('pid'), labels.get('tid'), labels.get('thread')
        if thread not in p.threads:
            p.threads.append(thread)
        p.waits[labels.get('state')] += values[0]
        p.add([locations[i] for i in reversed(varints(sample[1][0]))], values[0],
              values[1] // 1000 if len(types) > 1 else 0, (labels.get('pid'), labels.get('tid')))


def main():
    form, path, *rest = sys.argv[1:]
    p = Profile()
    period = [int(rest.pop())] if rest and rest[-1].isdigit() else []
    globals()['read_' + form](p, path, *period)
    if rest == ['threads']:
        lines = [' '.join(str(x) for x in t if x is not None) for t in p.threads]
    elif rest == ['times']:
        lines = ['%s %s %d' % (*key, time) for key, time in p.times.items() if time]
    elif rest == ['totals']:
        totals = collections.Counter()
        for (thread, _), time in p.times.items():
            totals[thread] += time
        lines = ['%d %s' % (time, thread) for thread, time in totals.items()]
    elif rest == ['waits']:
        lines = ['%s %d' % item for item in p.waits.items() if item[1]]
    else:
        lines = ['%s %d' % item for item in p.counts.items() if item[1]]
    sys.stdout.buffer.write(''.join(line + '\n' for line in sorted(lines)).encode())


main()
