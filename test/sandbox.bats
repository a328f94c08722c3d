#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What pyflame gives up: see sandbox.h.

load helper

is_sandboxed() {
    [ "$(sed -n 's/^Seccomp:\s*//p' "/proc/$profiler/status")" = 2 ] &&
        [ "$(sed -n 's/^NoNewPrivs:\s*//p' "/proc/$profiler/status")" = 1 ]
}

# Not on a machine whose kernel lacks filters, nor in a build with sanitizers.
requires_sandbox() {
    find_python
    start_target fib "$python"
    run_pyflame 0 -s 0 --stats "$pid"
    [[ $stderr = *"sandbox on"* ]] || skip "there is no sandbox in this build or kernel"
}

# i386's own, in a kernel that is built or was started without these.
is_never_made() {
    local seen=0
    [ "$1" = other-machine ] || return
    ./breakout "$1" outside || seen=$?
    [ "$seen" = $((128 + $(kill -l SEGV))) ]
}

@test "what sampling and writing do not need is answered by SIGSYS" {
    local call status
    compile_all breakout "$tests/tools/breakout.c"
    ./breakout > calls
    [ "$(wc -l < calls)" -ge 20 ]
    while read -r call; do
        [ "$call" != allowed ] || continue
        status=0
        ./breakout "$call" || status=$?
        echo "$call: $status"
        [ "$status" != 78 ] || skip "needs seccomp filters"
        is_never_made "$call" || equal "$status" $((128 + $(kill -l SYS)))
    done < calls
}

@test "what they need is not" {
    local status=0
    compile_all breakout "$tests/tools/breakout.c"
    ./breakout allowed || status=$?
    [ "$status" != 78 ] || skip "needs seccomp filters"
    equal "$status" 77
}

@test "the writer can change nothing outside of the folder of the output" {
    local status=0
    compile_all breakout "$tests/tools/breakout.c"
    mkdir folder
    echo old > old
    ./breakout write-in folder || status=$?
    [ "$status" != 78 ] || skip "needs Landlock"
    equal "$status" 77
    equal "$(cat old)" old
    equal "$(ls folder)" newer
}

@test "the writer ends with pyflame, however that ends, and leaves nothing" {
    local how writer
    find_python
    start_target fib "$python"
    mkdir folder
    for how in INT KILL TERM; do
        start_pyflame -s 100 -o folder/profile "$pid"
        wait_for_sampling
        writer=$(pgrep -P "$profiler" -x pyflame-writer)
        equal "$(find folder -name '*tmp' | wc -l)" 1
        kill -TERM "$writer" # which it is not to mind
        kill -"$how" "$profiler"
        wait "$profiler" || :
        wait_for 30 eval '[ ! -e /proc/$writer ]'
        equal "$(find folder -name '*tmp')" ""
        profilers=()
    done
    equal "$(ls folder)" profile
}

@test "every mode of sampling is done in it" {
    requires format=html format=svg format=pprof
    local mode
    requires_sandbox
    for mode in "" --pause "--threads -o x.html" --children "-m cpu" --flamechart "-x -o x.pb.gz" \
        "--rotate=1h -o %t.svg"; do
        # shellcheck disable=SC2086 # several words
        start_pyflame -s 100 $mode "$pid"
        wait_for_sampling
        is_sandboxed
        kill -USR1 "$profiler"
        wait_for_sampling
        kill -INT "$profiler"
        end_pyflame 0
    done
    start_pyflame -s 100 --all
    wait_for_sampling
    is_sandboxed
    kill -INT "$profiler"
    end_pyflame 0
    run_pyflame 0 -d "$pid"
}

@test "so are files that are read" {
    requires format=json
    requires_sandbox
    mkfifo pipe
    start_pyflame -i pipe -o x.json
    exec 9> pipe
    wait_for 30 is_sandboxed
    echo "a;b 1" >&9
    exec 9>&-
    end_pyflame 0
    matches "$(cat x.json)" '"b"'
}

@test "a command is not in it" {
    requires_sandbox
    start_pyflame -o x.txt -t "$python" -c 'import os, time
for line in open("/proc/self/status"):
    if line.startswith(("Seccomp:", "NoNewPrivs:")): print(line, end="", flush=True)
end = time.time() + 60
while time.time() < end and not os.path.exists("go"): pass'
    wait_for 30 is_sandboxed
    wait_for 30 grep -q Seccomp stdout
    touch go
    end_pyflame 0
    diff <(grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | sort) <(sort stdout)
}

# capabilities_of PID SET
capabilities_of() {
    sed -n "s/^Cap$2:\\s*//p" "/proc/$1/status"
}

# has_only PID NUMBER...: it has none but these capabilities.
has_only() {
    local set mask=0 one
    for one in "${@:2}"; do
        mask=$((mask | 1 << one))
    done
    for set in Prm Eff; do
        [ "$(capabilities_of "$1" $set)" = "$(printf %016x $((mask & 0x$(capabilities_of $$ $set))))" ] || return
    done
    [ "$(capabilities_of "$1" Inh)" = 0000000000000000 ]
}

@test "root keeps the capabilities to read, stop and be on time, and where it writes, to write" {
    requires root setpriv
    find_python
    make_public_folder
    mkdir "$folder/theirs"
    chown nobody "$folder/theirs"
    cp -r "$targets" "$folder/"
    chmod -R a+rX "$folder"
    start_command "${nobody[@]}" /usr/bin/python3 "$folder/targets/fib.py"
    start_pyflame --pause -s 100 -o "$folder/theirs/profile" "$pid"
    wait_for_sampling
    has_only "$profiler" 2 19 23
    has_only "$(pgrep -P "$profiler" -x pyflame-writer)" 1 2 3
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples "$folder/theirs/profile" ':main:')" -gt 0 ]
}

@test "a command has all capabilities, and gets signals even if it changed its user" {
    requires root setpriv
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    start_pyflame -o x.txt -t "${nobody[@]}" /usr/bin/python3 -c 'import os, signal, time
def on_signal(*_): raise SystemExit(7)
signal.signal(signal.SIGTERM, on_signal)
print("ready", flush=True)
time.sleep(60)'
    wait_for 30 grep -q ready stdout
    wait_for 30 has_only "$profiler" 2 5 19 23
    kill "$profiler"
    end_pyflame 7
    run_pyflame 0 -o x.txt -t /usr/bin/python3 -c 'import time
print(open("/proc/self/status").read())
time.sleep(0.1)'
    diff <(grep ^Cap /proc/self/status) <(grep ^Cap stdout)
}

@test "where the kernel refuses it, sampling goes on without, and --stats says so" {
    compile refuse "$tests/tools/refuse.c"
    find_python
    start_target fib "$python"
    as=(./refuse enosys seccomp --)
    "${as[@]}" true || skip "needs seccomp filters"
    run_pyflame 0 -s 0.2 --stats "$pid"
    matches "$stderr" 'sandbox off'
    [ "$(samples stdout ':main:')" -gt 0 ]
}

@test "a terminal has its progress in it" {
    requires terminal
    requires_sandbox
    run script -qec "'$pyflame' -s 1 -o x.txt $pid" typescript < /dev/null 3>&-
    equal "$status" 0
    [ "$(samples x.txt ':main:')" -gt 0 ]
    matches "$(cat typescript)" 'samples, .* ticks a second'
}

# A call that is not among these may need a system call that kills pyflame, perhaps
# only in the one case in a thousand that makes it: look at sandbox.c, then add it. The last
# line is of what only the writer does, or pyflame before it enters.
@test "what is called of the C library is known to the sandbox" {
    requires nm
    local sources objects
    find_sources "$tree/pyflame.c"
    sources+=("$tree"/libc/*.c)
    mapfile -t objects < <(printf '%s\n' "${sources[@]#"$tree"/}" | sed "s,^build/,,; s,.*,$tree/build/&,; s,c\$,o,")
    [ -e "$tree/build/sandbox.o" ] || skip "needs the objects of a build"
    nm -u "${objects[@]}" | sed -n 's/^ *U //p' | sort -u > needed
    nm --defined-only "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u > ours
    tr -s ' \n' '\n' << 'END' | sort -u > known
_GLOBAL_OFFSET_TABLE_ __errno_location __popcountdi2 __stack_chk_fail _exit exit environ
calloc free realloc malloc memchr memcmp memcpy memmove memset memrchr bsearch qsort sqrt
strcasecmp strchr strcmp strcspn strerror strlen strncmp strnlen strpbrk strrchr strspn
access close closedir fcntl fstat fstatat open openat opendir pread read readdir
readlink readlinkat renameat stat lstat unlinkat write clock_gettime nanosleep time setitimer
poll ioctl kill ptrace waitpid wait4 getpriority setpriority prctl
sigaction sigaddset sigdelset sigemptyset sigfillset sigismember sigpending sigprocmask
sigtimedwait process_vm_readv
getxattr getenv geteuid getpgrp getpid getppid getauxval prlimit isatty tcgetpgrp uname
execvp mmap socket socketpair syscall
_setjmp longjmp clone ppoll signalfd
mmap mremap munmap mprotect wings_begin wings_end wings_packed
END
    comm -23 needed ours | comm -23 - known > unknown
    cat unknown
    [ ! -s unknown ]
    # of syscall() these: each has to be looked at as well
    equal "$(grep -ohE 'syscall\(SYS_[a-z0-9_]+' "${sources[@]}" | sort -u | tr '\n' ' ')" "syscall(SYS_bpf syscall(SYS_capget syscall(SYS_capset syscall(SYS_clone syscall(SYS_faccessat syscall(SYS_kcmp syscall(SYS_perf_event_open syscall(SYS_pipe2 syscall(SYS_sched_getaffinity syscall(SYS_sched_getscheduler syscall(SYS_sched_setaffinity syscall(SYS_sched_setattr syscall(SYS_sched_setscheduler syscall(SYS_seccomp syscall(SYS_set_tid_address syscall(SYS_tgkill "
}
