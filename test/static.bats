#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The program as a file: it needs nothing but the kernel. And the program under
# tools that watch its memory.

load helper

is_plain_build() {
    ! grep -q __asan_init "$pyflame" || skip "a build with sanitizers"
}

@test "it has no interpreter and needs no library" {
    requires readelf
    is_plain_build
    readelf -l "$pyflame" > headers
    grep -q LOAD headers
    lacks "$(cat headers)" 'INTERP'
    lacks "$(readelf -d "$pyflame")" 'NEEDED'
}

@test "it has no writable code and no executable stack" {
    requires readelf
    is_plain_build
    lacks "$(readelf -lW "$pyflame" | grep -E '^ *(LOAD|GNU_STACK)')" 'RWE'
}

@test "stripped it has 256 KB or less" {
    requires strip
    is_plain_build
    strip -o stripped "$pyflame"
    echo "$(wc -c < stripped) bytes"
    [ "$(wc -c < stripped)" -le 262144 ]
}

@test "it has one allocator, which is its own" {
    requires nm
    is_plain_build
    ! grep -q 'GNU C Library' "$pyflame" || skip "a build with another C library"
    nm "$pyflame" > symbols
    equal "$(grep -cE ' T (malloc|calloc|realloc|free)$' symbols)" 4
    lacks "$(cat symbols)" '__libc_(malloc|calloc|realloc|free)|__malloc|__simple_malloc'
}

# What is seldom needed is packed, and unpacked into memory that then may be executed.
@test "where no memory may be made executable it takes collapsed stacks, and says so of the rest" {
    requires readelf
    readelf -SW "$pyflame" | grep -q ' \.packed ' || skip "a build that is not packed"
    compile refuse "$tests/tools/refuse.c"
    find_python
    start_target fib "$python"
    run ./refuse enosys mprotect -- "$pyflame" -s 0.1 "$pid"
    equal "$status" 0
    matches "$output" ':main:'
    run ./refuse enosys mprotect -- "$pyflame" -d "$pid"
    equal "$status" 1
    matches "$output" '^pyflame: cannot unpack what that needs: Function not implemented; where'
}

@test "it runs in an empty folder, without an environment" {
    requires root chroot
    is_plain_build
    mkdir empty
    cp "$pyflame" empty/pyflame
    run env -i "$(command -v chroot)" empty /pyflame --version
    equal "$status" 0
    matches "$output" '^pyflame '
}

@test "it works without an environment, in a folder that is gone" {
    find_python
    start_target fib "$python"
    run sh -c "mkdir gone && cd gone && rmdir ../gone && exec env -i '$pyflame' -s 0 $pid"
    equal "$status" 0
    matches "$output" ':main:'
}

@test "it works with standard input closed, and leaves it closed to a command" {
    find_python
    start_target fib "$python"
    run sh -c "exec '$pyflame' -s 0 $pid <&-"
    equal "$status" 0
    matches "$output" ':main:'
}

# --- with tools ---------------------------------------------------------------

# build_with FLAG...: ./watched, a build by plain cc.
build_with() {
    compile_all watched "$tree/pyflame.c" "$@" 2> log || skip "cc can't build it with $*"
    pyflame=$PWD/watched
}

# Whatever is found there shows in the exit status.
everything() {
    start_target sleeper "$1" 5
    run_pyflame 0 -s 0.5 -r 2ms "$pid"
    run_pyflame 0 -s 0.5 -r 2ms --threads --stats "$pid"
    run_pyflame 0 -s 0.3 -r 2ms --by-thread -n -x "$pid"
    run_pyflame 0 -s 0.3 -r 2ms --flamechart --pause -o chart "$pid"
    run_pyflame 0 -d "$pid"
    end_targets
    start_target gens "$1"
    run_pyflame 0 -s 1 -r 2ms "$pid"
    end_targets
    start_target churn_code "$1"
    run_pyflame 0 -s 1 -r 2ms "$pid"
    end_targets
    start_target truth "$1" account
    run_pyflame 0 -d "$pid"
    end_targets
    run_pyflame 3 -t "$1" "$targets/exit_after.py" 0.5
    run_pyflame 5 $((2 ** 31 - 1))
}

@test "address and undefined behaviour sanitizers find nothing" {
    requires all
    build_with -fsanitize=address,undefined -fno-sanitize-recover=all
    each_python any everything
}

@test "2.7: address and undefined behaviour sanitizers find nothing" {
    requires all
    build_with -fsanitize=address,undefined -fno-sanitize-recover=all
    each_python 2.7 everything
}

@test "3.14t: address and undefined behaviour sanitizers find nothing" {
    requires all
    build_with -fsanitize=address,undefined -fno-sanitize-recover=all
    each_python 3.14t everything
}

@test "valgrind finds nothing" {
    requires all valgrind
    build_with
    as=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite)
    find_python
    patience=300 everything "$python"
}
