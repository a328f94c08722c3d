#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tasks of asyncio in profiles: --async without -d.

load helper
load shares

# The stacks of tasks from a function to burn(), by names alone, each once; for a moment it may
# not be proven that one is of a task.
stacks_to() {
    sed -E 's/ [0-9]+$//; s,[^; ]*/,,g; s/[^;]*\.py:([A-Za-z_.<>]*\.)?//g' stdout | grep -E "task .*;$1;.*burn$" | sort -u
}

# --- who awaits whom ----------------------------------------------------------

chains_are_right() {
    requires format=json
    at_least 3.7 "$1" || { unsuitable="asyncio is from 3.7 on"; return; }
    local more=('task eager;.*burn ')
    ! at_least 3.11 "$1" || more+=('task in_group;.*burn ')
    ! at_least 3.12 "$1" || more[0]='eager;.*burn '
    start_target async_chain "$1"
    sample_until 'task worker;.*leaf_gather;.*burn ' 'task nested;.*burn ' 'task in_completed;.*burn ' \
        'task bottom;.*burn ' 'task job;.*burn ' "${more[@]}" -- -n --async "$pid"
    assert_unharmed "$pid"
    local from='<module>;start;task main;main;'
    equal "$(stacks_to leaf_gather)" "${from}task gatherer;gatherer;task worker;worker;leaf_gather;forever;burn"
    equal "$(stacks_to nested)" "${from}task nested;nested;middle;inner;forever;burn"
    equal "$(stacks_to bottom)" "<module>;start;(awaited by 2 tasks);task bottom;bottom;forever;burn"
    equal "$(stacks_to job)" "${from}task job;job;forever;burn"
    if at_least 3.11 "$1"; then
        equal "$(stacks_to in_group | sed 's/;_*aexit_*//g')" \
            "${from}task grouper;grouper;task in_group;in_group;forever;burn"
    fi
    # who awaits the tasks of as_completed is known from 3.14 on
    if at_least 3.14 "$1"; then
        equal "$(stacks_to in_completed | sed 's/;_wait_for_one//; s/;get//')" \
            "${from}task completer;completer;task in_completed;in_completed;forever;burn"
    else
        equal "$(stacks_to in_completed)" "<module>;start;task in_completed;in_completed;forever;burn"
    fi
    # what is begun at once runs within the one that begins it
    if at_least 3.12 "$1"; then
        stacks_to eager > begun || :
        ! [ -s begun ] || all_match ';task hurry;hurry;.*;eager;burn$' begun
    else
        stacks_to eager > begun
        all_match ';task hurry;hurry;task eager;eager;burn$' begun
    fi
}

@test "3.7: a task stands on those that await it"    { each_python 3.7 chains_are_right; }
@test "3.8: a task stands on those that await it"    { also 3.8 chains_are_right; }
@test "3.9: a task stands on those that await it"    { also 3.9 chains_are_right; }
@test "3.10: a task stands on those that await it"   { each_python 3.10 chains_are_right; }
@test "3.11: a task stands on those that await it"   { each_python 3.11 chains_are_right; }
@test "3.12: a task stands on those that await it"   { each_python 3.12 chains_are_right; }
@test "3.13: a task stands on those that await it"   { also 3.13 chains_are_right; }
@test "3.14: a task stands on those that await it"   { also 3.14 chains_are_right; }
@test "3.14t: a task stands on those that await it"  { also 3.14t chains_are_right; }
@test "newest: a task stands on those that await it" { each_python "$newest" chains_are_right; }
@test "32 bits: a task stands on those that await it" { also i386 chains_are_right; }

# Frames and tasks are made in the place of others all the time; none is taken for another one.
none_is_another() {
    requires format=json
    start_target tasks_reused "$1"
    run_pyflame 0 -n -s "$(many 3 20)" --async "$pid"
    assert_unharmed "$pid"
    [ "$(samples stdout ';task a;.*burn_a ')" -gt 0 ]
    [ "$(samples stdout ';task b;.*burn_b ')" -gt 0 ]
    equal "$(grep -E 'task a;.*burn_b|task b;.*burn_a' stdout)" ""
}

@test "3.8: a frame that is another call's is not taken for that of a task"    { each_python 3.8 none_is_another; }
@test "3.9: a frame that is another call's is not taken for that of a task"    { also 3.9 none_is_another; }
@test "3.10: a frame that is another call's is not taken for that of a task"   { each_python 3.10 none_is_another; }
@test "3.11: a frame that is another call's is not taken for that of a task"   { also 3.11 none_is_another; }
@test "newest: a frame that is another call's is not taken for that of a task" { each_python "$newest" none_is_another; }

# A task that waits in sleep_a is called a, in whatever place.
names_are_their_own() {
    requires format=json
    start_target tasks_reused "$1"
    keep_dumping "$(many 4 30)"
    PYTHONPATH=$tests/tools "$1" - dumps <<'END'
import dumps, sys
seen, wrong = 0, []
for dump in dumps.each(sys.argv[1]):
    for task in dump['processes'][0]['tasks']:
        kinds = [f['function'][-1] for f in task['frames'] if f['function'].startswith('sleep_')]
        seen += len(kinds)
        if kinds and kinds != [task['name']]:
            wrong.append((task['name'], kinds))
print('%d tasks, names of others: %s' % (seen, wrong))
sys.exit(bool(wrong) or seen < 20)
END
}

@test "3.8: a task has its own name"    { each_python 3.8 names_are_their_own; }
@test "3.11: a task has its own name"   { also 3.11 names_are_their_own; }
@test "newest: a task has its own name" { each_python "$newest" names_are_their_own; }

# One that is begun at once, and all others like it, were never seen but within the one that began
# it, which is new each time.
eager_are_within() {
    requires format=json
    start_target async_eager "$1"
    run_pyflame 0 -n -s "$(many 6 12)" --async --stats "$pid"
    assert_unharmed "$pid"
    equal "$(stacks_to leaf)" "<module>;task main;main;task outer;outer;middle;eager;leaf;burn"
    local all plain
    all=$(samples stdout 'burn ')
    plain=$(grep -v 'task ' stdout | awk '/burn / { n += $NF } END { print n + 0 }')
    echo "plain: $plain of $all"
    # all have to be listed for one that is new, which is not done at each sample
    [ $((plain * 10)) -lt "$all" ]
}

@test "3.12: a task that is begun at once is within the one that began it"   { each_python 3.12 eager_are_within; }
@test "3.13: a task that is begun at once is within the one that began it"   { also 3.13 eager_are_within; }
@test "3.14: a task that is begun at once is within the one that began it"   { also 3.14 eager_are_within; }
@test "newest: a task that is begun at once is within the one that began it" { each_python "$newest" eager_are_within; }

# Those written in Python have nothing that shows that they are the same: they are read each time.
python_tasks_are_right() {
    requires format=json
    start_target async_chain "$1" python
    sample_until 'task worker;.*leaf_gather;.*burn ' -- -n --async "$pid"
    assert_unharmed "$pid"
    equal "$(stacks_to leaf_gather)" \
        "<module>;start;task main;main;task gatherer;gatherer;task worker;worker;leaf_gather;forever;burn"
}

@test "3.8: so does a task written in Python"    { also 3.8 python_tasks_are_right; }
@test "3.11: so does a task written in Python"   { each_python 3.11 python_tasks_are_right; }
@test "newest: so does a task written in Python" { each_python "$newest" python_tasks_are_right; }

@test "without --async, and where nothing is a task, stacks are as they were" {
    requires format=json
    find_python
    start_target async_chain "$python"
    run_pyflame 0 -n "$pid"
    lacks "$output" ';task |awaited by'
    matches "$output" '_run_once;[^ ]*_run;'
    end_targets
    start_target fib "$python"
    run_pyflame 0 -n --async --stats "$pid"
    lacks "$output" ';task |awaited by'
    matches "$output" ':main;'
    matches "$stderr" 'pyflame: samples of tasks 0
'
}

@test "--async does not go with -i and --why" {
    requires format=json
    run_pyflame 2 --async -i /dev/null
    equal "$stderr" "pyflame: --async and -i do not go together; try pyflame --help"
    run_pyflame 2 --async --why 1
    equal "$stderr" "pyflame: --async and --why do not go together; try pyflame --help"
}

# --- shares -------------------------------------------------------------------

shares_are_right() {
    requires format=json
    server_has_shares "$1" async_server "$(many 12 60)" "${@:2}"
    all_match 'task main;.*:main;task client;.*:client;task request_.;' burning
}

@test "3.8: requests have their shares of CPU time"    { also 3.8 shares_are_right; }
@test "3.11: requests have their shares of CPU time"   { also 3.11 shares_are_right; }
@test "3.12: requests have their shares of CPU time"   { also 3.12 shares_are_right; }
@test "3.13: requests have their shares of CPU time"   { also 3.13 shares_are_right; }
@test "3.14: requests have their shares of CPU time"   { also 3.14 shares_are_right; }
@test "newest: requests have their shares of CPU time" { each_python "$newest" shares_are_right; }

@test "3.8: and of the time that they wait"    { also 3.8 shares_are_right --threads; }
@test "3.11: and of the time that they wait"   { also 3.11 shares_are_right --threads; }
@test "3.12: and of the time that they wait"   { also 3.12 shares_are_right --threads; }
@test "3.13: and of the time that they wait"   { also 3.13 shares_are_right --threads; }
@test "3.14: and of the time that they wait"   { also 3.14 shares_are_right --threads; }
@test "newest: and of the time that they wait" { each_python "$newest" shares_are_right --threads; }

# --- what waits -------------------------------------------------------------

@test "each task that waits is a sample, and their loop is none" {
    requires format=json
    find_python
    start_target tasks_many "$python" 50
    run_pyflame 0 -n -s 2 --async --threads --stats "$pid"
    local ticks handlers
    ticks=$(all_ticks)
    handlers=$(samples stdout 'task main;.*handler;.*waits: sleep ')
    [ "$handlers" -gt $((40 * ticks)) ]
    [ "$handlers" -le $((51 * ticks)) ]
    [ "$(samples stdout 'select ')" -lt $((ticks / 2)) ]
    matches "$stderr" 'samples of tasks that wait [0-9]+, of looks at one [0-9]+'
    run_pyflame 0 -n -s 0.3 --async --threads -x "$pid"
    lacks "$output" 'waits: '
    run_pyflame 0 -n -s 0.3 --async "$pid"
    lacks "$output" 'waits: '
}

# Its loop is in C: by a task that runs shows which one a thread runs, and what is below that.
uvloop_is_right() {
    requires format=json
    rm -f account
    start_target async_server "$1" "$PWD/account" uvloop
    wait_for 10 test -s account
    run_pyflame 0 -n -s 3 --async --threads --stats "$pid"
    assert_unharmed "$pid"
    local ticks
    ticks=$(all_ticks)
    grep -E 'task request.*burn ' stdout > requests
    all_match '^[^;]*:<module>;task main;.*:main;task client;.*:client;task request_.;' requests
    # those that wait are there, too, and it waits for nothing by itself, once that is known
    [ "$(samples stdout '^[^;]*:<module>;task main;.*:main;.*waits: sleep ')" -gt "$ticks" ]
    [ "$(samples stdout '^task ')" -lt $((3 * ticks)) ]
    [ "$(samples stdout 'Runner.run ')" -lt $((ticks / 5)) ]
}

@test "tasks of uvloop are on the thread that runs them, and its loop is none" { with_module uvloop uvloop_is_right; }

@test "threads of other programs that wait are there with --async as without" {
    find_python
    requires format=json
    start_target idle "$python"
    run_pyflame 0 -n -s 0.3 --async --threads "$pid"
    all_match 'idle.py' stdout
}

@test "where threads are told apart tasks are, by their names" {
    requires format=json format=speedscope format=gecko format=chrome
    find_python
    start_target async_server "$python" "$PWD/account"
    run_pyflame 0 -n -s 1 --async --by-thread "$pid"
    grep -qE '^task request_a;.*;task request_a;.*burn [0-9]+$' stdout
    grep -qE '^task request_b;.*;task request_b;.*waits: sleep [0-9]+$' stdout
    run_pyflame 0 -s 1 --async --threads -f speedscope "$pid" > /dev/null
    "$python" -c '
import json
names = {one["name"] for one in json.load(open("stdout"))["profiles"]}
assert {"task main", "task client", "task request_a", "task request_b", "task request_c"} < names, names
assert any(name.startswith("MainThread") for name in names), names'
    run_pyflame 0 -s 0.5 --async --threads -f gecko "$pid" > /dev/null
    grep -q '"name":"task request_a"' stdout
    run_pyflame 0 -s 0.5 --async --threads -f chrome "$pid" > /dev/null
    grep -q 'task request_a' stdout
    run_pyflame 0 -n -s 0.5 --async --threads --waits --children --native "$pid"
    grep -qE ';task client;.*;task request_a;.*waits: sleep [0-9]+$' stdout
}

@test "100,000 tasks that wait take a bounded part of the time, and are counted" {
    requires all format=json
    find_python
    start_target tasks_many "$python" 100000
    local used
    used=$( { TIMEFORMAT='%U %S'; time timeout 60 "$pyflame" -n -s 5 --async --threads "$pid" > stdout 2> stderr; } 2>&1)
    echo "$used"
    awk '{ exit $1 + $2 > 3 }' <<< "$used"
    [ "$(samples stdout 'handler;.*waits: sleep ')" -gt 10000000 ]
}

# --- proof --------------------------------------------------------------------

# Of stacks of tasks that are made and end all the time none is impossible, and few are not proven.
stacks_are_possible() {
    requires format=json
    start_target tasks_made "$1" "${2:-30}"
    run_pyflame 0 -n -s "$(many 5 60)" --async "${@:3}" --stats "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" "$tests/tools/tasks_made.py" "$(version_of "$1")" stdout
    local torn
    torn=$(awk '/tasks not proven/ { n += $NF } END { print n + 0 }' stderr)
    echo "not proven: $torn"
    [ $((torn * 100)) -lt "$(stat_of "samples of tasks")" ]
}

@test "3.7: stacks of tasks that are made all the time are possible"    { also 3.7 stacks_are_possible; }
@test "3.8: stacks of tasks that are made all the time are possible"    { also 3.8 stacks_are_possible; }
@test "3.10: stacks of tasks that are made all the time are possible"   { also 3.10 stacks_are_possible; }
@test "3.11: stacks of tasks that are made all the time are possible"   { each_python 3.11 stacks_are_possible; }
@test "3.12: stacks of tasks that are made all the time are possible"   { also 3.12 stacks_are_possible; }
@test "3.13: stacks of tasks that are made all the time are possible"   { also 3.13 stacks_are_possible; }
@test "3.14: stacks of tasks that are made all the time are possible"   { also 3.14 stacks_are_possible; }
@test "3.14t: stacks of tasks that are made all the time are possible"  { also 3.14t stacks_are_possible; }
@test "newest: stacks of tasks that are made all the time are possible" { each_python "$newest" stacks_are_possible; }
@test "newest: so are those of tasks that do nothing else"              { also "$newest" stacks_are_possible 0; }
@test "3.8: so are those of tasks that wait"                            { also 3.8 stacks_are_possible 30 --threads; }
@test "3.11: so are those of tasks that wait"                           { also 3.11 stacks_are_possible 30 --threads; }
@test "newest: so are those of tasks that wait"                         { each_python "$newest" stacks_are_possible 30 --threads; }
