#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which thread is which: ids, names and times, whatever a program does with its threads.

load helper

# --- a fork that Python does not know of ----------------------------------------

# $child is the child of forked.py.
start_forked() {
    start_target forked "$1" "$2"
    child=$(sed -n 's/^ready //p' "$target_out")
    living+=("$child")
    pid=$child
}

knows_a_fork_from_c() {
    start_forked "$1" idle
    wait_for 30 are_in_state "$child" S
    run_pyflame 0 -d "$child"
    matches "$output" "^$child: MainThread \((idle|waits: sleep, .*)\)"
    matches "$output" ':idle_child:'
    run_pyflame 0 -q -x --threads -s 0.2 -r 5ms "$child"
    equal "$output" ""
    end_targets
    start_forked "$1" busy
    sample_until ':busy_child ' -- -q -m cpu -n -r 5ms "$child"
    assert_unharmed "$child"
}

@test "3.8: a fork from C"  { each_python 3.8 knows_a_fork_from_c; }
@test "3.11: a fork from C" { each_python 3.11 knows_a_fork_from_c; }
@test "3.12: a fork from C" { also 3.12 knows_a_fork_from_c; }
@test "3.13: a fork from C" { each_python 3.13 knows_a_fork_from_c; }
@test "3.14: a fork from C" { each_python 3.14 knows_a_fork_from_c; }

# --- threads at the place of others ---------------------------------------------

tells_successors_apart() {
    start_target successors "$1"
    watch_pyflame --by-thread -n -r 5ms "$pid"
    enough=20 wait_for 60 has_seen '[0-9] first-.*:first;' '[0-9] second-.*:second;'
    kill -INT "$profiler"
    end_pyflame 0
    equal "$(grep -E '^thread [0-9]+ (first-.*:second;|second-.*:first;)' profile)" ""
    # and no id is that of two names
    sed -n 's/^thread \([0-9]*\) \([a-z]*\)-.*/\1 \2/p' profile | sort -u | cut -d ' ' -f 1 | uniq -d > twice
    equal "$(cat twice)" ""
}

@test "2.7: threads that follow each other"  { also 2.7 tells_successors_apart; }
@test "3.8: threads that follow each other"  { each_python 3.8 tells_successors_apart; }
@test "3.10: threads that follow each other" { also 3.10 tells_successors_apart; }
@test "3.11: threads that follow each other" { each_python 3.11 tells_successors_apart; }
@test "3.12: threads that follow each other" { each_python 3.12 tells_successors_apart; }
@test "3.13: threads that follow each other" { also 3.13 tells_successors_apart; }
@test "3.14: threads that follow each other" { each_python 3.14 tells_successors_apart; }

# Many are gone before they can be read: what these used is not the others', nor nobody's.
# While others have the CPUs that is less sure, and there are too few samples.
shares_of_brief_threads() {
    local try=0
    start_target brief "$1" used
    until [ $((try += 1)) -gt 5 ]; do
        run_pyflame 0 -m cpu -n -s 1.5 "$pid"
        [ "$(samples stdout)" -lt 1000 ] || break
    done
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid"
    [ "$try" -le 5 ] || skip "others use the CPUs"
    echo "$(cat used), sampled $(samples stdout ':longer') $(samples stdout ':shorter')"
    awk -v longer="$(samples stdout ':longer')" -v shorter="$(samples stdout ':shorter')" '{
        off = 100 * longer / (longer + shorter) - 100 * $1 / ($1 + $2)
        print off " points off"
        exit off < -7 || off > 7 }' used
}

@test "3.6: shares of threads that live for a millisecond"  { also 3.6 shares_of_brief_threads; }
@test "3.8: shares of threads that live for a millisecond"  { each_python 3.8 shares_of_brief_threads; }
@test "3.11: shares of threads that live for a millisecond" { each_python 3.11 shares_of_brief_threads; }
@test "3.12: shares of threads that live for a millisecond" { also 3.12 shares_of_brief_threads; }
@test "3.14: shares of threads that live for a millisecond" { also 3.14 shares_of_brief_threads; }

# --- states that threads left behind --------------------------------------------

knows_dead_states() {
    local config flags
    config=$(dirname "$1")/python$(version_of "$1")-config
    [ -x "$config" ] || { unsuitable="needs $(basename "$config")"; return; }
    read -r -a flags <<< "$({ "$config" --embed --cflags --ldflags || "$config" --cflags --ldflags; } 2> /dev/null | tr '\n' ' ')"
    cc -o program "$tests/tools/leave.c" "${flags[@]}" -Wl,-rpath,"$("$1" -c 'import sys; print(sys.prefix)')/lib" \
        -lpthread 2> log || { unsuitable="can't be embedded: $1"; return; }
    start_command ./program 3 "$targets/idle.py"
    wait_for 30 are_in_state "$pid" S
    run_pyflame 0 -d "$pid"
    matches "$output" "^$pid: MainThread \((idle|waits: sleep, .*)\)"
    equal "$(grep -c '^0: .* (dead)$' stdout)" 3
    run_pyflame 0 -q -x --threads -s 0.2 -r 5ms "$pid"
    equal "$output" ""
}

@test "2.7: thread states of threads that have ended"  { also 2.7 knows_dead_states; }
@test "3.8: thread states of threads that have ended"  { each_python 3.8 knows_dead_states; }
@test "3.10: thread states of threads that have ended" { each_python 3.10 knows_dead_states; }
@test "3.11: thread states of threads that have ended" { each_python 3.11 knows_dead_states; }
@test "3.12: thread states of threads that have ended" { also 3.12 knows_dead_states; }

# --- several states of one thread ------------------------------------------------

# Threads called interpreter-N run busy_N in a sub-interpreter each.
counts_threads_once() {
    start_target subinterp "$1" 2 own || { unsuitable=$(head -n 1 "$target_out"); return; }
    run_pyflame 0 -q --threads -s 0 "$pid"
    equal "$(samples stdout)" "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)"
    run_pyflame 0 -q --by-thread -n -s 0.3 -r 5ms "$pid"
    [ "$(samples stdout ' interpreter-1;.*:busy_1 ')" -gt 0 ]
    [ "$(samples stdout ' interpreter-2;.*:busy_2 ')" -gt 0 ]
    equal "$(samples stdout ':busy_')" "$(samples stdout ' interpreter-[12];.*:busy_')"
    run_pyflame 0 -d "$pid"
    equal "$(grep -cE '^[0-9]+\*?: ' stdout)" 3
    grep -qE '^[0-9]+\*?: interpreter-1 \(' stdout
    grep -qE "^$pid\*?: MainThread \(" stdout
}

# The same, but the main thread has made the interpreters.
knows_who_runs_an_interpreter() {
    start_target subinterp "$1" 2 || { unsuitable=$(head -n 1 "$target_out"); return; }
    run_pyflame 0 -d "$pid"
    equal "$(grep -cE '^[0-9]+\*?: ' stdout)" 3
    for i in 1 2; do
        sed -nE "/^[0-9]+\*?: interpreter-$i \(/,/^$/p" stdout > section
        equal "$(grep -oE '^interpreter .|:busy_.|:Thread.run:' section | tr '\n' ' ')" \
            "interpreter $i :busy_$i interpreter 0 :Thread.run: "
    done
    sed -n "/^$pid\*\?: MainThread (/,/^$/p" stdout > section
    equal "$(grep -c '^interpreter' section)" 1
    lacks "$(cat section)" 'busy_'
    for mode in --threads "-m cpu"; do
        # shellcheck disable=SC2086 # two words
        run_pyflame 0 -q $mode --by-thread -n -s 0.5 -r 5ms "$pid"
        for i in 1 2; do
            [ "$(samples stdout " interpreter-$i;interpreter $i;.*:busy_$i ")" -gt 0 ]
        done
        equal "$(grep ':busy_' stdout | grep -vcE ' interpreter-([12]);interpreter \1;.*:busy_\1 ')" 0
        equal "$(grep 'MainThread' stdout | grep -E 'busy|interpreter')" ""
    done
}

@test "3.11: a sub-interpreter is run by another thread than made it" { each_python 3.11 knows_who_runs_an_interpreter; }
@test "3.12: a sub-interpreter is run by another thread than made it" { each_python 3.12 knows_who_runs_an_interpreter; }
@test "3.14: a sub-interpreter is run by another thread than made it" { each_python 3.14 knows_who_runs_an_interpreter; }

@test "3.8: a thread in a sub-interpreter is one thread"  { each_python 3.8 counts_threads_once; }
@test "3.10: a thread in a sub-interpreter is one thread" { each_python 3.10 counts_threads_once; }
@test "3.12: a thread in a sub-interpreter is one thread" { each_python 3.12 counts_threads_once; }
@test "3.13: a thread in a sub-interpreter is one thread" { also 3.13 counts_threads_once; }
@test "3.14: a thread in a sub-interpreter is one thread" { each_python 3.14 counts_threads_once; }

# --- names ------------------------------------------------------------------------

# All of them, with some reads for each: one walk over the threads that Python knows.
names_all() {
    local n
    n=$(many 300 3000)
    start_target many "$1" "$n" 3
    run_pyflame 0 -s 0 --by-thread --stats "$pid"
    equal "$(grep -cE '^thread [0-9]+ sleeper-[0-9]+;' stdout)" "$n"
    equal "$(sed 's/^thread [0-9]* //; s/;.*//' stdout | sort | uniq -d)" ""
    [ "$(stat_of 'a tick')" -lt $((n * 60)) ]
}

@test "3.8: the names of many threads"  { each_python 3.8 names_all; }
@test "3.12: the names of many threads" { each_python 3.12 names_all; }
@test "3.14: the names of many threads" { each_python 3.14 names_all; }
