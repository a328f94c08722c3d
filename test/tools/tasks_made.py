# SPDX-License-Identifier: Apache-2.0
"""tasks_made.py VERSION FILE: whether each stack of tasks_made.py in a profile is possible, and all
ways that tasks are awaited are there. Prints how many samples there are."""
import re
import sys

version = tuple(map(int, sys.argv[1].split('.')))
seen, ways, wrong = 0, set(), set()
own = re.compile(r'(?:.*/)?(?:tasks_made\.py|<string>):(\w+)$')
for line in open(sys.argv[2]):
    stack, count = line.rstrip().rsplit(' ', 1)
    if not stack.count(';') or 'task ' not in stack:
        continue
    seen += int(count)
    frames = stack.split(';')
    words = [frame if frame.startswith('task ') else own.match(frame).group(1)
             for frame in frames if frame.startswith('task ') or own.match(frame)]
    text = ' '.join(words)
    way = re.sub(r'.*_', '', words[-1])
    # 3.12 awaits what wait_for is about itself; the task is the parent
    plain = way == 'self' or (way == 'for' and version >= (3, 12))
    child = 'child_W' if plain else 'task child_W child_W'
    if not re.match(('task main( main( task parent_W( parent_W( %s( inner_W( leaf_W)?)?)?)?)?)?$' % child)
                    .replace('W', way), text):
        wrong.add(text)
    ways.add(way)
print('%d samples of tasks, impossible: %s' % (seen, wrong))
want = {'task', 'gather', 'wait', 'shield', 'for', 'self'} | ({'group'} if version >= (3, 11) else set())
# what comes just after a system call a thread that has to be stopped is seldom seen in
if want - ways:
    print('never seen: %s' % (want - ways))
sys.exit(bool(wrong or len(want - ways) > 1))
