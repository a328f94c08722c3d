# SPDX-License-Identifier: Apache-2.0
"""What is checked on every machine, as its only programs. Prints one line a check:

check: ok NAME / check: FAIL NAME: WHY / check: skip NAME: WHY, at last check: end
"""
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
import traceback

USER = 1000
YAMA = '/proc/sys/kernel/yama/ptrace_scope'
targets = []


class Skip(Exception):
    pass


def become_user():
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)


def pyflame(status, *args, user=False, timeout=240):
    """Runs it, expects that exit status, returns what it wrote."""
    run = subprocess.run(('/check/pyflame',) + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, timeout=timeout,
                         preexec_fn=become_user if user else None)
    out, err = run.stdout.decode(), run.stderr.decode()
    assert run.returncode == status, 'status %d, expected %d: %s' % (run.returncode, status, err[-500:])
    return out, err


def start(name, *args, user=False, python='python3'):
    """Starts a target and waits until it is ready; its pid."""
    target = subprocess.Popen((python, '/check/%s.py' % name) + args, stdout=subprocess.PIPE,
                              stderr=open('/tmp/target.err', 'w'), stdin=subprocess.DEVNULL,
                              preexec_fn=become_user if user else None)
    targets.append(target)
    if not target.stdout.readline().startswith(b'ready'):
        with open('/tmp/target.err') as file:
            raise AssertionError('the target ended: %s' % file.read()[-300:])
    return str(target.pid)


def end_targets():
    while targets:
        target = targets.pop()
        target.kill()
        target.wait()


def tasks(pid):
    for task in os.listdir('/proc/%s/task' % pid):
        with open('/proc/%s/task/%s/status' % (pid, task)) as file:
            yield dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)


def unharmed(pid):
    deadline = time.monotonic() + 10
    while True:
        bad = [t for t in tasks(pid) if t['State'][0] not in 'RS' or t['TracerPid'] != '0']
        if not bad:
            return
        assert time.monotonic() < deadline, 'left in state %(State)s, traced by %(TracerPid)s' % bad[0]
        time.sleep(0.05)


def normalise(dump):
    return subprocess.run(('sh', '-c', '. /check/truth.bash; truth_normalise'), input=dump.encode(),
                          stdout=subprocess.PIPE, check=True).stdout.decode()


def same(expected, seen):
    for number, (a, b) in enumerate(zip(expected.splitlines() + [None], seen.splitlines() + [None])):
        assert a == b, 'line %d is %r, expected %r' % (number + 1, b, a)
    assert len(expected) > 500, 'too little'


def samples(text, regex='.'):
    return sum(int(line.rsplit(' ', 1)[1]) for line in text.splitlines() if re.search(regex, line))


def set_yama(scope):
    if not os.path.exists(YAMA):
        raise Skip('no Yama in this kernel')
    with open(YAMA, 'w') as file:
        file.write('%d\n' % scope)
    with open(YAMA) as file:
        assert int(file.read()) == scope


def explains(error, *words):
    assert len(error.splitlines()) == 1, 'not one line: %r' % error
    for word in words:
        assert word in error, '%r is not in %r' % (word, error)


# --- as root ------------------------------------------------------------------

def check_version():
    out, _ = pyflame(0, '--version')
    assert out.startswith('pyflame ') and os.uname().machine in out, out


def check_profile():
    pid = start('fib')
    out, _ = pyflame(0, '-s', '2', '-r', '10ms', pid)
    assert samples(out) >= 20, '%d samples' % samples(out)
    assert samples(out, 'fib.py:main:') >= samples(out) / 2, out[:500]
    unharmed(pid)


def check_exact_stacks(*options, python='python3'):
    pid = start('truth', '/tmp/account', python=python)
    out, _ = pyflame(0, *options, '-d', pid)
    with open('/tmp/account') as file:
        same(file.read(), normalise(out))
    unharmed(pid)


def check_exact_stacks_paused():
    check_exact_stacks('--pause')


def check_exact_stacks_not_paused():
    check_exact_stacks('--no-pause')


def check_exact_stacks_of_32_bits():
    if sys.maxsize < 2 ** 32:
        raise Skip('all is of 32 bits here')
    try:
        subprocess.run(('python3-narrow', '-c', 'pass'), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skip('no Python of 32 bits runs here: %s' % error)
    check_exact_stacks(python='python3-narrow')
    check_holder_of_the_lock('python3-narrow')


def check_holder_of_the_lock(python='python3'):
    pid = start('fib', python=python)
    out, _ = pyflame(0, '-m', 'gil', '-s', '1', '-r', '20ms', pid)
    assert samples(out, 'fib.py:main:') >= 5, out[:500]


def check_idle():
    pid = start('idle')
    out, _ = pyflame(0, '-s', '0.5', '-r', '20ms', pid)
    assert samples(out, '^.idle. ') >= samples(out) / 2 > 0, out[:500]


def check_pause():
    pid = start('fib')
    out, _ = pyflame(0, '--pause', '-s', '1', '-r', '20ms', pid)
    assert samples(out, 'fib.py:main:') >= 5, out[:500]
    unharmed(pid)


def check_samples_of_the_kernel():
    pid = start('fib')
    out, err = pyflame(0, '--stats', '-s', '5', '-r', '20ms', pid)
    if 'kernel samples: refused' in err:
        raise Skip('Linux %s refuses them' % os.uname().release)
    assert int(re.search(r'kernel samples: (\d+)', err).group(1)) >= 20, err
    stopped = int(re.search(r'with the thread stopped (\d+)', err).group(1))
    assert stopped <= 10, err # while code is new
    assert samples(out, 'fib.py:main:') >= 20, out[:500]
    unharmed(pid)


def needs_native():
    if os.uname().machine not in ('x86_64', 'aarch64', 'i686'):
        raise Skip('not on this machine')


def check_c_frames_of_what_waits():
    needs_native()
    pid = start('many_calls')
    time.sleep(1)
    out, _ = pyflame(0, '-d', '--native', pid)
    assert re.search(r'^libc.*:[a-z_]+$', out, re.M), out[:1000]
    assert '(C frames not' not in out, out[:3000]
    assert '(C frames lost' not in out, out[:3000]
    unharmed(pid)


def check_c_frames_of_what_runs():
    needs_native()
    pid = start('fib')
    out, _ = pyflame(0, '-n', '-s', '3', '-r', '20ms', '--native', pid)
    assert samples(out, 'fib.py:main') >= 5, out[:500]
    assert samples(out, r'\(C frames ') <= samples(out) / 20, out[:2000]
    unharmed(pid)


def check_command():
    program = 'def f():\n for i in range(%d): pass\nf()\n' % 10 ** 6
    with open('/tmp/command.py', 'w') as file:
        file.write(program)
    out, _ = pyflame(0, '-r', '5ms', '-t', 'python3', '/tmp/command.py')
    assert samples(out, r'command\.py:f:2') >= 1, out[-500:]
    pyflame(3, '-t', 'python3', '-c', 'import time; time.sleep(1); raise SystemExit(3)')


def check_not_python():
    sleeper = subprocess.Popen(('sleep', '1000'))
    targets.append(sleeper)
    time.sleep(0.2)
    _, error = pyflame(3, str(sleeper.pid))
    explains(error, 'is not Python')
    _, error = pyflame(3, '2')
    explains(error, 'kernel thread')


def check_no_such_process():
    _, error = pyflame(5, '4000000')
    explains(error, 'no process')


# --- as an ordinary user ------------------------------------------------------

def check_user_own():
    set_yama(0)
    pid = start('truth', '/tmp/account-of-user', user=True)
    out, _ = pyflame(0, '-d', pid, user=True)
    with open('/tmp/account-of-user') as file:
        same(file.read(), normalise(out))
    unharmed(pid)


def check_user_of_root():
    pid = start('idle')
    _, error = pyflame(4, '-d', pid, user=True)
    explains(error, 'it belongs to user 0; run pyflame as that user or as root')


def check_undumpable():
    with open('/tmp/hide.py', 'w') as file:
        file.write('import ctypes, time\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n'
                   'print("ready", flush=True)\ntime.sleep(1000)\n')
    target = subprocess.Popen(('python3', '/tmp/hide.py'), stdout=subprocess.PIPE, preexec_fn=become_user)
    targets.append(target)
    target.stdout.readline()
    _, error = pyflame(4, str(target.pid), user=True)
    explains(error, 'made itself undumpable')
    pyflame(0, '-d', str(target.pid))


def check_hidepid():
    libc = ctypes.CDLL(None, use_errno=True)
    remount = 32
    if libc.mount(b'none', b'/proc', b'proc', remount, b'hidepid=2'):
        raise Skip('/proc can not be mounted with hidepid')
    try:
        pid = start('idle')
        _, error = pyflame(4, pid, user=True)
        explains(error, 'hidepid')
        pyflame(0, '-d', pid)
    finally:
        libc.mount(b'none', b'/proc', b'proc', remount, b'hidepid=0')


# --- Yama ---------------------------------------------------------------------

def check_yama_0():
    set_yama(0)
    pid = start('idle', user=True)
    pyflame(0, '-d', pid, user=True)
    pyflame(0, '-d', pid)


def check_yama_1():
    set_yama(1)
    pid = start('idle', user=True)
    _, error = pyflame(4, '-d', pid, user=True)
    explains(error, "Yama's ptrace_scope is 1", 'only its parent may', 'pyflame -t')
    pyflame(0, '-d', pid)
    out, _ = pyflame(0, '-r', '5ms', '-t', 'python3', '/tmp/command.py', user=True)
    assert samples(out, r'command\.py:f:2') >= 1, out[-500:]


def check_yama_2():
    set_yama(2)
    pid = start('idle', user=True)
    _, error = pyflame(4, '-d', pid, user=True)
    explains(error, "Yama's ptrace_scope is 2", 'only root may')
    pyflame(0, '-d', pid)
    out, error = pyflame(0, '-t', 'python3', '/tmp/command.py', user=True)
    explains(error.splitlines()[0], "Yama's ptrace_scope is 2")


def check_yama_3():
    """The last one: nothing can be read after that until the next boot."""
    set_yama(3)
    pid = start('idle')
    _, error = pyflame(4, '-d', pid)
    explains(error, "Yama's ptrace_scope is 3", 'until the next boot')


CHECKS = [check_version, check_profile, check_exact_stacks, check_exact_stacks_paused,
          check_exact_stacks_not_paused, check_exact_stacks_of_32_bits,
          check_holder_of_the_lock, check_idle, check_pause,
          check_samples_of_the_kernel, check_c_frames_of_what_waits,
          check_c_frames_of_what_runs, check_command, check_not_python,
          check_no_such_process, check_user_own, check_user_of_root, check_undumpable,
          check_hidepid, check_yama_0, check_yama_1, check_yama_2, check_yama_3]


def main():
    print('check: %s, Linux %s, Python %s, %d CPUs' % (
        os.uname().machine, os.uname().release, sys.version.split()[0], os.cpu_count()), flush=True)
    for check in CHECKS:
        name = check.__name__[len('check_'):].replace('_', ' ')
        began = time.monotonic()
        try:
            check()
            result = 'ok %s' % name
        except Skip as reason:
            result = 'skip %s: %s' % (name, reason)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            result = 'FAIL %s: %s (line %d)' % (name, ' '.join(str(error).split()) or type(error).__name__,
                                                where.lineno)
        print('check: %s (%.1f s)' % (result, time.monotonic() - began), flush=True)
        end_targets()
    print('check: end', flush=True)


signal.signal(signal.SIGALRM, signal.SIG_DFL)
main()
