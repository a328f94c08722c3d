#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Formats other than text, the way back from files, and what a terminal shows.

load helper

formats=(json speedscope pprof gecko chrome)

start_sleeper() {
    find_python
    start_target sleeper "$python" 2
}

# read_format FORMAT FILE [ARGUMENT]...: what the file says, by the format's rules.
read_format() {
    requires python3
    python3 "$tests/tools/formats.py" "$@"
}

# Names of collapsed stacks as formats show them that need no escaping of their own: only
# controls, and what is not UTF-8, are.
as_shown() {
    sed 's/\\x3b/;/g; s/\\\\/\\/g'
}

# Stacks with every kind of name, as pyflame itself writes them.
write_stacks() {
    cat > stacks << 'END'
(idle) 40
(failed) 3
/srv/a b.py:<module>:1 2
/srv/a b.py:<module>:1;/srv/a b.py:run:22 7
/srv/a b.py:<module>:1;/srv/a b.py:run:22;/usr/lib/python3.11/json/decoder.py:JSONDecoder.decode:337 100
/srv/a b.py:<module>:1;/srv/a b.py:run:23;/usr/lib/python3/dist-packages/x.py:f:5 9
/srv/a b.py:<module>:1;/srv/a b.py:run:23;<frozen importlib>:f:1 1
/srv/a b.py:<module>:1;</script><script>alert("1")</script>:"q"'x':1 4
/srv/a b.py:<module>:1;a\xc2\x9bb\xe2\x80\xae.py:\xc2\x85\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c\xe2\x80\x8fé:7 5
/srv/a b.py:<module>:1;C\\new\x3b\x0a\x1b[31m.py:\xff\x00é日本𝔘:7 6
END
    LC_ALL=C sort -o stacks stacks
    # (idle) and (failed) come first
    { grep '^(i' stacks; grep '^(f' stacks; grep -v '^(' stacks; } > profile.txt
}

# --- writing ------------------------------------------------------------------

@test "every format has the counts of the same profile" {
    write_stacks
    for format in "${formats[@]}"; do
        LC_ALL=C sort profile.txt > expected
        [ "$format" = json ] || as_shown < profile.txt | LC_ALL=C sort > expected
        run_pyflame 0 -f "$format" -i profile.txt -o written
        if [ "$format" = chrome ]; then
            read_format "$format" written 1000
        else
            read_format "$format" written
        fi > seen
        LC_ALL=C sort seen | diff -u expected -
    done
}

counts_ticks() {
    start_target sleeper "$1" 2
    for format in json pprof gecko; do
        run_pyflame 0 -s 0.1 --stats --threads -f "$format" -o written "$pid"
        read_format "$format" written > seen
        equal "$(samples seen)" $(($(stat_of samples) + $(stat_of idle)))
        [ "$(samples seen ':busy:')" -gt 0 ]
    done
}

@test "what was sampled is counted in every format, all of it" {
    each_python any counts_ticks
}

@test "moments without any Python are (idle) in every format" {
    find_python
    start_target idle "$python"
    for format in json gecko; do
        run_pyflame 0 -s 0.05 --stats -f "$format" -o written "$pid"
        read_format "$format" written > seen
        equal "$(sed 's/ [0-9]*$//' seen)" "(idle)"
        equal "$(samples seen)" "$(stat_of idle)"
    done
    for format in speedscope chrome; do
        run_pyflame 0 -s 0.05 -f "$format" -o written "$pid"
        read_format "$format" written times > seen
        matches "$(cat seen)" '\(no thread\)|1073741824'
        matches "$(cat seen)" ' \(idle\) [1-9][0-9]+$'
    done
}

@test "threads have their names and ids in every format" {
    start_sleeper
    run_pyflame 0 -s 0.05 --threads -o live.json "$pid"
    for format in json pprof gecko chrome; do
        run_pyflame 0 -f "$format" -i live.json -o written
        read_format "$format" written threads > seen
        equal "$(grep -cE "^$pid [0-9]+ sleeper-[01]$" seen)" 2
        grep -qx "$pid $pid MainThread" seen
    done
    while read -r _ tid _; do
        [ -d "/proc/$pid/task/$tid" ]
    done < seen
    run_pyflame 0 -f speedscope -i live.json -o written
    read_format speedscope written threads > seen
    equal "$(grep -cE '^sleeper-[01] \([0-9]+\)$' seen)" 2
    grep -qx "MainThread ($pid)" seen
}

@test "each thread's time is told apart by stack, and is no longer than the run" {
    local began took
    start_sleeper
    for format in speedscope chrome; do
        began=$(date +%s%6N)
        run_pyflame 0 -s 0.3 --threads -f "$format" -o written "$pid"
        took=$(($(date +%s%6N) - began))
        read_format "$format" written times > seen
        [ "$(samples seen ':busy:')" -gt 0 ]
        # two sleepers, one stack each, for as long as the run
        equal "$(grep -c ':sleeper:' seen)" 2
        [ "$(samples seen ':sleeper:')" -le $((2 * took)) ]
        [ "$(samples seen ':sleeper:')" -gt $((samples_busy = $(samples seen ':busy:'))) ]
    done
}

@test "samples of threads that wait are marked as idle" {
    start_sleeper
    run_pyflame 0 -s 0.1 --threads --stats -f gecko -o written "$pid"
    read_format gecko written waits > seen
    equal "$(samples seen '^idle')" $((2 * $(stat_of ticks)))
    run_pyflame 0 -s 0.1 --threads --stats -f json -o written "$pid"
    requires python3
    equal "$(python3 -c 'import json
print(sum(json.load(open("written"))["stacks"]["idle"]))')" $((2 * $(stat_of ticks)))
}

# counted_waits: SAMPLES, of them idle, of these for the GIL, in the file "written".
counted_waits() {
    python3 -c 'import json
stacks = json.load(open("written"))["stacks"]
print(sum(stacks["count"]), sum(stacks["idle"]), sum(stacks.get("gil", [])))'
}

# Of three threads that contend for it no more than one can have the GIL.
gil_waits() {
    local count idle gil
    start_target gil "$1" 3
    run_pyflame 0 -s 0.5 --threads -f json -o written "$pid"
    read -r count idle gil < <(counted_waits)
    echo "of $count samples $idle are idle, $gil for the GIL"
    [ "$gil" -ge $((count / 3)) ] && [ "$gil" -le "$idle" ] && [ "$idle" -le $((count * 3 / 4)) ]
    [ "$gil" -ge $((idle * 9 / 10)) ]
    run_pyflame 0 -f json -i written
    cmp stdout written
    start_target idle "$1"
    run_pyflame 0 -s 0.1 --threads -f json -o written "$pid"
    read -r count idle gil < <(counted_waits)
    [ "$count" = "$idle" ] && [ "$gil" = 0 ]
}

@test "3.8: samples of threads that wait for the GIL are told apart"  { requires python3; each_python 3.8 gil_waits; }
@test "3.11: samples of threads that wait for the GIL are told apart" { requires python3; each_python 3.11 gil_waits; }
@test "newest: samples of threads that wait for the GIL are told apart" { requires python3; each_python "$newest" gil_waits; }

# Formats with times, and the one with amounts.
timed=(speedscope chrome gecko pprof)

# timed_run SECONDS ARGUMENT...: a run that writes "written", with what it took in $took, and
# the least that it may have, both microseconds.
timed_run() {
    local began
    began=$(date +%s%6N)
    run_pyflame 0 -s "$1" -o written "${@:2}"
    took=$(($(date +%s%6N) - began))
    least=$(awk -v seconds="$1" 'BEGIN { print int(seconds * 980000) }')
}

# The times of threads in the file "seen" are those of the whole run; there are so many.
last_for_the_run() {
    cat seen
    awk -v threads="$1" -v most="$took" -v least="$least" '
        $1 < least || $1 > most { bad = 1 } END { exit bad || NR != threads }' seen
}

@test "processes that sleep do so for the whole run, as one slice" {
    find_python
    start_command "$python" -c 'import os, time
for i in range(3):
    if not os.fork():
        break
else:
    time.sleep(.2)
    print("ready", flush=True)
time.sleep(100)'
    for format in "${timed[@]}"; do
        for of_all in --threads ''; do # without it the idle moments of each
            timed_run 0.6 $of_all --children -f "$format" "$pid"
            read_format "$format" written totals > seen
            last_for_the_run 4
        done
    done
    run_pyflame 0 -s 0.3 --threads --children -f chrome -o written "$pid"
    equal "$(grep -o '"state":"idle"' written | wc -l)" 4
    pkill -KILL -P "$pid"
}

# Calls two functions by turns.
start_spinner() {
    find_python
    start_command "$python" -c 'def a():
    for i in range(100): pass
def b():
    for i in range(200): pass
print("ready", flush=True)
while True: a(); b()'
}

@test "a program that is busy all the time is so in every format, at any rate" {
    start_spinner
    for format in "${timed[@]}"; do
        for rate in 100us 1ms 10ms; do
            timed_run 0.4 -f "$format" -r "$rate" "$pid"
            read_format "$format" written totals > seen
            awk '{ sum += $1 } END { print sum, "all" }' seen > sum
            mv sum seen
            last_for_the_run 1
        done
    done
}

@test "ticks that were left out or missed do not shorten what is read from a file" {
    start_sleeper
    timed_run 0.5 --threads -r 2ms -f json "$pid"
    python3 -c 'import json
d = json.load(open("written"))
r = d["run"]
print(int(d["total"] * r["period"] * (r["ticks"] + r["missed"] + r["left_out"]) / r["ticks"] * 1e6))' > expected
    mv written live.json
    for format in "${timed[@]}"; do
        run_pyflame 0 -i live.json -f "$format" -o written
        read_format "$format" written totals > seen
        last_for_the_run 3
        awk -v expected="$(cat expected)" '{ sum += $1 }
            END { print sum, expected; exit sum < expected * .999 || sum > expected * 1.001 }' seen
    done
    run_pyflame 0 -i live.json -i live.json -f pprof -o written
    read_format pprof written totals | awk -v expected="$(cat expected)" '{ sum += $1 }
        END { print sum, 2 * expected; exit sum < expected * 1.9 || sum > expected * 2.2 }'
}

is_small_when_deep() {
    local format
    for format in "${timed[@]}" json svg; do
        run_pyflame 0 -s 0.4 -f "$format" -o written "$pid"
        read_format "$format" written > /dev/null 2>&1 || [ "$format" = svg ]
        ls -l written
        [ "$(stat -c %s written)" -le 1000000 ]
        case $format in chrome | speedscope) grep -qE '"\([0-9]+( to [0-9]+)? more frames\)"' written ;; esac
    done
}

@test "deep recursion is small in every format" {
    find_python
    start_target deep "$python" 3000
    is_small_when_deep
    start_target diver "$python"
    is_small_when_deep
}

waits_in_formats() {
    start_target gil "$1" 3
    for format in chrome pprof; do
        run_pyflame 0 -s 0.3 --threads -f "$format" -o written "$pid"
        read_format "$format" written waits > seen
        cat seen
        [ $((4 * $(samples seen '^(waits for the GIL|gil) '))) -gt "$(samples seen '^(running|busy) ')" ]
    done
    run_pyflame 0 -s 0.3 --threads -f gecko -o written "$pid"
    read_format gecko written waits > seen
    cat seen
    [ "$(samples seen '^markers ')" -gt 50000 ]
    [ "$(samples seen '^cpu ')" -gt 50000 ]
}

@test "waits for the GIL are told apart in the formats of others" {
    each_python any waits_in_formats
}

@test "processes are told apart in the formats of others" {
    find_python
    start_command "$python" -c 'import os, time
if os.fork():
    time.sleep(.2)
    print("ready", flush=True)
time.sleep(100)'
    for format in "${timed[@]}"; do
        run_pyflame 0 -s 0.1 --threads --children -f "$format" -o "$format" "$pid"
    done
    read_format speedscope speedscope threads > seen
    cat seen
    equal "$(grep -cE '^.* -c .* \([0-9]+\), MainThread \([0-9]+\)$' seen)" 2
    python3 -c 'import gzip, json
chrome = json.load(open("chrome"))["traceEvents"]
names = [e["pid"] for e in chrome if e["name"] == "process_name"]
places = {e["pid"]: e["args"]["sort_index"] for e in chrome if e["name"] == "process_sort_index"}
assert len(names) == len(set(names)) == len(places) == len(set(places.values())) == 2
threads = json.load(open("gecko"))["threads"]
assert len({t["pid"] for t in threads}) == 2 and all("-c" in t["processName"] for t in threads)
assert b"process" in gzip.open("pprof").read()'
    pkill -KILL -P "$pid"
}

@test "what is compressed is whole, and smaller" {
    requires python3
    python3 -c 'import random
random.seed(1)
for i in range(4000):
    deep = random.randrange(1, 200)
    print(";".join("f%d.py:g%d:%d" % (n, n * n % 1000, random.choice((1, 1, 1, 2)))
                   for n in range(deep)) + ";%d %d" % (random.getrandbits(60), i + 1))' > stacks
    run_pyflame 0 -i stacks -o written.pb.gz
    read_format pprof written.pb.gz | sort > seen
    sort stacks | diff -q - seen
    [ $((5 * $(stat -c %s written.pb.gz) / 3)) -lt "$(gzip -dc written.pb.gz | wc -c)" ]
    run_pyflame 0 -i /dev/null -o written.pb.gz
    gzip -t written.pb.gz
}

@test "the JSON profile says how it was taken" {
    find_python
    start_target sleeper "$python" 2
    run_pyflame 0 -s 0.2 -r 2ms --threads -n --stats --title "a <b>" -f json -o written "$pid"
    cat > check.py << 'END'
import json, os, sys, time
run = json.load(open('written'))['run']
ticks, missed, pid, version, host = sys.argv[1:]
assert run['title'] == 'a <b>' and run['pid'] == int(pid) and run['host'] == host
assert run['python'].startswith(version + '.'), run['python']
assert 'sleeper.py' in run['command']
assert abs(time.time() - run['start']) < 120 and .1 < run['duration'] < 60
assert run['period'] == .002 and run['mode'] == 'wall'
assert run['all_threads'] and not run['by_thread'] and not run['lines']
assert run['ticks'] == int(ticks) and run['missed'] == int(missed)
assert run['failures'] == {}
stood = run['ticks'] + run['missed'] + run['left_out']
assert abs(run['sample'] * run['ticks'] / (run['period'] * stood) - 1) < 1e-6
END
    python3 check.py "$(stat_of ticks)" "$(stat_of missed)" "$pid" "$(version_of "$python")" "$(uname -n)"
}

@test "the format follows the name of the file, unless -f says another" {
    write_stacks
    for name in a.txt a.folded a.b a; do
        run_pyflame 0 -i profile.txt -o "$name"
        cmp profile.txt "$name"
    done
    while read -r name sign; do
        run_pyflame 0 -i profile.txt -o "x.$name"
        head -c 1000 "x.$name" | grep -qaF -e "$sign"
    done << END
json {"format":"pyflame",
speedscope.json "exporter":"pyflame
gecko.json "preprocessedProfileVersion":
chrome.json {"displayTimeUnit":"ms","traceEvents":[
trace.json {"displayTimeUnit":"ms","traceEvents":[
pb $(printf '\x1f\x8b\x08')
pb.gz $(printf '\x1f\x8b\x08')
END
    run_pyflame 0 -i profile.txt -f collapsed -o x.json
    cmp profile.txt x.json
}

@test "SIGUSR1 writes a profile that is whole, and the last one has all samples" {
    requires format=pprof format=gecko
    find_python
    start_target idle "$python"
    for format in pprof gecko; do
        start_pyflame -s 60 --stats -f "$format" -o written "$pid"
        wait_for_sampling
        kill -USR1 "$profiler"
        wait_for 30 test -e written
        read_format "$format" written > first
        wait_for_sampling
        kill -INT "$profiler"
        end_pyflame 0
        read_format "$format" written > last
        equal "$(samples last)" "$(stat_of idle)"
        [ "$(samples first)" -lt "$(samples last)" ]
        rm written
    done
}

@test "names that could do harm do none in any format" {
    find_python
    at_least 3.8 "$python" || skip "needs code.replace()"
    cat > names.py << 'END'
def spin():
    print('ready', flush=True)
    while True: pass
name = '</script><script>alert(1)</script>";\\x41\n\x1b[31mé\udc80\x9b\u2028\u202e'
names = {'spin': spin}
exec(compile('def f():\n spin()\n', name + '.py', 'exec'), names)
code = names['f'].__code__
code = code.replace(co_name=name)
if hasattr(code, 'co_qualname'):
    code = code.replace(co_qualname=name)
names['f'].__code__ = code
names['f']()
END
    start_command "$python" names.py
    expected='</script><script>alert(1)</script>"\x3b\\x41\x0a\x1b[31mé\xed\xb2\x80\xc2\x9b\xe2\x80\xa8\xe2\x80\xae'
    for format in json chrome speedscope gecko pprof; do
        [ "$format" = json ] || expected=$(as_shown <<< "$expected")
        run_pyflame 0 -s 0.05 --title "$expected" -f "$format" -o written "$pid"
        read_format "$format" written times > seen
        read_format "$format" written >> seen
        grep -qF ";$expected.py:$expected:2;" seen
    done
}

@test "names in pictures are those of the program" {
    printf '%s\n' 'a\x3bb.py:f\\g<ä>\x0a:1 3' > stacks
    run_pyflame 0 -f svg -i stacks -o x.svg
    grep -qF '<title>f\g&lt;ä&gt;\x0a' x.svg
    grep -qx 'a;b.py:1' x.svg
}

# Controls as bytes: U+0085, U+009B, U+061C, U+200F, U+2029, U+202E, U+2067.
controls=$'\xc2\x85\xc2\x9b\xd8\x9c\xe2\x80\x8f\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa7'
escaped='\xc2\x85\xc2\x9b\xd8\x9c\xe2\x80\x8f\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa7'

# has_no_controls FILE
has_no_controls() {
    [ -s "$1" ] && ! LC_ALL=C grep -aP '\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]' "$1"
}

@test "controls beyond ASCII are written by no format, and read back as they were" {
    local format
    # such as another program may have written
    printf '%s.py:<module>:1;f%s 3\n' "a$controls" "$controls" > stacks
    run_pyflame 0 -i stacks
    equal "$output" "a$escaped.py:<module>:1;f$escaped 3"
    for format in collapsed json html svg speedscope pprof gecko chrome; do
        run_pyflame 0 --title "t$controls" -f "$format" -i stacks -o "$format"
        has_no_controls "$format"
        case $format in collapsed | json | html)
            run_pyflame 0 -i "$format"
            equal "$output" "a$escaped.py:<module>:1;f$escaped 3" ;;
        esac
    done
    run_pyflame 0 -f json -i json
    requires python3
    equal "$(python3 -c 'import json; print(json.load(open("stdout"))["run"]["title"])')" "t$controls"
}

@test "controls beyond ASCII in names of threads and commands, in dumps and in messages" {
    find_python
    cp "$(command -v sleep)" "s$controls"
    start_process "./s$controls" 100
    run_pyflame 3 "$pid"
    has_no_controls stderr
    [[ $stderr = *"s$escaped"* ]]
    run_pyflame 1 -s 0 -o "no$controls/file" "$pid"
    [[ $stderr = *"no$escaped/file"* ]]
    start_command "$python" -c 'import sys, threading, time
t = threading.Thread(target=time.sleep, args=(100,), name=sys.argv[1])
t.daemon = True
t.start()
print("ready", flush=True)
time.sleep(100)' "t$controls"
    run_pyflame 0 -d "$pid"
    has_no_controls stdout
    [[ $output = *": t$escaped"* ]]
    run_pyflame 0 -s 0 --by-thread "$pid"
    has_no_controls stdout
    run_pyflame 0 -s 0 -f json "$pid"
    has_no_controls stdout
    run_pyflame 0 -s 0 -f svg "$pid"
    has_no_controls stdout
}

# --- with the programs that they are for --------------------------------------

npm=${PYFLAME_NPM:-$HOME/.cache/pyflame/npm}/node_modules

@test "go's pprof reads the profile" {
    requires go
    go tool -n pprof > /dev/null 2>&1 || skip "this go has no pprof"
    write_stacks
    run_pyflame 0 -f pprof -i profile.txt -o profile.pb.gz
    go tool pprof -top -sample_index=samples profile.pb.gz > top 2> log
    grep -qE 'of 177 total' top
    grep -qE '^ +100 .* JSONDecoder\.decode$' top
    grep -qF ' <module>' top
    go tool pprof -raw profile.pb.gz > raw 2> log
    grep -qF 'JSONDecoder.decode /usr/lib/python3.11/json/decoder.py:337' raw
    printf 'def größe():\n    pass\n' > größe.py
    printf '%s:größe:2 3\n' "$PWD/größe.py" > named
    run_pyflame 0 -f pprof -i named -o named.pb.gz
    go tool pprof -list größe named.pb.gz > listed 2> log
    grep -qE '^ +3 +3 +2: +pass' listed
    start_sleeper
    run_pyflame 0 -s 0.1 --threads --stats -f pprof -o live.pb "$pid"
    go tool pprof -tags live.pb > tags 2> log
    grep -qF 'sleeper-1' tags
    go tool pprof -raw live.pb > raw 2> log
    grep -qx 'PeriodType: wall nanoseconds' raw
    grep -qx 'Period: 1000000' raw
    lacks "$(cat log)" 'not available'
    equal "$(awk '/^ +[0-9]+ +[0-9]+: / { n += $1 } END { print n }' raw)" "$(stat_of samples)"
}

@test "pprof-format reads the profile" {
    requires node
    [ -d "$npm/pprof-format" ] || skip "needs npm's pprof-format in $npm"
    printf 'a.py:f:1;b.py:g:2 7\na.py:f:1;c 5\n' > profile.txt
    run_pyflame 0 -f pprof -i profile.txt -o profile.pb.gz
    node "$tests/tools/pprof.js" "$npm" profile.pb.gz | sort > seen
    printf 'f:1;c:0 5\nf:1;g:2 7\n' | diff -u - seen
}

@test "speedscope opens the profile" {
    requires node
    browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
        skip "needs chromium"
    for package in speedscope playwright-core; do
        [ -d "$npm/$package" ] || skip "needs npm's $package in $npm"
    done
    printf 'a.py:first:1;b.py:second:2 75\na.py:first:1;c 25\n' > profile.txt
    run_pyflame 0 -f speedscope --title "Some <title>" -i profile.txt -o profile.json
    node "$tests/tools/speedscope.mjs" "$npm" "$browser" profile.json > shown
    cat shown
    grep -qF 'Some <title>' shown
    equal "$(tr -d '\t' < shown | grep -oE '^(100|75|25)[^0-9]*\((100|75|25)%\)$|^(first|second|c)$' | sort -u | wc -l)" 6
    start_sleeper
    run_pyflame 0 -s 0.2 --threads -f speedscope -o live.json "$pid"
    node "$tests/tools/speedscope.mjs" "$npm" "$browser" live.json > shown
    cat shown
    grep -qE '^MainThread \([0-9]+\) \(1/3\)$' shown # which is the busy one
    grep -qE '^(19[0-9]|2[0-9][0-9])\.[0-9]+ms \(100%\)' shown
    run_pyflame 0 -s 0.2 --threads -f chrome -o live.json "$pid"
    node "$tests/tools/speedscope.mjs" "$npm" "$browser" live.json > shown
    cat shown
    grep -qE '^python.*sleeper.py.* \(pid [0-9]+\), MainThread \(tid [0-9]+\) \([1-3]/3\)$' shown
    grep -qE '^(19[0-9]|2[0-9][0-9])\.[0-9]+ms \(100%\)' shown
}

# With its own code, in a process that is asked for what it shows: firefox_profiler COMMAND...
firefox_profiler() {
    HOME=$BATS_TEST_TMPDIR timeout 60 "$node" "$npm/@firefox-devtools/profiler-cli/dist/profiler-cli.js" "$@" 3>&-
}

@test "the Firefox Profiler opens the profile" {
    requires python3
    [ -d "$npm/@firefox-devtools/profiler-cli" ] || skip "needs npm's @firefox-devtools/profiler-cli in $npm"
    for node in "$npm/.bin/node" "$(command -v node)"; do
        "$node" -e 'process.exit(+(process.versions.node.split(".")[0] < 24))' 2> /dev/null && break
        node=
    done
    [ -n "$node" ] || skip "needs node 24"
    start_sleeper
    run_pyflame 0 -s 0.5 --threads -f gecko -o live.json "$pid"
    firefox_profiler load "$PWD/live.json" || :
    wait_for 30 firefox_profiler status
    firefox_profiler thread list --json > listed
    firefox_profiler thread samples > shown
    firefox_profiler profile meta > described
    firefox_profiler stop
    cat listed shown described
    python3 -c 'import json
d = json.load(open("listed"))
cpu = {t["name"]: t["cpuMs"] for t in d["threads"]}
assert set(cpu) == {"MainThread", "sleeper-0", "sleeper-1"} and d["processCount"] == 1
lasted = d["context"]["rootRange"]["end"] - d["context"]["rootRange"]["start"]
assert 490 < lasted and .98 * lasted < cpu["MainThread"] <= lasted
assert cpu["sleeper-0"] == cpu["sleeper-1"] == 0'
    grep -qE 'busy - total: [0-9]+ \(100\.0%\)' shown
    grep -qE 'OS: Linux' described
    grep -qE '^ *period: 0\.001 s' described
}

# --- reading ------------------------------------------------------------------

@test "collapsed stacks come back as they were" {
    write_stacks
    run_pyflame 0 -i profile.txt
    cmp profile.txt stdout
    run_pyflame 0 -i - < profile.txt
    cmp profile.txt stdout
    start_sleeper
    for options in "" -n --by-thread "--threads -x"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 0 -s 0.1 $options -o live.txt "$pid"
        [ -s live.txt ]
        run_pyflame 0 -i live.txt
        cmp live.txt stdout
    done
}

@test "JSON comes back: as itself, and as the collapsed stacks of the same run" {
    start_sleeper
    for options in "" --threads -n --by-thread; do
        # shellcheck disable=SC2086 # none or one
        run_pyflame 0 -s 0.1 $options -o live.json "$pid"
        run_pyflame 0 -i live.json -f json
        cmp live.json stdout
        run_pyflame 0 -i live.json
        cp stdout live.txt
        [ -s live.txt ]
        [ "$options" = --by-thread ] || read_format json live.json | LC_ALL=C sort | diff -u - live.txt
        run_pyflame 0 -i live.txt -f json -o again.json
        run_pyflame 0 -i again.json
        cmp live.txt stdout
    done
    matches "$(cat live.txt)" "thread $pid MainThread;"
    write_stacks
    run_pyflame 0 -i profile.txt -o profile.json
    run_pyflame 0 -i profile.json
    cmp profile.txt stdout
}

@test "the profile in a page comes back" {
    write_stacks
    run_pyflame 0 -i profile.txt -f json
    { printf '<!doctype html>\n<title>x</title><script type="application/json" id="profile">'
      cat stdout
      printf '</script>\n<script>var x = "</script>"</script>'; } > page.html
    run_pyflame 0 -i page.html
    cmp profile.txt stdout
}

@test "--by-thread gives a JSON profile of several threads its root frames" {
    start_sleeper
    run_pyflame 0 -s 0.1 --threads -o live.json "$pid"
    run_pyflame 0 --by-thread -i live.json
    all_match '^thread [0-9]+ (MainThread|sleeper-[01]);' stdout
    run_pyflame 0 -i live.json
    lacks "$output" '^thread'
}

@test "-n and -x leave out of a file what they leave out of a run" {
    write_stacks
    run_pyflame 0 -n -x -i profile.txt
    lacks "$output" '\(idle\)'
    lacks "$output" ':[0-9]+[; ]'
    equal "$(samples stdout)" $(($(samples profile.txt) - 40))
    start_sleeper
    run_pyflame 0 -s 0.1 --threads -o live.json "$pid"
    run_pyflame 0 -x -i live.json
    lacks "$output" ':sleeper:'
    matches "$output" ':busy:'
}

@test "two halves make the whole" {
    write_stacks
    awk 'NR % 2' profile.txt > a
    awk 'NR % 2 == 0' profile.txt > b
    run_pyflame 0 -i a -f json -o a.json
    run_pyflame 0 -i a.json -i b
    cmp profile.txt stdout
    run_pyflame 0 -i profile.txt -i profile.txt
    awk '{ n = $NF; sub(/ [0-9]+$/, ""); print $0, 2 * n }' profile.txt | diff -u - stdout
}

@test "runs that are merged keep what they agree on" {
    start_sleeper
    run_pyflame 0 -s 0.05 -o a.json "$pid"
    run_pyflame 0 -s 0.05 -r 2ms -o b.json "$pid"
    run_pyflame 0 -i a.json -i b.json -o c.json
    python3 -c 'import json
a, b, c = (json.load(open(name + ".json")) for name in "abc")
assert c["total"] == a["total"] + b["total"] > 0
ra, rb, rc = a["run"], b["run"], c["run"]
assert rc["ticks"] == ra["ticks"] + rb["ticks"] and rc["pid"] == ra["pid"]
assert rc["command"] == ra["command"] and "period" not in rc
assert abs(rc["duration"] - ra["duration"] - rb["duration"]) < 1e-5'
}

@test "stacks that others wrote are taken as they are" {
    printf '%s\r\n' 'java;std::vector<int>::push(int, int);[unknown] 12' \
        '{main};Foo->bar;a 1;b 2 3' '  x  5' 'no_file:12;C:/a.py:f:3;:;a::b 4' > foreign
    printf '\n' >> foreign
    run_pyflame 0 -i foreign
    tr -d '\r' < foreign | grep . | LC_ALL=C sort | diff -u - stdout
    LC_ALL=C sort stdout > expected
    for format in json speedscope gecko pprof; do
        run_pyflame 0 -i foreign -f "$format" -o written
        read_format "$format" written | LC_ALL=C sort | diff -u expected -
    done
}

@test "Austin's output is taken, with its threads" {
    cat > austin << 'END'
# austin: 3.6.0
# interval: 100
# mode: wall

P12;T0:34;/a.py:<module>:5;/a.py:f:2 100
P12;T0:34;/a.py:<module>:5;/a.py:g:3 20
P12;T56;/a.py:f:2 7,0,-20
P12;T56;/a.py:h:9 8,1,0
P12;T56 9
# duration: 12345
END
    run_pyflame 0 -i austin
    printf '%s\n' '/a.py:<module>:5;/a.py:f:2 100' '/a.py:<module>:5;/a.py:g:3 20' \
        '/a.py:f:2 7' '/a.py:h:9 8' | diff -u - stdout
    run_pyflame 0 -x -i austin
    lacks "$output" '/a.py:h:9'
    run_pyflame 0 --by-thread -i austin
    equal "$(grep -c '^thread 34 ;' stdout)" 2
    run_pyflame 0 -i austin -o x.json
    read_format json x.json threads > seen
    printf '12 34\n12 56\n' | diff -u - seen
}

# refuses WHAT TEXT: a file with that text is refused for that reason.
refuses() {
    printf '%s' "$2" > bad
    run_pyflame 1 -i bad -o result
    only_complains
    matches "$stderr" "^pyflame: bad, byte [0-9]+ of the JSON: $1"
    [ ! -e result ]
}

@test "what is no profile is refused, and where it is wrong is said" {
    local good='{"format":"pyflame","version":1,"strings":["a"],"frames":{"function":[0],"file":[-1],"line":[0]},"threads":[{}],"stacks":{"parent":[-1],"frame":[0],"count":[1]}}'
    printf '%s' "$good" > good
    run_pyflame 0 -i good
    equal "$output" "a 1"
    refuses 'a string with' '{"format":"pyfl'
    refuses 'an unknown escape' '{"a":"\x"}'
    refuses 'a .u without' '{"a":"\u12"}'
    refuses 'a string with' '{"a":"
"}'
    refuses 'something that is no JSON' '{"a":[1,]}'
    refuses 'no comma' '{"a":01}'
    refuses 'something that is no JSON' '{"a":nul}'
    refuses 'no comma' '{"a":1 "b":2}'
    refuses 'no colon' '{"a" 1}'
    refuses 'something behind' "$good x"
    refuses 'it is nested too deep' "{\"a\":$(printf '[%.0s' {1..99})"
    refuses 'it is not a profile of pyflame' '{"nodes":[]}'
    refuses 'it is not a profile of pyflame' "${good/'pyflame'/'x'}"
    refuses 'another version' "${good/':1,'/':2,'}"
    refuses 'a table is missing' "${good/'threads'/'thread'}"
    refuses 'an array is missing' "${good/'parent'/'father'}"
    refuses 'arrays of different' "${good/'[1]'/'[1,2]'}"
    refuses 'not an integer' "${good/'[1]'/'[1.5]'}"
    refuses 'not an integer' "${good/'[1]'/'[-1]'}"
    refuses 'not an integer' "${good/'[1]'/'[99999999999999999999]'}"
    refuses 'not an integer' "${good/'"frame":[0]'/'"frame":[1]'}"
    refuses 'not an integer' "${good/'"parent":[-1]'/'"parent":[-2]'}"
    refuses 'not an integer' "${good/'"function":[0]'/'"function":[-1]'}"
    refuses 'not an integer' "${good/'"file":[-1]'/'"file":[1]'}"
    refuses 'a stack before' "${good/'"parent":[-1]'/'"parent":[0]'}"
    refuses 'more waits for the GIL' "${good/'"count":[1]'/'"count":[1],"idle":[1],"gil":[2]'}"
    refuses 'more idle' "${good/'"count":[1]'/'"count":[1],"idle":[2]'}"
    refuses 'no array' "${good/'[1]'/'1'}"
    refuses 'no object' "${good/'{}'/'[]'}"
    refuses 'no string' "${good/'["a"]'/'[1]'}"
}

@test "a line without a count is refused, with its number" {
    printf 'a;b 1\na;b\n' > bad
    run_pyflame 1 -i bad
    only_complains
    matches "$stderr" '^pyflame: bad, line 2: there is no count at its end$'
    for line in 'a -1' 'a 1.5' 'a 99999999999999999999999' '7'; do
        echo "$line" > bad
        run_pyflame 1 -i bad
        only_complains
    done
}

@test "files that cannot be read are failures" {
    run_pyflame 1 -i missing
    only_complains
    matches "$stderr" 'cannot read missing: No such file'
    run_pyflame 1 -i .
    only_complains
    matches "$stderr" 'cannot read .: Is a directory'
    echo '<!DOCTYPE html><p>nothing' > page.html
    run_pyflame 1 --diff page.html -i /dev/null
    only_complains
    matches "$stderr" 'page.html is a page without a profile of pyflame'
}

@test "nothing is a profile, too" {
    for format in collapsed "${formats[@]}"; do
        run_pyflame 0 -i /dev/null -f "$format" -o written
    done
    read_format speedscope written 2> log || read_format chrome written
    run_pyflame 0 -i /dev/null
    equal "$output" ""
}

@test "counts and times that no run has are written, whatever they mean" {
    cat > wild.json << 'END'
{"format":"pyflame","version":1,"run":{"start":8999999999,"duration":8e9,"period":8999999,"ticks":9007199254740992,
"failures":{"torn":9007199254740992}},"idle":9007199254740992,"failed":9007199254740992,"strings":["a"],
"frames":{"function":[0],"file":[-1],"line":[-5]},"threads":[{"pid":2147483647,"tid":2147483647}],
"stacks":{"parent":[-1,0],"frame":[0,0],"count":[9007199254740992,9007199254740992],"idle":[9007199254740992,1]}}
END
    for format in "${formats[@]}" collapsed; do
        run_pyflame 0 -i wild.json -i wild.json -f "$format"
        [ -s stdout ]
    done
}

@test "it reads and writes without /proc" {
    requires root chroot
    ! grep -q __asan_init "$pyflame" || skip "a build with sanitizers"
    mkdir empty
    cp "$pyflame" empty/pyflame
    printf 'a;b 1\n' > empty/in
    run "$(command -v chroot)" empty /pyflame -i in
    equal "$output" "a;b 1"
}

@test "damaged profiles are refused or read, and never crash it" {
    write_stacks
    run_pyflame 0 -i profile.txt -o profile.json
    cat > damage.py << 'END'
import random, subprocess, sys
random.seed(int(sys.argv[2]))
good = open('profile.json', 'rb').read()
for n in range(int(sys.argv[3])):
    bad = bytearray(good)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(bad))
        kind = random.randrange(4)
        if kind == 0:
            bad[at] = random.choice(b'[]{},:"\\-0123456789tfnu.eE \n\xff')
        elif kind == 1:
            del bad[at:at + random.randint(1, 20)]
        elif kind == 2:
            bad[at:at] = bad[at:at + random.randint(1, 20)]
        else:
            del bad[at:]
            bad += b' '
    bad = bytes(bad)
    result = subprocess.run([sys.argv[1], '-i', '-', '-f', 'gecko'], input=bad,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20)
    if result.returncode not in (0, 1) or (result.returncode == 1) != (
            result.stderr.count(b'\n') == 1 and result.stderr.startswith(b'pyflame: -')):
        open('bad', 'wb').write(bad)
        sys.exit('%d: %r' % (result.returncode, result.stderr))
END
    requires python3
    python3 damage.py "$pyflame" 1 "${PYFLAME_TEST_ALL:+30}00"
}

# --- comparing ----------------------------------------------------------------

@test "--diff writes both counts, the earlier one first" {
    printf '(idle) 5\na;b 1\na;c 2\na;d 3\n' > before
    printf '(idle) 7\na;b 10\na;d 30\nz 4\n' > after
    printf '(idle) 5 7\na;b 1 10\na;c 2 0\na;d 3 30\nz 0 4\n' > expected
    run_pyflame 0 --diff=before -i after
    diff -u expected stdout
    run_pyflame 0 -i before -o before.json
    run_pyflame 0 --diff=before.json -i after
    diff -u expected stdout
    run_pyflame 0 --diff=before -i after -o diff.json
    read_format json diff.json | LC_ALL=C sort > seen
    LC_ALL=C sort after | diff -u - seen
    python3 -c 'import json
before = json.load(open("diff.json"))["before"]
assert before["total"] == 11 and before["idle"] == 5 and sum(before["count"]) == 6'
    run_pyflame 0 -i diff.json --diff=after
    printf '(idle) 7 7\na;b 10 10\na;d 30 30\nz 4 4\n' | diff -u - <(grep -v ' 0$' stdout)
    run_pyflame 0 -i diff.json
    diff -u expected stdout
}

@test "--diff compares a run with an earlier one, over all threads" {
    start_sleeper
    run_pyflame 0 -s 0.1 --threads -o before.json "$pid"
    run_pyflame 0 -i before.json -o before.txt
    run_pyflame 0 -s 0.1 --threads --diff=before.txt --stats "$pid"
    all_match ' [0-9]+ [0-9]+$' stdout
    LC_ALL=C sort -c stdout
    equal "$(samples stdout)" "$(stat_of samples)"
    awk '{ print $(NF - 1) }' stdout > counts
    equal "$(samples counts)" "$(samples before.txt)"
    matches "$output" ':sleeper:[0-9]+ [1-9][0-9]* [1-9]'
    run_pyflame 0 -s 0.1 --threads --diff=before.json -f json --stats -o diff.json "$pid"
    read_format json diff.json > seen
    equal "$(samples seen)" "$(stat_of samples)"
}

@test "flamegraph.pl takes the comparison" {
    script=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
    script=$(command -v flamegraph.pl || { [ -r $script ] && echo $script; }) || skip "needs flamegraph.pl"
    requires perl
    printf 'a;b 10\na;c 20\n' > before
    printf 'a;b 20\na;c 10\n' > after
    run_pyflame 0 --diff=before -i after
    perl "$script" stdout > graph.svg 2> complaints
    equal "$(cat complaints)" ""
    grep -qE '<title>b \(20 samples, 66\.67%; \+' graph.svg
}

# --- the command line ---------------------------------------------------------

@test "what does not go together is a usage error" {
    for options in "-f flamegraph 1" "-f json --flamechart 1" "--flamechart -o x.pb 1" \
        "-d -f gecko 1" "-d -o x.html 1" "-i x 1" "-i x -p 1" "-i x -d" "-i x --flamechart" \
        "-i x -t true" "--diff x -f pprof 1" "--diff x -d 1" "--diff x --flamechart 1" "-i" "-f"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 2 $options
        only_complains
        matches "$stderr" 'try pyflame --help$'
    done
    [ ! -e x.json ] && [ ! -e x.pb ]
}

# --- what a terminal shows ----------------------------------------------------

# on_terminal ARGUMENT...: runs pyflame with stderr on a terminal; what that shows
# is in "terminal".
on_terminal() {
    requires terminal format=json
    script -qec "'$pyflame' $* > stdout" /dev/null > terminal < /dev/null 3>&-
}

@test "a terminal shows progress, takes it away, and sums up" {
    start_sleeper
    on_terminal -s 0.7 -o profile.json "$pid"
    tr '\r' '\n' < terminal > lines
    cat -v lines
    grep -qE '^pyflame: 0\.[0-9] of 0\.7 s, [1-9][0-9]* samples, [1-9][0-9]* ticks a second' lines
    [ "$(grep -c ' ticks a second' lines)" -le 4 ]
    # the last one is wiped out before the summary
    grep -A 1 ' ticks a second' lines | tail -n 1 | grep -qE $'^\e\\[K(pyflame: [0-9]+ samples|$)'
    grep -qE 'pyflame: [0-9]+ samples in 0\.[0-9] s, written to profile\.json' lines
    equal "$(cat stdout)" ""
}

@test "times are rounded, not cut off" {
    start_sleeper
    for ((round = 0; round < 5; round++)); do # each time it ends a little before or after that
        on_terminal -s 0.29 -r 10ms "$pid"
        lacks "$(tail -n 1 terminal)" ' in 0\.[0-2] s'
    done
}

@test "-q shows nothing, not even a terminal's progress" {
    start_sleeper
    on_terminal -q -s 0.6 "$pid"
    equal "$(cat terminal)" ""
    [ -s stdout ]
}

@test "a command that may have the terminal is not disturbed by progress" {
    find_python
    cat > work.py << 'END'
import time
end = time.time() + .8
while time.time() < end: pass
END
    on_terminal -t "$python" work.py
    lacks "$(cat terminal)" 'ticks a second'
    matches "$(cat terminal)" 'pyflame: [0-9]+ samples'
}
