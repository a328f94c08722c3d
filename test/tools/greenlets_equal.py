# SPDX-License-Identifier: Apache-2.0
"""Compares the greenlets in a dump (-d --async -f json) with the account that a program has
written: greenlets_equal.py ACCOUNT DUMP. Says what differs, if anything does."""
import json
import sys


def frames_of(one):
    return ['%s:%s:%d' % (f['file'], f['function'], f['line']) for f in one['frames']]


def state_of(one):
    return 'suspended' if one['state'] == 'waits' else one['state']


def differences(account, seen):
    found = {one['id']: one for one in seen}
    said = [] if len(found) == len(seen) else ['some are there twice']
    for expected in account['greenlets']:
        address = expected['address']
        one = found.pop(address, None)
        if one is None:
            said.append('%s: is missing: %s' % (address, expected))
            continue
        if state_of(one) != expected['state']:
            said.append('%s: %s, not %s' % (address, one['state'], expected['state']))
        if frames_of(one) != expected['frames']:
            said.append('%s: %s, not %s' % (address, frames_of(one)[:5], expected['frames'][:5]))
        if one.get('parent') != expected['parent']:
            said.append('%s: parent %s, not %s' % (address, one.get('parent'), expected['parent']))
        if address in account['threads'] and one.get('tid') != account['threads'][address]:
            said.append('%s: thread %s' % (address, one.get('tid')))
    return said + ['%s: is not in the account: %s' % (address, one) for address, one in found.items()]


def main():
    with open(sys.argv[1]) as account, open(sys.argv[2]) as dump:
        expected, seen = json.load(account), json.load(dump)['processes'][0]['greenlets']
    said = differences(expected, seen)
    print('\n'.join(said[:20] or ['%d greenlets are equal' % len(seen)]))
    sys.exit(bool(said) or not seen)


main()
