#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Builds with some of the formats: make FORMATS="..." (see static.bats for the whole).

load helper

all=(collapsed report html svg speedscope pprof gecko chrome json)

# All are built in one folder: what is left of one must not get into the next.
build_with_formats() {
    requires make musl-gcc
    local folder=$BATS_FILE_TMPDIR
    nice make -s --no-print-directory -C "$tree" BUILD="$folder/build" PROGRAM="$folder/pyflame" \
        FORMATS="$1" 3>&-
    pyflame=$folder/pyflame
}

# A profile as text, as JSON, and in a page, written by the program under test.
write_profiles() {
    printf '%s\n' '(idle) 3' 'a.py:<module>:1;a.py:f:2 5' 'a.py:<module>:1;b.py:g:7 2' > profile.txt
    run_pyflame 0 -i profile.txt -o profile.json
    run_pyflame 0 -i profile.txt -o profile.html
}

# left_out FORMAT STATUS ARGUMENT...: is refused, for want of that format.
left_out() {
    local seen=0
    timeout 20 "$pyflame" "${@:3}" > stdout 2> stderr || seen=$?
    cat stderr
    equal "$seen" "$2"
    equal "$(cat stdout)" ""
    matches "$(cat stderr)" "^pyflame: .*: this pyflame was built without the format $1; it has: $has\$"
}

@test "with collapsed alone it has 140 KB or less, stripped" {
    requires strip
    [[ ${MAKEFLAGS:-} != *SMALL=* ]] || skip "what makes it small is turned off"
    build_with_formats collapsed
    strip -o stripped "$pyflame"
    echo "$(wc -c < stripped) bytes"
    [ "$(wc -c < stripped)" -le 143360 ]
}

@test "it then samples, and reads and compares collapsed stacks" {
    build_with_formats collapsed
    find_python
    start_target fib "$python"
    run_pyflame 0 -s 0.2 "$pid"
    [ "$(samples stdout ':main:')" -gt 0 ]
    cp stdout one.txt
    run_pyflame 0 -s 0.2 --diff one.txt -o two.txt "$pid"
    grep -qE ':main:.* [0-9]+ [0-9]+$' two.txt
    run_pyflame 0 -i one.txt -i one.txt
    equal "$(samples stdout)" $((2 * $(samples one.txt)))
    run_pyflame 0 -s 0.1 --flamechart "$pid"
    matches "$output" ':main:'
    run_pyflame 0 -d "$pid"
    matches "$output" ':main:'
}

@test "what was left out is named, whichever way it is asked for" {
    write_profiles
    build_with_formats collapsed
    local has=collapsed format
    for format in "${all[@]:1}"; do
        left_out "$format" 2 -f "$format" -i profile.txt
        left_out "$format" 2 -i profile.txt -f "$format" -o x.txt
    done
    left_out html 2 -o x.html 1
    left_out html 2 -o x.htm 1
    left_out svg 2 -o x.svg -i profile.txt
    left_out pprof 2 -o x.pb.gz 1
    left_out speedscope 2 -o x.speedscope.json 1
    left_out json 2 -o x.json 1
    [ ! -e x.html ]
    left_out json 1 -i profile.json
    left_out html 1 -i profile.html
    left_out json 1 --diff profile.json -i profile.txt
    left_out html 1 --diff profile.html -i profile.txt
    run_pyflame 0 -f collapsed -i profile.txt -o x.json
    cmp profile.txt x.json
}

@test "--help lists what there is" {
    write_profiles # which skips this if the program is not the whole
    "$pyflame" --help > whole
    build_with_formats collapsed
    "$pyflame" --help > reduced
    lacks "$(cat reduced)" 'html|svg|JSON|pprof'
    build_with_formats "json html"
    "$pyflame" --help > reduced
    grep -qF -- "--format=FORMAT     collapsed, html or json; default: by FILE's name" reduced
    lacks "$(cat reduced)" 'report'
    build_with_formats "${all[*]}"
    "$pyflame" --help | cmp - whole
}

@test "each format alone is written as by the whole, and the others are left out" {
    requires all
    local whole=$pyflame format other has
    write_profiles
    for format in "${all[@]:1}"; do
        "$whole" -f "$format" --title "$format" -i profile.txt > expected
        build_with_formats "$format"
        "$pyflame" -f "$format" --title "$format" -i profile.txt | cmp - expected
        has="collapsed $format"
        for other in "${all[@]:1}"; do
            [ "$other" = "$format" ] || left_out "$other" 2 -f "$other" -i profile.txt
        done
    done
}

@test "what json and html read goes with them" {
    local has=
    write_profiles
    build_with_formats json
    run_pyflame 0 -i profile.json
    cmp profile.txt stdout
    has="collapsed json" left_out html 1 -i profile.html
    build_with_formats html
    run_pyflame 0 -i profile.html
    cmp profile.txt stdout
    has="collapsed html" left_out json 1 -i profile.json
}

@test "a format that does not exist is no format to be built with" {
    requires make
    run make -n -C "$tree" FORMATS="html xml"
    equal "$status" 2
    matches "$output" 'not xml'
}
