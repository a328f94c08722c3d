#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Running a command: -t COMMAND, or -- COMMAND.

load helper

# A name that no other process has, to look for it in the list of processes.
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    find_python
    mark=pyflame_test_$$_$BATS_TEST_NUMBER
    cat > busy.py << 'END'
import sys, time
def busy(end):
    while time.time() < end: pass
print('ready', file=sys.stderr, flush=True)
busy(time.time() + float(sys.argv[1]))
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
END
}

# The pid of the command; pyflame's other child writes the output file.
find_command() {
    local one
    for one in $(pgrep -P "$profiler"); do
        [ "/proc/$one/exe" -ef "$pyflame" ] || child=$one
    done
    [ -n "$child" ]
}

nothing_left() {
    ! pgrep -f "$mark" > left
}

# --- what the command sees ----------------------------------------------------

@test "-t runs a command, profiles it until it exits, and writes the stacks" {
    run_pyflame 0 -t "$python" busy.py 0.3
    [ "$(samples stdout 'busy\.py:<module>:[0-9]+;[^;]*busy\.py:busy:')" -gt 0 ]
}

@test "-- does the same" {
    run_pyflame 0 -s 5 -- "$python" busy.py 0.3
    [ "$(samples stdout 'busy\.py:busy:')" -gt 0 ]
}

@test "the options of the command are its own" {
    run_pyflame 0 -o profile -t "$python" -c 'import sys; print(sys.argv[1:])' -s x -o y -- --help
    equal "$output" "['-s', 'x', '-o', 'y', '--', '--help']"
}

@test "-t may be the last of several letters" {
    run_pyflame 0 -xnt "$python" busy.py 0.3
    [ "$(samples stdout 'busy\.py:<module>;[^;]*busy\.py:busy ')" -gt 0 ]
}

@test "stdout is the command's, the profile goes where -o says" {
    run_pyflame 0 -o profile -t "$python" -c 'print("one\ntwo")'
    equal "$output" "one"$'\n'"two"
}

@test "stdin is the command's" {
    echo "some line" > input
    run sh -c "'$pyflame' -q -o profile -t '$python' -c 'print(input())' < input"
    equal "$output" "some line"
}

@test "stderr is the command's" {
    run_pyflame 0 -q -o profile -t "$python" -c 'import sys, time; time.sleep(.3); sys.stderr.write("an error\n")'
    equal "$stderr" "an error"
}

@test "signals, files and limits of the command are what they would be without pyflame" {
    # shellcheck disable=SC2016 # for another shell
    local look='grep -E "^(Sig[BIC]|Shd|NoNew|Seccomp:|TracerPid|Cap|Umask)" /proc/self/status; ls /proc/self/fd; ulimit -a; umask
        cat /proc/self/timerslack_ns 2> /dev/null; ps -o ni= -p $$'
    sh -c "$look" > without < /dev/null 2> /dev/null 3>&-
    as=(sh -c 'exec "$@" < /dev/null' sh)
    run_pyflame 0 -q -o profile -t sh -c "$look"
    diff without stdout
}

@test "a command that ignores SIGCHLD by inheritance still does, and its status is known" {
    requires perl
    as=(perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV')
    run_pyflame 0 -q -o profile -t grep SigIgn /proc/self/status
    matches "$output" 'SigIgn:.*1.{4}$'
}

@test "the command keeps its place in the foreground: it is in pyflame's process group" {
    run_pyflame 0 -q -o profile -t "$python" -c 'import os; print(os.getpgrp() == os.getpgid(os.getppid()))'
    equal "$output" True
}

# --- exit status --------------------------------------------------------------

@test "the exit status is the command's" {
    run_pyflame 3 -t "$python" busy.py 0.3 3
    [ "$(samples stdout 'busy\.py:busy:')" -gt 0 ]
    run_pyflame 255 -o profile -t "$python" busy.py 0 255
}

@test "a command killed by a signal gives 128 and its number" {
    run_pyflame 137 -t "$python" -c 'import os, time; time.sleep(.3); os.kill(os.getpid(), 9)'
    run_pyflame 134 -t "$python" -c 'import os; os.abort()'
}

@test "a command that can't be executed gives 126" {
    echo x > not-executable
    run_pyflame 126 -t ./not-executable
    only_complains
    run_pyflame 126 -t .
    only_complains
}

@test "a command that is not there gives 127" {
    run_pyflame 127 -t no-such-command-anywhere
    only_complains
    matches "$stderr" 'no-such-command-anywhere: No such file'
    run_pyflame 127 -t ./no/such/file
    only_complains
}

@test "a command that is not Python runs, too, and its status is returned" {
    run_pyflame 0 -o profile -t true
    run_pyflame 7 -o profile -t sh -c 'exit 7'
    run_pyflame 0 -q -o profile -t sh -c 'echo hello'
    equal "$output" hello
}

@test "an output file that can't be written keeps the command from running" {
    run_pyflame 1 -o no/such/file -t touch ran
    [ ! -e ran ]
}

# --- commands of all kinds ----------------------------------------------------

@test "a shell that executes Python is followed" {
    run_pyflame 0 -t sh -c "sleep 0.2; exec '$python' busy.py 0.3"
    [ "$(samples stdout 'busy\.py:busy:')" -gt 0 ]
}

@test "a script with a #! line" {
    { echo "#!$python"; cat busy.py; } > script
    chmod +x script
    run_pyflame 0 -t ./script 0.4
    [ "$(samples stdout '\./script:busy:')" -gt 0 ]
}

@test "a script by way of env" {
    { echo "#!/usr/bin/env python3"; cat busy.py; } > script
    chmod +x script
    as=(env "PATH=$(dirname "$python"):$PATH")
    run_pyflame 0 -t ./script 0.4
    [ "$(samples stdout '\./script:busy:')" -gt 0 ]
}

@test "the python of a virtual environment" {
    "$python" -m venv --without-pip venv > /dev/null 2>&1 || skip "needs the module venv"
    run_pyflame 0 -t venv/bin/python busy.py 0.4
    [ "$(samples stdout 'busy\.py:busy:')" -gt 0 ]
}

launched() {
    run_pyflame 3 ${2:+"$2"} -t "$1" "$targets/exit_after.py" 0.5
    [ "$(samples stdout '/exit_after\.py:busy:')" -gt 0 ]
}

@test "2.7: a command"   { each_python 2.7 launched; }
@test "3.6: a command"   { each_python 3.6 launched; }
@test "3.7: a command"   { each_python 3.7 launched; }
@test "3.8: a command"   { each_python 3.8 launched; }
@test "3.9: a command"   { each_python 3.9 launched; }
@test "3.10: a command"  { each_python 3.10 launched; }
@test "3.11: a command"  { each_python 3.11 launched; }
@test "3.12: a command"  { each_python 3.12 launched; }
@test "3.13: a command"  { each_python 3.13 launched; }
@test "3.14: a command"  { each_python 3.14 launched; }
@test "newest: a command"  { each_python "$newest" launched; }
@test "3.13t: a command" { each_python 3.13t launched; }
@test "3.14t: a command" { each_python 3.14t launched; }
@test "newest-t: a command" { each_python "${newest}t" launched; }

@test "a command with --threads"        { each_python any launched --threads; }
@test "3.14t: a command with --threads" { each_python 3.14t launched --threads; }

@test "a command that forks, and whose children fork" {
    cat > forker.py << 'END'
import os, sys, time
def busy(n):
    end = time.time() + .15
    while time.time() < end: pass
    if n and not os.fork():
        busy(n - 1)
    elif n:
        os.wait()
    sys.exit(5)
busy(4)
END
    run_pyflame 5 -t "$python" forker.py
    [ "$(samples stdout 'forker\.py:busy:')" -gt 0 ]
}

@test "a command whose children exit all the time is not taken for ended" {
    cat > forks.py << 'END'
import os, sys, time
end = time.time() + .5
while time.time() < end:
    if not os.fork(): os._exit(1)
    os.wait()
print("end")
END
    run_pyflame 0 -o profile -t "$python" forks.py
    equal "$output" end
}

@test "an ordinary user runs a command" {
    run_as_nobody
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    cp busy.py "$folder/"
    run_pyflame 3 -t /usr/bin/python3 "$folder/busy.py" 0.4 3
    [ "$(samples stdout '/busy\.py:busy:')" -gt 0 ]
}

# --- launchers ------------------------------------------------------------------

# launches PYTHON: by a shell, by a script, by another program.
launches() {
    printf '#!/bin/sh\n"$@"\nexit 4\n' > start.sh
    chmod +x start.sh
    is_launched_by sh 3 sh -c '"$@"; exit 3' sh "$1" "$targets/exit_after.py" 0.3
    is_launched_by start.sh 4 ./start.sh "$1" "$targets/exit_after.py" 0.3
    is_launched_by timeout 3 timeout 60 "$1" "$targets/exit_after.py" 0.3
}

# is_launched_by NAME STATUS COMMAND...
is_launched_by() {
    run_pyflame "$2" -t "${@:3}"
    [ "$(samples stdout '/exit_after\.py:busy:')" -gt 0 ]
    matches "$stderr" "^pyflame: hint: [./]*$1 is not Python, so its children are followed, as with --children; the first is process [0-9]+ [^ ]"
    equal "$(grep -c hint: stderr)" 1
}

@test "what is not Python and runs one has its children followed"       { each_python any launches; }
@test "3.8: what is not Python and runs one has its children followed"  { each_python 3.8 launches; }
@test "3.11: what is not Python and runs one has its children followed" { each_python 3.11 launches; }
@test "3.14: what is not Python and runs one has its children followed" { each_python 3.14 launches; }
@test "3.14t: what is not Python and runs one has its children followed" { also 3.14t launches; }

is_seen_in_busy() {
    kill -USR1 "$profiler" && [ "$(samples profile 'busy\.py:busy:')" -gt 0 ]
}

@test "the launcher is said to be followed while its child still runs" {
    start_pyflame -o profile -t sh -c '"$1" busy.py 100; exit 3' sh "$python"
    wait_for 30 grep -q 'hint: sh is not Python' stderr
    find_command
    wait_for 30 is_seen_in_busy
    kill "$(pgrep -P "$child")"
    end_pyflame 3
    [ "$(samples profile 'busy\.py:busy:')" -gt 0 ]
}

@test "an ordinary user has a launcher followed" {
    run_as_nobody
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    cp busy.py "$folder/"
    run_pyflame 3 -t sh -c 'trap : INT; "$@"' sh /usr/bin/python3 "$folder/busy.py" 0.4 3
    [ "$(samples stdout '/busy\.py:busy:')" -gt 0 ]
    matches "$stderr" 'hint: sh is not Python'
}

@test "a launcher that becomes Python is sampled by itself, whatever it has run before" {
    cat > runs.py << 'END'
import subprocess, sys, time
child = subprocess.Popen([sys.executable, 'busy.py', '100'])
def parent(end):
    while time.time() < end: pass
parent(time.time() + .5)
child.kill()
END
    run_pyflame 0 --stats -t sh -c 'sleep 0.2; exec "$1" runs.py' sh "$python"
    [ "$(samples stdout 'runs\.py:parent:')" -gt 0 ]
    equal "$(samples stdout '^busy\.py:<module>')" 0
    lacks "$stderr" 'hint: sh|left out as not Python'
}

@test "-m gil of a launched Python that has no GIL is refused" {
    no_gil() {
        run_pyflame 0 -m gil -t sh -c '"$1" busy.py 0.5' sh "$1"
        matches "$stderr" 'has no GIL, it is a free-threaded Python; use -m cpu'
    }
    each_python "${newest}t" no_gil
}

@test "-q has no hint of a launcher" {
    run_pyflame 0 -q -o profile -t sh -c '"$1" busy.py 0.3 2> err; true' sh "$python"
    [ "$(samples profile 'busy\.py:busy:')" -gt 0 ]
    equal "$stderr" ""
}

# --- how long -----------------------------------------------------------------

@test "-s ends the sampling, not the command, and writes at once" {
    run_pyflame 3 -s 0.2 -r 1ms --stats -o profile -t "$python" -c '
import os, sys, time
def busy():
    end = time.time() + 60
    while time.time() < end and not os.path.exists("profile"): pass
    print(os.path.exists("profile"))
busy()
sys.exit(3)'
    equal "$output" True
    equal "$(all_ticks)" 200
}

@test "-s 0 takes one sample of a command" {
    run_pyflame 0 -s 0 -t "$python" busy.py 0.3
    equal "$(samples stdout)" 1
}

# --- signals ------------------------------------------------------------------

# Counts the signals that it gets, and exits with their number a while after the first.
cat_counter() {
    cat << END
import signal, sys, time
got = []
signal.signal(signal.SIG$1, lambda number, frame: got.append(number))
print('ready', flush=True)
end = time.time() + 60
while time.time() < end and not got: pass
end = time.time() + .3
while time.time() < end: pass
print('got', len(got), flush=True)
sys.exit(10 + len(got))
END
}

start_counter() {
    cat_counter "$1" > counter.py
    start_pyflame -o profile -t "$python" counter.py
    wait_for 30 grep -q ready stdout
}

is_handed_on() {
    start_counter "$1"
    kill "-$1" "$profiler"
    end_pyflame 11
    [ "$(samples profile)" -gt 0 ]
}

@test "SIGTERM reaches the command, once"  { is_handed_on TERM; }
@test "SIGINT reaches the command, once"   { is_handed_on INT; }
@test "SIGHUP reaches the command, once"   { is_handed_on HUP; }
@test "SIGQUIT reaches the command, once"  { is_handed_on QUIT; }
@test "SIGUSR2 reaches the command, once"  { is_handed_on USR2; }
@test "SIGWINCH reaches the command, once" { is_handed_on WINCH; }

@test "a signal that ends the command ends pyflame, with 128 and its number" {
    start_pyflame -o profile -t "$python" busy.py 100
    wait_for 30 grep -q ready stderr
    wait_for_sampling
    kill -TERM "$profiler"
    end_pyflame 143
    [ "$(samples profile 'busy\.py:busy:')" -gt 0 ]
}

@test "SIGINT from a terminal reaches the command once" {
    requires terminal
    cat_counter INT > counter.py
    mkfifo keys
    script -q -e -c "'$pyflame' -q -o profile -t '$python' counter.py" typescript < keys > terminal 2>&1 3>&- &
    exec 8> keys
    wait_for 30 grep -q ready terminal
    printf '\003' >&8
    wait_for 30 grep -q 'got 1' terminal
    exec 8>&-
    wait $! || :
}

# --- nothing is left ----------------------------------------------------------

until_told='import os, sys, time
end = time.time() + 60
print("ready", flush=True)
while time.time() < end and not os.path.exists("go"): pass
sys.exit(3)'

@test "no process is left, not even a zombie" {
    start_pyflame -o profile -t "$python" -c "$until_told" "$mark"
    wait_for 30 grep -q ready stdout
    find_command
    touch go
    end_pyflame 3
    [ ! -e "/proc/$child" ]
    nothing_left
}

@test "after kill -9 of pyflame the command runs on, untraced" {
    start_pyflame --pause -r 1us -o profile -t "$python" busy.py 100 0 "$mark"
    wait_for 30 grep -q ready stderr
    wait_for_sampling
    find_command
    kill_profilers
    assert_unharmed "$child"
    kill "$child"
    wait_for 30 nothing_left
}

@test "a command that was stopped and goes on is waited for" {
    start_pyflame -o profile -t "$python" -c "$until_told"
    wait_for 30 grep -q ready stdout
    find_command
    kill -STOP "$child"
    wait_for 30 in_state "$child" T
    sleep 0.2
    in_state "$child" T
    touch go
    kill -CONT "$child"
    end_pyflame 3
}
