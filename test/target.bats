#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What pyflame says of processes that can't be read, and what it does when the
# target changes: ends, executes something else, is in a namespace.

load helper

# A pid that nobody has.
free_pid() {
    true &
    free=$!
    wait "$free"
    [ ! -e "/proc/$free" ]
}

is_not_python() {
    start_process "$@"
    run_pyflame 3 "$pid"
    only_complains
    matches "$stderr" "pid $pid "
}

start_any() {
    find_python
    start_target fib "$python"
}

# --- not there, or not Python -------------------------------------------------

@test "no such process" {
    free_pid
    run_pyflame 5 "$free"
    only_complains
    matches "$stderr" "no process with pid $free"
    run_pyflame 5 -d "$free"
    only_complains
}

@test "the largest pid of all is just not there" {
    run_pyflame 5 $((2 ** 31 - 1))
    only_complains
}

@test "a program in C is not Python, and is named" {
    is_not_python sleep 100
    matches "$stderr" '/sleep\) is not Python'
}

@test "a shell is not Python" { is_not_python sh -c 'read line < /dev/zero; echo'; }

@test "Perl is not Python" {
    requires perl
    is_not_python perl -e 'sleep 100'
    matches "$stderr" 'perl'
}

@test "a shell script called python is not Python" {
    printf '#!/bin/sh\nwhile :; do sleep 100; done\n' > python
    chmod +x python
    start_process ./python
    run_pyflame 3 "$pid"
    pkill -P "$pid" || :
}

@test "a copy of sleep called python3.11 is not Python" {
    cp "$(command -v sleep)" python3.11
    is_not_python ./python3.11 100
    matches "$stderr" 'is not Python'
}

@test "of a program that is not Python its Python children are named" {
    find_python
    start_command sh -c "\"\$1\" '$targets/idle.py' & \"\$1\" '$targets/fib.py' & wait" sh "$python"
    wait_for 30 are_ready 2
    run_pyflame 3 "$pid"
    only_complains
    local first second
    first=$(pgrep -P "$pid" -f 'idle\.py') second=$(pgrep -P "$pid" -f 'fib\.py')
    matches "$stderr" "its Python children: .*$first [^,]*idle\.py"
    matches "$stderr" "[, ]$second [^,]*fib\.py"
    kill "$first" "$second"
    forget_target "$pid"
    wait "$pid" || :
}

@test "a zombie is called one" {
    requires perl
    start_command perl -e '$| = 1; exit 0 unless $pid = fork; print "$pid\nready\n"; sleep 100'
    zombie=$(head -n 1 "$target_out")
    wait_for 30 in_state "$zombie" Z
    run_pyflame 3 "$zombie"
    only_complains
    matches "$stderr" 'zombie'
}

@test "a kernel thread is called one" {
    if [ "$(cat /proc/2/comm 2> /dev/null)" != kthreadd ]; then skip "no kernel thread to be seen"; fi
    run_pyflame 3 2
    only_complains
    matches "$stderr" 'kernel thread'
}

@test "PyPy is called PyPy" {
    requires pypy3
    start_command pypy3 -c 'import time; print("ready", flush=True); time.sleep(100)'
    run_pyflame 3 "$pid"
    matches "$stderr" 'PyPy'
}

# A name may hold what a terminal obeys.
@test "an executable's name can't write control bytes into a message" {
    cp "$(command -v sleep)" $'slee\e[31mp\nq'
    start_process $'./slee\e[31mp\nq' 100
    run_pyflame 3 "$pid"
    only_complains
    lacks "$stderr" $'\e'
}

# --- not permitted ------------------------------------------------------------

@test "another user's process is not permitted: says whose it is and what to do" {
    run_as_nobody
    start_any
    run_pyflame 4 "$pid"
    only_complains
    matches "$stderr" 'user 0.*(root|sudo)'
    run_pyflame 4 -d "$pid"
    only_complains
}

@test "an undumpable process is not permitted to its own user: says so" {
    run_as_nobody
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    start_command "${nobody[@]}" /usr/bin/python3 -c '
import ctypes, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
print("ready", flush=True)
time.sleep(100)'
    run_pyflame 4 "$pid"
    only_complains
    matches "$stderr" 'undumpable'
}

@test "root without SYS_PTRACE is not permitted another user's process: names the capability" {
    run_as_nobody
    start_as_nobody idle
    as=(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace)
    run_pyflame 4 "$pid"
    only_complains
    matches "$stderr" 'SYS_PTRACE'
}

@test "root without SYS_PTRACE is not permitted a process that has it: names the capability" {
    requires root setpriv
    start_any
    as=(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace)
    run_pyflame 4 "$pid"
    only_complains
    matches "$stderr" 'SYS_PTRACE'
}

@test "root without any capability may read a process that has none either" {
    requires root setpriv
    find_python
    start_command setpriv --bounding-set=-all --inh-caps=-all "$python" "$targets/fib.py"
    as=(setpriv --bounding-set=-all --inh-caps=-all)
    run_pyflame 0 -s 0 "$pid"
    equal "$(samples stdout)" 1
}

@test "a process in another user namespace is not permitted from inside one" {
    requires namespaces
    unshare --user --map-root-user true 2> /dev/null || skip "needs user namespaces"
    start_any
    as=(unshare --user --map-root-user)
    run_pyflame 4 "$pid"
    only_complains
    matches "$stderr" 'not permitted to read'
}

@test "Yama is named where it forbids" {
    local scope=/proc/sys/kernel/yama/ptrace_scope
    [ -r $scope ] || skip "no Yama here"
    run_as_nobody
    [ "$(< $scope)" != 0 ] || echo 1 > $scope 2> /dev/null || skip "Yama allows it, and can't be told otherwise"
    start_as_nobody idle
    run_pyflame 4 "$pid"
    matches "$stderr" 'ptrace_scope'
}

# --- system calls that are refused --------------------------------------------

# sample_over_exec PYTHON OTHER [OPTION]...: the one executes the other, and is sampled
# before and after, without an end between. $from is what does so, if not the main thread.
sample_over_exec() {
    start_target execer "$1" "$2" ${from:+"$from"}
    watch_pyflame "${@:3}" "$pid"
    wait_for 60 has_seen ':before:'
    kill -USR1 "$pid"
    wait_for 60 has_seen ':before:' ':after:'
    kill -INT "$profiler"
    end_pyflame 0
}

refused() {
    compile refuse "$tests/tools/refuse.c"
    without_leak_check
    find_python
    start_target deep "$python" 10
    as=("$PWD/refuse" "$@" --)
    "${as[@]}" true || skip "needs seccomp filters"
}

works() {
    run_pyflame 0 -s 0.2 --stats "$@" "$pid"
    [ "$(samples stdout ':spin:')" -gt 0 ]
    equal "$(samples stdout '^.failed')" 0
    run_pyflame 0 -d "$pid"
    matches "$output" ':spin:'
}

@test "without process_vm_readv (EPERM) it reads /proc/PID/mem" {
    refused eperm process_vm_readv
    works
}

@test "without process_vm_readv (ENOSYS) it reads /proc/PID/mem" {
    refused enosys process_vm_readv
    works
}

@test "without ptrace it does not stop threads" {
    refused eperm ptrace
    works
}

@test "without process_vm_readv and ptrace it reads /proc/PID/mem" {
    refused eperm process_vm_readv ptrace
    works
}

@test "--pause without ptrace says that it could not stop threads" {
    refused eperm ptrace
    works --pause
    run_pyflame 0 -s 0.1 --pause "$pid"
    matches "$stderr" 'not permitted to stop'
}

@test "without process_vm_readv an exec is followed, and children are" {
    refused eperm process_vm_readv
    sample_over_exec "$python" "$python"
    start_target tree "$python" prefork 2
    run_pyflame 0 -s 0.3 --children "$pid"
    [ "$(samples stdout ':busy:')" -gt 0 ]
}

# --- two interpreters in one process -------------------------------------------

# The shared library of an interpreter of another version than that, in $library.
find_other_library() {
    local other version
    version=$(version_of "$1")
    while IFS=$'\t' read -r _ other; do
        library=$(ldd "$other" 2> /dev/null | sed -n 's/^\tlibpython3[^ ]* => \([^ ]*\) .*/\1/p')
        at_least 3.7 "$other" || continue # before, one that runs nothing is not seen
        [ -z "$library" ] || [ "$(version_of "$other")" = "$version" ] || return 0
    done < <(pythons_of any)
    return 1
}

# second_python PYTHON WHAT FUNCTION: the second one does that, and is the one in which
# that function runs, or it is the first.
second_python() {
    find_other_library "$1" || { unsuitable="needs another interpreter with a library"; return; }
    start_target two_runtimes "$1" "$library" "$2"
    run_pyflame 0 -s 0.3 -x --stats "$pid"
    [ "$(samples stdout)" -gt 0 ]
    equal "$(samples stdout ":$3:")" "$(samples stdout)"
    [ "$2" != nothing ] || { lacks "$stderr" 'two Pythons'; return; }
    matches "$stderr" "^pyflame: pid $pid runs two Pythons, "
    run_pyflame 0 -s 0 -q "$pid"
    equal "$stderr" ""
    run_pyflame 0 -d "$pid"
    matches "$output" ":$3:"
    matches "$stderr" 'two Pythons'
    run_pyflame 0 -s 0.1 --children --stats "$pid"
    matches "$stderr" '; pid [0-9]+ runs two Pythons, '
}

@test "of two interpreters, the one that is not started does not count" { each_python any second_python nothing busy; }
@test "of two interpreters, the one that runs code is sampled, and the other told of" { each_python any second_python idle busy; }
@test "of two interpreters that both are in code, the one that runs it is sampled" { each_python any second_python busy inner; }
@test "2.7: of two interpreters, the one that runs code is sampled" { each_python 2.7 second_python idle busy; }
@test "3.8: of two interpreters, the one that runs code is sampled" { also 3.8 second_python idle busy; }
@test "3.12: of two interpreters, the one that runs code is sampled" { also 3.12 second_python idle busy; }
@test "3.12: of two interpreters that both are in code, the one that runs it is sampled" { also 3.12 second_python busy inner; }
@test "3.13: of two interpreters, the one that runs code is sampled" { each_python 3.13 second_python idle busy; }

# --- namespaces ---------------------------------------------------------------

@test "without /proc it says so, and what to do" {
    requires namespaces chroot
    grep -q __asan_init "$pyflame" && skip "needs a static pyflame"
    mkdir empty
    cp "$pyflame" empty/pyflame
    as=(chroot empty)
    pyflame=/pyflame
    run_pyflame 1 1
    only_complains
    matches "$stderr" '/proc is not mounted.*mount'
}

@test "entering only the pid or only the mount namespace of a container is told" {
    requires namespaces nsenter
    ! grep -q __asan_init "$pyflame" || skip "not with a sanitizer, which wants its own process in /proc"
    find_python
    start_process unshare --mount --pid --fork --kill-child --mount-proc "$python" "$targets/fib.py"
    wait_for 30 pgrep -P "$pid"
    inner=$(pgrep -P "$pid")
    for one in "--pid -m -p" "--mount -p -m"; do
        as=(nsenter --target "$inner" "${one%% *}" --)
        run_pyflame 1 1
        only_complains
        matches "$stderr" "^pyflame: /proc is of another pid namespace .*: nsenter -t PID ${one#* }\$"
    done
    as=(nsenter --target "$inner" --mount --pid --)
    run_pyflame 0 -s 0 1
    matches "$output" 'fib\.py'
}

@test "in an empty folder with only /proc it works" {
    requires namespaces chroot
    grep -q __asan_init "$pyflame" && skip "needs a static pyflame"
    start_any
    mkdir -p empty/proc
    cp "$pyflame" empty/pyflame
    run unshare --mount sh -c "mount -t proc proc empty/proc && exec chroot empty /pyflame -s 0 $pid" 3>&-
    equal "$status" 0
    matches "$output" ':main:[0-9]+;.* 1$'
}

@test "a target in a chroot and mount namespace of its own is read" {
    requires namespaces chroot
    find_python
    mkdir root
    cat > enter.sh << 'END'
mount --bind / root && mount -t tmpfs none root/mnt && cp "$2" root/mnt/fib.py || exit 77
exec chroot root "$1" /mnt/fib.py
END
    start_command unshare --mount sh enter.sh "$python" "$targets/fib.py"
    run_pyflame 0 -s 0 "$pid"
    matches "$output" '/mnt/fib.py:main:'
}

@test "a target in a pid namespace is read, its threads by the ids they have here" {
    requires namespaces
    find_python
    start_command unshare --pid --fork --mount-proc --kill-child "$python" "$targets/sleeper.py" 2
    inner=$(pgrep -P "$pid")
    run_pyflame 0 -d "$inner"
    sed -n 's/^\([0-9]*\)\*\{0,1\}: .*/\1/p' stdout > tids
    while read -r tid; do
        [ -d "/proc/$inner/task/$tid" ]
    done < tids
    equal "$(grep -cE '^[0-9]+\*?: (MainThread|sleeper-[01]) ' stdout)" 3
}

# What a dump tells of all threads, without what differs by run.
dump_of() {
    run_pyflame 0 -d "$1" > /dev/null
    sed -e 's|^[0-9]*\*\{0,1\}: ||' -e 's|[0-9.]* s left|some left|' stdout
}

@test "a target in namespaces of pids, mounts and users: as one outside, also idle and busy threads" {
    requires namespaces
    unshare --user --map-root-user --pid --fork --mount-proc true 2> /dev/null \
        || skip "needs user namespaces"
    find_python
    start_target sleeper "$python" 1
    dump_of "$pid" > outside
    start_command unshare --user --map-root-user --pid --fork --mount-proc --kill-child \
        "$python" "$targets/sleeper.py" 1
    inner=$(pgrep -P "$pid")
    dump_of "$inner" > inside
    diff outside inside
    grep -qE '^sleeper-0 \((idle|waits: sleep, .*)\)' inside
    run_pyflame 0 -s 0.2 --threads --exclude-idle "$inner"
    equal "$(samples stdout)" "$(samples stdout ':busy:')"
    sample_until ":busy:" -- --by-thread -m cpu "$inner"
    all_match "^thread $inner MainThread;.*:busy:" stdout
}

# --- it ends, or becomes another ----------------------------------------------

# It may end at any moment, so all that is known is that there is an answer.
@test "a target that ends while it is looked at" {
    find_python
    requires_attaching
    local n
    for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
        start_process "$python" -S -c 'pass'
        sleep "0.0$n"
        forget_target "$pid"
        run bash -c "'$pyflame' -s 0.1 -q $pid 2> stderr"
        echo "status $status: $(cat stderr)"
        [ "$status" = 0 ] || [ "$status" = 3 ] || [ "$status" = 5 ]
        [ "$status" = 0 ] || equal "$(wc -l < stderr)" 1
        wait "$pid" || :
    done
}

@test "a target that ends in mid-run: what was sampled is written" {
    find_python
    start_target exit_after "$python" 1
    forget_target "$pid"
    run_pyflame 0 -s 100 "$pid"
    [ "$(samples stdout '/exit_after\.py:busy:')" -gt 0 ]
}

@test "a target that is killed in mid-run: what was sampled is written" {
    start_any
    start_pyflame -s 100 "$pid"
    wait_for_sampling
    forget_target "$pid"
    kill -KILL "$pid"
    end_pyflame 0
    [ "$(samples stdout ':main:')" -gt 0 ]
    [ "$(wc -l < stderr)" -le 2 ]
}

@test "a target whose parent does not collect it: the sampling ends all the same" {
    requires perl
    find_python
    start_command perl -e '$| = 1; exec @ARGV unless $pid = fork; print "pid $pid\n"; sleep 100' \
        "$python" "$targets/exit_after.py" 1
    child=$(sed -n 's/^pid //p' "$target_out")
    run_pyflame 0 -s 100 "$child"
    [ "$(samples stdout ':busy:')" -gt 0 ]
}

exec_is_followed() {
    local began
    began=$(date +%s%3N)
    sample_over_exec "$1" "$1" --stats
    equal "$(samples profile ':before:.*:after:')" 0
    # no tick counts twice
    [ "$(all_ticks)" -le $(($(date +%s%3N) - began + 1)) ]
}

@test "2.7: a target that executes itself anew is followed" { each_python 2.7 exec_is_followed; }
@test "3.8: a target that executes itself anew is followed" { each_python 3.8 exec_is_followed; }
@test "3.11: a target that executes itself anew is followed" { each_python 3.11 exec_is_followed; }
@test "3.14: a target that executes itself anew is followed" { each_python 3.14 exec_is_followed; }

exec_of_a_thread_is_followed() {
    from=thread sample_over_exec "$1" "$1"
    end_targets
    from=orphan sample_over_exec "$1" "$1"
    end_targets
    from=orphan sample_over_exec "$1" "$1" --children
}

@test "2.7: an exec from another thread is followed"  { also 2.7 exec_of_a_thread_is_followed; }
@test "3.8: an exec from another thread is followed"  { each_python 3.8 exec_of_a_thread_is_followed; }
@test "3.11: an exec from another thread is followed" { each_python 3.11 exec_of_a_thread_is_followed; }
@test "3.13: an exec from another thread is followed" { each_python 3.13 exec_of_a_thread_is_followed; }
@test "3.14: an exec from another thread is followed" { each_python 3.14 exec_of_a_thread_is_followed; }

@test "a target that executes another version is followed" {
    local first second
    IFS=$'\t' read -r _ first < <(pythons_of 3.8) || skip "no Python 3.8 here"
    IFS=$'\t' read -r _ second < <(pythons_of 3.13) || skip "no Python 3.13 here"
    sample_over_exec "$first" "$second"
}

@test "a target that executes what is not Python: what was sampled is written" {
    find_python
    start_command "$python" -c '
import os, time
def busy(end):
    while time.time() < end: pass
print("ready", flush=True)
busy(time.time() + 1)
os.execvp("sleep", ["sleep", "100"])'
    run_pyflame 0 -s 1.5 "$pid"
    [ "$(samples stdout ':busy:')" -gt 0 ]
}

# --- the main thread has ended ------------------------------------------------

# start_headless PYTHON MODE: its main thread ends when it is sent SIGUSR1.
start_headless() {
    start_target headless "$@"
    states["$pid"]=RSZ
}

end_main_thread() {
    kill -USR1 "$pid"
    wait_for 60 in_state "$pid" Z
}

# The number of a thread other than the main one.
other_thread() {
    find "/proc/$pid/task" -mindepth 1 -maxdepth 1 ! -name "$pid" -printf '%f\n' | head -n 1
}

is_sampled_without_main_thread() {
    local tid option
    start_headless "$1" steady
    end_main_thread
    tid=$(other_thread)
    run_pyflame 0 -q -n -s 0.2 --pause "$pid"
    [ "$(samples stdout ':after ')" -gt 0 ]
    for option in "" --threads "-m cpu"; do
        # shellcheck disable=SC2086 # none, or several
        run_pyflame 0 -q --by-thread -n -s 0.3 $option "$pid"
        [ "$(samples stdout "^thread $tid .*:after ")" -gt 0 ]
        equal "$(samples stdout "^thread $pid ")" 0
    done
    run_pyflame 0 -d "$pid"
    matches "$output" "(^|"$'\n'")$tid\*?: worker \("
    matches "$output" ':after:'
    run_pyflame 0 -q --children --by-process -s 0.2 -n "$tid"
    [ "$(samples stdout "^process $pid [^;[]*;.*:after ")" -gt 0 ]
}

@test "3.8: a target whose main thread has ended"   { each_python 3.8 is_sampled_without_main_thread; }
@test "3.10: a target whose main thread has ended"  { also 3.10 is_sampled_without_main_thread; }
@test "3.11: a target whose main thread has ended"  { also 3.11 is_sampled_without_main_thread; }
@test "3.13: a target whose main thread has ended"  { also 3.13 is_sampled_without_main_thread; }
@test "3.14: a target whose main thread has ended"  { each_python 3.14 is_sampled_without_main_thread; }
@test "3.14t: a target whose main thread has ended" { each_python 3.14t is_sampled_without_main_thread; }

# Whatever thread it is read through, that one ends soon.
outlives_its_main_thread() {
    rm -f profile
    start_headless "$1" relay
    watch_pyflame -n "${@:2}" "$pid"
    wait_for 60 has_seen ':before '
    end_main_thread
    enough=50 wait_for 60 has_seen ':after '
    kill -INT "$profiler"
    end_pyflame 0
}

@test "3.8: the main thread of a target ends, and one after another of the rest" {
    each_python 3.8 outlives_its_main_thread
}
@test "3.11: the main thread of a target ends, and one after another of the rest" {
    each_python 3.11 outlives_its_main_thread
}
@test "3.13: the main thread of a target ends, and one after another of the rest" {
    each_python 3.13 outlives_its_main_thread
}
@test "3.14: the main thread of a target ends, and one after another of the rest" {
    each_python 3.14 outlives_its_main_thread
}
@test "the main thread of a target that is followed ends" {
    each_python any outlives_its_main_thread --children
}

@test "an ordinary user samples a target whose main thread has ended" {
    run_as_nobody
    requires_attaching
    start_as_nobody headless steady
    states["$pid"]=RSZ
    end_main_thread
    run_pyflame 0 -q -n -s 0.3 "$pid"
    [ "$(samples stdout ':after ')" -gt 0 ]
}

@test "through /proc, too: a target whose main thread has ended" {
    refused enosys process_vm_readv
    end_targets
    start_headless "$python" steady
    end_main_thread
    run_pyflame 0 -q -n -s 0.3 "$pid"
    [ "$(samples stdout ':after ')" -gt 0 ]
}

@test "the number of a thread stands for its process" {
    local tid
    find_python
    start_headless "$python" steady
    tid=$(other_thread)
    run_pyflame 0 -d "$tid"
    matches "$output" "(^|"$'\n'")$pid\*?: MainThread"
    run_pyflame 0 -q -n -s 0.2 --by-process "$tid"
    [ "$(samples stdout "^process $pid ")" -gt 0 ]
    equal "$(samples stdout "^process $tid ")" 0
}

@test "a target that has just been started is waited for" {
    find_python
    requires_attaching
    local n
    for n in $(seq "$(many 4 20)"); do
        start_process "$python" "$targets/fib.py"
        run_pyflame 0 -s 0 "$pid"
        end_targets
    done
}

@test "a target that forks all the time is sampled" {
    find_python
    start_command "$python" -c '
import os
def forker():
    while True:
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
print("ready", flush=True)
forker()'
    run_pyflame 0 -s 0.3 "$pid"
    [ "$(samples stdout ':forker:')" -gt 0 ]
    lacks "$output" '\(failed\)'
}

@test "a target that starts and ends threads all the time is sampled and dumped" {
    find_python
    start_command "$python" -c '
import threading, time
def churn():
    while True:
        threads = [threading.Thread(target=time.sleep, args=(.001,)) for _ in range(10)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
print("ready", flush=True)
churn()'
    for option in "" --pause --no-pause; do
        # shellcheck disable=SC2086 # none or one
        run_pyflame 0 -s 0.3 --threads $option --stats "$pid"
        [ "$(samples stdout ':churn:')" -gt 0 ]
        equal "$(all_ticks)" 300
    done
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        run_pyflame 0 -d "$pid"
        matches "$output" ':churn:'
    done
}
