#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Sudden death, of pyflame and of its targets, at any moment; and the signals that
# arrive meanwhile. With PYFLAME_TEST_ALL many more times.

load helper

# --- pyflame is killed --------------------------------------------------------

# random_ms MOST: sleeps for up to so long.
random_ms() {
    sleep "0.$(printf %03d $((1 + RANDOM % $1)))"
}

# killed_at_random ROUNDS MS OPTION...: on $pid, each time after up to MS.
killed_at_random() {
    local rounds=$1 most=$2 round one
    shift 2
    for ((round = 0; round < rounds; round++)); do
        "$pyflame" -s 100 -r 100us -o profile "$@" "$pid" 2> stderr 3>&- &
        profiler=$!
        random_ms "$most"
        kill -KILL "$profiler" 2> /dev/null || : # a dump may be through
        wait "$profiler" 2> /dev/null || :
        for one in "${living[@]}"; do
            is_unharmed "$one" || assert_unharmed "$one"
        done
    done
    rm -f profile.*.tmp
}

@test "kill -9 at any moment leaves the target running" {
    find_python
    start_target fib "$python"
    killed_at_random "$(many 10 1000)" 60 --pause
}

@test "kill -9 at any moment leaves all threads running" {
    find_python
    start_target gil "$python" 4
    killed_at_random "$(many 8 1000)" 60 --pause --threads
}

@test "kill -9 at any moment leaves all processes running" {
    find_python
    start_target tree "$python" prefork 3
    for one in $(pgrep -P "$pid"); do
        living+=("$one")
    done
    killed_at_random "$(many 4 1000)" 60 --pause --children
}

@test "kill -9 at any moment of a dump leaves all threads running" {
    find_python
    start_target gil "$python" 4
    killed_at_random "$(many 8 1000)" 15 -d --pause
}

@test "kill -9 at any moment leaves the command running" {
    local mark=pyflame_test_$$_$BATS_TEST_NUMBER rounds round one
    find_python
    rounds=$(many 3 300)
    for ((round = 0; round < rounds; round++)); do
        "$pyflame" --pause -r 100us -o profile -t "$python" "$targets/gil.py" "$((2 + round % 2))" \
            "$mark" > stdout 2> stderr 3>&- &
        profiler=$!
        random_ms 300
        kill -KILL "$profiler"
        wait "$profiler" 2> /dev/null || :
        for one in $(pgrep -f "$targets/gil.py.*$mark"); do
            assert_unharmed "$one"
            kill -KILL "$one"
        done
    done
}

@test "after kill -9 the next one works" {
    find_python
    start_target fib "$python"
    start_pyflame -s 100 -r 1us --pause "$pid"
    wait_for_sampling
    kill_profilers
    run_pyflame 0 -s 0 --pause "$pid"
    equal "$(samples stdout ':main:')" 1
}

# --- the target dies ----------------------------------------------------------

# targets_die ROUNDS OPTION...: see tools/deaths.py.
targets_die() {
    find_python
    requires_attaching
    at_least 3.6 "$python" || skip "needs Python 3"
    "$python" "$tests/tools/deaths.py" "$pyflame" "$@"
}

@test "a target that exits, is killed, crashes, forks or executes at any moment" {
    targets_die "$(many 18 1000)" --pause -r 200us
}

@test "so with all threads"   { requires all && targets_die 1000 --threads; }
@test "so with its children"  { requires all && targets_die 1000 --children --pause; }
@test "so without stopping"   { requires all && targets_die 500 --no-pause; }

# --- signals ------------------------------------------------------------------

# targets/signals.py sends itself signals all the time and counts what arrives.
loses_no_signal() {
    local python=$1 status=0
    shift
    start_target signals "$python"
    run_pyflame 0 -s "$(many 0.7 1.5)" --stats "$@" "$pid"
    [ "$(samples stdout)" -gt 0 ]
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    cat "$target_out" "$target_err"
    equal "$status" 0
    equal "$(grep -c ' received [1-9]' "$target_out")" 5
}

@test "no signal is lost"                        { each_python any loses_no_signal; }
@test "no signal is lost with --pause"           { each_python any loses_no_signal --pause; }
@test "no signal is lost with --threads --pause" { each_python any loses_no_signal --threads --pause; }
@test "2.7: no signal is lost with --pause"      { each_python 2.7 loses_no_signal --pause; }
@test "3.8: no signal is lost with --pause"      { each_python 3.8 loses_no_signal --pause; }
@test "3.14t: no signal is lost with --pause"    { each_python 3.14t loses_no_signal --pause; }

@test "no signal is lost with --children"        { also any loses_no_signal --children --pause; }
@test "no signal is lost at 10 kHz"              { also any loses_no_signal --threads --pause -r 100us; }

@test "no signal of a command is lost" {
    find_python
    start_pyflame --pause -o profile -t "$python" "$targets/signals.py"
    wait_for 30 grep -q ready stdout
    wait_for_sampling
    sleep "$(many 0.5 2)"
    kill -TERM "$profiler"
    end_pyflame 0
    equal "$(grep -c ' received [1-9]' stdout)" 5
}

# in_order COUNT OPTION...: see targets/ordered.py.
in_order() {
    local python=$1 count=$2 status=0
    shift 2
    at_least 3.6 "$python" || { unsuitable="needs Python 3"; return; }
    compile ordered.so -shared -fPIC "$tests/tools/ordered.c"
    start_target ordered "$python" ordered.so "$count"
    forget_target "$pid"
    start_pyflame -s 100 --stats "$@" "$pid"
    wait_for_sampling
    kill -USR1 "$pid"
    wait "$pid" || status=$?
    cat "$target_out" "$target_err"
    equal "$status" 0
    equal "$(tail -n 1 "$target_out")" "arrived $((3 * count)) disordered 0"
    end_pyflame 0
    [ "$(samples stdout ':busy:')" -gt 0 ]
}

@test "thousands of real-time signals arrive, each kind in its order" {
    each_python any in_order "$(many 1500 10000)" --threads --pause -r 100us
}

@test "the same with one thread"   { also any in_order 10000 --pause -r 100us; }
@test "the same without --pause"   { also any in_order 10000; }
@test "the same with its children" { also any in_order 10000 --children --pause -r 100us; }
