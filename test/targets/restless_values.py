# SPDX-License-Identifier: Apache-2.0
"""Busy; the arguments of frames that are there together are always the same number, and
what they refer to changes all the time."""
import sys


def inner(number, things):
    for i in range(50):
        things['list'].append(number)
        things[i] = [number] * i
        if len(things['list']) > 200:
            del things['list'][:]
            things['text'] = 'x' * (number % 100)
            things['set'] = set(range(number % 50))
    for i in range(50):
        del things[i]


def outer(number, things):
    copy = number
    inner(number, things)
    return copy


def main():
    things = {'list': [], 'text': '', 'set': set()}
    number = 0
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    while True:
        number += 1
        outer(number, things)


main()
