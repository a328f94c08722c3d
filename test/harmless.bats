#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whatever pyflame does and however it ends, the target does not notice.

load helper

# --- its end ------------------------------------------------------------------

ends_unharmed() {
    find_python
    start_target gil "$python" 3
    start_pyflame -s 100 --pause --threads "$pid"
    wait_for_sampling
    kill "-$1" "$profiler"
    end_pyflame 0
    is_unharmed "$pid"
}

@test "SIGINT leaves all threads running"  { ends_unharmed INT; }
@test "SIGTERM leaves all threads running" { ends_unharmed TERM; }
@test "SIGHUP leaves all threads running"  { ends_unharmed HUP; }

@test "two profilers at once do not disturb each other" {
    find_python
    start_target fib "$python"
    start_pyflame -s 100 -o profile "$pid"
    wait_for_sampling
    run_pyflame 0 -s 0.4 "$pid"
    [ "$(samples stdout ':main:')" -gt 0 ]
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples profile ':main:')" -gt 0 ]
}

# --- states -------------------------------------------------------------------

stop_target() {
    kill -STOP "$pid"
    wait_for 30 are_in_state "$pid" T
    states["$pid"]=T
}

@test "a stopped target is dumped and stays stopped" {
    find_python
    start_target gil "$python" 2
    stop_target
    for option in "" --pause --no-pause; do
        # shellcheck disable=SC2086 # none or one
        run_pyflame 0 -d $option "$pid"
        equal "$(grep -cE '^[0-9]+\*?: .*\(stopped\)$' stdout)" 2
        matches "$output" '(busy_0\.py:busy_0|gil\.py:main):'
        is_unharmed "$pid"
    done
}

@test "a stopped target is sampled and stays stopped" {
    find_python
    start_target fib "$python"
    stop_target
    for option in "" --pause --no-pause --threads; do
        # shellcheck disable=SC2086 # none or one
        run_pyflame 0 -s 0.2 $option --stats "$pid"
        equal "$(samples stdout)" "$(stat_of ticks)"
        equal "$(samples stdout '^.failed')" 0
        equal "$(wc -l < stdout)" 1
        is_unharmed "$pid"
    done
}

@test "a stopped target goes on by SIGCONT during and after the sampling" {
    find_python
    start_target fib "$python"
    stop_target
    watch_pyflame --pause "$pid"
    wait_for_sampling
    kill -CONT "$pid"
    states["$pid"]=RS
    wait_for 30 is_unharmed "$pid"
    wait_for 30 has_seen_lines 2
    kill -INT "$profiler"
    end_pyflame 0
}

has_seen_lines() {
    kill -USR1 "$profiler"
    [ -e profile ] && [ "$(wc -l < profile)" -ge "$1" ]
}

@test "a target that is stopped and continued all the time is sampled" {
    find_python
    start_target fib "$python"
    start_pyflame -s 100 --pause --stats "$pid"
    wait_for_sampling
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -STOP "$pid"
        wait_for 30 in_state "$pid" T
        sleep 0.03
        kill -CONT "$pid"
        sleep 0.02
    done
    kill -INT "$profiler"
    end_pyflame 0
    equal "$(samples stdout)" "$(stat_of ticks)"
    [ "$(samples stdout ':main:')" -gt 0 ]
}

@test "SIGSTOP during --pause is not lost" {
    find_python
    start_target fib "$python"
    for _ in $(seq "$(many 4 20)"); do
        start_pyflame -s 100 -r 1us --pause "$pid"
        wait_for_sampling
        kill -STOP "$pid"
        sleep 0.01
        kill -INT "$profiler"
        end_pyflame 0 > /dev/null
        wait_for 30 in_state "$pid" T
        kill -CONT "$pid"
    done
}

@test "a target that strace traces is sampled and stays traced" {
    requires strace
    find_python
    start_target deep "$python" 10
    strace -f -o trace -p "$pid" 2> strace.log 3>&- &
    tracer=$!
    wait_for 30 grep -q "^TracerPid:.*$tracer" "/proc/$pid/status"
    tracers["$pid"]=$tracer
    for option in "" --pause --threads; do
        # shellcheck disable=SC2086 # none or one
        run_pyflame 0 -s 0.2 $option "$pid"
        [ "$(samples stdout ':spin:')" -gt 0 ]
        is_unharmed "$pid"
    done
    run_pyflame 0 -d "$pid"
    matches "$output" ':spin:'
    is_unharmed "$pid"
    kill "$tracer"
    wait "$tracer" || :
    tracers["$pid"]=0
}

@test "a target runs on while pyflame is stopped by the terminal" {
    find_python
    start_target fib "$python"
    set -m # in a process group of its own, that of a job
    for _ in $(seq "$(many 6 50)"); do
        for signal in TSTP TTIN TTOU; do
            start_pyflame -q -s 100 -r 100us --pause "$pid"
            wait_for_sampling
            kill "-$signal" "$profiler"
            wait_for 30 in_state "$profiler" T
            assert_unharmed "$pid"
            kill -CONT "$profiler"
            wait_for_sampling
            kill -INT "$profiler"
            end_pyflame 0 > /dev/null
        done
    done
}

# Whether strace has got hold of $pid; tries again, as pyflame may have it just then.
is_straced() {
    if [ "$tracer" = 0 ] || ! kill -0 "$tracer" 2> /dev/null; then
        strace -f -o trace -p "$pid" 2> strace.log 3>&- &
        tracer=$!
    fi
    grep -q "^TracerPid:.*\b$tracer$" "/proc/$pid/status"
}

# Another tracer that comes and goes is no lack of permission.
@test "a thread that another has for a moment may be stopped" {
    requires strace
    find_python
    start_target fib "$python"
    start_pyflame -s 100 --pause --stats "$pid"
    wait_for_sampling
    tracer=0
    wait_for 30 is_straced
    wait_for_sampling
    kill "$tracer"
    wait "$tracer" || :
    for _ in $(seq 40); do # much longer than it was refused
        wait_for_sampling
    done
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(stat_of stopped)" -gt 10 ]
    lacks "$stderr" "not permitted"
}

# frozen FILE FREEZE THAW FOLDER TELLS IT: samples a target in a new control group,
# once the file TELLS has the line IT.
frozen() {
    local file=$1 freeze=$2 thaw=$3 group=$4 tells=$5 it=$6
    mkdir "$group" || skip "needs control groups"
    start_in "$group" fib
    thaw_word=$thaw thaw_file=$group/$file
    echo "$freeze" > "$group/$file"
    wait_for 30 grep -qx "$it" "$group/$tells"
    for option in "" --pause --threads; do
        # shellcheck disable=SC2086 # none or one
        patience=20 run_pyflame 0 -s 0.2 $option --stats "$pid"
        [ "$(samples stdout ':main:')" -gt 0 ]
    done
    patience=20 run_pyflame 0 -d "$pid"
    matches "$output" ':main:'
    matches "$(head -n 1 stdout)" '\(frozen by its control group\)$'
    echo "$thaw" > "$group/$file"
    end_targets
    wait_for 30 rmdir "$group" 2> /dev/null
}

# start_in GROUP NAME [ARGUMENT]...: a target that is in a control group from the start,
# and nice, as there may be many.
start_in() {
    local group=$1 name=$2
    shift 2
    find_python
    # shellcheck disable=SC2016 # for another shell
    start_command sh -c 'echo $$ > "$0/cgroup.procs" && exec nice "$@"' "$group" "$python" \
        "$targets/$name.py" "$@"
}

@test "a target frozen by a control group (version 1) is sampled, and thaws" {
    requires root
    local top=/sys/fs/cgroup/freezer
    [ -e $top/cgroup.procs ] || skip "needs the freezer of control groups version 1"
    frozen freezer.state FROZEN THAWED "$top/pyflame-test-$$" freezer.state FROZEN
}

@test "a target frozen by a control group (version 2) is sampled, and thaws" {
    requires root
    local top
    for top in /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [ ! -e $top/cgroup.controllers ] || break
    done
    [ -e $top/cgroup.controllers ] || skip "needs control groups version 2"
    frozen cgroup.freeze 1 0 "$top/pyflame-test-$$" cgroup.events "frozen 1"
}

# Each of them is asked to stop and can't: that must not take its time for each.
@test "a server and its workers, frozen, are sampled and dumped, and thaw" {
    requires root
    local group one
    for group in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ ! -e "$group/cgroup.controllers" ] || break
    done
    [ -e "$group/cgroup.controllers" ] || skip "needs control groups version 2"
    group=$group/pyflame-test-tree-$$
    mkdir "$group" || skip "needs control groups"
    start_in "$group" tree prefork 20
    for one in $(pgrep -P "$pid"); do
        living+=("$one")
    done
    thaw_word=0 thaw_file=$group/cgroup.freeze
    echo 1 > "$group/cgroup.freeze"
    wait_for 30 grep -q 'frozen 1' "$group/cgroup.events"
    for option in "" --pause; do
        # shellcheck disable=SC2086 # none or one
        patience=20 run_pyflame 0 -s 0.2 --children $option "$pid"
        [ "$(samples stdout ':busy:')" -ge 20 ]
    done
    patience=20 run_pyflame 0 -d --children "$pid"
    equal "$(grep -c '^process ' stdout)" 21
    echo 0 > "$group/cgroup.freeze"
    end_targets
    wait_for 30 rmdir "$group" 2> /dev/null
}

# --- nothing is changed -------------------------------------------------------

# What a process is, without what changes by itself.
identity() {
    grep -E '^(Name|Umask|Tgid|PPid|TracerPid|[UG]id|FDSize|Threads|Sig[PBIC]|Shd|Cap|NoNewPrivs|Seccomp)' \
        "/proc/$1/status"
    cut -d ' ' -f 1,3,5,6 < "/proc/$1/maps"
    find "/proc/$1/fd" -type l -printf '%f %l\n' | sort
}

@test "signals, files and memory of the target are as before" {
    find_python
    start_target sleeper "$python" 2
    identity "$pid" > before
    run_pyflame 0 -s 0.3 --threads --pause "$pid"
    run_pyflame 0 -d "$pid"
    identity "$pid" > after
    diff before after
}

# A sleep that is interrupted and begun anew must not end early, or late.
@test "a sleeping target sleeps on when it is stopped for every sample" {
    find_python
    start_command "$python" -c '
import time, select
print("ready", flush=True)
while True:
    t = time.monotonic()
    select.select([], [], [], .2)
    time.sleep(.2)
    print("slept", time.monotonic() - t >= .4, flush=True)'
    start_pyflame -s 100 --threads --pause "$pid"
    await_more slept 3
    all_match '^(ready|slept True)$' "$target_out"
}

# await_more WORD COUNT: the target goes on to write so many lines with that while it
# is sampled, which then is ended.
await_more() {
    wait_for_sampling
    wait_for 60 has_lines "$1" $(($(grep -c "^$1" "$target_out") + $2))
    kill -INT "$profiler"
    end_pyflame 0
}

has_lines() {
    [ "$(grep -c "^$1" "$target_out")" -ge "$2" ]
}

@test "a system call of the target is not interrupted" {
    find_python
    start_command "$python" -c '
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
print("ready", flush=True)
while True:
    result = libc.usleep(200000)
    print("usleep", result, ctypes.get_errno(), flush=True)'
    start_pyflame -s 100 --pause --threads "$pid"
    await_more usleep 3
    all_match '^(ready|usleep 0 0)$' "$target_out"
}
