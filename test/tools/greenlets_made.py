# SPDX-License-Identifier: Apache-2.0
"""greenlets_made.py gevent|raw FILE: whether each stack of greenlets_made.py in a profile is
possible, and all ways that greenlets are begun are there. Prints how many samples there are, and how
many have nothing below the greenlet that runs."""
import re
import sys


def frames_end_in_wait(stack):
    return re.search(';(suspended|waits: [^;]*)$', stack)


seen, bare, ways, wrong = 0, 0, set(), set()
own = re.compile(r'(?:.*/)?(?:greenlets_made\.py|<string>):(main|(?:parent|child|inner|leaf)_\w+)$')
for line in open(sys.argv[2]):
    stack, count = line.rstrip().rsplit(' ', 1)
    frames = [frame if frame.startswith('greenlet ') else own.match(frame) and own.match(frame).group(1)
              for frame in stack.split(';')]
    text = ' '.join(frame for frame in frames if frame)
    if '_' not in text:
        continue
    seen += int(count)
    if 'greenlet ' not in text:
        bare += int(count)
        text = 'greenlet x ' + text
    way = re.sub(r'.*_', '', text)
    child = 'child_W' if way == 'self' else 'greenlet child_W child_W'
    if frames_end_in_wait(stack): # its parent may run
        text = re.sub('^greenlet child_', 'main greenlet parent_W parent_W greenlet child_'.replace('W', way), text)
    if not re.match(('(main )?greenlet parent_W( parent_W( %s( inner_W( leaf_W)?)?)?)?$' % child).replace('W', way), text) \
            and not re.match('greenlet x (parent|child)_W( child_W)?( inner_W( leaf_W)?)?$'.replace('W', way), text):
        wrong.add(text)
    ways.add(way)
print('%d samples of greenlets, %d of them plain, impossible: %s' % (seen, bare, wrong))
want = {'gevent': {'spawn', 'later', 'pool', 'all', 'self'}, 'raw': {'once', 'twice', 'self'}}[sys.argv[1]]
if want - ways:
    print('never seen: %s' % (want - ways))
sys.exit(bool(wrong or want - ways or bare > seen / 100))
