#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line: what is accepted, what is refused, and how.

load helper

usage_error() {
    run_pyflame 2 "$@"
    only_complains
}

# Ticks that a run takes or misses: ticks_of ARGUMENT...
ticks_of() {
    run_pyflame 0 --stats "$@" "$pid"
    ticks=$(all_ticks)
}

start_any() {
    find_python
    start_target fib "$python"
}

# --- help and version ---------------------------------------------------------

@test "-h and --help print the usage on stdout" {
    for option in -h --help; do
        run_pyflame 0 "$option"
        matches "$output" '(^|'$'\n'')Usage: pyflame '
        equal "$stderr" ""
    done
}

@test "-v and --version print the version on stdout" {
    for option in -v --version; do
        run_pyflame 0 "$option"
        matches "$output" '^pyflame [0-9]+\.[0-9]+\.[0-9]+ [^ ]+ [^ ]+ \(ABI list: .+\)$'
        equal "$stderr" ""
    done
}

@test "help and version that can't be written are a failure" {
    [ -c /dev/full ] || skip "needs /dev/full"
    for option in --help --version; do
        run sh -c "'$pyflame' $option > /dev/full"
        equal "$status" 1
    done
}

# An option that wants a value gets one that is wrong for none.
@test "every option that --help lists is accepted" {
    local name value count=0
    local -A values=([pid]=$$ [seconds]=1 [rate]=1 [output]=/dev/null [abi]=3.12 [mode]=wall
        [format]=collapsed [title]=x [rotate]=1 [seed]=1)
    "$pyflame" --help | grep -oE -- '^ +(-[a-z], |    )--[a-z-]+=?' | grep -oE -- '--[a-z-]+=?' > names
    while read -r name; do
        value=${name#--}
        value=${values[${value%=}]:-x}
        case $name in
            --help | --version) continue ;;
            --all) run "$pyflame" --all 1 ;;
            --pid= | --trace) run "$pyflame" "${name%=}" ;;
            --input=) run "$pyflame" "$name$value" --dump ;;
            *=) run "$pyflame" "$name$value" ;;
            *) run "$pyflame" "$name" ;;
        esac
        echo "$name: $output"
        equal "$status" 2
        lacks "$output" 'unknown option'
        count=$((count + 1))
    done < names
    [ "$count" -ge 12 ]
}

@test "every short option that --help lists is accepted" {
    local name count=0
    "$pyflame" --help | grep -oE -- '^ +-[a-z],' | grep -oE -- '-[a-z]' > names
    while read -r name; do
        run "$pyflame" "$name"
        lacks "$output" 'unknown option'
        count=$((count + 1))
    done < names
    [ "$count" -ge 10 ]
}

@test "options may follow the pid" {
    start_any
    run_pyflame 0 "$pid" -s 0 -n
    equal "$(samples stdout)" 1
}

@test "options may be combined in one word" {
    start_any
    run_pyflame 0 -xns0 "$pid"
    equal "$(samples stdout)" 1
}

@test "-p PID, --pid=PID and PID alone are the same, and say nothing more" {
    start_any
    for form in "-p $pid" "-p$pid" "--pid=$pid" "--pid $pid" "$pid"; do
        # shellcheck disable=SC2086 # two words
        run_pyflame 0 -s 0 $form
        equal "$(samples stdout)" 1
        equal "$stderr" ""
    done
}

# --- refused ------------------------------------------------------------------

@test "no argument at all is a usage error" { usage_error; }
@test "an unknown long option is a usage error that names it" {
    usage_error --no-such-option 1
    matches "$stderr" '--no-such-option'
}
@test "an unknown short option is a usage error that names it" {
    usage_error -Z 1
    matches "$stderr" '-Z'
}
@test "an unknown option in a word of several is named by itself" {
    usage_error -nZ 1
    matches "$stderr" '-Z'
}
@test "an empty argument is a usage error" { usage_error ""; }
@test "an option without its value is a usage error" {
    for option in -p -s -r -o --pid --seconds --rate --output --abi; do
        usage_error "$option"
        matches "$stderr" "option $option wants"
    done
}
@test "a value for an option that takes none is a usage error" {
    usage_error --threads=1 1
    matches "$stderr" '--threads'
}

@test "a pid is a whole number above 0" {
    for pid in 12abc -1 0 abc '' ' 1' '1 ' 1.5 0x10 +1 99999999999 1e3 $((2 ** 31)); do
        usage_error -p "$pid"
    done
}
@test "a pid without -p is a whole number above 0, too" {
    for pid in 12abc 0 abc '' ' 1' 1.5 0x10 99999999999; do
        usage_error "$pid"
    done
}
@test "two pids without -p before each are a usage error" {
    usage_error 1 2
    usage_error -p 1 2
}
@test "pyflame does not profile itself" {
    as=(sh -c 'exec "$0" "$@" $$')
    usage_error -s 0
    matches "$stderr" 'itself'
}

@test "-s is a whole number, not negative" {
    for value in abc 12abc -1 -0.5 1e400 nan inf '' ' 1' 0x10 1,5 1..2; do
        usage_error -s "$value" 1
    done
}
@test "-r is a whole number above 0" {
    for value in abc 12abc -1 0 0.0 1e400 1e-400 nan inf '' ' 1' 0x10 0hz -5hz 0ms 10mss 10hzz; do
        usage_error -r "$value" 1
    done
}

@test "-t and a pid do not go together" { usage_error -p 1 -t true; }
@test "-t and -d do not go together" { usage_error -d -t true; }
@test "-t wants a command" { usage_error -t; }
@test "-- wants a command" { usage_error --; }
@test "--pause and --no-pause do not go together" { usage_error --pause --no-pause 1; }
@test "--abi refuses what is not a version" {
    for value in x 3 3.x 0 3.12x ''; do
        usage_error --abi="$value" 1
    done
}
@test "--abi refuses versions that can't be read, and says which can" {
    for value in 1.5 2.5 3.1 99; do
        usage_error --abi="$value" 1
        matches "$stderr" '3\.6'
    done
}

@test "a usage error is found before the output file is made" {
    usage_error -o new -s abc 1
    [ ! -e new ]
}

# --- mistakes -------------------------------------------------------------------

# says SENTENCE ARGUMENT...: a usage error with that sentence.
says() {
    usage_error "${@:2}"
    matches "$stderr" "^pyflame: $1(; try pyflame --help)?\$"
}

@test "a command without -t is told that it needs one" {
    says '"python3" is not a pid; to run a command and profile it: pyflame -t python3 \.\.\.' python3 app.py
    says '"./app" is not a pid; to run a command and profile it: pyflame -t ./app' ./app
    says '"app.py" is not a pid; to run a command and profile it: pyflame -t app.py' -s 5 app.py
}

@test "the commands of other profilers are told apart from programs" {
    says '"record" is not a pid; what it does elsewhere: pyflame -o profile.html PID, .*-t.*' record -o x --pid 1
    says '"top" is not a pid; .*: pyflame PID .*' top --pid 1
    says '"dump" is not a pid; .*: pyflame -d PID' dump --pid 1
    says '"attach" is not a pid; .*: pyflame PID' attach 1
    says '"run" is not a pid; .*: pyflame -t COMMAND' run app.py
}

@test "a rate in Hz without its unit is noticed" {
    says '-r 100 is .* in seconds, longer than the run; 100 samples a second are -r 100hz' -r 100 1
    says '-r 100 is .* -r 100hz' -r 100 -s 30 1
    says '-r 5s is the time between samples, longer than the run' -r 5s 1
    says '-r 100 is .* -r 100hz' -r 100 -s 30 -t true
    # with one sample, and with a run of unknown length, that may be meant
    run_pyflame 5 -r 100 -s 0 $((2 ** 31 - 1))
    run_pyflame 0 -r 100 -t true
}

@test "a picture that pyflame can't draw is refused, with what it can" {
    requires format=html format=svg
    for ending in png jpg pdf prof; do
        says "-o x\\.y\\.$ending: pyflame writes no \\.$ending; .*: \\.txt .*\\.html .*\\.svg .*-f" -o "x.y.$ending" 1
    done
    equal "$(find . -name 'x*')" ""
    start_any
    run_pyflame 0 -s 0 -f collapsed -o x.png "$pid" # if it is meant so
    matches "$(cat x.png)" 'fib\.py'
    run_pyflame 0 -s 0 -o png "$pid"
    matches "$(cat png)" 'fib\.py'
}

@test "a pid after -s is noticed" {
    says 'no pid is given: -s is how long to sample; pyflame -s 10 PID' -s 1234
}

@test "an unknown option names that which is meant, perhaps" {
    says 'unknown option --threds: perhaps --threads' --threds 1
    says 'unknown option --ouptut=x: perhaps --output' --ouptut=x 1
    says 'unknown option --no-line-number1: perhaps --no-line-numbers' --no-line-number1 1
    says 'unknown option --duration: that is -s here' --duration 5 --pid 1
    says 'unknown option --subprocesses: that is --children here' --subprocesses --pid 1
    says 'unknown option --nonblocking: that is --no-pause here' --nonblocking 1
    says 'unknown option --gil: that is -m gil here' --gil 1
    says 'unknown option --xylophone' --xylophone 1
}

@test "files after -i without another are noticed" {
    says '"b.txt" is not a pid; each file wants an option of its own: -i b\.txt' -i a.txt b.txt
}

# --- numbers ------------------------------------------------------------------

@test "-r takes seconds, or a unit" {
    start_any
    for value in 0.02 .02 2e-2 20ms 20000us 50hz 50Hz 0.02s; do
        ticks_of -s 0.1 -r "$value"
        equal "$ticks" 5
    done
}

@test "-s takes fractions" {
    start_any
    ticks_of -s 0.05 -r 0.01
    equal "$ticks" 5
}

@test "the defaults are one second and a millisecond" {
    start_any
    ticks_of
    equal "$ticks" 1000
}

@test "-s 0 is exactly one sample" {
    start_any
    ticks_of -s 0
    equal "$ticks" 1
    equal "$(samples stdout)" 1
}

# --- --abi --------------------------------------------------------------------

right_abi() {
    local version
    version=$(version_of "$1")
    start_target fib "$1"
    run_pyflame 0 --abi="$version" -s 0 "$pid"
    matches "$output" 'fib.py:(fib|main|<module>):'
    run_pyflame 0 --abi="${version/./}" -s 0 "$pid"
    matches "$output" 'fib.py:(fib|main|<module>):'
}

@test "--abi with the right version changes nothing" { each_python any right_abi; }
@test "2.7: --abi with the right version changes nothing" { each_python 2.7 right_abi; }
