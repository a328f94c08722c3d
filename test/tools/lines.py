# SPDX-License-Identifier: Apache-2.0
"""Line tables of compiled code, and what this Python itself reads in them.

Prints for each code object FORMAT FIRST-LINE TABLE OFFSET:LINE..., for lines.c.
The sources are some of the standard library, and some with long distances.
"""
from __future__ import print_function
import binascii
import dis
import glob
import os
import random
import sys

VERSION = sys.version_info[:2]
FORMAT = ('locations' if VERSION >= (3, 11) else 'ranges' if VERSION >= (3, 10) else
          'lnotab' if VERSION >= (3, 6) else 'lnotab_unsigned')
ODD = [
    'def f():\n' + '\n' * 40000 + ' return 1\n' + '\n' * 300 + ' return 2\n',
    'def f(x):\n return (x(' + 'x,\n' * 700 + '),\n x)\n',
    'def f(x):\n return [' + 'x(1),' * 400 + '\n' * 128 + ']\n',
    'f = (\n' + '\n' * 200 + 'lambda x: x(\n' + '1,\n' * 130 + '))\n',
    'def f(x):\n try:\n  x(\n1\n)\n finally:\n  for y in x:\n   with y: x()\n',
]


def codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            for inner in codes(constant):
                yield inner


def lines(code):
    """(offset, line) of every instruction that has a line."""
    if hasattr(code, 'co_lines'):
        for start, end, line in code.co_lines():
            for offset in range(start, end, 2):
                if line is not None:
                    yield offset, line
        return
    starts = list(dis.findlinestarts(code)) + [(len(code.co_code), None)]
    for (start, line), (end, _) in zip(starts, starts[1:]):
        for offset in range(start, end):
            yield offset, line


def sources():
    for source in ODD:
        yield source
    files = sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), '*.py')))
    files = [name for name in files if os.path.isfile(name)]
    random.Random(1).shuffle(files)
    for name in files[:30]:
        with open(name, 'rb') as file:
            yield file.read()


def main():
    for source in sources():
        try:
            whole = compile(source, 'x', 'exec')
        except (SyntaxError, ValueError):
            continue
        for code in codes(whole):
            table = code.co_linetable if VERSION >= (3, 10) else code.co_lnotab
            print(FORMAT, code.co_firstlineno, binascii.hexlify(table).decode('ascii') or '-',
                  *['%d:%d' % pair for pair in lines(code)])


main()
