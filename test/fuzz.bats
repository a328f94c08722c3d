#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whatever a target, the kernel or a file has: what was found by fuzzing stays found,
# and what a broken target costs stays bounded. `make fuzz` looks for more.

load helper

# build NAME [FLAG]...: into ./NAME, with sanitizers where these are there.
build() {
    requires cc
    local sanitizers=('-fsanitize=address,undefined' -fno-sanitize-recover=all)
    "$tests/fuzz/build" "$1" "$1" cc -O0 -g "${sanitizers[@]}" "${@:2}" 2> log ||
        "$tests/fuzz/build" "$1" "$1" cc -O1 -g "${@:2}"
}

# Every input of a harness's corpus, once.  Before their number it may have warned of targets.
replay() {
    run "./$1" "$tests/fuzz/corpus/$1"
    echo "$output" | tail -n 40
    equal "$status" 0
    matches "${lines[-1]}" '^[1-9][0-9]+ inputs$'
}

@test "ELF images: what was found stays found"       { build elf; replay elf; }
@test "files of /proc: what was found stays found"   { requires all; build proc; replay proc; }
@test "line tables: what was found stays found"      { requires all; build linetab; replay linetab; }
@test "input files: what was found stays found"      { requires all; build input; replay input; }
@test "options: what was found stays found"          { requires all; build options; replay options; }
@test "a simulated target: what was found stays found" { build target; replay target; }
@test "objects: what was found stays found"          { requires all; build values; replay values; }
@test "tasks: what was found stays found"            { build tasks; replay tasks; }
@test "greenlets: what was found stays found"        { build greenlets; replay greenlets; }
@test "C stacks: what was found stays found"         { build native; replay native; }

@test "a maps file of 100000 lines" {
    build maps
    run ./maps
    equal "$output" "100000 maps, the last one of /a b"
}

run_bounds() {
    run "./bounds" "$@"
    echo "$output" | grep -v '^ok' || :
    equal "$status" 0
    [ "$(grep -c '^ok ' <<< "$output")" -gt 80 ]
}

@test "targets that are broken cost little, and are counted by their reason" {
    requires cc
    "$tests/fuzz/build" bounds bounds cc -O1 -g
    run_bounds
}

@test "the same with sanitizers, all of them" {
    requires all
    build bounds
    UNLIMITED=1 run_bounds all
}

@test "nothing is used that was not read" {
    requires all clang
    "$tests/fuzz/build" target memory clang -O1 -g -fsanitize=memory 2> log || skip "needs MemorySanitizer"
    run ./memory "$tests/fuzz/corpus/target"
    echo "$output" | tail -n 40
    equal "$status" 0
}

@test "fuzzing finds nothing in a while" {
    requires all clang
    local name
    for name in elf proc linetab target values tasks greenlets input options; do
        "$tests/fuzz/build" "$name" fuzzer clang -O1 -g -fsanitize=fuzzer,address,undefined \
            -fno-sanitize-recover=all 2> log || skip "needs libFuzzer"
        mkdir -p "new-$name"
        run nice ./fuzzer -runs=20000 -timeout=10 -max_len=2000 -max_total_time=60 \
            "new-$name" "$tests/fuzz/corpus/$name"
        echo "$output" | tail -n 40
        equal "$status" 0
    done
}
