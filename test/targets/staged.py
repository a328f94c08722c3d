# SPDX-License-Identifier: Apache-2.0
"""The table of hangs.py, and the words of findings."""

hangs = {}

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


class Hang(object):
    """needs: see hangs.py. may: the claims that are true, or at least not false.
    truth: regular expressions each of which the finding has to match. false: what it
    must not, besides claims. prepare: what has to be done before the guardian starts."""

    def __init__(self, function, truth, may, false, needs, least, prepare):
        self.function, self.needs, self.least = function, needs, least
        self.prepare = prepare or (lambda: None)
        self.truth = ''.join('(?=.*(%s))' % part for part in truth)
        claims = [CLAIMS[claim] for claim in sorted(CLAIMS) if claim not in may]
        self.never = '|'.join(claims + ([false] if false else []))


def hang(*truth, **options):
    def decorate(function):
        hangs[function.__name__] = Hang(
            function, truth, options.get('may', ()), options.get('false'),
            options.get('needs', ''), options.get('least', (2, 7)), options.get('prepare'))
        return function
    return decorate
