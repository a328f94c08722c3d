# SPDX-License-Identifier: Apache-2.0
# Works beside the GIL: beside.py [early] [THREAD]...  On SIGUSR1 it begins such threads and runs for
# two seconds: hashing lets go of the GIL for all that it does, interpreting does not, sleeping
# waits.  Then it prints what CPU time each used, by its own clock, and "wall" for all.  Before
# and after that it is busy.  early: the threads are there before, and sleep.
import hashlib, signal, sys, threading, time

text = b"x" * (4 << 20)
asked = []
used = {}
begun = threading.Event()
names = [name for name in sys.argv[1:] if name != "early"]


def thread_time():
    try:
        return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
    except AttributeError:
        import ctypes
        now = (ctypes.c_long * 2)()
        ctypes.CDLL(None).clock_gettime(3, now)
        return now[0] + now[1] / 1e9


def hashing():
    while time.time() < end:
        hashlib.sha256(text).digest()


def interpreting():
    while time.time() < end:
        for i in range(1000):
            pass


def sleeping():
    while time.time() < end:
        time.sleep(0.05)


def run(name):
    begun.wait()
    before = thread_time()
    globals()[name]()
    used[name] = thread_time() - before


def wait():
    while not asked:
        pass


def go_on():
    while True:
        pass


signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
threads = [threading.Thread(target=run, args=(name,)) for name in names]
if "early" in sys.argv:
    for thread in threads:
        thread.start()
print("ready")
sys.stdout.flush()
wait()
began = time.time()
end = began + 2
if "early" not in sys.argv:
    for thread in threads:
        thread.start()
begun.set()
for thread in threads:
    thread.join()
for name in used:
    print("%s %.3f" % (name, used[name]))
print("wall %.3f" % (time.time() - began))
sys.stdout.flush()
go_on()
