#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Several processes at once: children, those that are given, all that there are.

load helper

# All processes that descend from one.
descendants_of() {
    local child
    for child in $(pgrep -P "$1"); do
        echo "$child"
        descendants_of "$child"
    done
}

has_descendants() {
    [ "$(descendants_of "$1" | wc -l)" -ge "$2" ]
}

# Has what there are of them looked after, and ended, like the target itself.
mind_children() {
    local child
    wait_for 60 has_descendants "$pid" "$1" || return
    for child in $(descendants_of "$pid"); do
        forget_target "$child"
        living+=("$child")
    done
}

# start_tree CHILDREN PYTHON ARGUMENT...: runs targets/tree.py.
start_tree() {
    local children=$1
    shift
    start_target tree "$@"
    mind_children "$children"
}

# The pids that have root frames, or (dumps) headers.
processes_in() {
    sed -n 's/^process \([0-9]*\) .*/\1/p' "$1" | sort -u
}

# busy_samples PID
busy_samples() {
    samples stdout "^process $1 .*:busy"
}

# --- children -----------------------------------------------------------------

workers_are_alike() {
    local first worker n
    start_tree 3 "$1" prefork 3
    run_pyflame 0 -s 0.5 --children --by-process --stats -n "$pid"
    equal "$(processes_in stdout | wc -l)" 4
    [ "$(samples stdout "^process $pid [^;]*;.idle")" -gt 0 ]
    equal "$(samples stdout '^process [^;]*;.idle')" "$(samples stdout "^process $pid .*idle")"
    for worker in $(pgrep -P "$pid"); do
        n=$(busy_samples "$worker")
        first=${first:-$n}
        [ "$n" -gt 0 ]
        [ $((n * 10)) -ge $((first * 9)) ]
        [ $((n * 9)) -le $((first * 10)) ]
    done
}

@test "the workers of a server get the same share each, the waiting parent is idle" {
    each_python any workers_are_alike
}
@test "2.7: the workers of a server get the same share each"   { also 2.7 workers_are_alike; }
@test "3.8: the workers of a server get the same share each"   { also 3.8 workers_are_alike; }
@test "3.12: the workers of a server get the same share each"  { also 3.12 workers_are_alike; }
@test "3.14: the workers of a server get the same share each"  { also 3.14 workers_are_alike; }
@test "3.14t: the workers of a server get the same share each" { also 3.14t workers_are_alike; }

@test "without --by-process the samples of all are summed" {
    find_python
    start_tree 3 "$python" prefork 3
    run_pyflame 0 -s 0.3 --children --stats -n "$pid"
    equal "$(wc -l < stdout)" 2
    equal "$(samples stdout '^.idle')" "$(stat_of ticks)"
    equal "$(samples stdout ':busy')" "$((3 * $(stat_of ticks)))"
}

@test "without --children they are left alone" {
    find_python
    start_tree 3 "$python" prefork 3
    run_pyflame 0 -s 0.2 -n "$pid"
    equal "$(samples stdout ':busy')" 0
}

@test "--by-process stands above --by-thread" {
    find_python
    start_tree 1 "$python" prefork 1
    run_pyflame 0 -s 0.2 --children --by-process --by-thread "$pid"
    all_match '^process ([0-9]+) [^;]*;thread \1 MainThread;.* [0-9]+$' stdout
}

pool_is_followed() {
    rm -f profile # of the Python before
    start_tree 2 "$1" "$2" 2
    watch_pyflame --children --by-process -n "$pid"
    wait_for 60 has_seen_busy 2
    kill -INT "$profiler"
    end_pyflame 0
    has_seen_busy 2
    mind_children 2
}

# Whether the one in the background has seen so many that are busy.
has_seen_busy() {
    kill -USR1 "$profiler" || :
    [ -e profile ] && [ "$(grep ':busy' profile | sed -n 's/^process \([0-9]*\) .*/\1/p' | sort -u | wc -l)" = "$1" ]
}

@test "a pool of multiprocessing: fork"       { each_python any pool_is_followed fork; }
@test "a pool of multiprocessing: spawn"      { each_python any pool_is_followed spawn; }
@test "a pool of multiprocessing: forkserver" { also any pool_is_followed forkserver; }
@test "3.14: a pool of multiprocessing: spawn" { also 3.14 pool_is_followed spawn; }

@test "Python, a shell, Python, and another version that it executes" {
    local other
    find_python
    IFS=$'\t' read -r _ other < <(pythons_of 3.8) || skip "no Python 3.8 here"
    start_tree 3 "$python" chain "$other"
    sample_until '^process [^;]* link .*:busy' '^process [^;]* end;.*:busy' -- \
        --children --by-process -n "$pid"
    equal "$(processes_in stdout | wc -l)" 3
    matches "$stderr" '; 1 left out as not Python \(sh\)'
}

@test "a target that is no Python: its children are sampled" {
    find_python
    start_command sh -c '"$1" "$2" & "$1" "$2" & wait' sh "$python" "$targets/fib.py"
    mind_children 2
    wait_for 60 are_ready 2
    run_pyflame 0 -s 0.2 --children --by-process "$pid"
    equal "$(processes_in stdout)" "$(pgrep -P "$pid" | sort)"
    lacks "$output" "^process $pid "
}

@test "a target that is no Python and has no Python below it" {
    start_process sh -c 'sleep 100 & wait'
    wait_for 30 has_descendants "$pid" 1
    mind_children 1
    run_pyflame 3 -s 0.5 --children "$pid"
    equal "$output" ""
    matches "$stderr" "pid $pid \(.*\) is not Python, and no process that descends from it is Python"
}

@test "a child that comes while the others are sampled" {
    find_python
    start_tree 2 "$python" prefork 2
    local old
    old=$(pgrep -P "$pid" | head -n 1)
    watch_pyflame --children --by-process -n "$pid"
    wait_for 60 has_seen_busy 2
    forget_target "$old"
    kill "$old"
    wait_for 60 has_seen_busy 3
    mind_children 2
    kill -INT "$profiler"
    end_pyflame 0
    equal "$(processes_in profile | wc -l)" 4
    for worker in $(pgrep -P "$pid"); do
        [ "$(samples profile "^process $worker .*:busy")" -gt 0 ]
    done
}

@test "a process whose parent has ended since is still sampled" {
    local child
    find_python
    start_target tree "$python" daemon
    watch_pyflame --children --by-process -n "$pid"
    wait_for 60 has_seen ':busy'
    wait_for 30 is_childless "$pid"
    rm profile
    wait_for 30 has_seen ':busy'
    enough=$(($(samples profile ':busy') + 1)) wait_for 30 has_seen ':busy'
    kill -INT "$profiler"
    end_pyflame 0
    for child in $(processes_in profile); do
        [ ! -e "/proc/$child" ] || [ "$child" = "$pid" ] || living+=("$child")
        equal "$(samples profile "^process $child .*.failed")" 0
    done
}

is_childless() {
    ! pgrep -P "$1"
}

# How many descriptors a process has open.
descriptors_of() {
    find "/proc/$1/fd" -type l | wc -l
}

has_descriptors() {
    [ "$(descriptors_of "$profiler")" -le "$1" ]
}

@test "many children that live a few milliseconds" {
    local before n=100
    [ -z "${PYFLAME_TEST_ALL:-}" ] || n=400
    find_python
    start_target tree "$python" brief "$n"
    start_pyflame -s 300 --children --threads -n "$pid"
    wait_for_sampling
    before=$(descriptors_of "$profiler")
    wait_for 120 grep -q over "$target_out"
    wait_for 30 has_descriptors "$((before + 4))"
    grep -q __asan_init "$pyflame" ||
        [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$profiler/status")" -le 8192 ]
    equal "$(pgrep -P "$pid")" ""
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples stdout ':busy')" -gt 0 ]
    lacks "$stderr" 'left out as not Python'
}

@test "two hundred children" {
    requires all
    find_python
    start_tree 200 "$python" waiting 200
    run_pyflame 0 -s 2 -r 50ms --children --by-process --threads -n "$pid"
    equal "$(grep -c '^process [0-9]* .*:waiting' stdout)" 201
}

@test "a worker that is stopped, and one that is killed, do not disturb the others" {
    find_python
    start_tree 3 "$python" prefork 3
    local one two three before
    read -r one two three < <(pgrep -P "$pid" | paste -s -d ' ')
    kill -STOP "$one"
    states["$one"]=T
    for option in "" --pause --threads; do
        # shellcheck disable=SC2086 # none or one
        watch_pyflame --children --by-process -n $option "$pid"
        wait_for 60 has_seen_busy 3
        forget_target "$two"
        kill -KILL "$two"
        wait_for 60 has_seen_busy 4
        mind_children 3
        before=$(samples profile "^process ($one|$three) .*:busy")
        enough=$((before + 2)) wait_for 60 has_seen "^process ($one|$three) .*:busy"
        kill -INT "$profiler"
        end_pyflame 0
        [ "$(samples profile "^process $one .*:busy")" -gt 0 ]
        [ "$(samples profile "^process $three .*:busy")" -gt 0 ]
        is_unharmed "$one"
        rm profile
        two=$(pgrep -P "$pid" | grep -vx -e "$one" -e "$three")
    done
}

@test "the sampling ends when the last process has ended" {
    find_python
    start_tree 3 "$python" prefork 3
    start_pyflame -s 100 --children -n "$pid"
    wait_for_sampling
    kill -KILL "${living[@]}"
    living=()
    end_pyflame 0
    [ "$(samples stdout ':busy')" -gt 0 ]
}

# --- a command and its children -----------------------------------------------

@test "-t: a shell and the programs that it runs" {
    find_python
    export TREE_SECONDS=0.5
    run_pyflame 7 --children --by-process -n -o out -t sh -c \
        '"$1" "$2" end & "$1" "$2" prefork 1; wait; exit 7' sh "$python" "$targets/tree.py"
    equal "$(processes_in out | wc -l)" 3
    [ "$(samples out '^process [^;]* end;.*:busy')" -gt 0 ]
    [ "$(samples out ':prefork;.*:busy')" -gt 0 ]
}

@test "-t: a command without Python" {
    run_pyflame 3 --children -t sh -c 'sleep 0.1; exit 3'
    only_complains
    matches "$stderr" 'sh ended before pyflame saw a Python in it'
}

@test "-t: the command's limits are not changed" {
    [ "$(ulimit -Sn)" != "$(ulimit -Hn)" ] || ulimit -Sn 256 || skip "needs a limit"
    run_pyflame 0 --children -t sh -c 'ulimit -Sn'
    equal "$output" "$(ulimit -Sn)"
}

# --- names --------------------------------------------------------------------

@test "a process that gives itself another name has it from the beginning" {
    find_python
    export TREE_SECONDS=0.5
    run_pyflame 0 --children --by-process -n -o out -t "$python" "$targets/tree.py" prefork 1 \
        'server: worker [a;b]'
    equal "$(grep -c '^process [0-9]* server: worker \[a\\x3bb\];.*:busy [0-9]*$' out)" 1
    lacks "$(grep ':busy' out)" '^process [0-9]* python'
}

@test "so it has in formats that tell threads" {
    find_python
    export TREE_SECONDS=0.5
    run_pyflame 0 --children -o out.json -t "$python" "$targets/tree.py" prefork 1 'server: worker'
    run_pyflame 0 -n --by-process -i out.json
    equal "$(grep -c '^process [0-9]* server: worker;.*:busy [0-9]*$' stdout)" 1
    lacks "$(grep ':busy' stdout)" '^process [0-9]* python'
}

@test "long commands are cut" {
    find_python
    start_target fib "$python" "$(printf 'x%.0s' {1..500})"
    run_pyflame 0 -s 0 --by-process -n "$pid"
    matches "$output" '^process [0-9]+ python[^ ;]* [^;]*\.\.\.;'
    [ "$(cut -d ';' -f 1 stdout | wc -c)" -le 120 ]
}

# --- several that are given ---------------------------------------------------

# Two targets, in $first and $pid.
start_two() {
    find_python
    start_target fib "$python"
    first=$pid
    start_target deep "$python" 10
}

@test "-p twice: both are sampled" {
    start_two
    run_pyflame 0 -s 0.3 --stats --by-process -p "$pid" -p "$first" -p "$first"
    [ "$(samples stdout "^process $first .*fib\.py")" -gt 0 ]
    [ "$(samples stdout "^process $pid .*deep\.py")" -gt 0 ]
    equal "$(samples stdout)" "$((2 * $(stat_of ticks)))"
}

@test "-p twice: one ends, the other is sampled on" {
    start_two
    start_pyflame -s 100 -p "$first" -p "$pid" -n
    wait_for_sampling
    forget_target "$first"
    kill -KILL "$first"
    wait "$first" || :
    wait_for_sampling
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples stdout 'deep\.py')" -gt "$(samples stdout 'fib\.py')" ]
    [ "$(samples stdout 'fib\.py')" -gt 0 ]
}

@test "-p twice: what can't be sampled is named, the other is sampled" {
    find_python
    start_target fib "$python"
    start_process sleep 100
    run_pyflame 0 -s 0.2 -p "$pid" -p "${living[0]}"
    matches "$stderr" "pid $pid \(.*\) is not Python"
    [ "$(samples stdout ':main:')" -gt 0 ]
    run_pyflame 3 -p "$pid" -p "$pid"
    only_complains
}

@test "-d: every process has a header, if there are several" {
    start_two
    run_pyflame 0 -d -p "$first" -p "$pid"
    equal "$(processes_in stdout)" "$(printf '%s\n' "$first" "$pid" | sort)"
    matches "$output" "process $first python[^"$'\n'"]*fib\.py"$'\n'"$first\*?: MainThread"
    matches "$output" $'\n\n'"process $pid python"
    run_pyflame 0 -d -p "$first"
    lacks "$output" 'process '
}

@test "-d --children dumps all of them" {
    find_python
    start_tree 2 "$python" prefork 2
    run_pyflame 0 -d --children "$pid"
    equal "$(processes_in stdout | wc -l)" 3
    equal "$(grep -c '^[0-9]*\*\{0,1\}: MainThread' stdout)" 3
}

# --- all ----------------------------------------------------------------------

# Runs a script of sh in a pid namespace of its own, where $1 is pyflame and $2 Python.
in_namespace() {
    requires root unshare
    unshare --pid --fork --mount-proc true 2> /dev/null || skip "needs pid namespaces"
    find_python
    cp "$targets/idle.py" "$targets/fib.py" .
    as=(unshare --pid --fork --kill-child --mount-proc sh -c)
    local program=$pyflame
    pyflame=$1
    run_pyflame "$2" sh "$program" "$python"
    pyflame=$program
}

@test "--all samples every Python that there is" {
    in_namespace '
        "$2" idle.py > idle & "$2" fib.py > fib & sleep 100 & touch idle fib profile
        until grep -q ready idle && grep -q ready fib; do sleep 0.02; done
        trap "" USR1; "$1" -s 200 --all --by-process -n -o profile & profiler=$!
        until grep -q "fib\.py;.*:main" profile; do kill -USR1 $profiler; sleep 0.05; done
        "$2" fib.py late > /dev/null &
        until grep -q "fib\.py late;.*:main" profile; do kill -USR1 $profiler; sleep 0.05; done
        kill -INT $profiler; wait $profiler; cat profile' 0
    equal "$(processes_in stdout | wc -l)" 3
    [ "$(samples stdout '^process [0-9]* python[^;]* idle\.py;.idle')" -gt 0 ]
    [ "$(samples stdout '^process [^;]* fib\.py;.*:main')" -gt 0 ]
    [ "$(samples stdout '^process [^;]* fib\.py late;.*:main')" -gt 0 ]
    lacks "$output" pyflame
}

# How many samples of the kernel's --all has: "copied"; or the word in their place.
find_copied() {
    in_namespace '
        "$2" fib.py > fib & touch fib; until grep -q ready fib; do sleep 0.02; done
        "$1" -s 1 --all --stats --no-pause' 0
    copied=$(sed -n 's/^pyflame: kernel samples: \([a-z0-9]*\).*/\1/p' stderr)
}

has_copied() {
    find_copied
    [ "$copied" != 0 ]
}

@test "--all has the kernel's samples, too, where there are any" {
    wait_for 60 has_copied
    case $copied in
        refused) skip "this kernel does not permit it" ;;
        "") skip "left out of this build" ;;
    esac
    [ "$copied" -gt 0 ]
}

@test "--all samples what has lost its main thread, and once what is lent" {
    cp "$targets/headless.py" "$targets/lender.py" .
    mkfifo fifo
    in_namespace '
        touch headless lender; "$2" headless.py steady > headless & one=$!
        "$2" lender.py fifo > lender & two=$!
        until grep -q ready headless && grep -q ready lender; do sleep 0.02; done
        until grep -q "^State:.D" /proc/$two/task/*/status; do sleep 0.02; done
        kill -USR1 $one; until grep -q "^State:.Z" /proc/$one/status; do sleep 0.02; done
        "$1" -q -s 0.3 -r 5ms --all --by-process -n' 0
    equal "$(processes_in stdout | wc -l)" 2
    [ "$(samples stdout '^process [^;]* headless\.py steady;.*:after ')" -gt 0 ]
    [ "$(samples stdout '^process [^;]* lender\.py fifo;.*:busy ')" -gt 0 ]
}

@test "--all where there is no Python" {
    in_namespace '"$1" -s 1 --all' 3
    only_complains
    matches "$stderr" 'no Python is running; start it first, or use -t'
}

@test "--all where none may be read" {
    run_as_nobody
    find_python
    as=()
    program=$pyflame
    pyflame=$program in_namespace "\"\$2\" fib.py > fib & touch fib; until grep -q ready fib; do sleep 0.02; done
        setpriv --reuid=nobody --regid=nogroup --clear-groups \"\$1\" -s 1 --all" 4
    only_complains
    matches "$stderr" 'no Python that may be read is running; for one: not permitted to read pid'
}

@test "--all, a pid and a command do not go together" {
    run_pyflame 2 --all 1
    only_complains
    run_pyflame 2 --all -t true
    only_complains
}

# --- children that have no memory of their own ----------------------------------

# start_lender PYTHON [LIBRARY]: $child is one that has its memory until ./fifo is opened
# for writing.
start_lender() {
    rm -f fifo profile
    mkfifo fifo
    start_target lender "$1" "$PWD/fifo" "${@:2}"
    states["$pid"]=RSD
    mind_children 1
    child=$(pgrep -P "$pid")
    # not before its parent waits for it
    wait_for 30 in_state "$child" S
}

counts_lent_memory_once() {
    start_lender "$@"
    run_pyflame 0 -s 0.3 -r 5ms --children --by-process -n "$pid"
    equal "$(processes_in stdout)" "$pid"
    [ "$(samples stdout ':busy ')" -gt 0 ]
    run_pyflame 0 -d --children "$pid"
    equal "$(grep -c ':busy:' stdout)" 1
    run_pyflame 3 -d "$child"
    only_complains
    matches "$stderr" "pid $child has no memory of its own: it has that of its parent, pid $pid, until"
    run_pyflame 3 --children -s 0.1 "$child"
    matches "$stderr" "pid $child has no memory of its own"
    watch_pyflame --children --by-process -n "$pid"
    wait_for 60 has_seen "^process $pid .*:busy "
    : > fifo
    wait_for 60 has_seen "^process $child .*:executed "
    kill -INT "$profiler"
    end_pyflame 0
    equal "$(samples profile "^process $child .*:busy ")" 0
    run_pyflame 0 -d "$child"
    matches "$output" ':executed:'
}

counts_a_vfork_once() {
    compile lend.so -shared -fPIC "$tests/tools/lend.c"
    counts_lent_memory_once "$1" "$PWD/lend.so"
}

@test "3.8: a child of vfork is not its parent once more"  { each_python 3.8 counts_a_vfork_once; }
@test "3.11: a child of vfork is not its parent once more" { also 3.11 counts_a_vfork_once; }
@test "3.13: a child of vfork is not its parent once more" { also 3.13 counts_a_vfork_once; }
@test "3.14: a child of vfork is not its parent once more" { each_python 3.14 counts_a_vfork_once; }

@test "3.8: a child of posix_spawn is not its parent once more"  { also 3.8 counts_lent_memory_once; }
@test "3.11: a child of posix_spawn is not its parent once more" { also 3.11 counts_lent_memory_once; }
@test "3.14: a child of posix_spawn is not its parent once more" { each_python 3.14 counts_lent_memory_once; }

@test "a child of vfork is known where kcmp is refused, too" {
    compile refuse "$tests/tools/refuse.c"
    without_leak_check
    as=("$PWD/refuse" enosys kcmp --)
    "${as[@]}" true || skip "needs seccomp filters"
    each_python any counts_a_vfork_once
    as=("$PWD/refuse" eperm kcmp --)
    each_python any counts_lent_memory_once
}

@test "an ordinary user is told of a child that has its parent's memory" {
    run_as_nobody
    requires_attaching
    mkfifo -m 666 "$folder/fifo"
    start_as_nobody lender "$folder/fifo"
    states["$pid"]=RSD
    mind_children 1
    child=$(pgrep -P "$pid")
    wait_for 30 in_state "$child" S
    run_pyflame 0 -s 0.3 --children --by-process -n "$pid"
    equal "$(processes_in stdout)" "$pid"
    run_pyflame 3 -s 0 "$child"
    matches "$stderr" "pid $child has no memory of its own"
}

runs_programs() {
    start_command "$1" -c '
import subprocess
def run():
    while True:
        subprocess.call(["/bin/true"], close_fds=False)
print("ready", flush=True)
run()'
    states["$pid"]=RSD
    run_pyflame 0 -s "$(many 1 10)" --children --by-process -n "$pid"
    equal "$(processes_in stdout)" "$pid"
    [ "$(samples stdout ':run;')" -gt 0 ]
}

@test "3.8: programs that are run one after another are not their parent once more" {
    each_python 3.8 runs_programs
}
@test "3.14: programs that are run one after another are not their parent once more" {
    each_python 3.14 runs_programs
}

# --- not permitted ------------------------------------------------------------

@test "a child that may not be read is told, and does not end the sampling" {
    run_as_nobody
    requires_attaching
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    cp -r "$targets" "$folder/"
    chmod -R a+rX "$folder"
    start_command sh -c '"$@" & shift 4; "$@" & wait' sh "${nobody[@]}" /usr/bin/python3 \
        "$folder/targets/fib.py"
    mind_children 2
    wait_for 60 are_ready 2
    run_pyflame 0 -s 0.3 --children --by-process -n "$pid"
    equal "$(processes_in stdout | wc -l)" 1
    [ "$(samples stdout ':main')" -gt 0 ]
    matches "$stderr" '; 2 could not be read, for one: not permitted to read pid'
}

# --- exec and pids that are used again ----------------------------------------

@test "what is executed is seen at once, also at few samples a second" {
    find_python
    start_target execer "$python" "$python"
    watch_pyflame -r 100ms "$pid"
    wait_for 60 has_seen ':before:'
    kill -USR1 "$pid"
    wait_for 60 has_seen ':after:'
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples profile '^.failed')" -le 2 ]
}

@test "a pid that is used again is another process" {
    in_namespace '
        touch idle profile; "$2" idle.py > idle & old=$!
        until grep -q ready idle; do sleep 0.02; done
        trap "" USR1; "$1" -s 60 -r 1 --stats -o profile $old & profiler=$!
        until grep -q . profile; do kill -USR1 $profiler; sleep 0.05; done
        kill -9 $old; wait $old 2> /dev/null
        echo $((old - 1)) > /proc/sys/kernel/ns_last_pid; "$2" fib.py > /dev/null & new=$!
        wait $profiler; cat profile; echo "$old $new"' 0
    local old new
    read -r old new < <(tail -n 1 stdout)
    [ "$old" = "$new" ] || skip "got pid $new, not $old"
    lacks "$output" 'fib\.py'
    matches "$output" '(idle)'
}

@test "pyflame itself is no Python child" {
    # shellcheck disable=SC2016 # for that shell
    run_shell() { bash -c '"$1" "$$"; exit $?' bash "$pyflame" 2> stderr; }
    local seen=0
    run_shell || seen=$?
    equal "$seen" 3
    lacks "$(cat stderr)" 'children'
}
