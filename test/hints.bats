#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The hint after the summary: which other option would have shown more, where one would.

load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# hints REGEX: it is the only hint there is, and comes last.
hints() {
    equal "$(grep -c hint: stderr)" 1
    matches "$(tail -n 1 stderr)" "^pyflame: hint: $1$"
}

lacks_hint() {
    lacks "$stderr" 'hint:'
}

# --- what waits ---------------------------------------------------------------

shows='--threads shows what all wait in, -d where they are now'

idle_is_explained() {
    start_target idle "$1"
    run_pyflame 0 -s 0.6 "$pid"
    matches "$output" '^\(idle\) [0-9]+$'
    hints "mostly idle \((9[0-9]|100) %\); its main thread, of 1, waits in idle\.py:idle:[0-9]+; $shows"
}

@test "an idle program: where it waits, and what shows more"       { each_python any idle_is_explained; }
@test "2.7: an idle program: where it waits, and what shows more"  { each_python 2.7 idle_is_explained; }
@test "3.8: an idle program: where it waits, and what shows more"  { each_python 3.8 idle_is_explained; }
@test "3.11: an idle program: where it waits, and what shows more" { each_python 3.11 idle_is_explained; }
@test "3.14: an idle program: where it waits, and what shows more" { each_python 3.14 idle_is_explained; }
@test "3.14t: an idle program: where it waits, and what shows more" { also 3.14t idle_is_explained; }

@test "of an idle program's threads there is the number" {
    find_python
    start_target many "$python" 13 3
    run_pyflame 0 -s 0.6 "$pid"
    hints "mostly idle .* %\); its main thread, of 14, waits in many\.py:<module>:[0-9]+; $shows"
}

@test "an idle program that has ended has no place to be named" {
    find_python
    run_pyflame 0 -o profile -t "$python" -c 'import time; time.sleep(3)'
    hints "mostly idle \(9[0-9] %\); $shows"
}

@test "an ordinary user has the hint, too" {
    requires_attaching
    run_as_nobody
    start_as_nobody idle
    wait_for 30 are_in_state "$pid" S
    run_pyflame 0 -s 0.6 "$pid"
    hints "mostly idle .* waits in idle\.py:idle:[0-9]+; $shows"
}

@test "on a terminal the hint comes after the summary" {
    requires terminal
    find_python
    start_target idle "$python"
    script -qec "'$pyflame' -s 0.6 -o profile '$pid'" typescript < /dev/null > terminal 2>&1 3>&-
    tr -d '\r' < terminal | grep -A 1 'pyflame: 0 samples and .* written to' | grep 'pyflame: hint: mostly idle'
}

@test "there is no hint where it was asked for otherwise, or too short to tell" {
    local option
    find_python
    start_target idle "$python"
    for option in -q -x --threads -mcpu -mgil -d -s0.1 -r50ms; do
        run_pyflame 0 -s 0.6 "$option" "$pid"
        lacks_hint
    done
    run_pyflame 0 -s 0.6 -o profile "$pid"
    matches "$stderr" hint:
    run_pyflame 0 -i profile
    equal "$stderr" ""
}

@test "there is no hint of a busy program" {
    find_python
    start_target fib "$python"
    run_pyflame 0 -s 0.6 -r 5ms "$pid"
    lacks_hint
}

# --- children -----------------------------------------------------------------

# Has what there are of them looked after, and ended, like the target itself.
mind_children() {
    local child
    for child in $(pgrep -P "$pid"); do
        living+=("$child")
    done
}

workers_are_named() {
    local workers
    start_target tree "$1" prefork 2
    mind_children
    workers=$(pgrep -P "$pid" | sort -n | paste -sd '|')
    run_pyflame 0 -s 0.6 "$pid"
    hints "its children used more CPU time than it did: --children samples those that are Python(, ($workers) [^,]+){2}"
    run_pyflame 0 -s 0.6 -m cpu -x "$pid"
    hints "its children used more CPU time than it did: .*"
    run_pyflame 0 -s 0.6 -q "$pid"
    equal "$stderr" ""
    run_pyflame 0 -s 0.6 --children "$pid"
    lacks_hint
}

@test "a master whose workers work: some of them, and --children"       { each_python any workers_are_named; }
@test "3.8: a master whose workers work: some of them, and --children"  { each_python 3.8 workers_are_named; }
@test "3.11: a master whose workers work: some of them, and --children" { each_python 3.11 workers_are_named; }
@test "3.14: a master whose workers work: some of them, and --children" { each_python 3.14 workers_are_named; }

@test "workers that wait as their master does are no reason for --children" {
    find_python
    start_target tree "$python" waiting 2
    mind_children
    run_pyflame 0 -s 0.6 "$pid"
    hints "mostly idle .*; $shows"
}

@test "children that are not Python are no reason for --children" {
    find_python
    cat > parent.py << 'END'
import subprocess, time
child = subprocess.Popen(['sh', '-c', 'while :; do :; done'])
print('ready', flush=True)
time.sleep(300)
END
    start_command "$python" parent.py
    mind_children
    run_pyflame 0 -s 0.6 "$pid"
    hints "mostly idle .*; $shows"
}

@test "children of a master that does more by itself are no reason for --children" {
    find_python
    cat > parent.py << 'END'
import os, time
if not os.fork():
    while os.getppid() > 1: time.sleep(.01)
    os._exit(0)
print('ready', flush=True)
while True: pass
END
    start_command "$python" parent.py
    mind_children
    run_pyflame 0 -s 0.6 -r 5ms "$pid"
    lacks_hint
}

# pool_has_ended PYTHON METHOD SECONDS
pool_has_ended() {
    cat > pool.py << 'END'
import multiprocessing, os, sys
def work(n):
    while sum(os.times()[:2]) < float(sys.argv[2]): pass
def waits():
    pool = multiprocessing.get_context(sys.argv[1]).Pool(2)
    pool.map(work, range(2))
    pool.close()
    pool.join()
    sys.exit(3)
if __name__ == '__main__':
    waits()
END
    run_pyflame 3 -o profile -t "$1" pool.py "$2" "$3"
    hints 'its children used more CPU time than it did: --children samples those that are Python'
    run_pyflame 3 -o profile --children -t "$1" pool.py "$2" "$3"
    lacks "$stderr" 'its children used'
    run_pyflame 3 -q -o profile -t "$1" pool.py "$2" "$3"
    equal "$stderr" ""
}

@test "a command's pool that has ended"       { each_python any pool_has_ended fork 0.8; }
@test "3.8: a command's pool that has ended"  { also 3.8 pool_has_ended fork 0.8; }
@test "3.11: a command's pool that has ended" { each_python 3.11 pool_has_ended spawn 0.8; }
@test "3.14: a command's pool that has ended" { also 3.14 pool_has_ended fork 0.8; }

# The command does not wait for them.
@test "a command's pool of a forkserver that has ended"       { each_python any pool_has_ended forkserver 3; }
@test "3.14: a command's pool of a forkserver that has ended" { also 3.14 pool_has_ended forkserver 3; }

@test "an ordinary user's command with a pool" {
    run_as_nobody
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    cd "$folder"
    chmod 777 .
    pool_has_ended /usr/bin/python3 fork 0.8 || { cd "$BATS_TEST_TMPDIR"; return 1; }
}

@test "a command that does its work itself has no hint of children" {
    find_python
    run_pyflame 0 -r 5ms -o profile -t "$python" -c '
import os, subprocess, sys
subprocess.call([sys.executable, "-c", ""])
while sum(os.times()[:2]) < 1: pass'
    lacks_hint
}

@test "a command that runs on after -s is not waited for to be hinted at" {
    find_python
    cat > until.py << 'END'
import multiprocessing, os, time
def work(n):
    while not os.path.exists('profile'): pass
    while time.time() < begun + 4: pass
begun = time.time()
if __name__ == '__main__':
    pool = multiprocessing.Pool(2)
    pool.map(work, range(2))
END
    start_pyflame -s 1 -o profile -t "$python" until.py
    wait_for 30 grep -q 'hint: its children .* Python, [0-9]' stderr
    [ -e profile ]
    end_pyflame 0
    equal "$(grep -c hint: stderr)" 1
}

# --- ticks that are left out --------------------------------------------------

@test "most ticks are left out: how good the shares are, by the number of samples" {
    local n points
    find_python
    start_target restless "$python" 100
    run_pyflame 0 -s 1 -r 20us --stats "$pid"
    hints 'most ticks were left out or missed; shares are right all the same, to about [0-9]+ points of 100; a longer run has more samples'
    n=$(($(stat_of ticks) - $(sed -n 's/.*of these ticks, \([0-9]*\) .*/\1/p' stderr)))
    [ "$n" -lt "$(stat_of samples)" ] || n=$(stat_of samples)
    points=$(sed -n 's/.*about \([0-9]*\) points.*/\1/p' stderr)
    [ $((points * points * n)) -ge 10000 ]
    [ $(((points - 1) * (points - 1) * n)) -lt 10000 ]
    run_pyflame 0 -s 0.6 -r 20us -q "$pid"
    equal "$stderr" ""
}

@test "a run of which all samples failed has no hint" {
    find_python
    start_command "$python" -c '
import signal, sys, threading
signal.alarm(300)
sys.setrecursionlimit(400000)
threading.stack_size(512 << 20)
def dive(n):
    if n:
        return dive(n - 1)
    print("ready", flush=True)
    while True:
        pass
thread = threading.Thread(target=dive, args=(300000,))
thread.start()
thread.join()'
    run_pyflame 0 -s 1 --stats "$pid"
    all_match '^\(failed\) [0-9]+$' stdout
    lacks "$stderr" 'hint:'
}

@test "a program that is stopped: what helps" {
    find_python
    start_target deep "$python" 10
    kill -STOP "$pid"
    states["$pid"]=T
    wait_for 10 in_state "$pid" T
    run_pyflame 0 -s 0.6 "$pid"
    hints 'it is stopped, so this is where it stands; kill -CONT lets it go on'
}
