# SPDX-License-Identifier: Apache-2.0
"""What refers to the types of greenlets and is none, and greenlets whose own words are wrong."""
import ctypes
import time

from greenlets_account import greenlet

WORD = ctypes.sizeof(ctypes.c_void_p)


class Derived(greenlet.greenlet):
    def run(self):
        greenlet.getcurrent().parent.switch()


def forever():
    greenlet.getcurrent().parent.switch()


def spoil(one, n, value):
    """Sets the n-th word of a greenlet, or of what it points to."""
    at = id(one) + object.__basicsize__
    if greenlet.greenlet.__basicsize__ <= 6 * WORD:
        at = ctypes.c_void_p.from_address(at + 2 * WORD).value
    ctypes.c_void_p.from_address(at + n * WORD).value = value


def main():
    types = [(Derived, greenlet.greenlet), [Derived] * 1000, {Derived: greenlet.greenlet}]
    memory = (ctypes.c_void_p * 100000)(*[id(Derived)] * 50000 + [id(greenlet.greenlet)] * 50000)
    kept = [greenlet.greenlet(forever) for _ in range(300)] + [Derived()]
    for one in kept:
        one.switch()
    wild = [0, 1, 2 ** (8 * WORD) - 1, 2 ** (8 * WORD - 1), id(kept), id(Derived), id(kept[-2])]
    for n in range(24):
        for i, value in enumerate(wild):
            spoil(kept[n * len(wild) + i], n, value)
    print('ready', flush=True)
    time.sleep(100000)
    return types, memory


main()
