# SPDX-License-Identifier: Apache-2.0
"""Greenlets that use the CPU in turn, begun in several ways: greenlets_chain.py gevent|raw"""
import sys

import greenlets_account # noqa: F401: loads libraries that gevent needs


def burn():
    for i in range(20000):
        i * i


def forever(pause):
    while True:
        burn()
        pause()


def with_gevent():
    import gevent
    import gevent.pool

    def pause():
        gevent.sleep(0)

    def leaf():
        forever(pause)

    def handler():
        return [gevent.spawn(leaf), gevent.spawn(fan_out)]

    def fan_out():
        pool = gevent.pool.Pool(2)
        pool.spawn(named).name = 'worker-1'
        pool.spawn(named).name = 'worker #2'
        gevent.sleep(100000)

    def named():
        forever(pause)

    class Derived(gevent.Greenlet):
        def _run(self):
            forever(pause)

    def keeps_children():
        children = handler()
        Derived.spawn()
        timer = gevent.get_hub().loop.timer(0.01)
        timer.start(in_hub)
        gevent.spawn_raw(raw)
        gevent.joinall(children)

    def in_hub():
        kept.append(gevent.spawn(from_hub))

    def from_hub():
        forever(pause)

    def raw():
        forever(pause)

    kept = []
    one = gevent.spawn(keeps_children)
    gevent.sleep(0.1)
    print('ready', flush=True)
    one.join()


def with_greenlet():
    from greenlet import getcurrent, greenlet

    def pause():
        getcurrent().parent.switch()

    def child():
        forever(pause)

    def outer():
        one = greenlet(child)
        while True:
            one.switch()
            getcurrent().parent.switch()

    one, other = greenlet(outer), greenlet(child)
    print('ready', flush=True)
    while True:
        one.switch()
        other.switch()


def start():
    {'gevent': with_gevent, 'raw': with_greenlet}[sys.argv[1]]()


start()
