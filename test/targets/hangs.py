# SPDX-License-Identifier: Apache-2.0
"""Programs that are stuck, each in a way of its own, and what is true of them.

    hangs.py NAME [N]               is stuck in that way, beside N threads that sleep
    hangs.py --list                 NAME, what that needs, the least version of Python
    hangs.py --truth NAME           two regular expressions: what a finding has to match,
                                    and what it must not; case does not matter
    hangs.py --judge NAME FINDING [WORD]...
                                    complains if it does not, or lacks one of the words

It says "ready" when it is stuck. Before that come lines of two kinds, where they are
needed: "look PID", the process that is stuck if that is another, and "names WORD", what
the finding has to name (a pid, an address). It lives for 300 seconds at most, and
its helpers with it; status 77 if it can't be had here.

What it needs: "root", "cgroup" (one that can be written to, which takes root), "fuse"
(/dev/fuse, and root), "gil".

Left out: a program that waits for its pages to come back from swap.
"""
from __future__ import print_function
import sys
sys.dont_write_bytecode = True
import re
import signal
import time

import stage
import staged
import hangs_locks      # noqa: F401 each adds to the table
import hangs_outside    # noqa: F401
import hangs_busy       # noqa: F401
if sys.version_info >= (3, 6):
    import hangs_py3    # noqa: F401


def list_all():
    for name, hang in sorted(staged.hangs.items()):
        print('%s\t%s\t%d.%d' % ((name, hang.needs) + hang.least))


def judge(name, finding, words):
    hang = staged.hangs[name]
    complaints = ['does not name ' + word for word in words
                  if not re.search(r'(?<!\w)%s(?!\w)' % re.escape(word), finding)]
    if not re.search(hang.truth, finding, re.I | re.S):
        complaints.append('does not match ' + hang.truth)
    false = re.search(hang.never, finding, re.I | re.S)
    if false:
        complaints.append('claims "%s"' % false.group())
    for complaint in complaints:
        print('%s: %s' % (name, complaint))
    return 1 if complaints else 0


def run(name, bystanders):
    signal.alarm(stage.LIMIT)
    hang = staged.hangs[name]
    hang.prepare()
    stage.start_guardian()
    for number in range(1, bystanders + 1):
        stage.worker(number, time.sleep, stage.LIMIT).name = 'bystander-%d' % number
    hang.function()
    print('it went on', file=sys.stderr)
    return 1


def main(args):
    if args == ['--list']:
        return list_all()
    if args[0] == '--truth':
        hang = staged.hangs[args[1]]
        return print('%s\n%s' % (hang.truth, hang.never))
    if args[0] == '--judge':
        return judge(args[1], args[2], args[3:])
    return run(args[0], int(args[1]) if len(args) > 1 else 0)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
