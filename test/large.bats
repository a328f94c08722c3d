#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Large profiles from files, in seconds; sizes, counts and files that come to their limits.

load helper

formats=(collapsed report html svg speedscope pprof gecko chrome json)

# table N PROGRAM: what a program of awk writes for i from 0 to N - 1.
table() {
    awk -v n="$1" "BEGIN { for (i = 0; i < n; i++) $2 }"
}

# writes_all FILE [FORMAT]...: each format takes a minute at most.
writes_all() {
    local format file=$1
    shift
    for format in "$@"; do
        ! "$pyflame" -f "$format" -i /dev/null 2>&1 | grep -q 'built without' || continue
        echo "$file as $format"
        timeout 60 "$pyflame" -f "$format" -i "$file" > written
        [ -s written ]
        rm written
    done
}

# chain N: JSON in which each of N stacks stands on the one before, and each has samples.
chain() {
    echo '{"format":"pyflame","version":1,"strings":["f"],"threads":[{}],'
    echo '"frames":{"function":[0],"file":[-1],"line":[0]},"stacks":{"parent":['
    table "$1" 'print (i ? "," : "") i - 1'
    echo '],"frame":['
    table "$1" 'print (i ? "," : "") 0'
    echo '],"count":['
    table "$1" 'print (i ? "," : "") 1'
    echo ']}}'
}

@test "200,000 threads are read and written in seconds, in all formats" {
    table 200000 'printf "P7;T%d;a.py:main:1 1\n", i + 1' > threads
    writes_all threads "${formats[@]}"
}

@test "200,000 processes are, and what was written is read again" {
    requires all
    requires format=json
    table 200000 'printf "P%d;T%d;a.py:main:1 1\n", i + 1, i + 1' > processes
    writes_all processes "${formats[@]}"
    "$pyflame" -f json -i processes > again
    writes_all again json gecko
}

@test "200,000 threads of one id and different names are" {
    requires all
    requires format=json
    {
        echo '{"format":"pyflame","version":1,"strings":["f"],"threads":['
        table 200000 'printf "%s{\"pid\":1,\"tid\":1,\"name\":\"t%d\"}\n", i ? "," : "", i'
        echo '],"frames":{"function":[0],"file":[-1],"line":[0]},"stacks":{"parent":['
        table 200000 'printf "%s%d\n", i ? "," : "", -1 - i'
        echo '],"frame":['
        table 200000 'print (i ? "," : "") 0'
        echo '],"count":['
        table 200000 'print (i ? "," : "") 1'
        echo ']}}'
    } > names
    writes_all names "${formats[@]}"
}

@test "200,000 frames, stacks, and calls within one another are" {
    requires all
    requires format=json
    table 200000 'printf "a.py:f%d:%d 1\n", i, i + 1' > frames
    writes_all frames "${formats[@]}"
    table 200000 'printf "a.py:f%d:1;b.py:g%d:1 1\n", i % 1000, i' > stacks
    writes_all stacks "${formats[@]}"
    table 200000 'printf "%sa.py:f%d:%d%s", i ? ";" : "", i, i + 1, i < n - 1 ? "" : " 1\n"' > deep
    writes_all deep "${formats[@]}"
    # In other formats the file has each stack in full.
    chain 200000 > linked
    writes_all linked html svg gecko chrome json
}

# --- names without end ---------------------------------------------------------

# has_no_room ARGUMENT...: for these there comes to be no room. Nothing is dropped: all that failed is in the profile.
has_no_room() {
    local seconds failed
    for seconds in 4 12 36; do
        run_pyflame 0 --threads --pause -r 10ms -s "$seconds" -o profile "$@"
        ! [[ $stderr =~ 'which the profile has no room' ]] || break
    done
    matches "$stderr" '[0-9]+ of those that failed had names or stacks for which the profile has no room'
    failed=$(grep -oE '[0-9]+ failed \(' <<< "$stderr")
    equal "$(grep -a '^(failed) ' profile)" "(failed) ${failed% failed*}"
    [ "$(wc -c < profile)" -lt 600000000 ]
}

make_names() {
    find_python
    at_least 3.8 "$python" || skip "needs code.replace()"
}

@test "the names of a program that executes itself again and again have one limit" {
    requires all
    make_names
    start_target new_names "$python" 1000
    has_no_room "$pid"
}

@test "those of many processes have one limit" {
    make_names
    start_process sh -c 'for i in 1 2 3; do "$@" & done; wait' sh "$python" "$targets/new_names.py"
    has_no_room --children "$pid"
}

# --- files that may not grow any more -----------------------------------------

# too_large COMMAND: fails as on a full disk, where no file may have more than 4 KB.
too_large() {
    run sh -c 'ulimit -f 8; ulimit -c unlimited; '"$1" sh "$pyflame"
    echo "$output"
    equal "$status" 1
    matches "$output" '^pyflame: cannot write .*File too large$'
    equal "$(ls core* 2> /dev/null)" ""
}

# Deeper than 4 KB as text.
start_deep() {
    find_python
    cat > deep.py << 'END'
import time

def function_with_a_long_name_so_that_the_profile_is_large(n):
    if n:
        return function_with_a_long_name_so_that_the_profile_is_large(n - 1)
    print("ready", flush=True)
    while True:
        time.sleep(0.01)

function_with_a_long_name_so_that_the_profile_is_large(200)
END
    start_command "$python" deep.py
}

@test "the limit of a file's size is a failure like a full disk" {
    requires format=json
    table 2000 'printf "a.py:f%d:%d 1\n", i, i + 1' > large
    echo earlier > profile
    too_large '"$1" -i large > direct'
    run sh -c 'ulimit -f 1; "$1" --help > direct' sh "$pyflame"
    equal "$status" 1
    too_large '"$1" -i large -o profile'
    too_large '"$1" -f json -i large -o profile'
    equal "$(cat profile)" earlier
    equal "$(echo *.tmp)" "*.tmp"
}

@test "so it is while a process is sampled, to stdout, a file and files in turn" {
    start_deep
    echo earlier > profile
    too_large '"$1" --threads -s 0.2 '"$pid"' > direct'
    too_large '"$1" --threads -s 0.2 -o profile '"$pid"
    equal "$(cat profile)" earlier
    # Each file is tried.
    run sh -c 'ulimit -f 8; "$1" --threads -s 1.5 --rotate=1 -o %t.txt "$2"' sh "$pyflame" "$pid"
    echo "$output"
    equal "$status" 1
    equal "$(grep -c 'File too large' <<< "$output")" 2
    equal "$(find . -name '*.txt')" ""
    equal "$(ls core* 2> /dev/null)" ""
}

@test "the command's own limit of a file's size is as it was" {
    find_python
    run "$pyflame" -t sh -c 'ulimit -f 1; exec head -c 100000 /dev/zero > large'
    echo "$output"
    equal "$status" $((128 + 25))
}

# --- counts that are too large -------------------------------------------------

most=9007199254740992 # 2^53

# says_most FILE...: the sum is the most that there can be, and that is said.
says_most() {
    local inputs=()
    for file; do inputs+=(-i "$file"); done
    run_pyflame 0 "${inputs[@]}" -f json -o sum.json
    matches "$stderr" "^pyflame: the counts add up to more than $most, and were cut to that\$"
    run_pyflame 0 -q "${inputs[@]}"
    equal "$stderr" ""
    run_pyflame 0 -i sum.json
    equal "$stderr" ""
    equal "$(awk '{ s = s + $NF } END { printf "%.0f", s }' stdout)" "$most"
}

@test "counts that add up to too much are the most that there can be, which is said" {
    requires format=json
    printf 'a %s\n' 9000000000000000 > half
    printf '(idle) %s\n(failed) %s\nb 5\n' "$most" "$most" > idle
    says_most half half
    says_most half idle
    { table 4000 "print \"a $most\"" && echo "b 7"; } > many
    says_most many
    grep -qx "a $most" stdout
    printf 'P1;T1;a.py:f:1 %s,1,0\n' "$most" "$most" > waits
    says_most waits
    says_most waits half
    for format in "${formats[@]}"; do
        "$pyflame" -f "$format" -i waits -i half > written 2> said || cat said
        [ -s written ]
    done
}

@test "so are the numbers of ticks, of failures and the durations of two runs" {
    requires format=json
    cat > run.json << END
{"format":"pyflame","version":1,"strings":[],"frames":{"function":[],"file":[],"line":[]},
"threads":[{}],"stacks":{"parent":[],"frame":[],"count":[]},
"run":{"duration":8000000000,"all_threads":false,"ticks":$most,"missed":$most,"failures":{"torn":$most}}}
END
    run_pyflame 0 -i run.json -i run.json -f json -o sum.json
    matches "$stderr" "more than $most"
    run_pyflame 0 -i sum.json -f json
    matches "$output" "\"ticks\":$most"
    matches "$output" "\"torn\":$most"
}

@test "shares of counts that are as large as can be are right in a picture" {
    requires format=svg
    printf 'a 6000000000000000\nb 3000000000000000\n' > large
    run_pyflame 0 -f svg -i large
    matches "$output" '6000000000000000 samples, 66\.66 %'
    matches "$output" '3000000000000000 samples, 33\.33 %'
    matches "$output" 'width="786\.66"'
}
