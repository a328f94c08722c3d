#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is sampled while it moves: no stack that never was, each in its right share,
# at the price of few system calls.

load helper

# within SHARE EXPECTED N [POINTS]: a share of N samples, in percent, is as expected:
# no further off than POINTS (2), or than chance lets one of hundreds of millions of
# runs be, nor than what was missed in the last run, which may have been anything, whether it was
# counted like what is next to it or not.
within() {
    awk -v share="$1" -v expected="$2" -v n="$3" -v limit="${4-2}" -v ticks="$(stat_of ticks)" \
        -v missed="$(stat_of missed)" -v repeated="$(stat_of "of these ticks,")" 'BEGIN {
        if (!n) { print "no samples"; exit 1 }
        if (repeated) n *= (ticks - repeated) / ticks
        sigma = 100 * sqrt(expected / 100 * (1 - expected / 100) / n)
        if (limit < 6 * sigma) limit = 6 * sigma
        if (missed + repeated) limit += 100 * (missed + repeated) / (ticks + missed)
        printf "share %.2f %%, expected %.2f, allowed %.2f off, of %d samples\n", share, expected, limit, n
        exit !(share - expected <= limit && expected - share <= limit) }'
}

percent() {
    awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.3f", whole ? 100 * part / whole : -1 }'
}

# Less than a thousandth of the ticks failed, for whatever reason. But where the target
# has no CPU for long, it does not move on from where it can't be read either; it shows
# in ticks that are missed.
few_failed() {
    local failed
    failed=$(samples stdout '^.failed')
    echo "failed $failed of $(stat_of ticks), missed $(stat_of missed)"
    [ $((failed * 1000)) -le $(($(stat_of ticks) + 10 * $(stat_of missed))) ]
}

# --- true while they move -----------------------------------------------------

# Every line is the module, run(), and the first levels of one chain, with the lines
# on which they are; run() is on a line that calls that chain.
chains_are_whole() {
    awk -v deep="$2" '
        /^\(/ { next }
        {
            n = split($0, frame, ";")
            sub(/ [0-9]+$/, "", frame[n])
            bad = n < 2 || n > deep + 2 || frame[1] !~ /chains\.py:<module>:[0-9]+$/ ||
                frame[2] !~ /^run\.py:run:[0-9]+$/
            letter = substr(frame[3], 1, 1)
            for (i = 3; i <= n; i++)
                if (frame[i] != letter ".py:" letter (i - 2) ":" (i - 2)) bad = 1
            if (n > 2 && letter != (frame[2] ~ /[13579]$/ ? "a" : "b")) bad = 1
            if (bad) { print "never was: " $0; wrong = 1 }
        }
        END { exit wrong }' "$1"
}

# At this rate a bound on stopping the program leaves few samples; --pause lifts it.
chains() {
    local python=$1 deep=$2 a b
    shift 2
    start_target chains "$python" --deep "$deep"
    run_pyflame 0 -s "$(many 0.4 1)" -r 100us --stats "$@" "$pid"
    chains_are_whole stdout "$deep"
    few_failed
    a=$(samples stdout ';a\.py:') b=$(samples stdout ';b\.py:')
    # what one letter really takes is known to 2 points, and 6 times the chance comes on top
    within "$(percent "$a" $((a + b)))" 50 $((a + b)) 5
}

@test "2.7: chains of fast calls"   { each_python 2.7 chains 3; }
@test "3.6: chains of fast calls"   { each_python 3.6 chains 3; }
@test "3.7: chains of fast calls"   { each_python 3.7 chains 3; }
@test "3.8: chains of fast calls"   { each_python 3.8 chains 3; }
@test "3.9: chains of fast calls"   { each_python 3.9 chains 3; }
@test "3.10: chains of fast calls"  { each_python 3.10 chains 3; }
@test "3.11: chains of fast calls"  { each_python 3.11 chains 3; }
@test "3.12: chains of fast calls"  { each_python 3.12 chains 3; }
@test "3.13: chains of fast calls"  { each_python 3.13 chains 3; }
@test "3.14: chains of fast calls"  { each_python 3.14 chains 3; }
@test "newest: chains of fast calls"  { each_python "$newest" chains 3; }
@test "3.13t: chains of fast calls" { each_python 3.13t chains 3; }
@test "3.14t: chains of fast calls" { each_python 3.14t chains 3; }
@test "newest-t: chains of fast calls" { each_python "${newest}t" chains 3; }

@test "2.7: chains of fast calls with --pause"   { each_python 2.7 chains 3 --pause; }
@test "3.6: chains of fast calls with --pause"   { also 3.6 chains 3 --pause; }
@test "3.7: chains of fast calls with --pause"   { also 3.7 chains 3 --pause; }
@test "3.8: chains of fast calls with --pause"   { each_python 3.8 chains 3 --pause; }
@test "3.9: chains of fast calls with --pause"   { also 3.9 chains 3 --pause; }
@test "3.10: chains of fast calls with --pause"  { also 3.10 chains 3 --pause; }
@test "3.11: chains of fast calls with --pause"  { each_python 3.11 chains 3 --pause; }
@test "3.12: chains of fast calls with --pause"  { also 3.12 chains 3 --pause; }
@test "3.13: chains of fast calls with --pause"  { also 3.13 chains 3 --pause; }
@test "3.14: chains of fast calls with --pause"  { each_python 3.14 chains 3 --pause; }
@test "newest: chains of fast calls with --pause"  { also "$newest" chains 3 --pause; }
@test "3.13t: chains of fast calls with --pause" { also 3.13t chains 3 --pause; }
@test "3.14t: chains of fast calls with --pause" { each_python 3.14t chains 3 --pause; }
@test "newest-t: chains of fast calls with --pause" { also "${newest}t" chains 3 --pause; }

# As root the kernel takes these samples otherwise.
@test "2.7: chains of fast calls with --no-kernel"   { also 2.7 chains 3 --no-kernel; }
@test "3.8: chains of fast calls with --no-kernel"   { each_python 3.8 chains 3 --no-kernel; }
@test "3.11: chains of fast calls with --no-kernel"  { each_python 3.11 chains 3 --no-kernel; }
@test "3.12: chains of fast calls with --no-kernel"  { also 3.12 chains 3 --no-kernel; }
@test "3.14: chains of fast calls with --no-kernel"  { each_python 3.14 chains 3 --no-kernel; }
@test "newest: chains of fast calls with --no-kernel"  { also "$newest" chains 3 --no-kernel; }
@test "3.14t: chains of fast calls with --no-kernel" { also 3.14t chains 3 --no-kernel; }

@test "2.7: deep chains of fast calls"   { also 2.7 chains 60; }
@test "3.8: deep chains of fast calls"   { also 3.8 chains 60; }
@test "3.11: deep chains of fast calls"  { each_python 3.11 chains 60; }
@test "3.14: deep chains of fast calls"  { also 3.14 chains 60; }

@test "2.7: deep chains of fast calls with --pause"  { also 2.7 chains 60 --pause; }
@test "3.8: deep chains of fast calls with --pause"  { also 3.8 chains 60 --pause; }
@test "3.11: deep chains of fast calls with --pause" { also 3.11 chains 60 --pause; }
@test "3.14: deep chains of fast calls with --pause" { also 3.14 chains 60 --pause; }

@test "chains of fast calls with --threads" { each_python any chains 3 --threads; }
@test "chains of fast calls with --threads --pause" { also any chains 3 --threads --pause; }

# Here many can't be proven, but none that is written may be wrong.
unpaused_chains() {
    start_target chains "$1"
    run_pyflame 0 -s "$(many 0.5 1.5)" -r 100us --no-pause "$pid"
    chains_are_whole stdout 3
}

@test "2.7: chains of fast calls with --no-pause: none is wrong"   { each_python 2.7 unpaused_chains; }
@test "3.8: chains of fast calls with --no-pause: none is wrong"   { also 3.8 unpaused_chains; }
@test "3.11: chains of fast calls with --no-pause: none is wrong"  { each_python 3.11 unpaused_chains; }
@test "3.14: chains of fast calls with --no-pause: none is wrong"  { also 3.14 unpaused_chains; }
@test "3.14t: chains of fast calls with --no-pause: none is wrong" { also 3.14t unpaused_chains; }

# File, function and line agree though the memory of code objects is used again.
renewed_code() {
    start_target churn_code "$1"
    run_pyflame 0 -s "$(many 0.4 1)" -r 250us --stats "$pid"
    awk '
        function is_bad(frame, name, file,   part) {
            if (split(frame, part, ":") != 3 || part[1] !~ /^gen_[0-9]+\.py$/) return 1
            if (part[2] !~ /^[fg]_[0-9]+$/ || substr(part[2], 1, 1) != name) return 1
            number = substr(part[1], 5, length(part[1]) - 7)
            return substr(part[2], 3) != number || part[3] != 1000 + number % 1000 + (name == "g") ||
                (file != "" && file != part[1])
        }
        {
            n = split($0, frame, ";")
            sub(/ [0-9]+$/, "", frame[n])
            for (i = 1; i <= n; i++) {
                if (frame[i] ~ /:f_/ || (frame[i] ~ /^gen_/ && frame[i] !~ /:(g_|<module>)/)) {
                    f++
                    if (is_bad(frame[i], "f", "")) bad = 1
                } else if (frame[i] ~ /:g_/) {
                    if (is_bad(frame[i], "g", substr(frame[i - 1], 1, index(frame[i - 1], ":") - 1))) bad = 1
                } else if (frame[i] ~ /:spin:/ && frame[i - 1] !~ /:g_/) bad = 1
            }
            if (bad) { print "never was: " $0; wrong = 1; bad = 0 }
        }
        END { exit wrong || !f }' stdout
    few_failed
}

@test "2.7: code objects that come and go"   { each_python 2.7 renewed_code; }
@test "3.6: code objects that come and go"   { also 3.6 renewed_code; }
@test "3.7: code objects that come and go"   { each_python 3.7 renewed_code; }
@test "3.8: code objects that come and go"   { each_python 3.8 renewed_code; }
@test "3.9: code objects that come and go"   { also 3.9 renewed_code; }
@test "3.10: code objects that come and go"  { each_python 3.10 renewed_code; }
@test "3.11: code objects that come and go"  { each_python 3.11 renewed_code; }
@test "3.12: code objects that come and go"  { also 3.12 renewed_code; }
@test "3.13: code objects that come and go"  { each_python 3.13 renewed_code; }
@test "3.14: code objects that come and go"  { each_python 3.14 renewed_code; }
@test "newest: code objects that come and go"  { each_python "$newest" renewed_code; }
@test "3.13t: code objects that come and go" { also 3.13t renewed_code; }
@test "3.14t: code objects that come and go" { each_python 3.14t renewed_code; }
@test "newest-t: code objects that come and go" { also "${newest}t" renewed_code; }

# are_beginnings N CHAIN...: each stack in ./stdout, without its files and count, is the
# beginning of one of these chains, of which N at least are there as a whole.
are_beginnings() {
    sed -E 's/ [0-9]+$//; s,[^;]*/(gens(_py3)?|entered)\.py:,,g' stdout | grep -v '^(' > short
    awk -v least="$1" -v chains="${*:2}" '
        BEGIN { split(chains, chain, " ") }
        {
            # the qualified name of a generator expression
            gsub(/inner\.<locals>\./, "")
            found = 0
            for (i in chain)
                if (index(chain[i] ";", $0 ";") == 1) { found = 1; whole[i] = whole[i] || $0 == chain[i] }
            if (!found) { print "never was: " $0; wrong = 1 }
        }
        END { for (i in whole) n += whole[i]; exit wrong || n < least }' short
}

# Generators and coroutines stand where they were called from.
generators() {
    local wanted=(':generators;.*:leaf [0-9]+$' ':delegating;.*:leaf [0-9]+$' ':coroutines;.*:leaf [0-9]+$'
        ':throwing;.*:leaf [0-9]+$' ':cancelled;[^;]*:leaf [0-9]+$' ':cleaning;.*:leaf [0-9]+$')
    start_target gens "$1"
    enough=$(many 20 200) sample_until "${wanted[@]:0:$2}" -- -r 250us -n --stats "$pid"
    are_beginnings "$2" '<module>;main;generators;outer;middle;inner;<genexpr>;leaf' \
        '<module>;main;delegating;delegate;delegate;delegate;leaf' \
        '<module>;main;coroutines;request;fetch;chunks;leaf' \
        '<module>;main;throwing;passing;passing;passing;catching;leaf' '<module>;main;throwing;catching' \
        '<module>;main;cancelling;cancelled;cleaning;leaf' \
        '<module>;main;cancelling;cancelled;cleaning;suspended' \
        '<module>;main;cancelling;cancelled;leaf'
    few_failed
}

@test "2.7: generators"                 { each_python 2.7 generators 1; }
@test "3.6: generators and coroutines"  { also 3.6 generators 3; }
@test "3.7: generators and coroutines"  { each_python 3.7 generators 3; }
@test "3.8: generators and coroutines"  { each_python 3.8 generators 3; }
@test "3.9: generators and coroutines"  { also 3.9 generators 3; }
@test "3.10: generators and coroutines" { each_python 3.10 generators 6; }
@test "3.11: generators and coroutines" { each_python 3.11 generators 6; }
@test "3.12: generators and coroutines" { also 3.12 generators 6; }
@test "3.13: generators and coroutines" { each_python 3.13 generators 6; }
@test "3.14: generators and coroutines" { each_python 3.14 generators 6; }
@test "newest: generators and coroutines" { each_python "$newest" generators 6; }
@test "3.13t: generators and coroutines" { also 3.13t generators 6; }
@test "3.14t: generators and coroutines" { each_python 3.14t generators 6; }
@test "newest-t: generators and coroutines" { each_python "${newest}t" generators 6; }

# What C calls stands on what called C, also while it is entered: at the same depth of
# the C stack there were others before, with more and with fewer frames below.
entered() {
    start_target entered "$1"
    enough=$(many 50 1000) sample_until ':main;.*:leaf [0-9]+$' ':below;.*:inner [0-9]+$' -- \
        --pause -r 50us -n --stats "$pid"
    are_beginnings 2 '<module>;main;by_key;key;leaf' '<module>;main;below;by_key;key;leaf' \
        '<module>;main;through;outer;inner' '<module>;main;below;through;outer;inner'
    few_failed
}

@test "2.7: calls from C"   { also 2.7 entered; }
@test "3.6: calls from C"   { also 3.6 entered; }
@test "3.7: calls from C"   { also 3.7 entered; }
@test "3.8: calls from C"   { also 3.8 entered; }
@test "3.9: calls from C"   { also 3.9 entered; }
@test "3.10: calls from C"  { also 3.10 entered; }
@test "3.11: calls from C"  { each_python 3.11 entered; }
@test "3.12: calls from C"  { each_python 3.12 entered; }
@test "3.13: calls from C"  { also 3.13 entered; }
@test "3.14: calls from C"  { also 3.14 entered; }
@test "newest: calls from C"  { also "$newest" entered; }
@test "3.13t: calls from C" { also 3.13t entered; }
@test "3.14t: calls from C" { also 3.14t entered; }
@test "newest-t: calls from C" { also "${newest}t" entered; }

recursion() {
    start_target fib "$1"
    run_pyflame 0 -s "$(many 0.4 1)" -r 250us -n --stats "$pid"
    all_match '^\(failed\)|fib\.py:<module>;[^;]*fib\.py:main(;[^;]*fib\.py:fib){0,21} [0-9]+$' stdout
    few_failed
}

@test "2.7: recursion"  { also 2.7 recursion; }
@test "3.9: recursion"  { also 3.9 recursion; }
@test "3.11: recursion" { each_python 3.11 recursion; }
@test "3.12: recursion" { also 3.12 recursion; }
@test "3.13: recursion" { each_python 3.13 recursion; }
@test "newest: recursion" { also "$newest" recursion; }

deep_stack() {
    start_target deep "$1" 3000
    run_pyflame 0 -s 0.2 -r 5ms --stats "$pid"
    equal "$(samples stdout)" "$(stat_of ticks)"
    awk -F ';' '
        { dives = gsub(/deep\.py:dive:[0-9]+;/, "&") }
        NF != 3002 || dives != 3000 || $1 !~ /deep\.py:<module>:/ || $NF !~ /deep\.py:spin:/ { wrong = 1 }
        END { exit wrong || !NR }' stdout
}

@test "2.7: 3000 nested calls"  { each_python 2.7 deep_stack; }
@test "3.10: 3000 nested calls" { each_python 3.10 deep_stack; }
@test "3.11: 3000 nested calls" { each_python 3.11 deep_stack; }
@test "3.14: 3000 nested calls" { each_python 3.14 deep_stack; }

# What most threads are doing is not read at each tick, as only the one that has the GIL
# can change it: targets/turns.py tells when each was where.
movers() {
    local python=$1
    start_target turns "$python" 8 calls
    run_pyflame 0 -s 1.5 -r 500us --threads --by-thread --stats --flamechart -o profile "$pid"
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid"
    python3 "$tests/tools/turns.py" profile calls | tee said
    matches "$(head -n 1 said)" '^[1-9][0-9]{2,} samples, 0 untrue$'
}

@test "2.7: threads that move now and then are seen where they are"  { also 2.7 movers; }
@test "3.7: threads that move now and then are seen where they are"  { also 3.7 movers; }
@test "3.8: threads that move now and then are seen where they are"  { each_python 3.8 movers; }
@test "3.9: threads that move now and then are seen where they are"  { also 3.9 movers; }
@test "3.11: threads that move now and then are seen where they are" { each_python 3.11 movers; }
@test "3.12: threads that move now and then are seen where they are" { also 3.12 movers; }
@test "3.13: threads that move now and then are seen where they are" { each_python 3.13 movers; }
@test "3.14: threads that move now and then are seen where they are" { also 3.14 movers; }
@test "newest: threads that move now and then are seen where they are" { also "$newest" movers; }
@test "3.14t: threads that move now and then are seen where they are" { also 3.14t movers; }

# --- shares -------------------------------------------------------------------

# sample_with_account ARGUMENT...: samples $pid, and has it say what it has measured as soon
# as the sampling ends.
sample_with_account() {
    start_pyflame --stats "$@" "$pid"
    wait "$profiler"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid" || :
    profilers=()
    take_output
}

# The shares in the profile are those that the program has measured itself. The
# period does not fit into the program's, so that both do not keep step.
shares() {
    local python=$1 mode=$2 name wall total n
    start_target split "$python" "$mode"
    sample_with_account -s "$(many 1.5 2.5)" -r 370us
    cat "$target_out" "$target_err"
    total=$(samples stdout ':(seventy|twenty|ten):')
    for name in seventy twenty ten; do
        wall=$(sed -n "s/^$name \([0-9.]*\) .*/\1/p" "$target_out")
        n=$(samples stdout ":$name:")
        within "$(percent "$n" "$total")" "$(awk -v wall="$wall" 'BEGIN { print 100 * wall }')" "$total"
    done
    few_failed
}

# The same where there is more to do than there are CPUs, so that ticks are missed; $2 is
# the column of what the target says. It looks at its CPU time between the parts, where it
# may have to wait for a CPU next: only the parts are compared.
shares_on_a_busy_machine() {
    local python=$1 column=$2 names=(fast slow nap) name part total i
    [ "$column" = 2 ] || names=(fast slow)
    shift 2
    for ((i = 0; i < 4 * $(nproc); i++)); do
        start_process sh -c 'while :; do :; done'
    done
    start_target thirds "$python"
    kill -USR1 "$pid"
    sample_with_account -n -s "$(many 10 20)" "$@"
    cat "$target_out"
    sed -i 's/^(idle) /:nap (idle) /' stdout
    total=$(samples stdout ":($(IFS='|' && echo "${names[*]}"))[; ]")
    for name in "${names[@]}"; do
        part=$(awk -v name="$name" -v names="${names[*]}" -v column="$column" '
            index(" " names " ", " " $1 " ") { sum += $column }
            $1 == name { part = $column }
            END { print 100 * part / sum }' "$target_out")
        # nothing is allowed for ticks that were missed
        ( stat_of() { echo 0; }
          within "$(percent "$(samples stdout ":${name}[; ]")" "$total")" "$part" "$total" 1.5 )
    done
    few_failed
}

@test "3.12: shares on a busy machine"            { also 3.12 shares_on_a_busy_machine 2; }
@test "3.8: shares on a busy machine"             { also 3.8 shares_on_a_busy_machine 2; }
@test "3.14: shares on a busy machine"            { also 3.14 shares_on_a_busy_machine 2; }
@test "3.12: shares on a busy machine, --threads" { also 3.12 shares_on_a_busy_machine 2 --threads; }
@test "3.12: shares on a busy machine, --no-kernel" { also 3.12 shares_on_a_busy_machine 2 --no-kernel; }
@test "3.12: shares on a busy machine, --pause"   { each_python 3.12 shares_on_a_busy_machine 2 --pause; }
@test "3.8: shares on a busy machine, --pause"    { also 3.8 shares_on_a_busy_machine 2 --pause; }
@test "3.14: shares on a busy machine, --pause"   { also 3.14 shares_on_a_busy_machine 2 --pause; }
@test "3.12: shares on a busy machine, -m cpu"    { also 3.12 shares_on_a_busy_machine 3 -m cpu; }
@test "3.8: shares on a busy machine, -m cpu"     { also 3.8 shares_on_a_busy_machine 3 -m cpu; }
@test "3.14: shares on a busy machine, -m cpu"    { also 3.14 shares_on_a_busy_machine 3 -m cpu; }

# System calls have no more than their share, where a program makes one every few microseconds and
# a thread that is told to stop does so when the next one ends.  The target runs already.
polls_have_their_share() {
    local name total
    sample_with_account -n -s "$(many 1.5 4)" -r 1ms "$@"
    cat "$target_out"
    total=$(samples stdout ':(before|calls|after) ')
    for name in before calls after; do
        within "$(percent "$(samples stdout ":$name ")" "$total")" \
            "$(awk -v name="$name" '$1 == name { print $2 }' "$target_out")" "$total" 12
    done
    few_failed
}

system_calls() {
    start_target polls "$1"
    polls_have_their_share "${@:2}"
}

@test "2.7: system calls have no more than their share"    { each_python 2.7 system_calls --no-kernel; }
@test "3.8: system calls have no more than their share"    { also 3.8 system_calls --no-kernel; }
@test "3.11: system calls have no more than their share"   { also 3.11 system_calls --no-kernel; }
@test "3.12: system calls have no more than their share"   { also 3.12 system_calls --no-kernel; }
@test "newest: system calls have no more than their share" { each_python "$newest" system_calls --no-kernel; }
@test "3.14t: system calls have no more than their share"  { each_python 3.14t system_calls --no-kernel; }
@test "nor with --pause"    { each_python any system_calls --pause; }
@test "nor with --threads"  { also any system_calls --no-kernel --threads; }
@test "nor with --async"    { requires format=json; each_python 3.11 system_calls --async; }
@test "nor with -m cpu"     { also any system_calls --no-kernel -m cpu; }
@test "nor for an ordinary user" {
    run_as_nobody
    start_as_nobody polls
    polls_have_their_share
}
@test "nor where it is not to be stopped" {
    run_as_nobody
    start_as_nobody polls
    few_failed() { :; }
    polls_have_their_share --no-pause
}

@test "2.7: shares of long calls"  { also 2.7 shares long; }
@test "2.7: shares of short calls" { also 2.7 shares short; }
@test "2.7: shares of both"        { also 2.7 shares mixed; }
@test "3.8: shares of both"        { also 3.8 shares mixed; }
@test "3.11: shares of short calls" { also 3.11 shares short; }
@test "3.11: shares of both"       { also 3.11 shares mixed; }
@test "3.13: shares of both"       { also 3.13 shares mixed; }
@test "3.14: shares of short calls" { also 3.14 shares short; }
@test "3.14: shares of both"       { also 3.14 shares mixed; }
@test "3.14t: shares of both"      { each_python 3.14t shares mixed; }
@test "2.7: shares of both within 20 us"    { also 2.7 shares quick; }
@test "3.8: shares of both within 20 us"    { also 3.8 shares quick; }
@test "3.11: shares of both within 20 us"   { also 3.11 shares quick; }
@test "3.14: shares of both within 20 us"   { each_python 3.14 shares quick; }
@test "2.7: shares of functions in C"       { also 2.7 shares native; }
@test "3.8: shares of functions in C"       { each_python 3.8 shares native; }
@test "3.11: shares of functions in C"      { also 3.11 shares native; }
@test "3.14: shares of functions in C"      { also 3.14 shares native; }

# --- who is sampled -----------------------------------------------------------

gil_holders() {
    start_target gil "$1" 3
    sample_until ';?busy_0\.py:busy_0:' ';busy_1\.py:busy_1:' ';busy_2\.py:busy_2:' -- -m gil --stats "$pid"
    equal "$(($(samples stdout) + $(stat_of idle)))" "$(stat_of ticks)"
    run_pyflame 0 -s 0 "$pid"
    equal "$(samples stdout)" 1
}

@test "2.7: of threads that contend, the one with the GIL is sampled"  { each_python 2.7 gil_holders; }
@test "3.6: of threads that contend, the one with the GIL is sampled"  { also 3.6 gil_holders; }
@test "3.8: of threads that contend, the one with the GIL is sampled"  { each_python 3.8 gil_holders; }
@test "3.10: of threads that contend, the one with the GIL is sampled" { also 3.10 gil_holders; }
@test "3.11: of threads that contend, the one with the GIL is sampled" { also 3.11 gil_holders; }
@test "3.12: of threads that contend, the one with the GIL is sampled" { each_python 3.12 gil_holders; }
@test "3.13: of threads that contend, the one with the GIL is sampled" { also 3.13 gil_holders; }
@test "3.14: of threads that contend, the one with the GIL is sampled" { each_python 3.14 gil_holders; }
@test "newest: of threads that contend, the one with the GIL is sampled" { also "$newest" gil_holders; }

# What keeps the GIL is not idle, be it read at the first try or not.
never_idle() {
    start_target diver "$1"
    for mode in gil wall; do
        run_pyflame 0 -s 0.7 -m "$mode" --stats "$pid"
        [ "$(samples stdout ':dive:')" -gt 0 ]
        equal "$(stat_of idle)" 0
    done
}

@test "3.8: a program that moves deep down is not idle"    { each_python 3.8 never_idle; }
@test "3.11: a program that moves deep down is not idle"   { each_python 3.11 never_idle; }
@test "3.12: a program that moves deep down is not idle"   { also 3.12 never_idle; }
@test "newest: a program that moves deep down is not idle" { each_python "$newest" never_idle; }

# sample_beside PYTHON OPTIONS THREAD...: see targets/beside.py.

sample_beside() {
    # shellcheck disable=SC2086 # several words
    start_target beside "$1" "${@:3}"
    # shellcheck disable=SC2086
    start_pyflame -n -s 100 -o profile $2 "$pid"
    wait_for_sampling
    kill -USR1 "$pid"
    wait_for 60 grep -q wall "$target_out"
    kill -INT "$profiler"
    end_pyflame 0
    cat "$target_out" profile
}

# accounted NAME PERCENT: samples are a millisecond of CPU time each, but for that many per cent.
accounted() {
    local n
    n=$(samples profile ":$1([; ]|\$)")
    awk -v n="$n" -v name="$1" -v part="$2" '$1 == name {
        off = (n / 1000 - $2) / 2 * 100; seen = 1
        print name ": " n " samples, " $2 " s, off by " off " points"
    } END { exit !(seen && off < part && off > -part) }' "$target_out"
}

# holds_gil NAME: there is a sample for each millisecond of its CPU time, and more if it had to
# wait for a CPU.
holds_gil() {
    local n
    n=$(samples profile ":$1([; ]|\$)")
    awk -v n="$n" -v name="$1" '$1 == name { seen = n / 1000 > $2 - 0.06 } END { exit !seen }' "$target_out"
}

beside() {
    sample_beside "$1" "-m wall" hashing interpreting sleeping
    accounted hashing 10 # what it waited for a CPU while it had the GIL counts, too
    accounted sleeping 3
    holds_gil interpreting
}

# On a busy machine, too: who has the GIL is sampled while it waits for a CPU, but that does not
# hide what others have used.
beside_many() {
    for ((i = 0; i < 2 * $(nproc); i++)); do
        start_process sh -c 'while :; do :; done'
    done
    sample_beside "$1" "-m wall" early hashing interpreting
    awk -v n="$(samples profile ':hashing([; ]|$)')" '$1 == "hashing" {
        print n " samples of " $2 " s"
        seen = $2 > 0 && n / 1000 > $2 / 2
    } END { exit !seen }' "$target_out"
}

# Where nothing holds the GIL what runs is not idle, but for the time that it waits for a CPU.
beside_nothing() {
    sample_beside "$1" "" hashing sleeping
    awk -v n="$(samples profile ':hashing')" -v idle="$(samples profile '^\(idle\)')" '
        $1 == "hashing" { used = $2 }
        $1 == "wall" { wall = $2 }
        END { exit !(n / 1000 > used - 0.08 && n / 1000 < used + 0.08 && idle / 1000 < wall - used + 0.1) }' "$target_out"
}

@test "2.7: what runs without the GIL counts by default"  { each_python 2.7 beside; }
@test "3.6: what runs without the GIL counts by default"  { also 3.6 beside; }
@test "3.8: what runs without the GIL counts by default"  { also 3.8 beside; }
@test "3.11: what runs without the GIL counts by default" { each_python 3.11 beside; }
@test "3.13: what runs without the GIL counts by default" { also 3.13 beside; }
@test "3.14: what runs without the GIL counts by default" { also 3.14 beside; }
@test "3.11: what runs without the GIL counts on a busy machine" { each_python 3.11 beside_many; }
@test "newest: what runs without the GIL counts on a busy machine" { each_python "$newest" beside_many; }
@test "2.7: a program that runs without the GIL is not idle"  { also 2.7 beside_nothing; }
@test "3.9: a program that runs without the GIL is not idle"  { each_python 3.9 beside_nothing; }
@test "3.12: a program that runs without the GIL is not idle" { also 3.12 beside_nothing; }
@test "3.14t: a program that runs without the GIL is not idle" { each_python 3.14t beside_nothing; }
@test "newest: a program that runs without the GIL is not idle" { each_python "$newest" beside_nothing; }

# Of three threads that contend for it, one has the GIL or none. The others wait, but
# for moments between waking up and having it.
two_wait() {
    run_pyflame 0 -d "$pid" || return
    [ "$(grep -c '^[0-9]*\*: ' stdout)" -le 1 ] || touch two_hold
    [ "$(grep -c '(waits for the GIL)$' stdout)" = 2 ]
}

gil_waits() {
    start_target gil "$1" 3
    wait_for 60 two_wait
    [ ! -e two_hold ]
    run_pyflame 0 -s 0.5 --threads --stats "$pid"
    said='of \([0-9]*\) samples looked at, \([0-9]*\) are of threads that wait for the GIL'
    read -r looked waits < <(sed -n "s/.*$said/\1 \2/p" stderr)
    echo "$waits of $looked wait"
    # most of them, but how long they take between waking up and having it is not known
    [ "$waits" -gt 0 ]
    start_target idle "$1"
    run_pyflame 0 -s 0.1 --threads --stats "$pid"
    matches "$(cat stderr)" 'samples looked at, 0 are of threads that wait for the GIL'
}

@test "3.7: waiting for the GIL is told from sleeping"  { each_python 3.7 gil_waits; }
@test "3.8: waiting for the GIL is told from sleeping"  { also 3.8 gil_waits; }
@test "3.10: waiting for the GIL is told from sleeping" { also 3.10 gil_waits; }
@test "3.11: waiting for the GIL is told from sleeping" { each_python 3.11 gil_waits; }
@test "3.12: waiting for the GIL is told from sleeping" { also 3.12 gil_waits; }
@test "3.13: waiting for the GIL is told from sleeping" { also 3.13 gil_waits; }
@test "3.14: waiting for the GIL is told from sleeping" { also 3.14 gil_waits; }
@test "newest: waiting for the GIL is told from sleeping" { each_python "$newest" gil_waits; }

# The GIL is held for at least the time that the threads' work takes.
held_gil() {
    local held seen
    start_target held "$1" 3
    run_pyflame 0 -s "$(many 1 1.5)" --stats "$pid"
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid" || :
    held=$(sed -n 's/^held //p' "$target_out")
    seen=$(percent "$(samples stdout ':(busy|work):')" "$(stat_of ticks)")
    # It is another while that was measured, a little longer, hence the 10 points.
    awk -v held="$held" -v seen="$seen" -v ticks="$(stat_of ticks)" 'BEGIN {
        if (held > 1) held = 1
        limit = 10 + 600 * sqrt(held * (1 - held) / ticks)
        printf "held %.1f %%, seen %.1f %% of %d ticks\n", 100 * held, seen, ticks
        exit !(seen >= 100 * held - limit) }'
}

@test "2.7: the GIL is not taken for free while it is held"  { each_python 2.7 held_gil; }
@test "3.8: the GIL is not taken for free while it is held"  { each_python 3.8 held_gil; }
@test "3.13: the GIL is not taken for free while it is held" { each_python 3.13 held_gil; }

# A thread that keeps others from running Python is not idle, though it runs none.
frameless() {
    local option held n
    compile library.so -shared -fPIC "$tests/tools/frameless.c" -pthread
    start_target frameless "$1" "$PWD/library.so"
    for option in "" --exclude-idle "--mode gil" --threads; do
        # shellcheck disable=SC2086 # none or some words
        run_pyflame 0 -s 0.3 $option "$pid"
        n=$(samples stdout '^\(GIL held by carrier\) ')
        [ "$n" -gt 0 ]
        [ -z "$option" ] || lacks "$output" '\(idle\)'
    done
    run_pyflame 0 -s 0.3 --by-thread "$pid"
    lacks "$output" 'GIL held by'
    run_pyflame 0 -s "$(many 1 2)" --stats "$pid"
    n=$(samples stdout '^\(GIL held by carrier\) ')
    assert_unharmed "$pid"
    forget_target "$pid"
    kill -TERM "$pid"
    wait "$pid" || :
    held=$(sed -n 's/^held //p' "$target_out")
    matches "$held" '^0\.[0-9]+$'
    # it is another while that was measured
    within "$(percent "$n" "$(stat_of ticks)")" "$(awk -v held="$held" 'BEGIN { print 100 * held }')" \
        "$(stat_of ticks)" 10
}

@test "2.7: a thread that holds the GIL without a frame counts, by name"  { also 2.7 frameless; }
@test "3.7: a thread that holds the GIL without a frame counts, by name"  { also 3.7 frameless; }
@test "3.8: a thread that holds the GIL without a frame counts, by name"  { each_python 3.8 frameless; }
@test "3.10: a thread that holds the GIL without a frame counts, by name" { also 3.10 frameless; }
@test "3.11: a thread that holds the GIL without a frame counts, by name" { also 3.11 frameless; }
@test "3.12: a thread that holds the GIL without a frame counts, by name" { also 3.12 frameless; }
@test "3.13: a thread that holds the GIL without a frame counts, by name" { also 3.13 frameless; }
@test "3.14: a thread that holds the GIL without a frame counts, by name" { each_python 3.14 frameless; }
@test "3.15: a thread that holds the GIL without a frame counts, by name" { also 3.15 frameless; }

# Without a GIL all of them run.
all_run() {
    start_target gil "$1" 2
    run_pyflame 0 -s 0.2 --stats "$pid"
    [ "$(samples stdout 'busy_0:')" -gt $(($(stat_of ticks) / 2)) ]
    [ "$(samples stdout 'busy_1:')" -gt $(($(stat_of ticks) / 2)) ]
}

@test "3.13t: every thread that runs is sampled" { each_python 3.13t all_run; }
@test "3.14t: every thread that runs is sampled" { each_python 3.14t all_run; }
@test "newest-t: every thread that runs is sampled" { each_python "${newest}t" all_run; }

all_threads() {
    start_target gil "$1" 3
    run_pyflame 0 -s 0.2 --threads --stats "$pid"
    for i in 0 1 2; do
        equal "$(samples stdout ":busy_$i:")" "$(stat_of ticks)"
    done
}

@test "2.7: --threads samples all threads"  { each_python 2.7 all_threads; }
@test "3.9: --threads samples all threads"  { each_python 3.9 all_threads; }
@test "3.12: --threads samples all threads" { each_python 3.12 all_threads; }
@test "3.14: --threads samples all threads" { each_python 3.14 all_threads; }

is_idle() {
    start_target idle "$1"
    run_pyflame 0 -s 0.1 --stats "$pid"
    equal "$output" "(idle) $(stat_of ticks)"
    run_pyflame 0 -s 0.05 --threads "$pid"
    all_match 'idle\.py:<module>:[0-9]+;[^;]*idle\.py:idle:[0-9]+ [0-9]+$' stdout
}

@test "2.7: a target that sleeps is idle"   { each_python 2.7 is_idle; }
@test "3.6: a target that sleeps is idle"   { also 3.6 is_idle; }
@test "3.7: a target that sleeps is idle"   { each_python 3.7 is_idle; }
@test "3.8: a target that sleeps is idle"   { each_python 3.8 is_idle; }
@test "3.9: a target that sleeps is idle"   { also 3.9 is_idle; }
@test "3.10: a target that sleeps is idle"  { also 3.10 is_idle; }
@test "3.11: a target that sleeps is idle"  { each_python 3.11 is_idle; }
@test "3.12: a target that sleeps is idle"  { also 3.12 is_idle; }
@test "3.13: a target that sleeps is idle"  { each_python 3.13 is_idle; }
@test "3.14: a target that sleeps is idle"  { each_python 3.14 is_idle; }
@test "newest: a target that sleeps is idle"  { each_python "$newest" is_idle; }
@test "3.13t: a target that sleeps is idle" { also 3.13t is_idle; }
@test "3.14t: a target that sleeps is idle" { each_python 3.14t is_idle; }
@test "newest-t: a target that sleeps is idle" { also "${newest}t" is_idle; }

busy_thread_only() {
    start_target sleeper "$1" 3
    run_pyflame 0 -s 0.2 --threads -x "$pid"
    lacks "$output" ':sleeper:'
    [ "$(samples stdout ':busy:')" -gt 0 ]
}

@test "2.7: --threads -x has only the thread that is busy"   { each_python 2.7 busy_thread_only; }
@test "3.8: --threads -x has only the thread that is busy"   { each_python 3.8 busy_thread_only; }
@test "3.11: --threads -x has only the thread that is busy"  { each_python 3.11 busy_thread_only; }
@test "3.14: --threads -x has only the thread that is busy"  { each_python 3.14 busy_thread_only; }
@test "3.14t: --threads -x has only the thread that is busy" { each_python 3.14t busy_thread_only; }

many_threads() {
    start_target many "$1" 100 40
    run_pyflame 0 -s "$(many 0.4 1)" -r 20ms --threads --stats "$pid"
    equal "$(samples stdout ':dive:')" $((100 * $(stat_of ticks)))
    run_pyflame 0 -d "$pid"
    equal "$(grep -cE '^[0-9]+\*?: sleeper-[0-9]+ \((idle|waits: sleep, .*)\)$' stdout)" 100
    equal "$(grep -c ':dive:' stdout)" 4000
    matches "$output" "^$pid: MainThread \((idle|waits: .*)\)"$'\n'
}

@test "2.7: 100 threads"   { also 2.7 many_threads; }
@test "3.10: 100 threads"  { each_python 3.10 many_threads; }
@test "3.13: 100 threads"  { also 3.13 many_threads; }
@test "3.14t: 100 threads" { each_python 3.14t many_threads; }

# --- cost ---------------------------------------------------------------------

# System calls of a run of N samples: calls_of N [OPTION]...
calls_of() {
    without_leak_check
    as=(strace -f -c -o calls)
    run_pyflame 0 -s "$(awk -v n="$1" 'BEGIN { print n / 200 }')" -r 5ms --stats "${@:2}" "$pid"
    as=()
    ticks=$(stat_of ticks)
    calls=$(awk '$NF == "total" { print $4 }' calls)
}

# A sample is the sleep and at most four calls more, however deep the stack is.
few_calls() {
    local ticks calls first_ticks first_calls
    start_target deep "$1" 200
    calls_of 20
    first_ticks=$ticks first_calls=$calls
    calls_of 120
    echo "$((calls - first_calls)) calls for $((ticks - first_ticks)) samples"
    [ $((calls - first_calls)) -le $((5 * (ticks - first_ticks))) ]
}

@test "3.11: few system calls a sample"  { requires strace; each_python 3.11 few_calls; }
@test "3.12: few system calls a sample"  { requires strace; also 3.12 few_calls; }
@test "3.13: few system calls a sample"  { requires strace; also 3.13 few_calls; }
@test "3.14: few system calls a sample"  { requires strace; each_python 3.14 few_calls; }
@test "newest: few system calls a sample"  { requires strace; also "$newest" few_calls; }
@test "3.8: few system calls a sample"   { requires strace; each_python 3.8 few_calls; }
@test "2.7: few system calls a sample"   { requires strace; also 2.7 few_calls; }

# Memory in KiB that a profiler had at most.
peak_of() {
    awk '/^VmHWM/ { print $2 }' "/proc/$1/status"
}

@test "memory does not grow with the time" {
    grep -q __asan_init "$pyflame" && skip "not with a sanitizer"
    local short
    find_python
    start_target deep "$python" 200
    start_pyflame -s 200 -r 100us "$pid"
    wait_for_sampling
    short=$(peak_of "$profiler")
    wait_for 60 has_slept "$(many 10000 30000)"
    peak=$(peak_of "$profiler")
    kill -INT "$profiler"
    end_pyflame 0
    echo "$short KiB, then $peak KiB"
    [ "$peak" -le $((short + 300)) ]
    [ "$peak" -le 16384 ]
}

# --- modes --------------------------------------------------------------------

cpu_mode() {
    start_target sleeper "$1" 10
    enough=100 sample_until ':busy:' -- -m cpu --stats "$pid"
    # the sleepers' share of the processor is next to nothing
    [ "$(percent "$(samples stdout ':busy:')" "$(samples stdout)" | cut -d . -f 1)" -ge 99 ]
    lacks "$output" '(idle)'
}

@test "2.7: -m cpu counts the thread that computes, not those that sleep"   { each_python 2.7 cpu_mode; }
@test "3.11: -m cpu counts the thread that computes, not those that sleep"  { each_python 3.11 cpu_mode; }
@test "3.14t: -m cpu counts the thread that computes, not those that sleep" { each_python 3.14t cpu_mode; }

@test "-m gil leaves out the time in which nobody holds it" {
    find_python
    start_target idle "$python"
    run_pyflame 0 -s 0.2 -m gil --stats "$pid"
    [ "$(stat_of ticks)" -gt 0 ]
    equal "$output" ""
}

@test "-m gil: of threads that contend, only the holder counts" {
    find_python
    start_target gil "$python" 3
    run_pyflame 0 -s 0.3 -m gil --threads --stats "$pid"
    # one at most at a tick, and none while it is handed over
    [ "$(samples stdout)" -le "$(stat_of ticks)" ]
    [ "$(samples stdout)" -gt 0 ]
}

@test "-m gil: a thread that never gives it up counts always" {
    find_python
    start_target gil "$python" 1
    run_pyflame 0 -s 0.2 -m gil --threads --stats "$pid"
    equal "$(samples stdout ':busy_0:')" "$(stat_of ticks)"
}

no_gil() {
    start_target gil "$1" 1
    run_pyflame 2 -m gil "$pid"
    only_complains
    matches "$stderr" 'has no GIL'
}

@test "3.13t: -m gil is refused" { each_python 3.13t no_gil; }
@test "3.14t: -m gil is refused" { each_python 3.14t no_gil; }
