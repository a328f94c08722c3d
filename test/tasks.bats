#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tasks of asyncio, as -d --async prints them.

load helper

# --- truth --------------------------------------------------------------------

tasks_are_right() {
    requires format=json
    at_least 3.7 "$1" || { unsuitable="asyncio is from 3.7 on"; return; }
    rm -f account
    start_target tasks "$1" "$PWD/account" "${@:2}"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" "$tests/tools/tasks_equal.py" account stdout
}

@test "3.7: tasks are what the program itself says"     { each_python 3.7 tasks_are_right; }
@test "3.8: tasks are what the program itself says"     { also 3.8 tasks_are_right; }
@test "3.9: tasks are what the program itself says"     { also 3.9 tasks_are_right; }
@test "3.10: tasks are what the program itself says"    { each_python 3.10 tasks_are_right; }
@test "3.11: tasks are what the program itself says"    { each_python 3.11 tasks_are_right; }
@test "3.12: tasks are what the program itself says"    { each_python 3.12 tasks_are_right; }
@test "3.13: tasks are what the program itself says"    { also 3.13 tasks_are_right; }
@test "3.14: tasks are what the program itself says"    { also 3.14 tasks_are_right; }
@test "3.14t: tasks are what the program itself says"   { also 3.14t tasks_are_right; }
@test "newest: tasks are what the program itself says"  { each_python "$newest" tasks_are_right; }
@test "32 bits: tasks are what the program itself says" { also i386 tasks_are_right; }

@test "3.7: so are tasks written in Python"    { also 3.7 tasks_are_right python; }
@test "3.10: so are tasks written in Python"   { also 3.10 tasks_are_right python; }
@test "3.11: so are tasks written in Python"   { each_python 3.11 tasks_are_right python; }
@test "3.13: so are tasks written in Python"   { also 3.13 tasks_are_right python; }
@test "newest: so are tasks written in Python" { each_python "$newest" tasks_are_right python; }

@test "so are tasks of uvloop" { with_module uvloop tasks_are_right uvloop; }

anyio_is_right() {
    start_target tasks_anyio "$1"
    run_pyflame 0 -q -d --async "$pid"
    assert_unharmed "$pid"
    matches "$output" '
3 tasks child [0-2], child [0-2], child [0-2] \(waits: Event.wait.*
[^
]*/locks.py:Event.wait:[0-9]+
([^
]*
)*[^
]*/tasks_anyio.py:leaf:7
[^
]*/tasks_anyio.py:child:11
'
}

@test "tasks of AnyIO are found" { with_module anyio anyio_is_right; }

# --- text ---------------------------------------------------------------------

# task_block NAME: of a dump as text, without folders and indents.
task_block() {
    awk -v name="$1" '/^ *[0-9]* *tasks? / { inside = index($0, " " name " (") > 0 } /^$/ { inside = 0 } inside' stdout \
        | sed -E 's,^ *,,; s,^/.*/,,'
}

trees_are_right() {
    requires format=json
    start_target tasks "$1" "$PWD/account"
    run_pyflame 0 -d --async "$pid" > /dev/null
    assert_unharmed "$pid"
    matches "$(task_block sleep)" '^task sleep \(waits: sleep\(100000\)\)
tasks.py:sleep:[0-9]+$'
    matches "$(task_block sleep.5)" '^task sleep.5 \(waits: sleep\(100000.5\)\)'
    matches "$(task_block queue.get)" '^task queue.get \(waits: (Priority)?Queue.get\)'
    matches "$(task_block lock)" '^task lock \(waits: Lock.acquire\)'
    matches "$(task_block semaphore)" '^task semaphore \(waits: Semaphore.acquire\)'
    matches "$(task_block event)" '^task event \(waits: Event.wait\)'
    matches "$(task_block top)" '^task top \(waits: gather of 2\)'
    matches "$(task_block wait)" '^task wait \(waits: wait of 2\)'
    matches "$(task_block awaiting)" '^task awaiting \(waits: task awaited\)'
    matches "$(task_block client)" '^task client \(waits: StreamReader\.readline on tcp 127\.0\.0\.1:.* ESTABLISHED\)'
    # two sides of a diamond await one; both are equal
    matches "$(sed -n '/^task diamond /,/^task/p' stdout)" '
  2 tasks side [12], side [12] \(waits: a task\)
.*
    task bottom \(waits: a future\)
.*tasks.py:nested:'
    # what awaits itself in the end is there once
    equal "$(grep -cE '^task circle 0 \(waits: task circle 1, awaited by circle 1\)' stdout)" 1
    grep -qx '    and task circle 0, see there' stdout
    # a hundred that await one after the other: cut, and gone on with
    equal "$(grep -cE 'task chain [0-9]+ ' stdout)" 100
    grep -qE '^task chain [0-9]+ \(waits: task chain [0-9]+, awaited by chain [0-9]+\)$' stdout
    # the threads are as they were
    run_pyflame 0 -q -d "$pid" > /dev/null
    lacks "$output" 'task sleep'
    equal "$stderr" ""
}

# Their futures have a frame of their own on top.
python_says_what() {
    start_target tasks "$1" "$PWD/account" python
    run_pyflame 0 -d --async "$pid" > /dev/null
    assert_unharmed "$pid"
    matches "$(task_block sleep)" '^task sleep \(waits: sleep\)
futures.py:.*
tasks.py:sleep:[0-9]+$'
    matches "$(task_block queue.get)" '^task queue.get \(waits: (Queue\.)?get\)'
    matches "$(task_block client)" '^task client \(waits: (StreamReader\.)?readline\)'
}

@test "3.8: tasks written in Python say what they wait for"    { also 3.8 python_says_what; }
@test "3.11: tasks written in Python say what they wait for"   { each_python 3.11 python_says_what; }
@test "newest: tasks written in Python say what they wait for" { also "$newest" python_says_what; }

@test "3.8: trees of tasks say what each waits for"    { also 3.8 trees_are_right; }
@test "3.10: trees of tasks say what each waits for"   { also 3.10 trees_are_right; }
@test "3.11: trees of tasks say what each waits for"   { each_python 3.11 trees_are_right; }
@test "3.12: trees of tasks say what each waits for"   { also 3.12 trees_are_right; }
@test "newest: trees of tasks say what each waits for" { each_python "$newest" trees_are_right; }

@test "without --async one line says how many tasks there are, and in how many places" {
    requires format=json
    find_python
    start_target tasks_many "$python" 50
    run_pyflame 0 -d "$pid"
    equal "$stderr" "pyflame: asyncio tasks: 51, in different places: 2; --async shows them"
    lacks "$output" 'handler'
    run_pyflame 0 -q -d "$pid"
    equal "$stderr" ""
    start_target idle "$python"
    run_pyflame 0 -d "$pid"
    equal "$stderr" ""
}

@test "equal tasks are printed once, with their number" {
    requires format=json
    find_python
    start_target tasks_many "$python" 500
    run_pyflame 0 -d --async "$pid"
    equal "$(grep -c 'tasks_many.py:handler:' stdout)" 1
    matches "$output" '
  500 tasks Task-?[0-9]*, Task-?[0-9]*, Task-?[0-9]*, ... \(waits: sleep\)
'
}

# --- what runs ----------------------------------------------------------------

running_is_right() {
    requires format=json
    start_target tasks_busy "$1"
    wait_for 10 sees_both "$pid"
    cat stdout
    grep -qE "^ *task .* \(runs in thread $pid\)\$" stdout
    equal "$(sed -nE '/runs in thread '"$pid"'\)/,/^$/ s/.*:([a-z_.]*):[0-9]+$/\1/p' stdout)" 'spin
busy'
    matches "$(sed -nE '/task .*\(runs in thread/,/^$/ s/.*:([a-z_.]*):[0-9]+$/\1/p' stdout)" 'block'
    grep -qE "task .* \(not begun" stdout
    assert_unharmed "$pid"
}

sees_both() {
    timeout 20 "$pyflame" -q -d --async "$1" > stdout
    [ "$(grep -c 'runs in thread' stdout)" = 2 ]
}

@test "3.7: tasks that run have their part of the thread's stack"    { each_python 3.7 running_is_right; }
@test "3.10: tasks that run have their part of the thread's stack"   { also 3.10 running_is_right; }
@test "3.11: tasks that run have their part of the thread's stack"   { each_python 3.11 running_is_right; }
@test "3.13: tasks that run have their part of the thread's stack"   { also 3.13 running_is_right; }
@test "3.14t: tasks that run have their part of the thread's stack"  { also 3.14t running_is_right; }
@test "newest: tasks that run have their part of the thread's stack" { each_python "$newest" running_is_right; }

# Each chain is one that there can be: of a()'s five and its leaf, or of b()'s eight, whole.
chains_are_possible() {
    requires format=json
    start_target tasks_hop "$1"
    for ((i = 0; i < $(many 20 500); i++)); do
        timeout 20 "$pyflame" -d --async -f json "$pid" >> dumps 2> /dev/null
    done
    assert_unharmed "$pid"
    PYTHONPATH=$tests/tools "$1" - dumps <<'END'
import dumps, re, sys
seen, failed, wrong = 0, 0, set()
for dump in dumps.each(sys.argv[1]):
    for task in dump['processes'][0]['tasks']:
        seen += 1
        failed += 'failed' in task
        names = ' '.join(f['function'] for f in reversed(task['frames']) if f['file'].endswith('tasks_hop.py'))
        whole = task['state'] in ('ready', 'waits') or 'failed' in task
        if not re.match('(((hop_a|both|spawn)?( ?a){5} leaf_a)|((hop_b|both)( b){8} leaf_b)|spawn|main|a|hop_[ab]|both|)$'
                        if whole else '(hop_[ab]|both|spawn|a|main|leaf_|b|$)', names):
            wrong.add(names)
print('%d tasks, %d failed, impossible: %s' % (seen, failed, wrong))
sys.exit(bool(wrong) or seen < 500 or failed > seen / 20)
END
}

@test "3.7: chains of tasks that hop are of one moment"    { also 3.7 chains_are_possible; }
@test "3.10: chains of tasks that hop are of one moment"   { each_python 3.10 chains_are_possible; }
@test "3.11: chains of tasks that hop are of one moment"   { each_python 3.11 chains_are_possible; }
@test "3.13: chains of tasks that hop are of one moment"   { also 3.13 chains_are_possible; }
@test "3.14t: chains of tasks that hop are of one moment"  { also 3.14t chains_are_possible; }
@test "newest: chains of tasks that hop are of one moment" { each_python "$newest" chains_are_possible; }

ready_is_exact() {
    requires format=json
    start_target tasks_ready "$@"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" - <<'END'
import json
tasks = json.load(open('stdout'))['processes'][0]['tasks']
print([(task['name'], task['state']) for task in tasks])
named = [task for task in tasks if not task['name'].startswith('Task')]
assert len(named) == 14 and all(task['name'].startswith(task['state']) for task in named)
END
}

@test "3.8: a task is ready as soon as what it waits for is done"    { also 3.8 ready_is_exact; }
@test "3.10: a task is ready as soon as what it waits for is done"   { also 3.10 ready_is_exact; }
@test "3.11: a task is ready as soon as what it waits for is done"   { each_python 3.11 ready_is_exact; }
@test "3.13: a task is ready as soon as what it waits for is done"   { also 3.13 ready_is_exact; }
@test "newest: a task is ready as soon as what it waits for is done" { each_python "$newest" ready_is_exact; }
@test "3.11: so is one that is written in Python"   { each_python 3.11 ready_is_exact python; }
@test "newest: so is one that is written in Python" { each_python "$newest" ready_is_exact python; }

# --- interpreters ---------------------------------------------------------------

apart_is_right() {
    requires format=json
    start_target tasks_apart "$1"
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    assert_unharmed "$pid"
    "$1" - <<'END'
import json
tasks = json.load(open('stdout'))['processes'][0]['tasks']
print([(task['name'], task['awaited_by'], task.get('parent_unknown')) for task in tasks])
for name in 'inner', 'outer':
    own = {task['name']: task for task in tasks if task['name'].startswith(name)}
    top = tasks[own[name + ' waits']['awaited_by'][0]]
    assert [f['function'] for f in top['frames']] == [name] and not top['awaited_by']
    assert own[name + ' direct']['awaited_by'] == [own[name + ' waits']['id']]
    gathered = [task for task in tasks if task['name'] == name + ' gathered']
    assert len(gathered) == 2 and all(task['awaited_by'] == [top['id']] for task in gathered)
END
}

@test "3.12: each interpreter has its tasks"   { each_python 3.12 apart_is_right; }
@test "3.13: each interpreter has its tasks"   { also 3.13 apart_is_right; }
@test "newest: each interpreter has its tasks" { each_python "$newest" apart_is_right; }

# --- bounds -------------------------------------------------------------------

bad_is_harmless() {
    requires format=json
    start_target tasks_bad "$1"
    run_pyflame 0 -d --async "$pid" > /dev/null
    assert_unharmed "$pid"
    lacks "$output" $'[\x01-\x09\x0b-\x1f\x7f]'
    matches "$output" 'tasks_bad.py:forever:'
    run_pyflame 0 -d --async -f json "$pid" > /dev/null
    "$1" -m json.tool < stdout > /dev/null
    ! at_least 3.8 "$1" || grep -q '"a;b\\\\x0ac\\\\x1b\[2J)"' stdout
}

@test "3.7: what is no task is not taken for one"    { also 3.7 bad_is_harmless; }
@test "3.11: what is no task is not taken for one"   { each_python 3.11 bad_is_harmless; }
@test "newest: what is no task is not taken for one" { each_python "$newest" bad_is_harmless; }

@test "100,000 tasks take 4 s of CPU and 64 MB at most" {
    requires all format=json
    find_python
    start_target tasks_many "$python" 100000
    run_pyflame 0 -d --async "$pid"
    matches "$output" '  100000 tasks '
    # here much else may run; it is a fifth of that by itself
    local used
    used=$( { TIMEFORMAT='%U %S'; time timeout 60 "$pyflame" -q -d --async "$pid" > /dev/null; } 2>&1)
    awk '{ exit $1 + $2 > 4 }' <<< "$used"
    (ulimit -v 65536; timeout 60 "$pyflame" -q -d --async "$pid" > stdout)
    grep -q '  100000 tasks ' stdout
}
