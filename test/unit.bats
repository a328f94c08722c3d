#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The parts that work on bytes alone, each by itself.

load helper

run_unit() {
    status=0
    ./unit > log 2>&1 || status=$?
    grep -v '^ok ' log || :
    equal "$status" 0
    [ "$(grep -c '^ok ' log)" -gt 100 ]
}

@test "numbers, line tables, ELF images, objects, labels, stacks, saved profiles, times and streams" {
    compile_all unit "$tests/unit.c"
    run_unit
}

@test "the same with sanitizers" {
    requires all
    compile_all unit "$tests/unit.c" -fsanitize=address,undefined -fno-sanitize-recover=all ||
        skip "needs sanitizers"
    run_unit
}

# Not by the program's own compiler: what it is measured against is the C library's memory.
run_alloc() {
    local seed
    for seed in "$@"; do
        status=0
        ./alloc "$seed" > log || status=$?
        grep -v '^ok ' log || :
        equal "$status" 0
        equal "$(grep -c '^ok ' log)" 37
    done
}

@test "memory is allocated as it should be, and what is broken ends the program" {
    compile_all alloc "$tests/tools/alloc.c"
    run_alloc 1 2
}

@test "the same with a sanitizer, and with many more sequences" {
    requires all
    compile_all alloc "$tests/tools/alloc.c" -fsanitize=undefined -fno-sanitize-recover=all ||
        skip "needs sanitizers"
    run_alloc {10..40}
}

# The lines that the interpreter itself finds in the tables of some modules.
reads_lines() {
    "$1" "$tests/tools/lines.py" > lines
    ./lines_of < lines
}

compile_lines() {
    compile_all lines_of "$tests/tools/lines.c"
}

@test "2.7: line tables as Python reads them"  { compile_lines; each_python 2.7 reads_lines; }
@test "3.6: line tables as Python reads them"  { compile_lines; each_python 3.6 reads_lines; }
@test "3.7: line tables as Python reads them"  { compile_lines; each_python 3.7 reads_lines; }
@test "3.8: line tables as Python reads them"  { compile_lines; each_python 3.8 reads_lines; }
@test "3.9: line tables as Python reads them"  { compile_lines; each_python 3.9 reads_lines; }
@test "3.10: line tables as Python reads them" { compile_lines; each_python 3.10 reads_lines; }
@test "3.11: line tables as Python reads them" { compile_lines; each_python 3.11 reads_lines; }
@test "3.12: line tables as Python reads them" { compile_lines; each_python 3.12 reads_lines; }
@test "3.13: line tables as Python reads them" { compile_lines; each_python 3.13 reads_lines; }
@test "3.14: line tables as Python reads them" { compile_lines; each_python 3.14 reads_lines; }
@test "newest: line tables as Python reads them" { compile_lines; each_python "$newest" reads_lines; }
