#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What --why says of programs that are stuck, and of those that are not.

load helper

# staged SCRIPT PYTHON NAME: starts one of a script's programs, beside two threads that sleep;
# $look is the pid of the one to be asked about, $names what has to be named. Fails if it can't
# be had here.
staged() {
    start_process "$2" "$targets/$1.py" "$3" 2
    states["$pid"]=RSDTt
    wait_for 60 has_started
    if ! grep -q '^ready' "$target_out"; then
        echo "# $3 is not to be had: $(cat "$target_err")"
        forget_target "$pid"
        return 1
    fi
    look=$(sed -n 's/^look //p' "$target_out")
    look=${look:-$pid}
    mapfile -t names < <(sed -n 's/^names //p' "$target_out")
    [ "$3" != ptrace_stop ] || tracers["$pid"]=${names[0]}
}

# is_told SCRIPT PYTHON NAME: the finding is what the program's own file says is true of it.
is_told() {
    requires format=report # such a build has it
    staged "$@" || return 0
    run_pyflame 0 --why "$look"
    "$2" "$targets/$1.py" --judge "$3" "$(head -n 1 stdout)" "${names[@]}"
    end_targets
}

are_told() {
    local script=$1 python=$2 name
    shift 2
    [ $# -gt 0 ] || mapfile -t rest < <("$python" "$targets/$script.py" --list | cut -f 1)
    for name in "${@:-${rest[@]}}"; do
        is_told "$script" "$python" "$name"
    done
}

hangs_are_told() {
    are_told hangs "$@"
}

healthy_are_told() {
    are_told healthy "$@"
}

# Before 3.9 it is not seen that garbage is collected, before 3.7 not who waits for the GIL.
hangs_of_old_are_told() {
    local names
    mapfile -t names < <("$1" "$targets/hangs.py" --list | cut -f 1 | grep -vE "$2")
    hangs_are_told "$1" "${names[@]}"
}

# Without a GIL each collection of the youngest is one of all: most of the time goes there.
healthy_are_told_but_gc() {
    local names
    mapfile -t names < <("$1" "$targets/healthy.py" --list | cut -f 1 | grep -v '^gc_ordinary$')
    healthy_are_told "$1" "${names[@]}"
}

some=(rlock_pair lock_pair lock_twice lock_twice_called lock_lost_with lock_let_go lock_taken_again
      lock_sleeper rlock_sleeper join_stuck recv_silent file_part executor_self executor_sleeps pool_sleeps
      command_output mp_event logging_names lock_in_context wait_pidfd signal_sleeps lock_pair_timed)
fine=(server_idle server_selects sleep_loop computing main_joins pool_asks_loop pool_asks_other)

@test "3.8: why some programs are stuck"     { also 3.8 hangs_are_told "${some[@]}"; }
@test "3.11: who has a lock that does not say it" { each_python 3.11 hangs_are_told lock_sleeper; }
@test "3.12: why some programs are stuck"    { also 3.12 hangs_are_told "${some[@]}"; }
@test "newest: why some programs are stuck"  { each_python "$newest" hangs_are_told "${some[@]}"; }
@test "3.12: some programs are not stuck"    { each_python 3.12 healthy_are_told "${fine[@]}"; }

@test "3.6: why all programs are stuck"      { also 3.6 hangs_of_old_are_told '^g(c|il)_'; }
@test "3.8: why all programs are stuck"      { also 3.8 hangs_of_old_are_told '^gc_'; }
@test "3.11: why all programs are stuck"     { also 3.11 hangs_are_told; }
@test "3.12: why all programs are stuck"     { also 3.12 hangs_are_told; }
@test "3.13: why all programs are stuck"     { also 3.13 hangs_are_told; }
@test "3.14: why all programs are stuck"     { also 3.14 hangs_are_told; }
@test "3.14t: why all programs are stuck"    { also 3.14t hangs_are_told; }
@test "newest: why all programs are stuck"   { also "$newest" hangs_are_told; }
@test "2.7: why programs are stuck in locks" { also 2.7 hangs_are_told "${some[@]}"; }
@test "32 bits: why programs are stuck in locks" { also i386 hangs_are_told "${some[@]}"; }

@test "2.7: none of all programs is stuck"   { also 2.7 healthy_are_told; }
@test "3.8: none of all programs is stuck"   { also 3.8 healthy_are_told; }
@test "3.12: none of all programs is stuck"  { also 3.12 healthy_are_told; }
@test "3.14: none of all programs is stuck"  { also 3.14 healthy_are_told; }
@test "3.14t: none of all programs is stuck" { also 3.14t healthy_are_told_but_gc; }
@test "newest: none of all programs is stuck" { also "$newest" healthy_are_told; }

# --- the evidence -------------------------------------------------------------

evidence_is_right() {
    requires format=report
    staged hangs "$1" rlock_sleeper || return 0
    run_pyflame 0 --why "$look"
    matches "$output" $'\nprocess '"$look"' .*: [0-9]+ threads, which used [0-9]+ ms of CPU time in [0-9]+ ms'
    matches "$output" $'\nwho waits for whom:\n  MainThread and 1 other wait for an RLock that worker-1 has, in hangs_locks.py:'
    matches "$output" $'\nbystander-1 \([0-9]+\), bystander-2 \([0-9]+\): sleeps\n'
    matches "$output" $'\nworker-1 \([0-9]+\): sleeps\n  [^\n]*/hangs_locks.py:doze:[0-9]+\n'
    matches "$output" $'\nnext: pyflame --why --locals '"$look"
    run_pyflame 0 --why --locals "$look"
    matches "$output" $'\n      taken = \[True\]\n'
    assert_unharmed "$pid"
    end_targets
    # a Lock does not say who has it
    staged hangs "$1" lock_sleeper
    run_pyflame 0 --why "$look"
    matches "$output" $'\nwho waits for whom:\n  MainThread and 1 other wait for a Lock that worker-1 has, by its "with" of it, in hangs_locks.py:'
}

@test "--why shows threads by what they do, and who waits for whom" { each_python 3.12 evidence_is_right; }

json_is_right() {
    requires format=json
    staged hangs "$1" rlock_pair || return 0
    run_pyflame 0 --why -f json "$look"
    python3 - stdout "$look" << 'END'
import json
import sys
why = json.load(open(sys.argv[1]))
assert (why['format'], why['version']) == ('pyflame why', 1), why
process, = why['processes']
assert process['pid'] == int(sys.argv[2])
assert process['finding']['kind'] == 'deadlock'
threads = {t['name']: t for t in process['threads']}
tids = {t['tid']: t for t in process['threads']}
one, two = threads['worker-1'], threads['worker-2']
assert one['needs']['kind'] == two['needs']['kind'] == 'rlock'
assert one['needs']['owner'] == two['tid'] and two['needs']['owner'] == one['tid']
assert one['needs']['sure'] and one['needs']['id'] != two['needs']['id']
assert process['finding']['tid'] in (one['tid'], two['tid'])
assert threads['MainThread']['needs']['kind'] == 'join'
assert tids[threads['MainThread']['needs']['owner']] is one
assert threads['bystander-1']['group'] == threads['bystander-2']['group']
assert not one['runs'] and one['same_stack'] and one['frames'][0]['line'] > 0
END
}

@test "--why -f json says the same"                       { each_python 3.12 json_is_right; }

# --- tasks --------------------------------------------------------------------

tasks_are_told() {
    requires format=report
    start_target tasks_crowd "$1" pool
    run_pyflame 0 --why "$pid"
    matches "$output" '^waits: nothing can wake the event loop .*; 200 of 206 tasks wait for Semaphore.acquire in tasks_crowd.py:acquire:[0-9]+
'
    start_target tasks_crowd "$1" timer
    run_pyflame 0 --why "$pid"
    lacks "$(sed -n 1p stdout)" task.*wait
    matches "$output" '
asyncio tasks: 207, 0 of them ready, 207 waiting; 200 of 207 tasks wait for Semaphore.acquire in tasks_crowd.py:acquire:[0-9]+
'
    start_target tasks_crowd "$1" blocked
    run_pyflame 0 --why "$pid"
    matches "$output" '^the event loop is blocked by tasks_crowd.py:main:[0-9]+, which sleeps; of 51 tasks 30 are ready to go on, and 20 wait
'
    start_target tasks_crowd "$1" circle
    run_pyflame 0 --why "$pid"
    at_least 3.8 "$1" || return 0
    matches "$output" '^deadlock: task (Task-[0-9]+) awaits task (Task-[0-9]+) in tasks_crowd.py:around:[0-9]+; task Task-[0-9]+ awaits task Task-[0-9]+ in tasks_crowd.py:around:[0-9]+
'
    assert_unharmed "$pid"
}

@test "3.7: what most tasks wait for, and which await each other"    { also 3.7 tasks_are_told; }
@test "3.11: what most tasks wait for, and which await each other"   { each_python 3.11 tasks_are_told; }
@test "3.13: what most tasks wait for, and which await each other"   { also 3.13 tasks_are_told; }
@test "newest: what most tasks wait for, and which await each other" { each_python "$newest" tasks_are_told; }

@test "--why -f json says the same of tasks" {
    requires format=report
    find_python
    start_target tasks_crowd "$python" pool
    run_pyflame 0 --why -f json "$pid"
    python3 - << 'END'
import json
process, = json.load(open('stdout'))['processes']
tasks = process['tasks']
assert (tasks['number'], tasks['ready'], tasks['waiting'], tasks['alike']) == (206, 0, 206, 200), tasks
assert tasks['wait'].startswith('Semaphore.acquire in tasks_crowd.py:acquire:'), tasks
assert process['finding']['kind'] == 'waits', process['finding']
END
    start_target idle "$python"
    run_pyflame 0 --why -f json "$pid"
    lacks "$output" '"tasks"'
}

@test "--why of several: who does the same, the odd one first" {
    requires format=report
    find_python
    local all=() n
    for n in 0 1 2; do
        RANK=$n start_target idle "$python"
        all+=(-p "$pid")
    done
    RANK=3 start_target fib "$python"
    run_pyflame 0 --why "${all[@]}" -p "$pid"
    matches "$(sed -n 1p stdout)" "^1 of 4, $pid \(RANK=3\): busy in fib.py:"
    matches "$(sed -n 2p stdout)" '^3 of 4, [0-9]+ \(RANK=0\), [0-9]+ \(RANK=1\), [0-9]+ \(RANK=2\): idle: MainThread sleeps in idle.py:'
}

@test "a thousand threads are explained in half a second of CPU time" {
    requires format=report
    find_python
    start_target many "$python" 1000 5
    run_pyflame 0 --why "$pid"
    matches "$output" ' 1[0-9]{3} threads, '
    local before after
    before=$(children_ticks)
    run_pyflame 0 --why "$pid"
    after=$(children_ticks)
    [ $((after - before)) -le 100 ] # a second, where a tick is 10 ms: judge and shell included
}

@test "no thread used more than a CPU, however long it takes to look at all" {
    requires format=report
    find_python
    start_command "$python" "$targets/many.py" 1000 5 spin
    local n
    for n in 1 2 3; do
        run_pyflame 0 --why "$pid"
        matches "$output" '^busy in many.py:.* \(MainThread, (100|[0-9]{1,2})% of a CPU'
    done
    assert_unharmed "$pid"
}

@test "who listens waits for connections, by select() too" {
    requires format=report
    find_python
    staged healthy "$python" server_selects
    run_pyflame 0 --why "$look"
    matches "$output" '^idle: MainThread waits for connections: select tcp [0-9.:]+ LISTEN'
}

# The CPU time of what this shell has waited for, in ticks.
children_ticks() {
    awk '{ sub(/^.*\) /, ""); print $14 + $15 }' "/proc/$BASHPID/stat"
}

@test "--why goes with processes, and with JSON alone" {
    requires format=report
    local arguments
    for arguments in '-d 1' '-i profile' '-t true' '--flamechart 1' '-f html 1' '--rotate 5 1'; do
        # shellcheck disable=SC2086
        run_pyflame 2 --why $arguments
        only_complains || matches "$stderr" 'do not go together'
    done
}
