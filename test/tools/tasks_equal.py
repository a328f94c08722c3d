# SPDX-License-Identifier: Apache-2.0
"""Compares the tasks in a dump (-d --async -f json) with the account that targets/tasks.py has
written: tasks_equal.py ACCOUNT DUMP. Says what differs, if anything does."""
import json
import sys


def frames_of(task):
    return ['%s:%s:%d' % (f['file'], f['function'], f['line']) for f in task['frames']]


def differences(expected, seen):
    if all(task['name'] == 'Task' for task in seen): # up to 3.7 they have no names
        equal = sorted(t['frames'] for t in expected) == sorted(map(frames_of, seen))
        return [] if equal else ['the frames differ']
    names = {task['id']: task['name'] for task in seen}
    found = {task['name']: task for task in seen}
    said = ['%s: is there twice' % name for name in found if [t['name'] for t in seen].count(name) > 1]
    for task in expected:
        one = found.pop(task['name'], None)
        if one is None:
            said.append('%s: is missing' % task['name'])
            continue
        if one['state'] != 'waits':
            said.append('%s: %s, and does not wait' % (task['name'], one['state']))
        if frames_of(one) != task['frames']:
            said.append('%s: %s, not %s' % (task['name'], frames_of(one)[:5], task['frames'][:5]))
        if frames_of(one)[::-1][:len(task['graph'])] != task['graph']:
            said.append('%s: asyncio says %s' % (task['name'], task['graph']))
        if task['awaited_by'] == ['any']:
            continue
        parents = sorted(names[number] for number in one['awaited_by'])
        if parents != (task['awaited_by'] or []):
            said.append('%s: awaited by %s, not %s' % (task['name'], parents, task['awaited_by']))
        if ('parent_unknown' in one) != (task['awaited_by'] is None):
            said.append('%s: whether its parent is known' % task['name'])
    return said + ['%s: is not in the account' % name for name in found]


def main():
    with open(sys.argv[1]) as account, open(sys.argv[2]) as dump:
        expected, seen = json.load(account), json.load(dump)['processes'][0]['tasks']
    said = differences(expected, seen)
    print('\n'.join(said[:20] or ['%d tasks are equal' % len(expected)]))
    sys.exit(bool(said))


main()
