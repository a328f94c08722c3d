# SPDX-License-Identifier: Apache-2.0
"""The table of hangs.py, or that of healthy.py; and the words of findings."""
from __future__ import print_function
import re
import signal
import sys
import time

import stage

programs = {}

# What a finding may claim. Where it is not true, it must not.
CLAIMS = {
    'deadlock': r'deadlock|\beach other\b|\bcycles?\b|\bcircular',
    'idle': r'\bidle\b|\bhealthy\b|\bnot stuck\b|\bnothing (is )?(stuck|wrong)\b'
            r'|\bwaits? for (work|something to do)\b',
    'busy': r'\bbusy\b|\bcomput(es|ing)\b|\bspin(s|ning)?\b|\bendless|\binfinite|(?<!no )\bCPU\b',
    'gil': r'\bGIL\b|\bglobal interpreter lock\b',
    'gc': r'\bgarbage\b|\bgc\b',
    'stopped': r'\bSIGT?STOP\b|\bstopped by\b|\bis stopped\b',
    'frozen': r'\bfrozen\b|\bfreezer\b',
    'traced': r'\btraced\b|\btracer\b|\bdebugger\b|\bptrace\b',
    'quota': r'\bquota\b|\bthrottled\b',
}


class Program(object):
    """needs: see hangs.py. may: the claims that are true, or at least not false.
    truth: regular expressions each of which the finding has to match. false: what it
    must not, besides claims. prepare: what has to be done before the guardian starts.
    more: what else a list says of it."""

    def __init__(self, function, truth, may=(), false=None, needs='', least=(2, 7),
                 prepare=None, more=()):
        self.function, self.needs, self.least = function, needs, least
        self.prepare, self.more = prepare or (lambda: None), more
        self.truth = ''.join('(?=.*(%s))' % part for part in truth)
        claims = [CLAIMS[claim] for claim in sorted(CLAIMS) if claim not in may]
        self.never = '|'.join(claims + ([false] if false else []))


def hang(*truth, **options):
    def decorate(function):
        programs[function.__name__] = Program(function, truth, **options)
        return function
    return decorate


# Of a program that is not stuck none of this is true; that it waits, and for what, may be.
STUCK = (r'(?<!\bnot )(?<!\bnothing )(?<!\bnothing is )(?<!\bnobody is )\bstuck\b|\bhangs?\b'
         r'|\bhung\b|\bforever\b|\bnever\b|\blost\b|\bblocks the\b|\bblocked by\b')
FINE = (r'\bnot stuck\b|\bnothing (is )?stuck\b|\bidle\b|\bhealthy\b|\bbusy\b|\bworks?\b'
        r'|\bworking\b|\bruns?\b|\brunning\b|\bwaits?\b|\bwaiting\b|\bcomput|\bmoves?\b|\bprogress')


def healthy(kind, least=(2, 7)):
    may = ['idle', 'busy', 'gil'] if kind == 'moves' else ['idle']

    def decorate(function):
        programs[function.__name__] = Program(
            function, [FINE], may=may, false=STUCK, least=least, more=(kind,))
        return function
    return decorate


def list_all():
    for name, program in sorted(programs.items()):
        print('\t'.join((name, program.needs, '%d.%d' % program.least) + program.more))


def judge(name, finding, words):
    program = programs[name]
    complaints = ['does not name ' + word for word in words
                  if not re.search(r'(?<!\w)%s(?!\w)' % re.escape(word), finding)]
    if not re.search(program.truth, finding, re.I | re.S):
        complaints.append('does not match ' + program.truth)
    false = re.search(program.never, finding, re.I | re.S)
    if false:
        complaints.append('claims "%s"' % false.group())
    for complaint in complaints:
        print('%s: %s' % (name, complaint))
    return 1 if complaints else 0


def run(name, bystanders):
    signal.alarm(stage.LIMIT)
    program = programs[name]
    program.prepare()
    stage.start_guardian()
    for number in range(1, bystanders + 1):
        stage.worker(number, time.sleep, stage.LIMIT).name = 'bystander-%d' % number
    program.function()
    print('it went on', file=sys.stderr)
    return 1


def main(args):
    if args == ['--list']:
        return list_all()
    if args[0] == '--truth':
        return print('%s\n%s' % (programs[args[1]].truth, programs[args[1]].never))
    if args[0] == '--judge':
        return judge(args[1], args[2], args[3:])
    return run(args[0], int(args[1]) if len(args) > 1 else 0)
