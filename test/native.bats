#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# C frames among Python's: which there are, in which order, and that nothing is stopped for what
# waits.

load helper

# What can't be had is marked so.
marks='\(C frames '

requires_native() {
    requires format=report # such a build has them
    case $(uname -m) in
        x86_64 | aarch64 | i686) ;;
        *) skip "not on this machine" ;;
    esac
}

# build_library PYTHON: native.c for it, in $library; $unsuitable if it can't use that.
build_library() {
    "$1" -c 'import ctypes' 2> /dev/null || { unsuitable="no ctypes in $1"; return; }
    library=$PWD/libnative.so
    [ -e "$library" ] || compile "$library" -shared -fPIC -fno-optimize-sibling-calls "$targets/native.c" -lpthread
}

# block NAME FILE: the frames of the thread with that name in a dump, the innermost first.
block() {
    awk -v name="$1" '/^[0-9]+\*?: / { on = index($0, ": " name) } on && NF' "$2" | tail -n +2
}

# in_order FILE REGEX...: lines that match these, in that order; others may be between.
in_order() {
    local file=$1 line
    shift
    while IFS= read -r line; do
        [ $# -eq 0 ] || ! [[ $line =~ $1 ]] || shift
    done < "$file"
    [ $# -eq 0 ] || { echo "not found, or not there: $1"; cat "$file"; return 1; }
}

# Waits until the innermost frame of Python calls the kernel.
are_asleep() {
    are_in_state "$pid" S
}

# --- what waits -----------------------------------------------------------------

many_calls() {
    requires_native
    start_target many_calls "$1"
    wait_for 20 are_asleep
    run_pyflame 0 -d --native "$pid"
    lacks "$output" "$marks"
    equal "ready, with $(grep -cE '^[0-9]+\*?: ' stdout) threads" "$(cat "$target_out")"
    # each frame of Python is there that is without C's, in the same order
    grep -v '^libc\|\.so' stdout | grep -E '\.py:|^[0-9]+:' | sed 's/ (.*//' > with
    run_pyflame 0 -d "$pid"
    grep -E '\.py:|^[0-9]+:' stdout | sed 's/ (.*//' | diff - with
    run_pyflame 0 -d --native=all "$pid"
    lacks "$output" "$marks"
    # every call of Python's was made by C that is named by what it exports
    [ "$(grep -cE ':_?PyEval_EvalFrame(Ex|Default)' stdout)" -ge 30 ] || is_nameless "$1"
}

# Whether its eval loop has other names, as those of the parts that a compiler has put elsewhere.
is_nameless() {
    grep -qE 'python[0-9.]+\+0x' stdout
}

@test "2.7: what C called is where it was called"    { each_python 2.7 many_calls; }
@test "3.6: what C called is where it was called"    { also 3.6 many_calls; }
@test "3.7: what C called is where it was called"    { also 3.7 many_calls; }
@test "3.8: what C called is where it was called"    { each_python 3.8 many_calls; }
@test "3.9: what C called is where it was called"    { also 3.9 many_calls; }
@test "3.10: what C called is where it was called"   { also 3.10 many_calls; }
@test "3.11: what C called is where it was called"   { each_python 3.11 many_calls; }
@test "3.12: what C called is where it was called"   { each_python 3.12 many_calls; }
@test "3.13: what C called is where it was called"   { each_python 3.13 many_calls; }
@test "3.14: what C called is where it was called"   { also 3.14 many_calls; }
@test "3.14t: what C called is where it was called"  { also 3.14t many_calls; }
@test "newest: what C called is where it was called" { each_python "$newest" many_calls; }
@test "32 bits: what C called is where it was called" { each_python i386 many_calls; }

# frames_of PYTHON WHAT THREAD: of native.py, in "frames".
frames_of() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    start_target native "$1" "$library" "$2"
    wait_for 20 are_asleep
    run_pyflame 0 -d --native "$pid"
    lacks "$output" "$marks"
    block "$3" stdout > frames
}

# Two times from C to Python and back.
calls() {
    frames_of "$1" calls MainThread
    [ -z "$unsuitable" ] || return 0
    in_order frames '^libc.*:(clock_nanosleep|select|.*nanosleep)$' 'native\.py:wait:' 'ffi' \
        '^libnative\.so:inner$' 'ffi' 'native\.py:calls_again:' 'ffi' '^libnative\.so:middle$' \
        '^libnative\.so:outer$' 'native\.py:what_calls:' 'native\.py:<module>:'
    equal "$(tail -n 1 frames | sed 's/.*\.py:/.py:/; s/:[0-9]*$//')" '.py:<module>'
    equal "$(grep -c '^libnative' frames)" 3
}

@test "2.7: from C to Python to C to Python"    { each_python 2.7 calls; }
@test "3.8: from C to Python to C to Python"    { each_python 3.8 calls; }
@test "3.11: from C to Python to C to Python"   { each_python 3.11 calls; }
@test "3.13: from C to Python to C to Python"   { also 3.13 calls; }
@test "newest: from C to Python to C to Python" { each_python "$newest" calls; }

sorts() {
    frames_of "$1" sorts MainThread
    [ -z "$unsuitable" ] || return 0
    in_order frames 'native\.py:wait:' 'native\.py:(what_sorts\.<locals>\.)?key:' ':qsort(_r)?$' \
        'native\.py:what_sorts:' 'native\.py:<module>:'
}

@test "qsort(3) with a comparison in Python" { each_python any sorts; }
@test "newest: qsort(3) with a comparison in Python" { each_python "$newest" sorts; }

born() {
    frames_of "$1" born Dummy
    [ -z "$unsuitable" ] || return 0
    in_order frames 'native\.py:wait:' '^libnative\.so:middle$' '^libnative\.so:begins$'
    equal "$(tail -n 1 frames)" 'libnative.so:begins'
}

# Variables stand under the frames of Python, which are where they are without.
# with_locals PYTHON WHAT C VARIABLE
with_locals() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    start_target native "$1" "$library" "$2"
    [ "$2" = shares ] || wait_for 20 are_asleep
    wait_for 20 is_dumped_in "$3"
    lacks "$output" "$marks"
    block MainThread stdout > frames
    in_order frames "$3" "native\\.py:what_$2:" "^    $4 = " 'native\.py:<module>:'
    # nothing of C has variables
    awk '/^    / { if (c) exit 1; next } { c = !/\.py:/ }' frames
    run_pyflame 0 -d --native --locals -f json "$pid"
    matches "$output" "\"function\":\"what_$2\",[^{}]*,\"locals\":.[{]\"name\":\"[a-z]*\""
    lacks "$output" '"function":"lib[^{}]*"locals"'
}

# is_dumped_in C
is_dumped_in() {
    run_pyflame 0 -d --native --locals "$pid"
    grep -qE "$1" stdout
}

@test "3.8: variables of what waits, and C frames"    { also 3.8 with_locals sorts ':qsort' numbers; }
@test "newest: variables of what waits, and C frames" { each_python "$newest" with_locals sorts ':qsort' numbers; }
@test "variables of what runs, and C frames"          { each_python any with_locals shares '^libnative' before; }

@test "a thread that was born in C has where" { each_python any born; }

interrupted() {
    frames_of "$1" interrupted MainThread
    [ -z "$unsuitable" ] || return 0
    in_order frames '^libc.*:pause$' '^libnative\.so:handle$' '^libnative\.so:interrupted$' \
        'native\.py:what_interrupted:' 'native\.py:<module>:'
}

@test "through a handler of a signal back into what it interrupted" { each_python any interrupted; }

aligns() {
    frames_of "$1" naps MainThread
    [ -z "$unsuitable" ] || return 0
    in_order frames '^libc.*:pause$' '^libnative\.so:naps$' 'ffi' 'native\.py:what_naps:' 'native\.py:<module>:'
}

@test "a frame that is aligned by a register of no use" {
    [ "$(uname -m)" = x86_64 ] || skip "not on this machine"
    each_python any aligns
}

versioned() {
    requires_native
    library=$PWD/libnative.so
    echo '__asm__(".symver spin_1, spin@@V_1, remove");' > version.h
    echo 'V_1 { };' > version.map
    compile "$library" -shared -fPIC -Dspin=spin_1 -include version.h -Wl,--version-script=version.map \
        "$targets/native.c" -lpthread
    nm "$library" | grep -q 'T spin@@V_1$'
    stopped_in "$1" shares spin
}

@test "a symbol has its name without its version" {
    requires nm
    each_python any versioned
}

trampolines() {
    requires_native
    at_least 3.12 "$1" || { unsuitable="no -X perf before 3.12"; return; }
    start_command "$1" -X perf "$targets/many_calls.py"
    wait_for 20 are_asleep
    run_pyflame 0 -d --native "$pid"
    lacks "$output" "$marks|anonymous"
    run_pyflame 0 -d --native=all "$pid"
    lacks "$output" "$marks"
    rm -f "/tmp/perf-$pid.map"
}

@test "3.12: code without a table: trampolines for perf" { each_python 3.12 trampolines; }
@test "3.13: code without a table: trampolines for perf" { also 3.13 trampolines; }

@test "what waits is not stopped, and not traced" {
    requires_native
    requires strace
    without_leak_check
    find_python
    start_target many_calls "$python"
    wait_for 20 are_asleep
    timeout 60 strace -f -o calls -e trace=ptrace "$pyflame" -d --native "$pid" > stdout 3>&-
    [ -s stdout ]
    run ! grep -E 'ptrace\(PTRACE_' calls
    timeout 60 strace -f -o calls -e trace=ptrace "$pyflame" -s 0.3 --threads --native "$pid" > stdout 3>&-
    grep -qE 'libc.*sleep [0-9]+$' stdout
    run ! grep -E 'ptrace\(PTRACE_' calls
}

# Frames by pyflame and by gdb, which knows no names of Debian's programs either.
like_gdb() {
    requires_native
    is_elf "$(readlink -f "$(command -v "$1")")" || { unsuitable="gdb does not understand $1"; return; }
    start_target many_calls "$1"
    wait_for 20 are_asleep
    run_pyflame 0 -d --native=all "$pid"
    timeout 100 gdb -nx -q -batch -p "$pid" -ex "source $tests/tools/frames_gdb.py" > gdb.out 2> gdb.err 3>&-
    python3 "$tests/tools/compare_gdb.py" stdout gdb.out "/proc/$pid/maps"
}

@test "2.7: C frames are those that gdb finds"    { requires gdb python3; each_python 2.7 like_gdb; }
@test "3.8: C frames are those that gdb finds"    { requires gdb python3; each_python 3.8 like_gdb; }
@test "3.11: C frames are those that gdb finds"   { requires gdb python3; each_python 3.11 like_gdb; }
@test "3.13: C frames are those that gdb finds"   { requires gdb python3; each_python 3.13 like_gdb; }

# Of native.py stopped by a signal in the midst of a function: that one is there, and all below.
stopped_in() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    start_target native "$1" "$library" "$2"
    stop_in "$3"
    lacks "$output" "$marks"
    block MainThread stdout > frames
    in_order frames "^libnative\\.so:$3\$" 'ffi' "native\\.py:what_$2:" 'native\.py:<module>:'
    are_in_state "$pid" T
    unset 'states[$pid]'
    kill -CONT "$pid"
}

# stop_in FUNCTION: until it is that one which is stopped.
stop_in() {
    local i
    for i in {1..100}; do
        states["$pid"]=T
        kill -STOP "$pid"
        wait_for 20 are_in_state "$pid" T
        run_pyflame 0 -d --native "$pid"
        ! grep -q "^libnative\.so:$1\$" stdout || return 0
        kill -CONT "$pid"
        sleep 0.05
    done
    return 1
}

@test "what a signal has stopped is unwound by its registers, and stays stopped" {
    each_python any stopped_in shares spin
}

@test "newest: what a signal has stopped is unwound by its registers" {
    each_python "$newest" stopped_in shares spin
}

@test "what a function keeps below its stack is read" {
    [ "$(uname -m)" = x86_64 ] || skip "elsewhere nothing may be there"
    each_python any stopped_in below below
}

# equal_gdb PYTHON WHAT ROUNDS: of c_calls.py, all stacks.
equal_gdb() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    local throws=()
    ! g++ -O1 -g -shared -fPIC -fno-optimize-sibling-calls -o throws.so "$targets/throws.cc" || throws=("$PWD/throws.so")
    start_target c_calls "$1" "$library" "$2" "${throws[@]}"
    [ "$2" = works ] || wait_for 20 are_asleep
    timeout 200 gdb -nx -q -batch -ex "python args = ['$pyflame', $pid, $3]" \
        -ex "source $tests/tools/equal_gdb.py" > gdb.out 2> gdb.err 3>&-
    cat gdb.out
    matches "$(tail -n 1 gdb.out)" '^[1-9][0-9]* stacks, 0 differ, '
}

@test "2.7: C frames of many libraries, as gdb finds them"    { requires gdb g++; also 2.7 equal_gdb works 10; }
@test "3.8: C frames of many libraries, as gdb finds them"    { requires gdb g++; also 3.8 equal_gdb waits 0; }
@test "3.11: C frames of many libraries, as gdb finds them"   { requires gdb g++; also 3.11 equal_gdb waits 0; }
@test "3.13: C frames of many libraries, as gdb finds them"   { requires gdb g++; also 3.13 equal_gdb waits 0; }
@test "newest: C frames of many libraries, as gdb finds them" { requires gdb g++; also "$newest" equal_gdb waits 0; }
@test "3.11: C frames at the end, as gdb finds them"            { requires gdb g++; also 3.11 equal_gdb exits 0; }
@test "3.11: C frames of what is stopped, as gdb finds them"   { requires gdb g++; also 3.11 equal_gdb works 10; }
@test "3.13: C frames of what is stopped, as gdb finds them"   { requires gdb g++; also 3.13 equal_gdb works 10; }
@test "newest: C frames of what is stopped, as gdb finds them" { requires gdb g++; also "$newest" equal_gdb works 10; }

# --- what runs --------------------------------------------------------------------

# Of the CPU time a quarter is in C.
shares() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    start_target native "$1" "$library" "$2"
    run_pyflame 0 -n -s "$(many 3 20)" --threads --native "$pid"
    local all spun marked
    all=$(samples stdout)
    spun=$(samples stdout ';libnative\.so:spin ')
    marked=$(samples stdout "$marks")
    echo "$spun of $all in C, $marked marked"
    # a busy machine may keep it from stopping in time: that says nothing of where it was
    all=$((all - marked))
    [ "$all" -gt "$marked" ]
    [ "$all" -gt 100 ]
    [ $((100 * spun)) -ge $((12 * all)) ]
    [ $((100 * spun)) -le $((40 * all)) ]
}

@test "2.7: C has its share"                    { each_python 2.7 shares gil; }
@test "3.8: C has its share"                    { also 3.8 shares gil; }
@test "3.11: C has its share"                   { each_python 3.11 shares gil; }
@test "newest: C has its share"                 { each_python "$newest" shares gil; }
@test "C that has let go of the GIL has its share" { each_python any shares shares; }

# What moves all the time, with the GIL and in C, is never two things at once.
chains() {
    requires_native
    build_library "$1"
    [ -z "$unsuitable" ] || return 0
    start_target native "$1" "$library" chains
    run_pyflame 0 -q -n -s "$(many 2 20)" --stats --native "${@:2}" "$pid"
    awk -f "$tests/tools/chains.awk" stdout
    grep -E 'kernel samples|stopped' stderr
}

@test "2.7: chains of calls in Python and C"    { each_python 2.7 chains; }
@test "3.8: chains of calls in Python and C"    { also 3.8 chains; }
@test "3.11: chains of calls in Python and C"   { each_python 3.11 chains; }
@test "3.12: chains of calls in Python and C"   { also 3.12 chains; }
@test "3.13: chains of calls in Python and C"   { also 3.13 chains; }
@test "newest: chains of calls in Python and C" { each_python "$newest" chains; }
@test "3.11: chains of calls in Python and C, with stops"   { each_python 3.11 chains --no-kernel; }
@test "newest: chains of calls in Python and C, with stops" { also "$newest" chains --no-kernel; }
@test "chains of calls in Python and C at 10 kHz"    { requires all; each_python any chains -r 10000hz; }

@test "C frames for an ordinary user" {
    requires_native
    run_as_nobody
    start_as_nobody fib
    run_pyflame 0 -q -n -s 0.5 --native=all "$pid"
    all_match '^[^;]*(\.so|[^y]:|\+0x)[^;]*;.*fib\.py:<module>|\(C frames |^\(' stdout
    [ $((2 * $(samples stdout "$marks"))) -le "$(samples stdout)" ]
}

busy() {
    requires_native
    start_target fib "$1"
    run_pyflame 0 -n -s 1 --native "$pid"
    all_match '^[^;]+\.py:<module>;|^\(idle\)|^\(failed\)' stdout
    [ $((2 * $(samples stdout "$marks"))) -le "$(samples stdout)" ]
}

@test "2.7: what runs is unwound"    { each_python 2.7 busy; }
@test "3.6: what runs is unwound"    { also 3.6 busy; }
@test "3.9: what runs is unwound"    { each_python 3.9 busy; }
@test "3.10: what runs is unwound"   { also 3.10 busy; }
@test "3.11: what runs is unwound"   { also 3.11 busy; }
@test "3.12: what runs is unwound"   { each_python 3.12 busy; }
@test "3.14: what runs is unwound"   { also 3.14 busy; }
@test "3.14t: what runs is unwound"  { also 3.14t busy; }
@test "newest: what runs is unwound" { each_python "$newest" busy; }

@test "with --no-pause and without the kernel's samples what runs is marked, and what waits is not" {
    requires_native
    find_python
    build_library "$python"
    [ -z "$unsuitable" ] || skip "$unsuitable"
    start_target native "$python" "$library" shares
    run_pyflame 0 -n -x -s 0.5 --native --no-pause --no-kernel "$pid"
    grep -v '^(failed)' stdout > good
    equal "$(samples good)" "$(samples good ';\(C frames not known\) ')"
    start_target native "$python" "$library" sorts
    wait_for 20 are_asleep
    run_pyflame 0 -n -s 0.5 --threads --native --no-pause "$pid"
    equal "$(samples stdout "$marks")" 0
    [ "$(samples stdout ':qsort')" -gt 0 ]
}

@test "a library that takes the place of another is seen as that" {
    requires_native
    find_python
    build_library "$python"
    [ -z "$unsuitable" ] || skip "$unsuitable"
    cp "$library" other.so
    start_target native "$python" "$library" reloads "$PWD/other.so"
    run_pyflame 0 -n -x -s "$(many 5 20)" --native "$pid"
    [ "$(samples stdout 'py:what_reloads;.*;libnative\.so:spin ')" -gt 0 ]
    # it may be noticed a second later
    [ "$(samples stdout 'py:again;.*;other\.so:spin ')" -gt "$(samples stdout 'py:again;.*;libnative\.so:')" ]
}

@test "the frames of a program that has Python inside" {
    requires_native
    build_embedding
    start_command ./program "$targets/many_calls.py"
    wait_for 20 are_asleep
    run_pyflame 0 -d --native "$pid"
    lacks "$output" "$marks"
    equal "$(awk '/^$/ { exit } { last = $0 } END { print last }' stdout)" program:main
}

@test "what lets go of the GIL in C all the time is sampled by the kernel, if anything is" {
    requires root
    requires_native
    find_python
    build_library "$python"
    [ -z "$unsuitable" ] || skip "$unsuitable"
    start_target native "$python" "$library" lets_go
    run_pyflame 0 -s 1 -r 1ms --native --stats "$pid"
    grep -q 'kernel samples: [0-9]' <<< "$stderr" || skip "this kernel does not permit it"
    [ "$(samples stdout ';libnative\.so:spin ')" -gt 500 ]
    [ "$(stat_of "asked for in vain")" -lt 20 ]
    [ "$(stat_of "taken with the thread stopped")" -lt 20 ]
}

# --- formats, options -------------------------------------------------------------

@test "C frames are in all formats, and native there" {
    requires_native
    find_python
    build_library "$python"
    [ -z "$unsuitable" ] || skip "$unsuitable"
    start_target native "$python" "$library" sorts
    wait_for 20 are_asleep
    local format
    for format in html speedscope gecko chrome json; do
        run_pyflame 0 -s 0.2 --threads --native -f "$format" -o "written.$format" "$pid"
    done
    for format in speedscope gecko chrome json; do
        grep -qE ':qsort' "written.$format"
    done
    grep -qE '"cat":"native"' written.chrome || grep -qE 'native' written.chrome
    run_pyflame 0 -i written.json -o again.txt
    grep -qE ';libc[^;]*:qsort[^;]*;.*native\.py' again.txt
    run_pyflame 0 -d --native -f json "$pid"
    matches "$output" '"function":"libc[^"]*:qsort'
}

@test "--why --native names the C function that computes, and shows the C frames of all" {
    requires_native
    find_python
    build_library "$python"
    [ -z "$unsuitable" ] || skip "$unsuitable"
    start_target native "$python" "$library" computes
    run_pyflame 0 --why --native "$pid"
    matches "$(head -n 1 stdout)" '^busy in libnative\.so:spin, called from native\.py:what_computes:[0-9]+ \('
    in_order stdout 'MainThread .*: is busy' 'libnative\.so:spin$' 'native\.py:what_computes:' \
        'native\.py:<module>:' 'waiter .*: sleeps' 'native\.py:nap:'
    run_pyflame 0 --why --native --locals -f json "$pid"
    matches "$output" '"function":"libnative\.so:spin"\},.*"function":"what_computes"'
    matches "$output" '"function":"libc[^"]*"\},.*"function":"nap".*"function":"Thread.run"[^]]*"name":"self"'
    matches "$output" '"text":"busy in libnative\.so:spin, called from native\.py:what_computes:'
    run_pyflame 0 --why "$pid"
    lacks "$output" 'libnative'
    assert_unharmed "$pid"
}

@test "--native takes all or nothing, and does not go with -i" {
    requires_native
    run_pyflame 2 --native=some 1
    matches "$stderr" '^pyflame: --native takes no value but all, not "some"'
    echo 'a 1' > profile.txt
    run_pyflame 2 --native -i profile.txt
    matches "$stderr" '^pyflame: --native and -i do not go together'
    run_pyflame 2 --quiet=all 1
    matches "$stderr" 'takes no value'
}
