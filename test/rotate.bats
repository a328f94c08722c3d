#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --rotate, and names with the pid and the time in them.

load helper

start_fib() {
    find_python
    start_target fib "$python"
}

@test "--rotate: a file each time, each with its own ticks, none lost" {
    local file ticks=0 missed=0
    start_fib
    run_pyflame 0 -s 2.3 -r 5ms --rotate=1 --stats -o prof-%t.json "$pid"
    equal "$output" ""
    ls
    for file in prof-*; do
        matches "$file" '^prof-20[0-9]{6}T[0-9]{6}Z\.json$'
        ticks=$((ticks + $(grep -o '"ticks": *[0-9]*' "$file" | grep -o '[0-9]*$')))
        missed=$((missed + $(grep -o '"missed": *[0-9]*' "$file" | grep -o '[0-9]*$')))
        "$pyflame" -i "$file" > stacks
        [ "$(samples stacks ':main:')" -gt 0 ]
        [ "$(samples stacks)" -le 300 ]
    done
    set -- prof-*
    [ $# -ge 2 ] && [ $# -le 3 ]
    equal "$ticks" "$(stat_of ticks)"
    equal "$missed" "$(stat_of missed)"
    equal "$(find . -name '*.tmp')" ""
}

@test "--rotate: a file is there before the next one is done, and SIGUSR1 writes what there is" {
    start_fib
    start_pyflame --rotate=1 -r 5ms -o %t.txt "$pid"
    wait_for_sampling
    kill -USR1 "$profiler"
    wait_for 30 eval '[ -n "$(ls -- *.txt 2> /dev/null)" ]'
    wait_for 30 eval '[ "$(ls -- *.txt | wc -l)" -ge 2 ]'
    wait_for_sampling
    kill -INT "$profiler"
    end_pyflame 0
    for file in *.txt; do
        [ "$(samples "$file" ':main:')" -gt 0 ]
    done
}

@test "--rotate goes on until the target ends, or the command" {
    find_python
    run_pyflame 3 --rotate=1h -o %p-%t.txt -t "$python" "$targets/exit_after.py" 0.5
    mv -- *Z.txt command
    [ "$(samples command ':busy:')" -gt 0 ]
    start_target exit_after "$python" 1
    forget_target "$pid"
    run_pyflame 0 --rotate=1h -o %p-%t.txt "$pid"
    mv -- "$pid"-*Z.txt target
    [ "$(samples target ':busy:')" -gt 0 ]
}

@test "--rotate: a link that another user has put where the next file will be is not followed" {
    requires root setpriv
    make_public_folder
    mkdir -m 1777 "$folder/open"
    echo precious > precious
    start_fib
    start_pyflame --rotate=1 -r 5ms -o "$folder/open/%t" "$pid"
    wait_for_sampling
    # shellcheck disable=SC2016 # for the other shell
    TZ=UTC "${nobody[@]}" bash -c 'for ((i = 0; i < 300; i++)); do
        printf -v name "%(%Y%m%dT%H%M%SZ)T" $((EPOCHSECONDS + i))
        [ -e "$1/$name" ] || ln -s "$2" "$1/$name"
    done' bash "$folder/open" "$PWD/precious"
    wait_for 30 grep -q 'cannot write .*: Operation not permitted' stderr
    kill -INT "$profiler"
    end_pyflame 1
    equal "$(< precious)" precious
}

@test "--rotate with processes that come, threads, and other formats" {
    local children file
    find_python
    start_target tree "$python" prefork 2
    children=$(pgrep -P "$pid")
    run_pyflame 0 -s 1.3 -r 5ms --rotate=1 --children --by-process --threads -o '%t.txt' "$pid"
    for file in *.txt; do
        for one in $children; do
            [ "$(samples "$file" "^process $one .*:busy:")" -gt 0 ]
        done
    done
    run_pyflame 0 -s 1.1 -r 5ms --rotate=1 --flamechart -o '%t.chart' "$pid"
    run_pyflame 0 -s 1.1 -r 5ms --rotate=1 -o '%t.pb.gz' "$pid"
    for file in *.chart *.pb.gz; do
        [ -s "$file" ]
    done
    set -- *.pb.gz
    [ $# -ge 1 ]
}

@test "--rotate: a disk that is full for a while costs the files of that while" {
    requires all
    start_fib
    # shellcheck disable=SC2016 # the script's own
    on_full_disk 64k '
        "$1" -s 4.2 -r 20ms --rotate=1 -o disk/%t.txt "$2" &
        sleep 2.5
        rm disk/*
        wait $!
        status=$?
        ls -A disk
        exit $status' "$pid"
    equal "$status" 1
    matches "$output" 'cannot write disk/[0-9TZ]*\.txt: No space left'
    matches "${lines[-1]}" '^[0-9]+T[0-9]+Z\.txt$'
    lacks "$output" '\.tmp'
}

@test "--rotate wants a name that tells the files apart" {
    for arguments in "" "-o x.txt" "-o x%%t" "-o x%p" "-o -"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 2 --rotate=5m $arguments 1
        only_complains
        matches "$stderr" '%t, the time'
    done
    run_pyflame 2 --rotate=0.5 -o %t 1
    matches "$stderr" 'a second or more'
    for arguments in "-d 1" "-i x" "--diff=x 1"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 2 --rotate=5m -o %t $arguments
        matches "$stderr" '--rotate and .* do not go together|-i and'
    done
}

@test "%p, %t and %% in a name, without --rotate too; anything else stays" {
    start_fib
    run_pyflame 0 -s 0 -o '%p.%t.%%.%x.100%' "$pid"
    run ls
    matches "$output" "$pid"'\.20[0-9]{6}T[0-9]{6}Z\.%\.%x\.100%'
    run_pyflame 0 -s 0.1 -o %p -t "$python" -c 'import os, time; time.sleep(.3); print(os.getpid())'
    [ -s "$output" ]
}

@test "%t is the time in UTC" {
    local before after
    start_fib
    before=$(date -u +%Y%m%dT%H%M%SZ)
    TZ=Asia/Tokyo run_pyflame 0 -s 0 -o %t "$pid"
    after=$(date -u +%Y%m%dT%H%M%SZ)
    set -- 20*
    [[ ! $1 < $before && ! $1 > $after ]]
}
