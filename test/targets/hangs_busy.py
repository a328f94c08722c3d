# SPDX-License-Identifier: Apache-2.0
"""Hangs of programs that do not wait: see hangs.py."""
import ctypes
import gc
import os
import re
import signal
import sys
import time

import stage
from staged import CLAIMS, hang

BUSY = CLAIMS['busy'] + r'|\bruns\b|\brunning\b|\bloops\b'
GIL = CLAIMS['gil']


def count_up():
    n = 0
    while True:
        n += 1


@hang(BUSY, r'\bcount_up\b', may=['busy'], false=r'\bevent loop\b|\basyncio|\bregular expression')
def python_loop():
    stage.standing('busy')
    count_up()


@hang(r'\bregular expression\b|\bregex\b|\bre\b|\bsre\b|\bpattern\b', may=['busy'],
      false=r'\bcount_up\b')
def regex_slow():
    stage.standing('busy')
    re.match('(a*)*b', 'a' * 40)


@hang(r'\bsignal\b|\bSIGUSR1\b|\bhandler\b', r'\bon_usr1\b', may=['busy'])
def signal_handler():
    def on_usr1(*_):
        count_up()
    signal.signal(signal.SIGUSR1, on_usr1)
    stage.standing('busy')
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(250)


@hang(r'\bSIGUSR1\b', r'\bon_usr1\b', may=['idle'], false=r'\bon_usr1\b.*\bon_usr1\b')
def signal_sleeps():
    def on_usr1(*_):
        time.sleep(250)
    signal.signal(signal.SIGUSR1, on_usr1)
    stage.standing()
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(250)


# --- the garbage collector ----------------------------------------------------

def heap():
    return [[number] for number in range(1000000)]


@hang(r'\bgarbage\b|\bgc\b|\bcollect(s|or|ion|ing)\b', may=['busy', 'gc'])
def gc_forced():
    kept = heap()
    stage.standing('busy')
    while kept:
        gc.collect()


# It says nothing of it: the more objects it makes, the more there is to go through, which
# takes some four fifths of the time.
@hang(r'\bgarbage\b|\bgc\b|\bcollect(s|or|ion|ing)\b', may=['busy', 'gc'])
def gc_storm():
    stage.standing('busy')
    while True:
        kept = []
        while len(kept) < 1000000:
            kept.append([[]])


# --- the GIL ------------------------------------------------------------------

@hang(GIL, r'\bworker-1\b', may=['gil'], needs='gil')
def gil_kept():
    if not getattr(sys, '_is_gil_enabled', lambda: True)():
        stage.unavailable('the GIL')

    def keep():
        time.sleep(0.3)
        stage.standing('calm')
        ctypes.PyDLL(None).sleep(250)
    stage.worker(1, keep)
    stage.worker(2, count_up)
    while True:
        time.sleep(0.01)


# --- groups of processes ------------------------------------------------------

quotas = {}


def prepare_quota():
    quotas['group'] = stage.make_cgroup('cpu')


@hang(r'\bquota\b|\bthrottl|\bcgroup\b|\blimit', may=['busy', 'quota'], needs='cgroup',
      prepare=prepare_quota)
def cpu_quota():
    group = quotas['group']
    if os.path.exists(os.path.join(group, 'cpu.max')):
        stage.write_file(os.path.join(group, 'cpu.max'), '2000 100000')
    else:
        stage.write_file(os.path.join(group, 'cpu.cfs_period_us'), '100000')
        stage.write_file(os.path.join(group, 'cpu.cfs_quota_us'), '2000')
    stage.standing('busy')
    stage.write_file(os.path.join(group, 'cgroup.procs'), '0')
    count_up()


def freeze(control, frozen):
    """Everything is ready to run, and does not."""
    stage.worker(1, count_up)
    group = stage.cgroups[0][0]
    stage.write_file(os.path.join(group, 'cgroup.procs'), '0')
    stage.standing('frozen')
    stage.write_file(os.path.join(group, control), frozen)
    time.sleep(250)


@hang(CLAIMS['frozen'] + r'|\bfreez', may=['frozen'], needs='cgroup',
      prepare=lambda: stage.make_cgroup('freezer', 'freezer.state', 'THAWED'))
def frozen_v1():
    freeze('freezer.state', 'FROZEN')


@hang(CLAIMS['frozen'] + r'|\bfreez', may=['frozen'], needs='cgroup',
      prepare=lambda: stage.make_cgroup('', 'cgroup.freeze', '0'))
def frozen_v2():
    freeze('cgroup.freeze', '1')
