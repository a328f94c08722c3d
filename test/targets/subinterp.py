# SPDX-License-Identifier: Apache-2.0
"""Sub-interpreters are busy, each in a thread of its own: subinterp.py [N [own]]

Number i (1 to N, 2 by default) runs busy_i in subinterp_i.py, and the main
interpreter sleeps. They are made by the main thread, or each by its own. (Up to 3.11
only who made one is known to Python.) Without sub-interpreters, says why and exits with status 77.
"""
import os
import signal
import sys
import threading
import time

SOURCE = '''
import os
import time
def busy_{0}():
    os.write({1}, b'.')
    while True:
        for _ in range(100000):
            pass
        time.sleep(.001)        # before 3.12, else no other interpreter runs
os.write({1}, b'.')
os.read({2}, 1)
busy_{0}()
'''


def interpreter():
    """A function that runs source text in a new interpreter."""
    try:
        from concurrent import interpreters
        return getattr(interpreters.create(), 'exec')
    except ImportError:
        pass
    try:
        import _interpreters as interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            print('no sub-interpreters in Python ' + sys.version.split()[0])
            sys.exit(77)
    number = interpreters.create()
    return lambda source: interpreters.run_string(number, source)


def main(count, own):
    report, gate = os.pipe(), os.pipe()
    runs = [(lambda source: interpreter()(source)) if own else interpreter()
            for _ in range(count)]
    for i, run in enumerate(runs, 1):
        source = 'exec(compile(%r, "subinterp_%d.py", "exec"))' % (
            SOURCE.format(i, report[1], gate[0]), i)
        thread = threading.Thread(target=run, args=(source,),
                                  name='interpreter-%d' % i)
        thread.daemon = True
        thread.start()
        os.read(report[0], 1)
    os.write(gate[1], b'.' * count)
    for _ in range(count):
        os.read(report[0], 1)
    print('ready')
    sys.stdout.flush()
    time.sleep(1000)


signal.alarm(300)
main(int(sys.argv[1]) if len(sys.argv) > 1 else 2, 'own' in sys.argv)
