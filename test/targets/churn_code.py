# SPDX-License-Identifier: Apache-2.0
"""Make functions, call them, and drop them, so that their memory is used anew.

Number i is two functions in the file gen_I.py, I being i in six digits: f_I on
line 1000 + i % 1000 calls g_I on the line below, which calls spin here. A stack
in which any of these disagree was put together from two moments.
"""
import itertools
import signal
import sys

SOURCE = '''%s
def f_%06d(): g_%06d()
def g_%06d(): spin()
'''


def spin():
    for _ in range(500):
        pass


def make(i):
    source = SOURCE % ('\n' * (998 + i % 1000), i, i, i)
    namespace = {'spin': spin}
    exec(compile(source, 'gen_%06d.py' % i, 'exec'), namespace)
    return namespace


def main():
    for i in itertools.count():
        namespace = make(i)
        for _ in range(20):
            namespace['f_%06d' % i]()
        namespace.clear()


signal.alarm(300)
print('ready')
sys.stdout.flush()
main()
