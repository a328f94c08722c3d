# SPDX-License-Identifier: Apache-2.0
# Makes names without end: new_names.py [EXECS].  Each 20 ms it runs some dozens of functions
# within one another, whose names of 16 KB nobody has had before.  It begins anew, by exec,
# that many times, a second after it began, and ends with its parent.
import os, sys, time

execs = int(sys.argv[1]) if len(sys.argv) > 1 else 0
text = chr(0x1f40d) if sys.version_info[0] > 2 else "s"
began = time.time()
count = 0
parent = os.getppid()


def call(rest):
    if rest:
        rest[0](rest[1:])
    else:
        time.sleep(0.02)


def renamed(name):
    code = call.__code__
    if hasattr(code, "replace"):
        code = code.replace(co_name=name)
    else:
        raise SystemExit("needs 3.8")
    if hasattr(code, "co_qualname"):
        code = code.replace(co_qualname=name)
    return type(call)(code, globals())


print("ready")
sys.stdout.flush()
while os.getppid() == parent:
    count += 1
    functions = []
    for i in range(60):
        tail = "_%d_%d_%d" % (execs, count, i)
        functions.append(renamed(text * (4000 - len(tail)) + tail))
    call(functions)
    if execs and time.time() - began > 1:
        os.execv(sys.executable, [sys.executable, sys.argv[0], str(execs - 1)])
