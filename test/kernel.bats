#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Samples that the kernel takes: of threads that never hold still, without a stop.

load helper

# kernel_samples: how many the last run, with --stats, had; or the word in their place.
kernel_samples() {
    sed -n 's/^pyflame: kernel samples: \([a-z0-9]*\).*/\1/p' stderr
}

# Where the kernel permits none all is as it is without.
requires_kernel() {
    requires root
    find_python
    start_target fib "$python"
    run_pyflame 0 -s 0.01 --stats "$pid"
    case $(kernel_samples) in
        refused) skip "this kernel does not permit it" ;;
        "") skip "left out of this build" ;;
    esac
    end_targets
}

@test "what is copied is what is there, and there are nothing but copies, whatever is asked for" {
    requires root
    compile_all kernel "$tests/kernel.c" -pthread
    local seen=0
    timeout 60 ./kernel > log || seen=$?
    cat log
    [ "$seen" != 77 ] || skip "this kernel does not permit it"
    equal "$seen" 0
}

# on_a_good_day FUNCTION: on a machine so busy that a thread has no CPU for tenths of a second
# there is nothing to be copied for as long.
on_a_good_day() {
    local i
    for ((i = 0; i < 8; i++)); do
        ! "$@" || return 0
    done
    return 1
}

# That was a third and more of the samples, where the thread may not be stopped.
few_fail() {
    run_pyflame 0 -s "$(many 0.5 3)" --no-pause --stats "$pid"
    awk -v failed="$(samples stdout '^.failed')" -v ticks="$(stat_of ticks)" 'BEGIN {
        print failed " of " ticks " failed"
        exit failed * 100 > ticks }'
}

never_still() {
    start_target "$2" "$1"
    on_a_good_day few_fail
}

@test "2.7: code that never holds still, without a stop"  { requires_kernel; each_python 2.7 never_still fib; }
@test "3.8: code that never holds still, without a stop"  { requires_kernel; each_python 3.8 never_still fib; }
@test "3.11: code that never holds still, without a stop" { requires_kernel; each_python 3.11 never_still gens; }
@test "3.12: code that never holds still, without a stop" { requires_kernel; each_python 3.12 never_still gens; }
@test "3.13: code that never holds still, without a stop" { requires_kernel; each_python 3.13 never_still chains; }
@test "3.14: code that never holds still, without a stop" { requires_kernel; each_python 3.14 never_still chains; }
@test "newest: code that never holds still, without a stop" { requires_kernel; each_python "$newest" never_still gens; }
@test "3.14t: code that never holds still, without a stop" { requires_kernel; each_python 3.14t never_still fib; }
@test "of 32 bits: code that never holds still, without a stop" { requires_kernel; each_python i386 never_still fib; }

# nobody_traces [OPTION]...
nobody_traces() {
    local seen=0
    start_pyflame -s 1 --stats "$@" "$pid"
    while ! has_ended "$profiler"; do
        ! grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$pid/status" || seen=$((seen + 1))
    done
    end_pyflame 0
    echo "traced $seen times, stopped $(stat_of "taken with the thread stopped") of $(stat_of samples)"
    equal "$seen" 0 && equal "$(stat_of "taken with the thread stopped")" 0
}

# nobody_traced PYTHON [OPTION]...
nobody_traced() {
    start_target fib "$1"
    on_a_good_day nobody_traces "${@:2}"
}

@test "3.8: a thread that never holds still is traced by nobody"  { requires_kernel; each_python 3.8 nobody_traced; }
@test "3.12: a thread that never holds still is traced by nobody" { requires_kernel; each_python 3.12 nobody_traced; }
@test "newest: a thread that never holds still is traced by nobody" { requires_kernel; each_python "$newest" nobody_traced; }

# C stacks are copied along with Python's.
c_frames_too() {
    case $(uname -m) in
        x86_64 | aarch64) ;;
        *) skip "not on this machine" ;;
    esac
    nobody_traced "$1" --native=all
    [ "$(kernel_samples)" -gt 100 ]
    grep ':fib' stdout > both
    [ $((10 * $(samples both '\(C frames '))) -le "$(samples both)" ]
    grep -v '(C frames ' both > merged
    all_match '^[^;]*(\.so|[^y]:|\+0x)[^;]*;.*fib\.py:<module>' merged
}

@test "2.7: C frames too, traced by nobody"    { requires_kernel; each_python 2.7 c_frames_too; }
@test "3.8: C frames too, traced by nobody"    { requires_kernel; also 3.8 c_frames_too; }
@test "3.11: C frames too, traced by nobody"   { requires_kernel; each_python 3.11 c_frames_too; }
@test "3.12: C frames too, traced by nobody"   { requires_kernel; also 3.12 c_frames_too; }
@test "newest: C frames too, traced by nobody" { requires_kernel; each_python "$newest" c_frames_too; }

@test "--no-kernel does without, and says so" {
    requires_kernel
    start_target fib "$python"
    run_pyflame 0 -s 0.1 --stats --no-kernel "$pid"
    equal "$(kernel_samples)" off
    [ "$(samples stdout)" -gt 0 ]
}

# cpu_of_starts OPTION...: the CPU time of ten, in milliseconds.
cpu_of_starts() {
    local TIMEFORMAT='%3U %3S' i
    { time for i in 1 2 3 4 5 6 7 8 9 10; do
        "$pyflame" -q -s 0.001 "$@" "$pid" > /dev/null 2>&1 3>&-
    done; } 2>&1 | awk '{ print int(1000 * ($1 + $2)) }'
}

# It was ten times as much.
starts_cheaply() {
    local with without
    with=$(cpu_of_starts)
    without=$(cpu_of_starts --no-kernel)
    echo "$with ms, $without ms without"
    [ "$with" -lt $((without * 6)) ]
}

@test "the kernel does not take long to accept its program" {
    requires_kernel
    printf '6.9\n%s\n' "$(uname -r)" | sort -V -C || skip "needs Linux 6.9"
    start_target idle "$python"
    on_a_good_day starts_cheaply
}

@test "--pause does without" {
    requires_kernel
    start_target fib "$python"
    run_pyflame 0 -s 0.1 --stats --pause "$pid"
    equal "$(kernel_samples)" off
}

# Every way in which it is refused: samples are there all the same.
refused() {
    start_target fib "$python"
    run_pyflame 0 -s 0.1 --stats "$pid"
    equal "$(kernel_samples)" refused
    [ "$(samples stdout ':fib')" -gt 0 ]
    end_targets
}

@test "where bpf or perf_event_open are refused all is as it was" {
    local call error
    requires_kernel
    compile refuse "$tests/tools/refuse.c"
    for call in bpf perf_event_open; do
        for error in eperm enosys; do
            as=("$PWD/refuse" "$error" "$call" --)
            refused
        done
    done
}

@test "without the capabilities all is as it was" {
    requires_kernel
    requires setpriv
    as=(setpriv --inh-caps=-all "--bounding-set=-bpf,-perfmon,-sys_admin")
    refused
}

@test "another user has none" {
    requires_kernel
    run_as_nobody
    start_as_nobody fib
    run_pyflame 0 -s 0.1 --stats "$pid"
    equal "$(kernel_samples)" refused
    [ "$(samples stdout ':fib')" -gt 0 ]
}

# A stack that is larger than a copy can be is taken otherwise, and whole.
too_deep() {
    start_target diver "$1"
    run_pyflame 0 -s 0.5 -n --stats "$pid"
    awk '!/^\(/ { n = gsub(/:dive/, ""); if (n > most) most = n } END { print most " deep"; exit most < 1000 }' stdout
    [ "$(samples stdout)" -gt 0 ]
}

@test "3.8: stacks that are too deep for a copy"  { requires_kernel; each_python 3.8 too_deep; }
@test "3.12: stacks that are too deep for a copy" { requires_kernel; each_python 3.12 too_deep; }
@test "newest: stacks that are too deep for a copy" { requires_kernel; each_python "$newest" too_deep; }

is_copied() {
    run_pyflame 0 -s 2 --stats "$@" "$pid"
    [ "$(samples stdout ':fib')" -gt 100 ] && [ "$(kernel_samples)" -gt 0 ]
}

# later WHAT [OPTION]...: what begins after pyflame has given up its rights.
later() {
    local what=$1 i
    shift
    requires_kernel
    find_python
    for ((i = 0; i < 8; i++)); do
        start_target begins "$python" "$what"
        ! is_copied "$@" || return 0
        end_targets
    done
    return 1
}

@test "a thread that begins later"  { later thread; }
@test "a child that is forked later" { later fork --children; }
@test "a child that executes something later" { later exec --children; }

# --- children, as they begin ----------------------------------------------------

requires_news() {
    find_python
    [ "$(id -u)" = 0 ] || [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ] ||
        skip "perf_event_paranoid is above 2"
}

# say_births ACCOUNT: of each function how much of its time was sampled, in percent, and of all
# of them. None has to be without, and all within a tenth.
say_births() {
    awk 'NR == FNR { took[$1] = $3; next }
        { n = $NF; for (name in took) if ($0 ~ ":" name "[; ]") samples[name] += n }
        END {
            for (name in took) {
                printf "%s %d%%, ", name, samples[name] / took[name] / 10
                sum += samples[name]
                all += took[name]
                bad = bad || samples[name] == 0
            }
            printf "all %d%%\n", off = sum / all / 10
            exit bad || off < 90 || off > 110
        }' "$1" stdout
}

births_once() {
    rm -f "$folder/account"
    start_target births "$@" "$folder/account"
    run_pyflame 0 -s 60 --children --stats -n -r 0.001 "$pid"
    forget_target "$pid"
    wait_for 10 test -e "$folder/account"
    say_births "$folder/account"
}

# births PYTHON ARGUMENT...: where they are sampled at all, that is in proportion.
births() {
    make_public_folder
    on_a_good_day births_once "$@"
}

forked_children() {
    births "$1" fork "$(many 100 1000)"
}

@test "3.8: children of a few milliseconds, forked" { requires_news; each_python 3.8 forked_children; }
@test "3.11: children of a few milliseconds, forked" { requires_news; also 3.11 forked_children; }
@test "3.12: children of a few milliseconds, forked" { requires_news; each_python 3.12 forked_children; }
@test "3.14: children of a few milliseconds, forked" { requires_news; also 3.14 forked_children; }
@test "newest: children of a few milliseconds, forked" { requires_news; each_python "$newest" forked_children; }
@test "3.14t: children of a few milliseconds, forked" { requires_news; also 3.14t forked_children; }

pool_of_children() {
    births "$1" pool "$(many 100 1000)"
}

@test "children of a few milliseconds, of a pool" { requires_news; each_python 3.12 pool_of_children; }

executing_children() {
    births "$1" exec "$(many 10 40)"
}

@test "children of 50 ms that execute Python" { requires_news; each_python 3.12 executing_children; }

# That user has to stop what does not hold still, and leaves out ticks for it.
nearly_all_seen() {
    rm -f "$folder/account"
    start_as_nobody births fork 100 "$folder/account"
    run_pyflame 0 -s 60 --children -n -r 0.001 "$pid"
    forget_target "$pid"
    [ "$(sed -n 's/.* samples .* of \([0-9]*\) processes.*/\1/p' <<< "$stderr")" -ge 80 ]
}

@test "children of a few milliseconds, by another user" {
    requires_news
    [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ] || skip "perf_event_paranoid is above 2"
    run_as_nobody
    chmod 777 "$folder"
    on_a_good_day nearly_all_seen
}

@test "where perf_event_open is refused, children are looked for" {
    requires_kernel
    compile refuse "$tests/tools/refuse.c"
    as=("$PWD/refuse" eperm perf_event_open --)
    start_target begins "$python" fork
    run_pyflame 0 -s 2 --children "$pid"
    [ "$(samples stdout ':fib')" -gt 0 ]
}

command_is_copied() {
    run_pyflame 0 -s 1 --stats -t "$python" "$tests/targets/begins.py" now
    [ "$(kernel_samples)" -gt 0 ]
}

@test "a command of -t" {
    requires_kernel
    on_a_good_day command_is_copied
}

@test "once it has given up its rights it calls neither bpf nor perf_event_open" {
    requires_kernel
    requires strace
    start_target fib "$python"
    run_pyflame 0 -s 0 --stats "$pid" > /dev/null
    [[ $stderr = *"sandbox on"* ]] || skip "there is no sandbox in this build or kernel"
    without_leak_check
    timeout 60 strace -f -e trace=bpf,perf_event_open,seccomp -o calls "$pyflame" -q -s 0.3 "$pid" > stdout 3>&-
    cut -c 1-100 calls
    grep -q 'perf_event_open(' calls
    awk '/seccomp\(/ { entered = 1; next } entered && /bpf\(|perf_event_open\(/ { bad = 1 } END { exit bad || !entered }' calls
}
