#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Targets never wait for pyflame, and pyflame never waits for them.

load helper

# --- ends, while a thread is stopped ------------------------------------------

# workers_die COUNT OPTION...: see targets/workers.py.
workers_die() {
    local python=$1 count=$2
    shift 2
    at_least 3.6 "$python" || { unsuitable="needs Python 3"; return; }
    start_target workers "$python" "$count"
    start_pyflame -q -s 1000 -r 200us -o profile --children "$@" "$pid"
    wait_for_sampling
    kill -USR1 "$pid"
    wait_for $((count + 60)) grep -q '^workers' "$target_out"
    matches "$(tail -n 1 "$target_out")" "^workers $count kept 0 "
    kill -INT "$profiler"
    end_pyflame 0
}

@test "no worker that is killed is kept from its parent"  { each_python any workers_die "$(many 40 1000)" --pause; }
@test "the same without --pause"                          { also any workers_die 1000; }
@test "the same with all threads"                         { also any workers_die 1000 --threads --pause; }
@test "3.8: no worker that is killed is kept"             { also 3.8 workers_die 1000 --pause; }
@test "3.14: no worker that is killed is kept"            { also 3.14 workers_die 1000 --pause; }

# execs COUNT OPTION...: see targets/reload.py.
execs() {
    local python=$1 count=$2
    shift 2
    at_least 3.6 "$python" || { unsuitable="needs Python 3"; return; }
    start_command sh -c 'echo ready && exec "$@"' sh "$python" -S "$targets/reload.py" "$count"
    start_pyflame -q -s 1000 -r 1ms -o profile "$@" "$pid"
    wait_for $((5 * count + 60)) grep -q '^done' "$target_out"
    kill -INT "$profiler"
    end_pyflame 0
}

@test "no exec beside a busy thread waits"  { each_python any execs "$(many 20 1000)" --pause --threads; }
@test "no exec waits without --pause"       { also any execs 1000 --threads; }
@test "no exec waits with --children"       { also any execs 1000 --pause --children; }

# --- reads that are never answered --------------------------------------------

# start_stuck: see targets/stuck.py; it is not yet.
start_stuck() {
    requires root
    find_python
    [ -e /dev/userfaultfd ] || skip "needs userfaultfd"
    start_target stuck "$python"
}

# It is in the read that does not come back.
is_stuck() {
    grep -q userfault "/proc/$(worker_of "$profiler")/wchan"
}

# Within 200 ms, and a second more for a machine that has other things to do.
ends_soon() {
    local before=$EPOCHREALTIME after
    kill "-$1" "$profiler"
    wait_for 30 has_ended "$profiler"
    after=$EPOCHREALTIME
    end_pyflame 0
    [ $((${after/./} - ${before/./})) -lt 1200000 ]
}

@test "a signal ends the sampling of a program with a page that nobody fills" {
    for option in "" --pause --threads "-m cpu"; do
        for signal in INT TERM HUP; do
            start_stuck
            # shellcheck disable=SC2086 # none, one or two
            start_pyflame -s 1000 -o profile $option "$pid"
            wait_for_sampling
            kill -USR1 "$pid"
            wait_for 30 grep -q stuck "$target_out"
            ends_soon "$signal"
            [ "$(samples profile ':work:')" -gt 0 ]
            end_targets
        done
    done
}

@test "a read that does not come back fails, and all else goes on" {
    start_stuck
    local stuck=$pid
    start_target fib "$python"
    start_pyflame -s 1000 --by-process -o profile -p "$stuck" -p "$pid"
    wait_for_sampling
    kill -USR1 "$stuck"
    wait_for 30 grep -q stuck "${target_out%.*.*}".*.out
    sleep 1
    kill -USR1 "$profiler"
    wait_for 30 test -e profile
    local before
    before=$(samples profile ':main:')
    sleep 0.3
    ends_soon INT
    [ "$(samples profile ':main:')" -gt "$before" ]
}

@test "a program with a page that nobody fills is dumped, as far as that goes" {
    start_stuck
    kill -USR1 "$pid"
    wait_for 30 grep -q stuck "$target_out"
    patience=10 run_pyflame 0 -d "$pid"
    matches "$output" '^[0-9]+\*?: MainThread'
}

@test "a dump is not stopped by the terminal, as a thread may be stopped meanwhile" {
    start_stuck
    kill -USR1 "$pid"
    wait_for 30 grep -q stuck "$target_out"
    set -m # in a process group of its own, that of a job
    for signal in TSTP TTIN TTOU; do
        start_pyflame -d "$pid"
        wait_for 30 is_stuck
        kill "-$signal" -- "-$profiler"
        end_pyflame 0
        matches "$(cat stdout)" '^[0-9]+\*?: MainThread'
        assert_unharmed "$pid"
    done
}

# --- the processes that watch and work ------------------------------------------

@test "where no process can be made, sampling goes on without" {
    without_leak_check
    compile refuse "$tests/tools/refuse.c"
    find_python
    start_target fib "$python"
    as=(./refuse eperm clone --)
    "${as[@]}" true || skip "needs seccomp filters"
    run_pyflame 0 -s 0.3 --stats "$pid"
    [ "$(samples stdout ':main:')" -gt 0 ]
    start_pyflame -s 100 "$pid"
    wait_for_sampling
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples stdout ':main:')" -gt 0 ]
}

# family_of PID: it, the one that it made, and so on, but not what writes the file.
family_of() {
    local one
    echo "$1"
    for one in $(pgrep -P "$1" -x "$(basename "$pyflame")"); do
        family_of "$one"
    done
}

# is_over PID...: none of them is more than a zombie.
is_over() {
    local one
    for one; do
        has_ended "$one" || return
    done
}

@test "whichever of pyflame's processes is killed, none is left" {
    local family round one
    find_python
    start_target fib "$python"
    for ((round = 0; round < $(many 9 300); round++)); do
        start_pyflame -q -s 100 -r 100us --pause -o profile "$pid"
        wait_for_sampling
        mapfile -t family < <(family_of "$profiler")
        equal "${#family[@]}" 3
        kill -KILL "${family[round % 3]}"
        wait_for 30 is_over "${family[@]}"
        wait "$profiler" || one=$?
        equal "$one" 137
        assert_unharmed "$pid"
    done
    profilers=()
    wait_for 30 eval '[ -z "$(find . -name "profile*")" ]'
}

@test "a command with a page that nobody fills runs to its end" {
    requires root
    find_python
    [ -e /dev/userfaultfd ] || skip "needs userfaultfd"
    start_pyflame -o profile -t "$python" "$targets/stuck.py"
    wait_for 30 grep -q ready stdout
    wait_for_sampling
    pkill -USR1 -P "$profiler" -f stuck.py
    wait_for 30 grep -q stuck stdout
    sleep 1
    local before=$EPOCHREALTIME after
    kill -TERM "$profiler"
    wait_for 30 has_ended "$profiler"
    after=$EPOCHREALTIME
    end_pyflame 143
    [ $((${after/./} - ${before/./})) -lt 1200000 ]
    [ "$(samples profile ':work:')" -gt 0 ]
}
