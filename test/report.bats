#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The report for people, and when it is written.

load helper

# writes FILE: a report of the file "written" is that text, but for blanks at the ends of lines.
reports() {
    run_pyflame 0 -f report -i "$1"
    sed 's/ *$//' stdout > seen
    diff -u - seen
}

# --- what it says ----------------------------------------------------------------

@test "functions, their lines and paths add up" {
    cat > profile.txt << 'END'
(idle) 10
(failed) 1
app.py:main:1;app.py:work:5 40
app.py:main:1;app.py:work:6 20
app.py:main:2;app.py:walk:9;app.py:walk:9;app.py:walk:10 20
app.py:main:2;app.py:walk:9 5
app.py:main:3;/usr/lib/python3.11/json/decoder.py:JSONDecoder.decode:337 15
END
    reports profile.txt << 'END'
100 samples of what ran, 10 times nothing ran, 1 failed

   self  total  function
  60.0%  60.0%  work  app.py
  25.0%  25.0%  walk  app.py
  15.0%  15.0%  JSONDecoder.decode  /usr/lib/python3.11/json/decoder.py

   self  total  function that calls them
   0.0% 100.0%  main  app.py

   self   line  of the functions with most of it
                work  app.py
  40.0%      5
  20.0%      6
                walk  app.py
   5.0%      9
  20.0%     10
                JSONDecoder.decode  /usr/lib/python3.11/json/decoder.py
  15.0%    337

  total  path
 100.0%  main  app.py
  60.0%   work  app.py
  25.0%   walk  app.py
  20.0%    walk  app.py
  20.0%     walk  app.py
  15.0%   JSONDecoder.decode  /usr/lib/python3.11/json/decoder.py
END
}

@test "threads that ran, waited and wanted the GIL are told apart" {
    cat > profile.json << 'END'
{"format":"pyflame","version":1,"run":{"pid":10,"command":"python3 app.py","python":"3.12.1",
"mode":"wall","duration":2.0,"period":0.001,"ticks":2000,"missed":3,"left_out":4,"lines":true},
"total":4800,"idle":0,"failed":0,
"strings":["/srv/app/app.py","main","wait","/usr/lib/python3.12/threading.py","take"],
"frames":{"function":[1,2,4],"file":[0,3,0],"line":[7,300,9]},
"threads":[{"pid":10,"tid":10,"name":"MainThread"},{"pid":10,"tid":11,"name":"worker"},
{"pid":10,"tid":12,"name":"late"}],
"stacks":{"parent":[-1,-2,1,-3,3],"frame":[0,2,1,2,1],"count":[2000,200,1800,0,800],
"idle":[500,0,1800,0,800],"gil":[500,0,300,0,0]}}
END
    reports profile.json << 'END'
python3 app.py (pid 10, Python 3.12.1)
2.0 s: 1700 samples of what ran, 3100 of what waited; 7 of 2007 ticks not taken

   busy    GIL  waits  thread
  75.0%  25.0%         ###############+++++  10 MainThread
  10.0%  15.0%  75.0%  ##+++...............  11 worker
                40.0%  ........              12 late

   self  total  function
  88.2%  88.2%  main  /srv/app/app.py
  11.8%  11.8%  take  /srv/app/app.py

   self   line  of the functions with most of it
                main  /srv/app/app.py
  88.2%      7
                take  /srv/app/app.py
  11.8%      9

  total  path
  88.2%  main  /srv/app/app.py
  11.8%  take  /srv/app/app.py

  waits  threads  in
 100.0%        2  wait  /usr/lib/python3.12/threading.py:300
                  for take  /srv/app/app.py:9
END
    sed -i -e 's/"pid":10,"tid":12/"pid":20,"tid":12,"process":"python3 worker.py"/' \
        -e 's/"tid":1[01]/&,"process":"python3 app.py"/g' profile.json
    run_pyflame 0 -f report -i profile.json
    grep -qx '   busy    GIL  waits  process' stdout
    grep -qx '  85.0%  40.0%  75.0%  #########++++.......  10 python3 app.py' stdout
    grep -qx '                40.0%  ........              20 python3 worker.py' stdout
}

@test "of a long chain of calls the middle is left out" {
    for ((i = 0; i < 40; i++)); do
        printf '%sapp.py:f%d:1' "${i/#0/}" "$i" | sed 's/^[0-9]*app/app/'
        [ "$i" = 39 ] && echo " 7" || printf ';'
    done > profile.txt
    run_pyflame 0 -f report -i profile.txt
    sed '1,/  path$/d' stdout > seen
    diff -u - seen << 'END'
 100.0%  f0  app.py
 100.0%   f1  app.py
           ... 35 calls
 100.0%     f37  app.py
 100.0%      f38  app.py
 100.0%       f39  app.py
END
}

@test "a profile of nothing is reported" {
    : > empty
    run_pyflame 0 -f report -i empty
    equal "$(cat stdout)" "nothing was sampled"
    echo '(idle) 7' > idle
    run_pyflame 0 -f report -i idle
    equal "$(cat stdout)" "7 times nothing ran"
}

@test "names that are long, wide or hostile do no harm to a report" {
    local long
    long=$(printf 'x%.0s' {1..300})
    {
        echo "/a/$long/b.py:$long:1 5"
        printf '/srv/%s/views/app.py:%s:7 9\n' "$(printf 'folder/%.0s' {1..30})" "$(printf '字%.0s' {1..90})"
        printf 'app.py:a\\x1b[31m\\x0ab:1 3\n'
    } > profile.txt
    run_pyflame 0 -f report -i profile.txt
    requires python3
    python3 -c '
import unicodedata
for line in open("stdout", encoding="utf-8"):
    line = line.rstrip("\n")
    assert all(c.isprintable() for c in line), line
    width = sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line)
    assert width <= 80, (width, line)'
    grep -qF 'a\x1b[31m\x0ab' stdout
    grep -q 'views/app\.py' stdout
}

# --- when it is written ------------------------------------------------------------

# on_terminal COLUMNS ARGUMENT...: runs pyflame on a terminal; what it shows, without the
# progress of stderr, is in the file "shown".
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns; $(printf '%q ' "$pyflame" "$@") 2> stderr" shown.raw \
        < /dev/null > /dev/null 2>&1 3>&- || { cat shown.raw; return 1; }
    sed -e '/^Script /d' -e 's/\r$//' shown.raw > shown
}

@test "a terminal gets the report, all else collapsed stacks" {
    requires terminal
    find_python
    start_target sleeper "$python" 2
    export TERM=xterm
    unset NO_COLOR
    on_terminal 80 -s 0.2 "$pid"
    grep -q 'GIL  waits  thread' shown
    grep -q $'\033\[1m' shown
    NO_COLOR=1 on_terminal 80 -s 0.2 "$pid"
    grep -q 'GIL  waits  thread' shown
    lacks "$(cat shown)" $'\033'
    TERM=dumb on_terminal 80 -s 0.2 "$pid"
    lacks "$(cat shown)" $'\033'
    run_pyflame 0 -s 0.2 "$pid"
    all_match '^(\(idle\)|.*:[0-9]+) [0-9]+$' stdout
    on_terminal 80 -s 0.2 -f collapsed "$pid"
    grep . shown > lines
    all_match '^(\(idle\)|.*:[0-9]+) [0-9]+$' lines
    on_terminal 80 -s 0.2 -o written "$pid"
    lacks "$(cat shown)" .
    all_match '^(\(idle\)|.*:[0-9]+) [0-9]+$' written
    run_pyflame 0 -s 0.2 -f report "$pid"
    grep -q 'GIL  waits  thread' stdout
    lacks "$(cat stdout)" $'\033'
    on_terminal 80 -d "$pid"
    grep -q '^[0-9]*\*\{0,1\}: MainThread' shown
}

@test "a report fits the terminal" {
    requires terminal
    find_python
    start_target sleeper "$python" 2
    export NO_COLOR=1
    for columns in 50 80 200; do
        on_terminal "$columns" -s 0.2 "$pid"
        grep -q 'waits  thread' shown
        [ "$(wc -L < shown)" -le "$columns" ]
    done
}

# busy_and_idle PYTHON: the busy thread's row, and those of the two that sleep.
busy_and_idle() {
    local ticks
    start_target sleeper "$1" 2
    run_pyflame 0 -s 0.5 -f report --stats "$pid"
    equal "$(grep -cE '^ +(100\.0|99\.[0-9])%  \.{20}  [0-9]+ sleeper-[01]$' stdout)" 2
    equal "$(grep -cE '^ +(100\.0|9[0-9]\.[0-9])%.*#  [0-9]+ MainThread$' stdout)" 1
    grep -qE '^ +(100|9[0-9])\.[0-9]% .* busy  ' stdout
    grep -qE '^ 100\.0% +2  sleeper  .*:[0-9]+$' stdout
}

@test "2.7: the report is of all threads"    { each_python 2.7 busy_and_idle; }
@test "3.8: the report is of all threads"    { each_python 3.8 busy_and_idle; }
@test "3.11: the report is of all threads"   { each_python 3.11 busy_and_idle; }
@test "newest: the report is of all threads" { each_python "$newest" busy_and_idle; }

@test "of what is on a CPU only, the report is of that" {
    find_python
    start_target sleeper "$python" 2
    for mode in cpu gil; do
        run_pyflame 0 -s 0.3 -m "$mode" -f report "$pid"
        grep -qE '^ +[0-9.]+% .*# *  [0-9]+ MainThread$' stdout
        lacks "$(cat stdout)" 'sleeper-'
    done
}

# --- source text ---------------------------------------------------------------------

# A program of its own, in this folder.
write_program() {
    cat > program.py << 'END'
import signal
signal.alarm(300)
def spin():
    n = 0
    while True:
        n += 1  # the hot one
        n += 2
print('ready', flush=True)
spin()
END
    touch -d '1 hour ago' program.py
}

# shows_lines REGEX...: so the report of some samples shows these lines. On a busy machine it may
# not have seen one of them.
shows_lines() {
    run_pyflame 0 -s 0.3 -f report "$pid"
    local line
    for line; do
        grep -qE "^ +[0-9.]+% +$line\$" stdout || return
    done
}

@test "hot lines have their source text" {
    find_python
    write_program
    start_command "$python" program.py
    wait_for 30 shows_lines '6 +n \+= 1  # the hot one' '7 +n \+= 2'
    # of another moment
    touch program.py
    wait_for 30 shows_lines 6 7
}

@test "hot lines of a profile have it if that is of this machine and older" {
    local line='^ +[0-9.]+% +6 +n \+= 1  # the hot one$' none='^ +[0-9.]+% +6$'
    run_as_nobody
    cd "$folder"
    find_python
    write_program
    cp program.py closed.py
    chmod 644 program.py
    chmod 640 closed.py
    as=()
    start_command "$python" "$folder/closed.py"
    run_pyflame 0 -s 0.3 -o closed.json "$pid"
    start_command "$python" "$folder/program.py"
    run_pyflame 0 -s 0.3 -o written.json "$pid"
    sed 's/"host":"/&not-/' written.json > other.json
    chmod 644 ./*.json
    "${nobody[@]}" "$pyflame" -f report -i written.json > seen
    grep -qE "$line" seen
    "$pyflame" -f report -i written.json > seen
    grep -qE "$line" seen
    "$pyflame" -f report -i closed.json > seen # root may have been told any name
    grep -qE "$none" seen
    chmod 750 .
    "$pyflame" -f report -i written.json > seen
    grep -qE "$none" seen
    chmod 755 .
    "${nobody[@]}" "$pyflame" -f report -i other.json > seen
    grep -qE "$none" seen
    cp -p program.py new && mv new program.py # as old as it was, but another one
    "${nobody[@]}" "$pyflame" -f report -i written.json > seen
    grep -qE "$none" seen
}

@test "root reads no file because another user's program names it" {
    requires root setpriv
    make_public_folder
    (umask 077 && printf 'the secret\n%.0s' {1..6} > "$folder/secret")
    touch -d '1 hour ago' "$folder/secret"
    printf 'no secret\n%.0s' {1..6} > "$folder/public"
    chmod 644 "$folder/public"
    cat > "$folder/program.py" << END
import signal, sys
signal.alarm(300)
names = {}
exec(compile('def spin():\\n n = 0\\n\\n while 1:\\n  n += 1\\n  n += 1\\n', sys.argv[1], 'exec'), names)
print('ready', flush=True)
names['spin']()
END
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    start_command "${nobody[@]}" /usr/bin/python3 "$folder/program.py" "$folder/secret"
    run_pyflame 0 -s 0.3 -f report "$pid"
    grep -q "spin  .*secret" stdout
    lacks "$(cat stdout)" 'the secret'
    start_command "${nobody[@]}" /usr/bin/python3 "$folder/program.py" "$folder/public"
    run_pyflame 0 -s 0.3 -f report "$pid"
    grep -q "no secret" stdout
    start_command /usr/bin/python3 "$folder/program.py" "$folder/secret" # its own
    run_pyflame 0 -s 0.3 -f report "$pid"
    grep -q "the secret" stdout
}

@test "no source text is read through a link that leads out of a container" {
    requires root namespaces
    find_python
    mkdir inside outside
    printf 'the secret\n%.0s' {1..6} > outside/secret
    touch -d '1 hour ago' outside/secret
    printf 'no secret\n%.0s' {1..6} > inside/other
    # a root of its own, from which only a link leads there, and not as the link says
    cat > program.py << END
import os, signal
signal.alarm(300)
os.symlink('$PWD/outside/secret', '$PWD/inside/app.py')
os.symlink('../outside/secret', '$PWD/inside/up.py')
os.chroot('$PWD/inside')
os.chdir('/')
def spinner(path):
    names = {}
    exec(compile('def spin(t):\n import time\n e = time.time() + t\n while time.time() < e:\n  n = 1\n  n = 2\n', path, 'exec'), names)
    return names['spin']
spins = [spinner('/app.py'), spinner('/up.py'), spinner('up.py')]
import time
for spin in spins: spin(0)
print('ready', flush=True)
while True:
    for spin in spins: spin(0.01)
END
    start_command "$python" program.py
    run_pyflame 0 -s 0.5 -f report "$pid"
    grep -q "spin  .*up.py" stdout
    lacks "$(cat stdout)" 'the secret'
    # what is in there is found
    ln -sf /other inside/app.py
    run_pyflame 0 -s 0.5 -f report "$pid"
    grep -q "no secret" stdout
}

@test "nor for one of several processes" {
    requires root setpriv
    find_python
    make_public_folder
    (umask 077 && printf 'the secret\n%.0s' {1..6} > "$folder/secret")
    cat > "$folder/program.py" << END
import os, signal
signal.alarm(300)
names = {}
exec(compile('def spin():\\n n = 0\\n\\n while 1:\\n  n += 1\\n  n += 1\\n', '$folder/secret', 'exec'), names)
child = os.fork()
if not child:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    print('ready', flush=True)
    names['spin']()
signal.pause()
END
    start_command "$python" "$folder/program.py"
    for options in --children "-p $(pgrep -P "$pid") -p"; do
        # shellcheck disable=SC2086 # several words
        run_pyflame 0 -s 0.3 -f report $options "$pid"
        grep -q "spin  .*secret" stdout
        lacks "$(cat stdout)" 'the secret'
    done
    kill "$(pgrep -P "$pid")"
}

@test "no source text of a file whose name is not from the root" {
    find_python
    mkdir other
    printf 'not what runs\n%.0s' {1..6} > app.py
    cp app.py other/
    cat > program.py << 'END'
import os, signal
signal.alarm(300)
names = {}
exec(compile('def spin():\n n = 0\n\n while 1:\n  n += 1\n  n += 1\n', 'app.py', 'exec'), names)
os.chdir('other')
print('ready', flush=True)
names['spin']()
END
    start_command "$python" program.py
    run_pyflame 0 -s 0.3 -f report "$pid"
    grep -q 'spin  app\.py' stdout
    lacks "$(cat stdout)" 'not what runs'
}

@test "a file system that does not answer holds no report up" {
    requires root
    [ -w /dev/fuse ] || skip "needs /dev/fuse"
    find_python
    mkdir mounted
    cat > program.py << 'END'
import ctypes, os, signal, sys
signal.alarm(300)
folder, libc = sys.argv[1], ctypes.CDLL(None)
fuse = os.open('/dev/fuse', os.O_RDWR)
options = b'fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other' % fuse
if libc.unshare(0x20000) or libc.mount(b'none', b'/', None, 0x44000, None) or \
        libc.mount(b'nobody', folder.encode(), b'fuse', 0, options):
    sys.exit('no mounts here')
names = {}
exec(compile('def spin():\n while 1:\n  pass\n', folder + '/app.py', 'exec'), names)
print('ready', flush=True)
names['spin']()
END
    start_process "$python" program.py "$PWD/mounted"
    wait_for 60 has_started
    grep -q '^ready' "$target_out" || { forget_target "$pid"; skip "cannot mount here"; }
    run_pyflame 0 -s 0.3 -f report "$pid"
    grep -q 'spin  .*app\.py' stdout
}
