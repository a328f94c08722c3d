#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What threads wait for, as -d says it.

load helper

end_waits() {
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid" || :
}

# Whether all threads are where they say that they wait.
all_wait() {
    local name regex line
    "$pyflame" -d "$pid" > stdout 2> stderr || return
    missed=
    while IFS=$'\t' read -r name regex; do
        line=$(grep -E "^[0-9]+\*?: $name \(" stdout)
        [[ $line =~ ^[0-9]+:\ $name\ \(waits:\ $regex\)$ ]] || missed+="$regex
$line
"
    done < <(sed '/^ready/d' "$target_out")
    [ -z "$missed" ]
}

waits() {
    requires format=report # such a build has them
    mkdir -p folder
    rm -f folder/*
    start_target waits "$1" "$PWD/folder"
    wait_for 10 all_wait || { echo "$missed"; return 1; }
    grep -cE '\(waits: ' stdout
    equal "$(grep -c "$(printf '\t')" "$target_out")" "$(($(grep -c '(waits: ' stdout) - 1))"
    grep -qE '^[0-9]+: MainThread \(waits: (pause|rt_sigsuspend|ppoll) a signal\)$' stdout
    end_waits
}

@test "2.7: what threads wait for is said"    { each_python 2.7 waits; }
@test "3.6: what threads wait for is said"    { also 3.6 waits; }
@test "3.8: what threads wait for is said"    { each_python 3.8 waits; }
@test "3.11: what threads wait for is said"   { each_python 3.11 waits; }
@test "3.12: what threads wait for is said"   { also 3.12 waits; }
@test "3.14: what threads wait for is said"   { each_python 3.14 waits; }
@test "newest: what threads wait for is said" { each_python "$newest" waits; }
@test "32 bits: what threads wait for is said" { each_python i386 waits; }

@test "an ordinary user's program tells as much to that user" {
    requires format=report
    run_as_nobody
    install -d -o nobody "$folder/files"
    start_as_nobody waits "$folder/files"
    cd "$folder/files"
    pyflame="$folder/pyflame"
    cp "$target_out" "$BATS_TEST_TMPDIR/said"
    as_nobody_waits() {
        "${nobody[@]}" "$pyflame" -d "$pid" > "$BATS_TEST_TMPDIR/stdout" || return
        [ "$(grep -c '(waits: ' "$BATS_TEST_TMPDIR/stdout")" -gt "$(grep -c "$(printf '\t')" "$BATS_TEST_TMPDIR/said")" ]
    }
    wait_for 10 as_nobody_waits
    lacks "$(cat "$BATS_TEST_TMPDIR/stdout")" '\(idle\)'
    end_waits
    grep -qE ': recv \(waits: recv tcp 127\.0\.0\.1:' "$BATS_TEST_TMPDIR/stdout"
}

@test "many threads that wait are dumped soon" {
    requires format=report
    find_python
    start_target many "$python" 1000 5
    run_pyflame 0 -d "$pid"
    [ "$(grep -cE '\(waits: .*\)$' stdout)" -ge 1000 ]
}

@test "who traces a stopped thread is said, and the right state of one that is stopped" {
    requires format=report gdb
    find_python
    start_target idle "$python"
    gdb -nx -q -batch -p "$pid" -ex 'shell touch held; until [ -e go ]; do sleep 0.05; done' \
        > gdb.log 2>&1 3>&- &
    tracer=$!
    tracers["$pid"]=$tracer
    wait_for 60 test -e held
    run_pyflame 0 -d "$pid"
    matches "$output" "^$pid\\*?: MainThread \\(traced by $tracer gdb .*\\)"
    touch go
    wait "$tracer"
    tracers["$pid"]=0
    kill -STOP "$pid"
    wait_for 10 in_state "$pid" T
    run_pyflame 0 -d "$pid"
    matches "$output" "^$pid\\*?: MainThread \\(stopped\\)"
    kill -CONT "$pid"
}
