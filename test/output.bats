#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is written: collapsed stacks, flame charts, counts; where to, and when.

load helper

start_fib() {
    find_python
    start_target fib "$python"
}

start_sleeper() {
    find_python
    start_target sleeper "$python" 2
}

# A name that can do harm in a line: makes names.py, with a function of that name
# (a Python expression) that is busy in a file of the name $2.
start_named() {
    find_python
    cat > names.py << END
import sys
def spin():
    print('ready', flush=True)
    while True: pass
name, file = $1, $2
code = compile('def f():\n spin()\n', file, 'exec')
names = {'spin': spin}
exec(code, names)
f = names['f']
c = f.__code__.replace(co_name=name)
if hasattr(c, 'co_qualname'):
    c = c.replace(co_qualname=name)
f.__code__ = c
f()
END
    at_least 3.8 "$python" || skip "needs code.replace()"
    start_command "$python" names.py
}

flamegraph() {
    local script=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
    script=$(command -v flamegraph.pl || { [ -r $script ] && echo $script; }) || skip "needs flamegraph.pl"
    requires perl
    perl "$script" "$@"
}

# --- collapsed stacks ---------------------------------------------------------

@test "a line is frames, root first, and a count" {
    start_fib
    run_pyflame 0 -s 0.2 "$pid"
    all_match '^[^:;]+:[^:;]+:[0-9]+(;[^:;]+:[^:;]+:[0-9]+)* [1-9][0-9]*$' stdout
    all_match '/fib.py:<module>:[0-9]+;[^;]*/fib.py:main:[0-9]+' stdout
}

@test "the last line ends, too" {
    start_fib
    run_pyflame 0 -s 0.05 "$pid"
    equal "$(tail -c 1 stdout | od -An -tx1)" " 0a"
}

@test "lines are sorted by their bytes" {
    start_fib
    run_pyflame 0 -s 0.5 "$pid"
    LC_ALL=C sort -c stdout
    [ "$(wc -l < stdout)" -gt 5 ]
}

@test "no stack comes twice" {
    start_fib
    for options in "" -n "--threads" "--threads -n"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 0 -s 0.15 $options "$pid"
        equal "$(sed 's/ [0-9]*$//' stdout | sort | uniq -d)" ""
    done
}

@test "(idle) comes first" {
    find_python
    start_command "$python" -c 'import time
def spin():
    for _ in range(100000): pass
print("ready", flush=True)
while True: spin(); time.sleep(.01)'
    run_pyflame 0 -s 0.5 "$pid"
    matches "$output" '^\(idle\) [1-9][0-9]*'$'\n'
    equal "$(grep -c '^(idle)' stdout)" 1
    matches "$output" ':spin:'
}

@test "the counts add up to the ticks taken" {
    start_fib
    run_pyflame 0 -s 0.5 --stats "$pid"
    equal "$(samples stdout)" "$(stat_of ticks)"
}

@test "a second at a millisecond is 1000 ticks, taken, missed or left out" {
    start_fib
    run_pyflame 0 -s 1 -r 0.001 --stats "$pid"
    equal "$(all_ticks)" 1000
    [ "$(stat_of ticks)" -gt 0 ]
}

@test "-s 0 writes one stack, counted once" {
    start_fib
    run_pyflame 0 -s 0 "$pid"
    equal "$(wc -l < stdout)" 1
    equal "$(samples stdout)" 1
}

@test "-n leaves the lines out and merges what is the same then" {
    start_fib
    run_pyflame 0 -s 0.5 -n --stats "$pid"
    all_match '^[^:;]+:[^:;]+(;[^:;]+:[^:;]+)* [1-9][0-9]*$' stdout
    equal "$(sed 's/ [0-9]*$//' stdout | sort | uniq -d)" ""
    equal "$(samples stdout)" "$(stat_of ticks)"
}

@test "-x leaves (idle) out, and nothing may be left" {
    find_python
    start_target idle "$python"
    run_pyflame 0 -s 0.1 "$pid"
    matches "$output" '^\(idle\) [0-9]+$'
    run_pyflame 0 -s 0.1 -x "$pid"
    equal "$output" ""
}

@test "--threads shows every thread at every tick" {
    start_sleeper
    run_pyflame 0 -s 0.3 --threads --stats "$pid"
    equal "$(samples stdout ':sleeper:')" $((2 * $(stat_of ticks)))
    equal "$(samples stdout ':busy:')" "$(stat_of ticks)"
    lacks "$output" '\(idle\)'
}

@test "--threads -x leaves the threads out that sleep" {
    start_sleeper
    run_pyflame 0 -s 0.3 --threads -x "$pid"
    lacks "$output" ':sleeper:'
    matches "$output" ':busy:'
}

@test "--by-thread has a root for every thread, with its id and name" {
    start_sleeper
    run_pyflame 0 -s 0.2 --by-thread "$pid"
    all_match '^thread [0-9]+ [^;]+;[^;]+:[^;]+:[0-9]+' stdout
    equal "$(grep -cE '^thread [0-9]+ sleeper-[01];' stdout)" 2
    matches "$output" "(^|"$'\n'")thread $pid MainThread;"
    sed -n 's/^thread \([0-9]*\) .*/\1/p' stdout | sort -u > tids
    while read -r tid; do
        [ -d "/proc/$pid/task/$tid" ]
    done < tids
}

@test "--stats goes to stderr, and stdout has data only" {
    start_fib
    run_pyflame 0 -s 0.1 --stats "$pid"
    lacks "$output" 'pyflame: '
    matches "$stderr" 'pyflame: ticks [0-9]+, missed [0-9]+, left out [0-9]+'
    all_match '^pyflame: ' stderr
}

@test "into a pipe nothing is said when all is well" {
    start_fib
    run_pyflame 0 -s 0.2 -r 20ms "$pid"
    lacks "$(grep -Ev 'ticks (missed|left out)|missed ticks counted' stderr)" .
}

@test "-q says nothing even if ticks are missed" {
    start_fib
    run_pyflame 0 -s 0.05 -r 1us -q "$pid"
    equal "$stderr" ""
}

# --- flame charts -------------------------------------------------------------

@test "--flamechart is pairs of a time and a stack" {
    start_fib
    run_pyflame 0 -s 0.2 --flamechart --stats "$pid"
    equal "$(wc -l < stdout)" $((2 * $(stat_of ticks)))
    sed -n 'p;n' stdout > times
    all_match '^[0-9]{16}$' times
    sed -n 'n;p' stdout > stacks
    all_match '^([^:;]+:[^:;]+:[0-9]+;)+$' stacks
}

@test "--flamechart has times that never go back and span the run" {
    start_fib
    run_pyflame 0 -s 0.5 --flamechart "$pid"
    sed -n 'p;n' stdout > times
    sort -n -c times
    # the last tick is taken in any case, the first ones may be missed
    [ $(($(tail -n 1 times) - $(head -n 1 times))) -ge 250000 ]
    [ $(($(date +%s) - $(head -n 1 times) / 1000000)) -lt 120 ]
}

@test "--flamechart writes (idle) without a semicolon; -x leaves it out" {
    find_python
    start_target idle "$python"
    run_pyflame 0 -s 0.05 --flamechart "$pid"
    equal "$(sed -n 'n;p' stdout | sort -u)" "(idle)"
    run_pyflame 0 -s 0.05 --flamechart -x "$pid"
    equal "$output" ""
}

@test "--flamechart --threads has the same time for all threads of a tick" {
    start_sleeper
    run_pyflame 0 -s 0 --flamechart --threads "$pid"
    equal "$(wc -l < stdout)" 6
    equal "$(sed -n 'p;n' stdout | sort -u | wc -l)" 1
}

# --- names --------------------------------------------------------------------

@test "a semicolon, a newline and a backslash in a name are escaped" {
    start_named "r'a;b' + '\n' + r'c\d'" "'x;y.py'"
    run_pyflame 0 -s 0 "$pid"
    equal "$(wc -l < stdout)" 1
    matches "$output" ';x\\x3by\.py:a\\x3bb\\x0ac\\\\d:2;'
}

@test "control bytes in a name are escaped" {
    start_named "'a\x01b\x1b[31m\x7fc\td\r'" "'f.py'"
    run_pyflame 0 -s 0 "$pid"
    matches "$output" ';f\.py:a\\x01b\\x1b\[31m\\x7fc\\x09d\\x0d:2;'
}

@test "a lone surrogate in a name is escaped, and the output is UTF-8" {
    start_named "'a\ud800b'" "'\udcff.py'"
    run_pyflame 0 -s 0 "$pid"
    matches "$output" ';\\xed\\xb3\\xbf\.py:a\\xed\\xa0\\x80b:2;'
    iconv -f UTF-8 -t UTF-8 stdout > /dev/null
}

@test "names of every script are written as they are" {
    start_named "'é_ñ_العربية_日本語_ខ្មែរ_ไทย_𝔘𝔫𝔦'" "'ソ with blanks.py'"
    run_pyflame 0 -s 0 "$pid"
    matches "$output" ';ソ with blanks\.py:é_ñ_العربية_日本語_ខ្មែរ_ไทย_𝔘𝔫𝔦:2;'
}

@test "a long name is not lost" {
    start_named "'x' * 3000" "'y' * 3000 + '.py'"
    run_pyflame 0 -s 0 "$pid"
    matches "$output" ';y{100,}.*:x{100,}.*:2;'
    matches "$output" ':spin:4 1$'
}

@test "escapes are the same in a dump" {
    start_named "r'a;b' + '\n' + r'c\d'" "'x;y.py'"
    run_pyflame 0 -d "$pid"
    matches "$output" 'x\\x3by\.py:a\\x3bb\\x0ac\\\\d:2'$'\n'
}

@test "a thread's name is escaped" {
    find_python
    start_command "$python" -c 'import threading, time
t = threading.Thread(target=time.sleep, args=(100,), name="a;b\nc")
t.daemon = True
t.start()
print("ready", flush=True)
time.sleep(100)'
    run_pyflame 0 -s 0 --by-thread "$pid"
    matches "$output" 'thread [0-9]+ a\\x3bb\\x0ac;'
    run_pyflame 0 -d "$pid"
    matches "$output" '[0-9]+: a\\x3bb\\x0ac \('
}

# --- flamegraph.pl ------------------------------------------------------------

@test "flamegraph.pl takes the output without a flag and without a complaint" {
    start_fib
    run_pyflame 0 -s 0.3 "$pid"
    flamegraph stdout > graph.svg 2> complaints
    equal "$(cat complaints)" ""
    grep -qF 'fib.py:main:' graph.svg
    grep -qE '<title>(all|[^<]*fib\.py:&lt;module&gt;:[0-9]+) \([0-9,]+ samples, 100(\.00)?%\)' graph.svg
}

@test "flamegraph.pl takes -n, --by-thread and escaped names" {
    start_named "'a;b 5'" "'f.py'"
    for option in -n --by-thread --threads; do
        run_pyflame 0 -s 0.1 "$option" "$pid"
        flamegraph stdout > graph.svg 2> complaints
        equal "$(cat complaints)" ""
        grep -qF 'f.py:a\x3bb 5' graph.svg
    done
}

# --- files --------------------------------------------------------------------

@test "-o writes the file and nothing to stdout" {
    start_fib
    run_pyflame 0 -s 0.1 -o profile "$pid"
    equal "$output" ""
    [ "$(samples profile)" -gt 0 ]
}

@test "-o - is stdout" {
    start_fib
    run_pyflame 0 -s 0 -o - "$pid"
    equal "$(samples stdout)" 1
    [ ! -e - ]
}

@test "-o replaces a file at once, when all is written" {
    start_fib
    echo earlier > profile
    start_pyflame -s 100 -o profile "$pid"
    wait_for_sampling
    equal "$(cat profile)" earlier
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples profile ':main:')" -gt 0 ]
    equal "$(find . -name '*profile*')" ./profile
}

@test "-o leaves an earlier file alone if there is nothing to write" {
    start_process sleep 100
    echo earlier > profile
    run_pyflame 3 -o profile "$pid"
    equal "$(cat profile)" earlier
    equal "$(find . -name '*profile*')" ./profile
}

@test "-o makes no file if there is nothing to write" {
    start_process sleep 100
    run_pyflame 3 -o profile "$pid"
    equal "$(find . -name '*profile*')" ""
}

@test "-d honours -o" {
    start_fib
    run_pyflame 0 -d -o profile "$pid"
    equal "$output" ""
    matches "$(cat profile)" '^[0-9]+\*?: MainThread'
}

@test "-o into a folder that is not there fails before anything is read" {
    start_fib
    run_pyflame 1 -o no/such/file "$pid"
    only_complains
    matches "$stderr" 'no/such/file: No such file or directory'
}

@test "-o to a folder is a failure" {
    start_fib
    mkdir folder
    run_pyflame 1 -o folder "$pid"
    only_complains
}

@test "-o keeps to the umask" {
    start_fib
    umask 027
    run_pyflame 0 -s 0 -o profile "$pid"
    equal "$(stat -c %a profile)" 640
}

@test "-o writes to a named pipe" {
    start_fib
    mkfifo pipe
    cat pipe > received 3>&- &
    run_pyflame 0 -s 0 -o pipe "$pid"
    wait $!
    equal "$(samples received)" 1
    [ -p pipe ]
}

# The same as /dev/stdout is, but where no harm is done.
@test "-o to a link to an open file, as /dev/stdout is one, writes to that" {
    start_fib
    ln -s /proc/self/fd/1 link
    run_pyflame 0 -s 0 -o link "$pid"
    [ -L link ]
    equal "$(samples stdout)" 1
}

@test "-o /dev/null is written to, not replaced" {
    start_fib
    run_pyflame 0 -s 0 -o /dev/null "$pid"
    [ -c /dev/null ]
}

@test "-o to a file or a folder that may not be written fails" {
    run_as_nobody
    start_fib
    echo earlier > "$folder/profile"
    run_pyflame 1 -o "$folder/profile" "$pid"
    only_complains
    matches "$stderr" 'Permission denied'
    run_pyflame 1 -o "$folder/new" "$pid"
    only_complains
    matches "$stderr" 'Permission denied'
    equal "$(cat "$folder/profile")" earlier
}

@test "a full disk is a failure" {
    [ -c /dev/full ] || skip "needs /dev/full"
    start_fib
    run_pyflame 1 -s 0 -o /dev/full "$pid"
    only_complains
    matches "$stderr" 'No space left'
    run sh -c "'$pyflame' -s 0 $pid > /dev/full"
    equal "$status" 1
    matches "$output" '^pyflame: .*No space left'
}

@test "a full disk leaves an earlier file as it was" {
    start_fib
    keeps_earlier_file 8k -s 0.2 "$pid"
}

@test "a disk that is full while a large file is written leaves an earlier file as it was" {
    requires format=svg
    large_profile 3000 > large
    # There is room for the first half a megabyte.
    leaves='rm disk/rest' keeps_earlier_file 512k -i large -f svg
}

# N stacks of depth 50, of which 40 frames are no other's: 1.5 KB each as text, and more in
# other formats.
large_profile() {
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++) {
            for (k = 0; k < 50; k++)
                printf "%sapp/module.py:function_%d:%d", k ? ";" : "", k < 10 ? k : i, k
            print " 1"
        }
    }'
}

# keeps_earlier_file SIZE ARGUMENT...: of pyflame's; $leaves are commands to make room.
keeps_earlier_file() {
    on_full_disk "$1" "${leaves:-}"'
        "$@" -o disk/profile
        status=$?
        cat disk/profile
        rm -f disk/rest
        ls -A disk | wc -l
        exit $status' "${@:2}"
    equal "$status" 1
    matches "$output" 'No space left'
    equal "${lines[-2]}" earlier
    equal "${lines[-1]}" 1
}

@test "what is written is not held in memory as well" {
    requires format=svg format=chrome
    ! grep -q __asan_init "$pyflame" || skip "not with a sanitizer"
    local format limit
    large_profile 3000 > large
    for format in collapsed:20000 svg:16000 chrome:22000; do
        limit=${format#*:} format=${format%:*}
        echo "$format with $limit KB"
        (ulimit -v "$limit" && "$pyflame" -i large -f "$format" -o profile)
    done
}

@test "too little memory is a failure and leaves an earlier file as it was" {
    ! grep -q __asan_init "$pyflame" || skip "not with a sanitizer"
    local limit told=0
    large_profile 600 > large
    for ((limit = 1000; limit < 8000; limit += 150)); do
        echo earlier > profile
        run sh -c 'ulimit -v $2; "$1" -i large -o profile' sh "$pyflame" "$limit"
        [ "$status" != 0 ] || break
        echo "$limit KB: $status, $output"
        equal "$status" 1
        equal "$output" "pyflame: out of memory"
        equal "$(cat profile)" earlier
        told=$((told + 1))
    done
    [ "$told" -gt 10 ]
    equal "$(ls)" $'large\nprofile'
}

@test "a closed stdout is a failure" {
    start_fib
    run sh -c "'$pyflame' -s 0 $pid >&-"
    equal "$status" 1
    matches "$output" '^pyflame: '
}

@test "a closed pipe ends it quietly" {
    start_fib
    { "$pyflame" -s 0.1 "$pid" 2> stderr; echo $? > status; } | true
    equal "$(cat status)" 0
    equal "$(cat stderr)" ""
}

# --- files of others ----------------------------------------------------------

# planted COMMAND...: has nobody run that in the new folder $open, which is like /tmp.
planted() {
    requires root setpriv
    make_public_folder
    open=$folder/open
    mkdir "$open"
    chmod 1777 "$open"
    echo precious > precious
    start_fib
    (cd "$open" && "${nobody[@]}" "$@")
}

is_refused() {
    run_pyflame 1 -s 0 -o "$1" "$pid"
    only_complains
    matches "$stderr" 'cannot write to .*: another user put something there'
    equal "$(cat precious)" precious
}

@test "-o: a link that another user has put into /tmp is not followed, by root either" {
    planted ln -s "$PWD/precious" profile
    is_refused "$open/profile"
    ln -s "$open/profile" link
    is_refused link
}

@test "-o: so it is with a link that leads nowhere yet" {
    planted ln -s "$PWD/new" profile
    is_refused "$open/profile"
    [ ! -e new ]
}

@test "-o: so it is with a link to a folder" {
    planted ln -s "$PWD" folder
    is_refused "$open/folder/precious"
    cd "$open"
    run_pyflame 1 -s 0 -o folder/precious "$pid"
}

@test "-o: so it is with a pipe" {
    planted mkfifo profile
    is_refused "$open/profile"
}

# races FILE ONE OTHER: root writes to open/FILE while another user exchanges its first
# name for a link or the like: swap's arguments.
races() {
    local seen i=0 holder written=0 rounds
    requires root setpriv mkfifo
    rounds=$(many 100 10000)
    compile swap "$tests/tools/swap.c"
    make_public_folder
    install -m 755 swap "$folder/swap"
    mkdir -m 1777 "$folder/open"
    echo precious > precious
    echo 'a;b 1' > stacks
    mkfifo hold
    sleep 10000 > hold 3>&- & # for as long as swap is to go on
    holder=$!
    "${nobody[@]}" "$folder/swap" "$folder/open/${1%%/*}" "$2" "$3" < hold > ready 3>&- &
    wait_for 30 grep -q ready ready
    for ((; i < rounds; i++)); do
        seen=0
        timeout 20 "$pyflame" -i stacks -o "$folder/open/$1" 2> stderr || seen=$?
        if [ "$seen" = 0 ]; then
            written=$((written + 1))
        else
            equal "$seen" 1
        fi
        equal "$(< precious)" precious
        [ "$1" != profile ] || rm -f "$folder/open/profile"
    done
    kill "$holder"
    wait
    echo "written $written of $rounds"
    [ "$written" -gt 0 ] && [ "$written" -lt "$rounds" ]
}

@test "-o: a link that another user exchanges for a file meanwhile is not followed" {
    races profile file "$PWD/precious"
}

@test "-o: so it is with one to a folder" {
    races profile/precious folder "$PWD"
}

@test "-o: so it is with a pipe, which is not waited for" {
    races profile file pipe
}

@test "-o: the folders of a path may be links, and /proc's lead where no name does" {
    start_fib
    mkdir -p folder/deep
    ln -s folder/deep to
    ln -s "$PWD/to/../../to" again
    run_pyflame 0 -s 0 -o "again//./profile" "$pid"
    equal "$(samples folder/deep/profile)" 1
    run_pyflame 0 -s 0 -o "/proc/self/cwd/to/second" "$pid"
    equal "$(samples folder/deep/second)" 1
    run_pyflame 1 -s 0 -o to/ "$pid"
    only_complains
    matches "$stderr" 'to/: Is a directory'
    "$pyflame" -s 0 -o /dev/fd/1 "$pid" | cat > received
    equal "$(samples received)" 1
}

@test "-o: a folder that is renamed meanwhile is written to" {
    start_fib
    mkdir folder
    start_pyflame -s 100 -o folder/profile "$pid"
    wait_for_sampling
    mv folder elsewhere
    ln -s "$PWD" folder
    kill -USR1 "$profiler"
    wait_for 30 test -s elsewhere/profile
    rm elsewhere/profile
    kill -INT "$profiler"
    end_pyflame 0
    [ "$(samples elsewhere/profile ':main:')" -gt 0 ]
    [ ! -e profile ]
}

@test "-o: a link of one's own in /tmp is followed, and another's in a folder of one's own" {
    planted true
    ln -s "$PWD/precious" "$open/mine"
    run_pyflame 0 -s 0 -o "$open/mine" "$pid"
    equal "$(samples precious)" 1
    [ -L "$open/mine" ]
    ln -s "$PWD/precious" theirs
    chown -h nobody theirs
    rm precious
    run_pyflame 0 -s 0 -o theirs "$pid"
    equal "$(samples precious)" 1
}

@test "-o: root replaces another user's file in /tmp, which is not written to" {
    planted sh -c 'umask 0; echo earlier > profile; ln profile same'
    run_pyflame 0 -s 0 -o "$open/profile" "$pid"
    equal "$(samples "$open/profile")" 1
    equal "$(cat "$open/same")" earlier
    equal "$(stat -c %u "$open/profile")" 0
}

@test "-o: an ordinary user is told at once that it can't replace another's file in /tmp" {
    run_as_nobody
    start_fib
    mkdir -m 1777 "$folder/open"
    chown bin "$folder/open" 2> /dev/null || chown 2 "$folder/open"
    (umask 0 && echo earlier > "$folder/open/profile")
    run_pyflame 1 -s 0 -o "$folder/open/profile" "$pid"
    only_complains
    matches "$stderr" 'another user put something there'
    equal "$(cat "$folder/open/profile")" earlier
}

@test "-o: links of links, and none that go round" {
    start_fib
    mkdir folder
    ln -s ../profile folder/b
    ln -s folder/b a
    run_pyflame 0 -s 0 -o a "$pid"
    equal "$(samples profile)" 1
    [ -L a ]
    ln -s round round
    run_pyflame 1 -s 0 -o round "$pid"
    only_complains
    matches "$stderr" 'round: (Too many|Symbolic link loop)'
}

@test "-o: what one that was killed left behind is not in the way" {
    start_fib
    cat > first.sh << 'END'
echo left > "profile.$$.tmp"
exec "$@"
END
    as=(sh first.sh)
    run_pyflame 0 -s 0 -o profile "$pid"
    equal "$(samples profile)" 1
    equal "$(cat profile.*.tmp)" left
}

@test "-o: a read-only file is not replaced" {
    run_as_nobody
    start_fib
    install -d -o nobody "$folder/own"
    "${nobody[@]}" sh -c 'echo earlier > "$1" && chmod 444 "$1"' sh "$folder/own/profile"
    run_pyflame 1 -s 0 -o "$folder/own/profile" "$pid"
    only_complains
    equal "$(cat "$folder/own/profile")" earlier
}

# --- signals ------------------------------------------------------------------

ends_by() {
    start_fib
    start_pyflame -s 100 --stats "$pid"
    wait_for_sampling
    kill "-$1" "$profiler"
    end_pyflame 0
    [ "$(samples stdout ':main:')" -gt 0 ]
    equal "$(samples stdout)" "$(stat_of ticks)"
    assert_unharmed "$pid"
}

@test "SIGINT ends the sampling, and what was sampled is written" { ends_by INT; }
@test "SIGTERM ends the sampling, and what was sampled is written" { ends_by TERM; }
@test "SIGHUP ends the sampling, and what was sampled is written" { ends_by HUP; }

# Asleep whenever one looks.
is_waiting() {
    if [ "$(< "/proc/$profiler/comm")" = pyflame ] && in_state "$profiler" S; then
        asleep=$((asleep + 1))
    else
        asleep=0
    fi
    [ "$asleep" -ge 10 ]
}

@test "a signal between two ticks far apart ends it at once" {
    start_fib
    start_pyflame -s 10000 -r 500 "$pid"
    asleep=0
    wait_for 30 is_waiting
    kill -INT "$profiler"
    patience=20 end_pyflame 0
    [ "$(samples stdout)" -le 1 ]
}

@test "SIGUSR1 writes a snapshot, and the sampling goes on" {
    start_fib
    start_pyflame -s 100 -o profile "$pid"
    wait_for_sampling
    kill -USR1 "$profiler"
    wait_for 30 test -s profile
    first=$(samples profile)
    [ "$first" -gt 0 ]
    rm profile
    wait_for_sampling
    kill -USR1 "$profiler"
    wait_for 30 test -s profile
    second=$(samples profile)
    [ "$second" -gt "$first" ]
    kill -TERM "$profiler"
    end_pyflame 0
    [ "$(samples profile)" -ge "$second" ]
    equal "$(find . -name '*profile*')" ./profile
}

@test "-o that can't be renamed at the end is a failure" {
    start_fib
    start_pyflame -s 100 -o profile "$pid"
    wait_for_sampling
    mkdir profile
    kill -TERM "$profiler"
    end_pyflame 1
    matches "$stderr" '^pyflame: .*profile'
    equal "$(find . -name 'profile?*')" ""
}
