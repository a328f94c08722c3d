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

import staged
import hangs_locks      # noqa: F401 each adds to the table
import hangs_outside    # noqa: F401
import hangs_busy       # noqa: F401
if sys.version_info >= (3, 6):
    import hangs_py3    # noqa: F401

if __name__ == '__main__':
    sys.exit(staged.main(sys.argv[1:]))
