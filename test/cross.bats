#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Binaries for other machines, and what a release consists of. All of it is slow.

load helper

# Builds for machine $1; the file is in $binary.
cross_build() {
    requires all
    "$tree/dist/cross" "$1" 2> log || skip "$(tail -n 1 log)"
    binary=$tree/build/dist/pyflame-$(make -s -C "$tree" print-version)-$1
}

# is_static_for ARCH MACHINE EMULATOR: nothing is needed but the kernel, and it starts.
is_static_for() {
    requires readelf
    cross_build "$1"
    lacks "$(cat log)" '[Ww]arning'
    readelf -hlW "$binary" > headers
    grep -qE "Machine: +$2" headers
    grep -q LOAD headers
    lacks "$(cat headers)" 'INTERP'
    lacks "$(readelf -d "$binary")" 'NEEDED'
    lacks "$(grep -E '^ *(LOAD|GNU_STACK)' headers)" 'RWE'
    [ "$1" != "$(uname -m)" ] || set -- "$1" "$2" env
    requires "$3"
    run "$3" "$binary" --version
    equal "$status" 0
    matches "$output" '^pyflame '
}

@test "x86_64: the build is static and starts"  { is_static_for x86_64 '.*X86-64' qemu-x86_64-static; }
@test "aarch64: the build is static and starts" { is_static_for aarch64 AArch64 qemu-aarch64-static; }
@test "armv7: the build is static and starts"   { is_static_for armv7 ARM qemu-arm-static; }
@test "i386: the build is static and starts"    { is_static_for i386 'Intel 80386' qemu-i386-static; }
@test "riscv64: the build is static and starts" { is_static_for riscv64 RISC-V qemu-riscv64-static; }
@test "ppc64le: the build is static and starts" { is_static_for ppc64le PowerPC64 qemu-ppc64le-static; }
@test "s390x: the build is static and starts"   { is_static_for s390x 'IBM S/390' qemu-s390x-static; }

# unit_tests_pass ARCH EMULATOR: the tests of what works on bytes alone. They need
# stdio.
unit_tests_pass() {
    local command compiler sources
    find_sources "$tests/unit.c"
    cross_build "$1"
    mapfile -t command < <("$tree/dist/cross" --cc "$1")
    read -r -a compiler <<< "${command[0]}"
    # shellcheck disable=SC2086 # these are several options
    "${compiler[@]}" -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra "${tree_flags[@]}" \
        -static -o unit ${command[1]} "${sources[@]}" -lm ${command[2]} 2> log
    equal "$(cat log)" ""
    [ "$1" != "$(uname -m)" ] || set -- "$1" env
    requires "$2"
    run "$2" ./unit
    grep -v '^ok ' <<< "$output" || :
    equal "$status" 0
    [ "$(grep -c '^ok ' <<< "$output")" -gt 100 ]
}

@test "aarch64: the unit tests pass" { unit_tests_pass aarch64 qemu-aarch64-static; }
@test "armv7: the unit tests pass"   { unit_tests_pass armv7 qemu-arm-static; }
@test "i386: the unit tests pass"    { unit_tests_pass i386 qemu-i386-static; }
@test "riscv64: the unit tests pass" { unit_tests_pass riscv64 qemu-riscv64-static; }
@test "ppc64le: the unit tests pass" { unit_tests_pass ppc64le qemu-ppc64le-static; }
@test "s390x: the unit tests pass"   { unit_tests_pass s390x qemu-s390x-static; }

# --- a pyflame of 32 bits -----------------------------------------------------

use_narrow_build() {
    cross_build i386
    "$binary" --version > out 2>&1 || skip "this kernel runs no i386 programs"
    pyflame=$binary
}

narrow_build_reads() {
    start_target truth "$1" account
    run_pyflame 0 -d "$pid"
    truth_normalise < stdout > seen
    [ -s account ]
    truth_diff account seen > difference || { head -n 40 difference; return 1; }
    end_targets
    start_target fib "$1"
    run_pyflame 0 -s 0.5 "$pid"
    [ "$(samples stdout ':main:')" -gt 0 ]
}

@test "a pyflame of 32 bits reads Pythons of 32 bits" {
    load truth
    use_narrow_build
    each_python i386 narrow_build_reads
}

@test "a pyflame of 32 bits says that it can't read 64" {
    use_narrow_build
    find_python
    is_elf "$python" || skip "not a plain executable: $python"
    start_target idle "$python"
    [ "$(head -c 5 "/proc/$pid/exe" | tail -c 1)" = $'\x02' ] || skip "this Python has 32 bits"
    run_pyflame 3 "$pid"
    only_complains
    matches "$stderr" "pid $pid is a 64-bit process, and this pyflame is a 32-bit one"
}

# --- releases -----------------------------------------------------------------

@test "a release made twice has the same bytes" {
    requires all git
    [ -e "$tree/.git" ] || skip "not a clone"
    local file version
    version=$(make -s -C "$tree" print-version)
    unset MAKEFLAGS MFLAGS MAKELEVEL
    "$tree/dist/release" "$PWD/one" > one.log 2>&1 || cat one.log
    [ -s one/SHA256SUMS ] || skip "$(tail -n 1 one.log)"
    (umask 077; TZ=Asia/Tokyo TMPDIR=$PWD "$tree/dist/release" "$PWD/two") > two.log 2>&1 || cat two.log
    diff one/SHA256SUMS two/SHA256SUMS
    (cd two && sha256sum --quiet -c SHA256SUMS)
    equal "$(ls one)" "$(ls two)"
    [ -e "one/pyflame-$version-x86_64" ]
    for file in one/pyflame-"$version"-*; do
        [ -x "$file" ]
        lacks "$(readelf -SW "$file")" '\.(symtab|debug_info)'
    done
}

@test "the source of a release builds by itself" {
    requires all git
    [ -e "$tree/.git" ] || skip "not a clone"
    local version
    version=$(make -s -C "$tree" print-version)
    unset MAKEFLAGS MFLAGS MAKELEVEL
    git -C "$tree" archive --prefix=source/ HEAD | tar -x
    make -s -C source
    matches "$(source/pyflame --version)" "^pyflame $version "
}
