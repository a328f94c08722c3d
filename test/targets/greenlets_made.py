# SPDX-License-Identifier: Apache-2.0
"""Greenlets that are made, hop and end all the time: greenlets_made.py gevent|raw N. Of each way to
begin them there is a whole chain of functions with its name at their ends: a stack with two of
these cannot be. The time that a function takes is as much as N."""
import sys

import greenlets_account # noqa: F401: loads libraries that gevent needs
from greenlet import getcurrent, greenlet

CHAIN = '''
def leaf_{name}(n):
    for i in range(n):
        i * i
    pause()
    for i in range(n):
        i * i


def inner_{name}(n):
    leaf_{name}(n)


def child_{name}(n):
    inner_{name}(n)


def parent_{name}(n):
    while True:
        {how}
'''

OF_GEVENT = {
    'spawn': 'gevent.spawn(child_spawn, n).join()',
    'later': 'gevent.spawn_later(0, child_later, n).join()',
    'pool': 'pool.spawn(child_pool, n).join()',
    'all': 'gevent.joinall([gevent.spawn(child_all, n), gevent.spawn(child_all, n)])',
    'self': 'child_self(n)',
}

RAW = {
    'twice': '''one = greenlet(child_twice)
        one.switch(n)
        one.switch()
        pause()''',
    'once': '''one = greenlet(child_once)
        one.switch(n)
        pause()''',
    'self': 'child_self(n)',
}


def main():
    if sys.argv[1] == 'gevent':
        all_of_them = [gevent.spawn(globals()['parent_' + name], n) for name in ways]
        print('ready', flush=True)
        gevent.joinall(all_of_them)
    all_of_them = [greenlet(globals()['parent_' + name]) for name in ways]
    print('ready', flush=True)
    while True:
        for one in all_of_them:
            one.switch(n)


if sys.argv[1] == 'gevent':
    import gevent
    import gevent.pool
    pool = gevent.pool.Pool(10)

    def pause():
        gevent.sleep(0)
else:
    def pause():
        getcurrent().parent.switch()

n = int(sys.argv[2])
ways = OF_GEVENT if sys.argv[1] == 'gevent' else RAW
for name in ways:
    exec(CHAIN.format(name=name, how=ways[name]))
main()
