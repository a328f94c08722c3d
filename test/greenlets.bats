#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Greenlets, as -d --async prints them, and in profiles with --async.

load helper
load shares

# with_modules PYTHON MODULE...: what it needs to import these, in the environment; or fails, and
# says in $unsuitable why. Of releases whose tasks can't be read greenlets can't be, either.
with_modules() {
    local words line
    at_least 3.7 "$1" || { unsuitable="greenlets are read from 3.7 on"; return 1; }
    words=$("$tests/greenlets" "$@" 2> reason) || { unsuitable=$(tail -n 1 reason); return 1; }
    while read -r line; do
        export "${line?}"
    done <<< "$words"
}

# --- truth --------------------------------------------------------------------

# greenlets_are_right PYTHON [TARGET] [MODULE]
greenlets_are_right() {
    requires format=json
    with_modules "$1" "${3:-greenlet}" || return 0
    rm -f account
    start_target "${2:-greenlets}" "$1" "$PWD/account"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    assert_unharmed "$pid"
    equal "$stderr" ""
    python3 "$tests/tools/greenlets_equal.py" account stdout
}

@test "3.7: greenlets are what the program itself says"     { also 3.7 greenlets_are_right; }
@test "3.8: greenlets are what the program itself says"     { also 3.8 greenlets_are_right; }
@test "3.9: greenlets are what the program itself says"     { each_python 3.9 greenlets_are_right; }
@test "3.10: greenlets are what the program itself says"    { also 3.10 greenlets_are_right; }
@test "3.11: greenlets are what the program itself says"    { each_python 3.11 greenlets_are_right; }
@test "3.12: greenlets are what the program itself says"    { also 3.12 greenlets_are_right; }
@test "3.13: greenlets are what the program itself says"    { each_python 3.13 greenlets_are_right; }
@test "3.14: greenlets are what the program itself says"    { also 3.14 greenlets_are_right; }
@test "3.14t: greenlets are what the program itself says"   { also 3.14t greenlets_are_right; }
@test "newest: greenlets are what the program itself says"  { each_python "$newest" greenlets_are_right; }
@test "32 bits: greenlets are what the program itself says" { also i386 greenlets_are_right; }

gevents_are_right() {
    greenlets_are_right "$1" greenlets_gevent gevent
}

@test "3.9: gevent's greenlets are what the program itself says"    { also 3.9 gevents_are_right; }
@test "3.11: gevent's greenlets are what the program itself says"   { each_python 3.11 gevents_are_right; }
@test "3.13: gevent's greenlets are what the program itself says"   { also 3.13 gevents_are_right; }
@test "newest: gevent's greenlets are what the program itself says" { also 3.14 gevents_are_right; }

eventlets_are_right() {
    greenlets_are_right "$1" greenlets_eventlet eventlet
}

@test "3.9: eventlet's greenlets are what the program itself says"    { also 3.9 eventlets_are_right; }
@test "3.11: eventlet's greenlets are what the program itself says"   { each_python 3.11 eventlets_are_right; }
@test "newest: eventlet's greenlets are what the program itself says" { also 3.14 eventlets_are_right; }

# --- text ---------------------------------------------------------------------

gevents_say_what() {
    with_modules "$1" gevent || return 0
    start_target greenlets_gevent "$1" "$PWD/account"
    run_pyflame 0 -d --async "$pid" > /dev/null
    assert_unharmed "$pid"
    matches "$output" '
greenlet the\\x3bname \(suspended\)
[^ ]*/greenlets_gevent.py:locks:[0-9]+
'
    grep -qE '^greenlet relocks \(waits: (RLock\.)?acquire\)$' stdout
    grep -qE '^greenlet receives \(waits: ([A-Za-z]*\.)?recv on tcp 127\.0\.0\.1:.* ESTABLISHED\)$' stdout
    grep -qE '^greenlet accepts \(waits: (socket\.)?accept on tcp 127\.0\.0\.1:.* LISTEN' stdout
    # one was spawned by another, five by a pool
    grep -qE '^6 greenlets sleeps, sleeps, sleeps, \.\.\. \(waits: sleep\)$' stdout
    grep -qE '^2 greenlets (waits, gets|gets, waits) \(not begun\)$|^greenlet gets \(not begun\)$' stdout
    grep -qE "^greenlet hub \(runs in thread $pid\)\$" stdout
    grep -qE "^greenlet main \(suspended in thread $pid\)\$" stdout
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    "$1" - stdout << 'END'
import json, sys
all_of_them = json.load(open(sys.argv[1]))['processes'][0]['greenlets']
spawners = [one['spawned_by'] for one in all_of_them if one.get('name') == 'sleeps']
spawner = [one['id'] for one in all_of_them if one.get('name') == 'spawns']
assert spawners.count(spawner[0]) == 1, (spawners, spawner)
END
}

@test "3.9: gevent's greenlets say what they wait for"    { also 3.9 gevents_say_what; }
@test "3.11: gevent's greenlets say what they wait for"   { each_python 3.11 gevents_say_what; }
@test "newest: gevent's greenlets say what they wait for" { also 3.14 gevents_say_what; }

eventlets_say_what() {
    with_modules "$1" eventlet || return 0
    start_target greenlets_eventlet "$1" "$PWD/account"
    run_pyflame 0 -d --async "$pid" > /dev/null
    assert_unharmed "$pid"
    grep -qE '^5 greenlets .* \(waits: sleep\)$' stdout
    grep -qE '^greenlet .* \(waits: (LightQueue\.)?get\)$' stdout
    grep -qE '^greenlet .* \(waits: (Event\.)?wait\)$' stdout
    grep -qE '^greenlet .* \(waits: (Semaphore\.)?acquire\)$' stdout
    grep -qE '^greenlet .* \(waits: (GreenSocket\.)?recv on tcp 127\.0\.0\.1:.* ESTABLISHED\)$' stdout
    grep -qE "^greenlet hub \(runs in thread $pid\)\$" stdout
}

@test "3.9: eventlet's greenlets say what they wait for"    { also 3.9 eventlets_say_what; }
@test "3.11: eventlet's greenlets say what they wait for"   { each_python 3.11 eventlets_say_what; }
@test "newest: eventlet's greenlets say what they wait for" { also 3.14 eventlets_say_what; }

find_modules() {
    unsuitable=
    find_python
    with_modules "$python" "$@" || skip "$unsuitable"
}

@test "raw greenlets are told apart, equal ones are printed once" {
    find_modules greenlet
    start_target greenlets "$python" "$PWD/account"
    run_pyflame 0 -d --async "$pid"
    # in three threads: five each
    matches "$output" '
15 greenlets 0x[0-9a-f]+, 0x[0-9a-f]+, 0x[0-9a-f]+, \.\.\. \(suspended\)
[^ ]*:park:[0-9]+
([^ ]*:deep:[0-9]+
){8}
'
    grep -qE '^3 greenlets deep, deep, deep \(not begun\)$' stdout
    grep -qE '^greenlet sorts \(not begun, parent 0x[0-9a-f]+\)$' stdout
    grep -qE '^6 greenlets .* \(dead\)$' stdout
    equal "$(grep -cE '^greenlet main \(suspended in thread [0-9]+\)$' stdout)" 3
    equal "$(grep -cE '^greenlet .* \(runs in thread [0-9]+\)$' stdout)" 3
    # whose frames are the thread's, and there once
    equal "$(grep -cE 'greenlets.py:last:' stdout)" 2
    grep -qE "^greenlet .* \(runs in thread $pid\)\$" stdout
    # the threads are as they were
    sed -n '/^[0-9]* *greenlets* /q; s/, [0-9.]* s left//; /./p' stdout > with
    run_pyflame 0 -q -d "$pid" > /dev/null
    equal "$(sed -n 's/, [0-9.]* s left//; /./p' stdout)" "$(cat with)"
}

@test "without --async one line says how many greenlets there are, and in how many places" {
    find_modules greenlet
    start_target greenlets_many "$python" 50
    run_pyflame 0 -d "$pid"
    equal "$stderr" "pyflame: greenlets: 50, in different places: 1; --async shows them"
    lacks "$output" 'handler'
    run_pyflame 0 -q -d "$pid"
    equal "$stderr" ""
}

ended_are_of_no_thread() {
    requires format=json
    with_modules "$1" greenlet || return 0
    (cd "$targets" && PYTHONPATH=$targets:$PYTHONPATH "$1" -c '
from greenlets_account import greenlet
assert greenlet.__version__ >= "2"') || { unsuitable="greenlet 1 does not say that a thread has ended"; return 0; }
    start_target greenlets_over "$1"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" - stdout "$pid" << 'END'
import json, sys
seen = json.load(open(sys.argv[1]))['processes'][0]['greenlets']
said = sorted((one['kind'], one['state'], one.get('tid')) for one in seen if one.get('tid'))
assert said == [('greenlet', 'suspended', int(sys.argv[2])), ('main', 'runs', int(sys.argv[2]))], said
assert sum(one['kind'] == 'main' and one['state'] == 'dead' for one in seen) == 4, seen
assert [one['frames'][0]['function'] for one in seen if one['state'] == 'suspended'] == ['park'] * 5, seen
END
}

@test "3.11: greenlets of threads that have ended are of no thread"   { each_python 3.11 ended_are_of_no_thread; }
@test "newest: greenlets of threads that have ended are of no thread" { also "$newest" ended_are_of_no_thread; }

# --- what moves ---------------------------------------------------------------

# Each stack is one that there can be, whole; but few are failed.
stacks_are_possible() {
    requires format=json
    with_modules "$1" greenlet || return 0
    start_target greenlets_hop "$1"
    keep_dumping "$(many 4 60)"
    PYTHONPATH=$tests/tools "$1" - dumps <<'END'
import dumps, re, sys
n, seen, failed, wrong = 0, 0, 0, set()
for dump in dumps.each(sys.argv[1]):
    n += 1
    for one in dump['processes'][0]['greenlets']:
        seen += 1
        failed += 'failed' in one
        names = ' '.join(f['function'] for f in reversed(one['frames']))
        if one['state'] == 'suspended' and one['kind'] != 'main' and not re.match(
                'hop( a){6} leaf_a$|hop( b){9} leaf_b$|hop outer inner leaf_[ab]$', names):
            wrong.add(names)
print('%d dumps, %d greenlets, %d failed, impossible: %s' % (n, seen, failed, wrong))
sys.exit(bool(wrong) or seen < 21 * n or failed > seen / 100)
END
}

@test "3.7: stacks of greenlets that switch are of one moment"    { also 3.7 stacks_are_possible; }
@test "3.9: stacks of greenlets that switch are of one moment"    { also 3.9 stacks_are_possible; }
@test "3.11: stacks of greenlets that switch are of one moment"   { each_python 3.11 stacks_are_possible; }
@test "3.12: stacks of greenlets that switch are of one moment"   { also 3.12 stacks_are_possible; }
@test "3.13: stacks of greenlets that switch are of one moment"   { each_python 3.13 stacks_are_possible; }
@test "3.14t: stacks of greenlets that switch are of one moment"  { also 3.14t stacks_are_possible; }
@test "newest: stacks of greenlets that switch are of one moment" { also "$newest" stacks_are_possible; }

# --- in profiles --------------------------------------------------------------

# with_running PYTHON MODULE...: with_modules, if the greenlet that runs can be found.
with_running() {
    with_modules "$@" || return
    (cd "$targets" && PYTHONPATH=$targets:$PYTHONPATH "$1" -c '
from greenlets_account import greenlet
assert greenlet.__version__ >= "2"') || { unsuitable="which greenlet runs is not known of greenlet 1"; return 1; }
}

# The stacks of greenlets_chain.py to a function that runs, by names alone, each once; for a moment
# it may not be proven which greenlet that is.
stacks_to() {
    sed -E 's/ [0-9]+$//; s,[^; ]*/,,g; s/[^;]*\.py:([A-Za-z_.<>]*\.)?//g; s/[a-z_]*\.<locals>\.//g' stdout |
        grep -E "greenlet .*;$1;forever;burn$" | sed 's/;forever;burn$//' | sort -u
}

gevents_stand_on_spawners() {
    requires format=json
    with_running "$1" gevent || return 0
    start_target greenlets_chain "$1" gevent
    sample_until ';greenlet .*leaf;.*burn ' ';greenlet .*Derived.*burn ' ';greenlet worker;.*burn ' \
        'in_hub;greenlet .*burn ' 'greenlet [^;]*raw;.*burn ' -- -n --async "$pid"
    assert_unharmed "$pid"
    local from='<module>;start;with_gevent;greenlet keeps_children;keeps_children;'
    equal "$(stacks_to leaf)" "${from}handler;greenlet leaf;leaf"
    equal "$(stacks_to _run)" "${from}greenlet Derived._run;_run"
    equal "$(stacks_to named)" "${from}handler;greenlet fan_out;fan_out;spawn;greenlet worker;named"
    # nothing is below what the hub began, but for what it called
    equal "$(stacks_to from_hub)" "in_hub;greenlet from_hub;from_hub"
    equal "$(stacks_to raw)" "greenlet raw;raw"
}

@test "3.11: gevent's greenlets stand on who spawned them"   { each_python 3.11 gevents_stand_on_spawners; }
@test "3.13: gevent's greenlets stand on who spawned them"   { also 3.13 gevents_stand_on_spawners; }
@test "newest: gevent's greenlets stand on who spawned them" { also 3.14 gevents_stand_on_spawners; }

raw_stand_on_parents() {
    requires format=json
    with_running "$1" greenlet || return 0
    start_target greenlets_chain "$1" raw
    sample_until 'greenlet [^;]*outer;.*;greenlet .*burn ' 'with_greenlet;greenlet [^;]*child;.*burn ' -- \
        -n --async "$pid"
    assert_unharmed "$pid"
    equal "$(stacks_to child)" "<module>;start;with_greenlet;greenlet child;child
<module>;start;with_greenlet;greenlet outer;outer;greenlet child;child"
}

@test "3.11: other greenlets stand on their parents"   { each_python 3.11 raw_stand_on_parents; }
@test "3.12: other greenlets stand on their parents"   { also 3.12 raw_stand_on_parents; }
@test "3.13: other greenlets stand on their parents"   { also 3.13 raw_stand_on_parents; }
@test "3.14t: other greenlets stand on their parents"  { also 3.14t raw_stand_on_parents; }
@test "newest: other greenlets stand on their parents" { also "$newest" raw_stand_on_parents; }

shares_are_right() {
    requires format=json
    with_running "$1" gevent || return 0
    server_has_shares "$1" greenlets_server "$(many 12 50)" "${@:2}"
    all_match '<module>;.*:main;.*greenlet client;.*:client;greenlet request_.;' burning
}

@test "3.11: requests of gevent have their shares of CPU time"   { each_python 3.11 shares_are_right; }
@test "3.13: requests of gevent have their shares of CPU time"   { also 3.13 shares_are_right; }
@test "newest: requests of gevent have their shares of CPU time" { also 3.14 shares_are_right; }

@test "3.11: and of the time that they wait, of gevent"   { each_python 3.11 shares_are_right --threads; }
@test "3.13: and of the time that they wait, of gevent"   { also 3.13 shares_are_right --threads; }
@test "newest: and of the time that they wait, of gevent" { also 3.14 shares_are_right --threads; }

# Of stacks of greenlets that are made and end all the time none is impossible, and few are not
# proven: made_are_possible PYTHON gevent|raw
made_are_possible() {
    requires format=json
    with_running "$1" greenlet "$( [ "$2" = raw ] && echo greenlet || echo gevent)" || return 0
    start_target greenlets_made "$1" "$2" "${3:-300}"
    run_pyflame 0 -n -s "$(many 12 30)" --async --stats "${@:4}" "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" "$tests/tools/greenlets_made.py" "$2" stdout
}

@test "3.11: stacks of greenlets that are made all the time are possible"   { each_python 3.11 made_are_possible raw; }
@test "3.12: stacks of greenlets that are made all the time are possible"   { also 3.12 made_are_possible raw; }
@test "3.13: stacks of greenlets that are made all the time are possible"   { also 3.13 made_are_possible raw; }
@test "3.14t: stacks of greenlets that are made all the time are possible"  { also 3.14t made_are_possible raw; }
@test "newest: stacks of greenlets that are made all the time are possible" { also "$newest" made_are_possible raw; }
@test "newest: so are those of greenlets that do nothing else"              { also "$newest" made_are_possible raw 0; }
@test "3.11: so are those of gevent's"                                      { each_python 3.11 made_are_possible gevent 30; }
@test "3.13: so are those of gevent's"                                      { also 3.13 made_are_possible gevent; }
@test "newest: so are those of gevent's"                                    { also 3.14 made_are_possible gevent; }
@test "3.11: so are those of greenlets that wait"                           { each_python 3.11 made_are_possible raw 300 --threads; }
@test "3.13: so are those of greenlets that wait"                           { also 3.13 made_are_possible gevent 300 --threads; }
@test "newest: so are those of greenlets that wait"                         { also "$newest" made_are_possible raw 30 --threads; }

# eventlet's hub is known by its frames, and the greenlets do not say who spawned them.
eventlets_wait() {
    requires format=json
    with_running "$1" eventlet || return 0
    start_target greenlets_eventlet "$1" "$PWD/account"
    run_pyflame 0 -n -s 2 --async --threads --stats "$pid"
    assert_unharmed "$pid"
    local ticks
    ticks=$(all_ticks)
    [ "$(samples stdout '^greenlet [^;]*sleeps;.*:sleeps;.*waits: sleep ')" -gt $((4 * ticks)) ]
    [ "$(samples stdout '^greenlet [^;]*sleeps;.*:sleeps;.*waits: sleep ')" -le $((5 * ticks)) ]
    grep -qE '^greenlet [^;]*receives;.*waits: (GreenSocket\.)?recv [0-9]+$' stdout
    grep -qE '^[^;]*:<module>;[^;]*:main;.*(waits: |suspended )' stdout
    # the thread is there for itself no more, but its witness is
    [ "$(samples stdout '^[^;]*hub.py:')" -lt $((ticks / 2)) ]
    [ "$(samples stdout ':witness ')" -gt $((ticks / 2)) ]
    run_pyflame 0 -n -s 0.3 --async --threads -x "$pid"
    lacks "$output" 'waits: '
    run_pyflame 0 -n -s 0.3 --async "$pid"
    lacks "$output" 'waits: '
    run_pyflame 0 -n -s 0.5 --async --by-thread "$pid"
    grep -qE '^greenlet [^;]*gets;greenlet [^;]*gets;.*:gets;.*waits: ' stdout
}

@test "3.11: each greenlet of eventlet that waits is a sample, and the hub is none"   { each_python 3.11 eventlets_wait; }
@test "3.13: each greenlet of eventlet that waits is a sample, and the hub is none"   { also 3.13 eventlets_wait; }
@test "newest: each greenlet of eventlet that waits is a sample, and the hub is none" { also 3.14 eventlets_wait; }

@test "10,000 greenlets that wait take a bounded part of the time" {
    requires all format=json
    find_modules greenlet
    with_running "$python" greenlet || skip "$unsuitable"
    start_target greenlets_many "$python" 10000 500
    local used
    used=$( { TIMEFORMAT='%U %S'; time timeout 60 "$pyflame" -n -s 10 --async --threads "$pid" > stdout 2> stderr; } 2>&1)
    echo "$used"
    awk '{ exit $1 + $2 > 3 }' <<< "$used"
    [ "$(samples stdout 'handler;.*suspended ')" -gt 10000000 ]
}

# --- bounds -------------------------------------------------------------------

bad_is_harmless() {
    requires format=json
    with_modules "$1" greenlet || return 0
    start_target greenlets_bad "$1"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    # it could not end well, and is not asked to
    "$1" - stdout <<'END'
import json, sys
seen = json.load(open(sys.argv[1]))['processes'][0]['greenlets']
right = [one for one in seen if [f['function'] for f in one['frames']][:1] in (['forever'], ['Derived.run'], ['run'])]
assert 100 < len(right) and len(seen) <= 302, (len(right), len(seen))
END
}

@test "3.9: what is no greenlet is not taken for one"    { also 3.9 bad_is_harmless; }
@test "3.11: what is no greenlet is not taken for one"   { each_python 3.11 bad_is_harmless; }
@test "newest: what is no greenlet is not taken for one" { also "$newest" bad_is_harmless; }

@test "10,000 greenlets beside 500 MB take 3 s of CPU and 64 MB at most" {
    requires all
    find_modules greenlet
    start_target greenlets_many "$python" 10000 500
    run_pyflame 0 -d --async "$pid"
    matches "$output" '10000 greenlets '
    local used
    used=$( { TIMEFORMAT='%U %S'; time timeout 60 "$pyflame" -q -d --async "$pid" > /dev/null; } 2>&1)
    echo "CPU: $used"
    awk '{ exit $1 + $2 > 3 }' <<< "$used"
    (ulimit -v 65536; timeout 60 "$pyflame" -q -d --async "$pid" > stdout)
    grep -q '^10000 greenlets ' stdout
}
