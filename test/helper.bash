# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# To be loaded by every test file.
#
# A test starts targets, runs pyflame on them, and looks at what it wrote. Whatever
# else it is about, at its end every target has to be alive, in the state that it
# was in, and traced by nobody; then all of them are killed.
#
# Environment:
#   PYFLAME             the program to be tested, default ./pyflame of this tree
#   PYFLAME_TEST_ALL=1  every interpreter that test/pythons lists instead of one a
#                       version, and the slow tests

bats_require_minimum_version 1.7.0

tests=$BATS_TEST_DIRNAME
tree=$(readlink -f "$tests/..")
targets=$tests/targets
pyflame=$(readlink -m "${PYFLAME:-$tree/pyflame}")
# The newest version that can be read. Tests of that one say so instead of naming it.
newest=$(sed -n 's/^const char layouts_supported.* to \(.*\)";$/\1/p' "$tree/layouts.c")
unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
export LC_ALL=C.UTF-8 PYTHONIOENCODING=utf-8

living=()               # pids of targets
profilers=()            # pids of pyflame in the background
folders=()              # to be removed
declare -A states=()    # of a target that is meant to be in another than R or S
declare -A tracers=()   # of one that is meant to be traced by another
started=0
unsuitable=

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    local harmed=0
    # what is frozen cannot even be killed
    [ ! -e "${thaw_file:-}" ] || echo "$thaw_word" > "$thaw_file"
    kill_profilers
    end_targets || harmed=1
    rm -rf "${folders[@]}"
    return "$harmed"
}

# --- what a test needs --------------------------------------------------------

# requires WHAT...: skips the test unless all of it is there: "root", "namespaces"
# (those of mounts), "terminal" (one that script makes), "all" (the slow tests),
# "format=NAME", or a command.
requires() {
    local what
    for what; do
        case $what in
            root) [ "$EUID" -eq 0 ] || skip "needs root" ;;
            all) [ -n "${PYFLAME_TEST_ALL:-}" ] || skip "slow: set PYFLAME_TEST_ALL=1" ;;
            namespaces)
                requires root unshare
                unshare --mount true 2> /dev/null || skip "needs mount namespaces" ;;
            format=*) # what skips by itself is only run_pyflame
                skip_if_left_out "$("$pyflame" -f "${what#*=}" -i /dev/null 2>&1 > /dev/null)" ;;
            terminal)
                requires script
                script -qec true /dev/null < /dev/null > /dev/null 2>&1 3>&- || skip "needs a pseudo-terminal" ;;
            *) command -v "$what" > /dev/null || skip "needs $what" ;;
        esac
    done
}

# Without it an ordinary user can't read a process that is not its child.
requires_attaching() {
    local file=/proc/sys/kernel/yama/ptrace_scope
    [ "$EUID" -eq 0 ] || [ ! -r $file ] || [ "$(< $file)" = 0 ] || skip "Yama forbids it to this user"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "waited in vain for: $*"
            return 1
        fi
        sleep 0.02
    done
}

# A folder that every user can reach, in $folder.
make_public_folder() {
    folder=$(mktemp -d)
    chmod 755 "$folder"
    folders+=("$folder")
}

# What to put before a command that is to run as an ordinary user.
nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)

# The same for pyflame, by a copy that such a user can reach, in the new $folder.
run_as_nobody() {
    requires root setpriv
    make_public_folder
    install -m 755 "$pyflame" "$folder/pyflame"
    pyflame=$folder/pyflame
    as=("${nobody[@]}")
}

# A target of that user, run by the system's interpreter: start_as_nobody NAME [ARGUMENT]...
start_as_nobody() {
    local name=$1
    shift
    [ -x /usr/bin/python3 ] || skip "needs /usr/bin/python3"
    cp -r "$targets" "$folder/"
    chmod -R a+rX "$folder"
    start_command "${nobody[@]}" /usr/bin/python3 "$folder/targets/$name.py" "$@"
    equal "$(stat -c %U "/proc/$pid")" nobody
}

# on_full_disk SIZE SCRIPT [ARGUMENT]...: runs a script of sh, to which $pyflame is $1, where
# ./disk is a file system of that size (see tmpfs) that ./disk/rest fills up.
on_full_disk() {
    requires namespaces mount
    cat > full.sh << END
mkdir -p disk && mount -t tmpfs -o size=$1 none disk || exit 77
echo earlier > disk/profile
head -c 10000000 /dev/zero > disk/rest 2> /dev/null
$2
END
    run unshare --mount sh full.sh "$pyflame" "${@:3}" 3>&-
    [ "$status" -ne 77 ] || skip "needs a tmpfs"
    echo "$output"
}

# What leaks are looked for with, in a program that is built so, needs ptrace itself.
without_leak_check() {
    export ASAN_OPTIONS=detect_leaks=0
}

# compile OUTPUT ARGUMENT...
compile() {
    requires cc
    cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -o "$@"
}

# What the tree's sources are compiled with: its own headers are found before the
# system's, as "elf.h" and <elf.h> are two.
tree_flags=(-D_FILE_OFFSET_BITS=64 -DPYFLAME_VERSION='"test"' -iquote "$tree")

# find_sources FILE: with all that it needs of the tree, in $sources.
find_sources() {
    mapfile -t sources < <("$tests/sources" "$1")
}

# compile_all OUTPUT FILE [FLAG]...: the file with all that it needs of the tree.
compile_all() {
    local sources
    find_sources "$2"
    compile "$1" "${tree_flags[@]}" "${@:3}" "${sources[@]}" -lm
}

# Fails with both values.
equal() {
    [ "$1" = "$2" ] || { printf 'expected: %s\nseen:     %s\n' "$2" "$1"; return 1; }
}

# matches TEXT REGEX
matches() {
    [[ $1 =~ $2 ]] || { printf 'expected: %s\nseen:     %s\n' "$2" "$1"; return 1; }
}

# lacks TEXT REGEX
lacks() {
    [[ ! $1 =~ $2 ]] || { printf 'expected no: %s\nseen: %s\n' "$2" "$1"; return 1; }
}

# all_match REGEX FILE: every line of the file does, and there are some.
all_match() {
    [ -s "$2" ] || { echo "nothing in $2"; return 1; }
    ! grep -vE -m 3 -- "$1" "$2" || { echo "these do not match $1"; return 1; }
}

# --- interpreters -------------------------------------------------------------

# pythons_of VERSION: NAME<TAB>COMMAND of each; "any" is CPython 3 from 3.6 on,
# with the system's own first. Debug builds ("debug") and those of 32 bits ("i386") are
# by themselves.
pythons_of() {
    local list=$BATS_RUN_TMPDIR/pythons
    [ -s "$list" ] || "$tests/pythons" > "$list" || :
    awk -F '\t' -v version="$1" '
        version == "any" && /^3\.[0-9]+-system/ { print }
        version == "any" && !/^2|^3\.[0-9]+t|^3\.[0-9]+-(system|debug|i386)/ { rest = rest $0 "\n" }
        version == "debug" && /-debug/ { print }
        version == "i386" && /^[^\t]*-i386/ { print }
        version != "any" && index($1, version "-") == 1 && ($1 !~ /-(debug|i386)$/) { print }
        END { printf "%s", rest }' "$list"
}

# each_python VERSION FUNCTION [ARGUMENT]...: calls FUNCTION PYTHON [ARGUMENT]...
# with one such interpreter, or with all. It may set $unsuitable to why it did
# nothing: then the next one is tried.
each_python() {
    local version=$1 function=$2 line last="no Python $1 here" done=0 lines
    shift 2
    mapfile -t lines < <(pythons_of "$version")
    for line in "${lines[@]}"; do
        unsuitable=
        echo "== with ${line%%$'\t'*}"
        "$function" "${line#*$'\t'}" "$@"
        end_targets
        if [ -n "$unsuitable" ]; then
            last=$unsuitable
            continue
        fi
        done=1
        [ -n "${PYFLAME_TEST_ALL:-}" ] || break
    done
    [ "$done" = 1 ] || skip "$last"
}

# The same for tests that only PYFLAME_TEST_ALL asks for.
also() {
    requires all
    each_python "$@"
}

# many SHORT LONG: how many rounds, or seconds; the latter with PYFLAME_TEST_ALL.
many() {
    [ -n "${PYFLAME_TEST_ALL:-}" ] && echo "$2" || echo "$1"
}

# One interpreter, in $python, for a test to which the version does not matter.
find_python() {
    local line
    read -r line < <(pythons_of any) || skip "no Python here"
    python=${line#*$'\t'}
}

# with_module MODULE FUNCTION [ARGUMENT]...: with a Python that has it.
with_module() {
    find_python
    "$python" -c "import $1" 2> log || skip "needs Python's $1"
    "$2" "$python" "${@:3}"
}

# version_of PYTHON: as in 3.11
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# at_least VERSION PYTHON
at_least() {
    "$2" -c "import sys; sys.exit(sys.version_info < (${1/./, }))"
}

is_free_threaded() {
    "$1" -c 'import sys; sys.exit(getattr(sys, "_is_gil_enabled", lambda: True)())'
}

is_elf() {
    [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]
}

# --- targets ------------------------------------------------------------------

# start_target NAME PYTHON [ARGUMENT]...: runs targets/NAME.py; like start_command.
start_target() {
    local name=$1 command=$2
    shift 2
    start_command "$command" "$targets/$name.py" "$@" || return
    case $name in # what sleeps can't say so any more
        idle | many) wait_for 30 are_in_state "$pid" S ;;
    esac
}

# start_command COMMAND...: starts it and waits until it prints "ready". $pid is its
# pid, $target_out the file with what it prints.
start_command() {
    requires_attaching
    start_process "$@"
    wait_for 60 has_started || return
    grep -q '^ready' "$target_out" || { echo "it ended: $*"; cat "$target_out" "$target_err"; return 1; }
}

has_started() {
    grep -q '^ready' "$target_out" || ! kill -0 "$pid" 2> /dev/null
}

# The same for what never says "ready": it may be the program's first instant.  What it
# writes is appended, as several processes may write at once.
start_process() {
    started=$((started + 1))
    target_out=$BATS_TEST_TMPDIR/target.$started.out
    target_err=$BATS_TEST_TMPDIR/target.$started.err
    "$@" >> "$target_out" 2>> "$target_err" < /dev/null 3>&- &
    pid=$!
    living+=("$pid")
    while is_still_us "$pid"; do :; done
}

# are_ready N: so many have said so.  Unbuffered, two may before the end of either's line.
are_ready() {
    [ "$(grep -o ready "$target_out" | wc -l)" = "$1" ]
}

# A program that has Python inside: ./program SCRIPT [ARGUMENT]...
build_embedding() {
    requires cc
    local config flags
    find_python
    config=$(dirname "$python")/python3-config
    [ -x "$config" ] || skip "needs python3-dev"
    read -r -a flags <<< "$("$config" --embed --cflags --ldflags 2> /dev/null | tr '\n' ' ')"
    cc -o program "$tests/tools/embed.c" "${flags[@]}" 2> log || skip "needs python3-dev"
}

# Between fork and exec it is a copy of this shell.
is_still_us() {
    cmp -s "/proc/$BASHPID/cmdline" "/proc/$1/cmdline"
}

# No longer a target: it ended, or is about to.
forget_target() {
    local one kept=()
    for one in "${living[@]}"; do
        [ "$one" = "$1" ] || kept+=("$one")
    done
    living=("${kept[@]}")
}

# state_of PID
state_of() {
    sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2> /dev/null
}

in_state() {
    [ "$(state_of "$1")" = "$2" ]
}

# are_in_state PID STATE: all of its threads.
are_in_state() {
    cat "/proc/$1/task"/*/status 2> /dev/null | awk -v state="$2" '
        /^State:/ { threads++; if ($2 != state) bad = 1 }
        END { exit bad || !threads }'
}

# All threads run or sleep (or are in the state that was expected), untraced.
is_unharmed() {
    cat "/proc/$1/task"/*/status 2> /dev/null | awk -v states="${states[$1]:-RS}" -v tracer="${tracers[$1]:-0}" '
        /^State:/ { threads++; if (!index(states, $2)) bad = 1 }
        /^TracerPid:/ { if ($2 != tracer) bad = 1 }
        END { exit bad || !threads }'
}

# For an instant a thread may be elsewhere by itself, hence the patience.
assert_unharmed() {
    wait_for 10 is_unharmed "$1" && return
    echo "target $1 is not as it was:"
    grep -E '^(Name|State|TracerPid):' "/proc/$1/task"/*/status || echo "gone"
    cat "$BATS_TEST_TMPDIR"/target.*.err
    return 1
}

end_targets() {
    local one harmed=0
    for one in "${living[@]}"; do
        assert_unharmed "$one" || harmed=1
    done
    for one in "${living[@]}"; do # some take others with them
        kill -KILL "$one" 2> /dev/null || :
        wait "$one" 2> /dev/null || :
    done
    living=()
    return "$harmed"
}

# --- pyflame ------------------------------------------------------------------

# Dumps $pid with all its tasks and greenlets for so many seconds, one after the other, into the
# file "dumps", for tools/dumps.py.
keep_dumping() {
    local end=$((SECONDS + $1))
    rm -f dumps
    while [ "$SECONDS" -lt "$end" ]; do
        timeout 20 "$pyflame" -q -d --async -f json "$pid" >> dumps
    done
    assert_unharmed "$pid"
}

# run_pyflame STATUS [ARGUMENT]...: runs it to its end and expects that exit status.
# What it wrote is in $output and $stderr, and in the files "stdout" and "stderr".
# The array $as may hold what comes before it on the command line.
as=()
run_pyflame() {
    local expected=$1 seen=0
    shift
    echo "\$ ${as[*]} pyflame $*"
    timeout --foreground -k 5 "${patience:-60}" "${as[@]}" "$pyflame" "$@" \
        > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr" 3>&- || seen=$?
    take_output
    equal "status $seen" "status $expected"
}

take_output() {
    output=$(tr -d '\0' < "$BATS_TEST_TMPDIR/stdout")
    stderr=$(tr -d '\0' < "$BATS_TEST_TMPDIR/stderr")
    head -n 20 "$BATS_TEST_TMPDIR/stdout" | cut -c 1-300
    head -n 20 "$BATS_TEST_TMPDIR/stderr" | sed 's/^/stderr: /'
    skip_if_left_out "$stderr"
}

# skip_if_left_out TEXT: skips a test of a format that this build does not have.
skip_if_left_out() {
    [[ ! $1 =~ 'built without the format '[a-z]+ ]] || skip "${BASH_REMATCH[0]}"
}

# The same in the background, its pid in $profiler; end_pyflame STATUS waits for it.
start_pyflame() {
    echo "\$ ${as[*]} pyflame $* &"
    "${as[@]}" "$pyflame" "$@" > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr" 3>&- &
    profiler=$!
    profilers+=("$profiler")
}

end_pyflame() {
    local expected=$1 seen=0
    wait_for "${patience:-60}" has_ended "$profiler"
    wait "$profiler" || seen=$?
    profilers=()
    take_output
    equal "status $seen" "status $expected"
}

has_ended() {
    ! kill -0 "$1" 2> /dev/null || in_state "$1" Z
}

kill_profilers() {
    local one
    for one in "${profilers[@]}"; do
        kill -KILL "$one" 2> /dev/null || :
        wait "$one" 2> /dev/null || :
    done
    profilers=()
}

# The process that does the work of a profiler, which may be a grandchild of it.
worker_of() {
    local one=$1 next
    while next=$(pgrep -n -P "$one" -x "$(basename "$pyflame")"); do
        one=$next
    done
    echo "$one"
}

# How often a profiler has slept.
sleeps_of() {
    awk '/^voluntary_ctxt/ { print $2 }' "/proc/$(worker_of "$1")/status"
}

has_slept() {
    [ "$(sleeps_of "$profiler")" -ge "$1" ]
}

# wait_for_sampling: until the one in the background has been through some ticks more;
# it sleeps before each. But before it samples a command, until that is Python.
wait_for_sampling() {
    local before
    before=$(sleeps_of "$profiler")
    wait_for 30 has_slept "$((before + 20))"
}

# sample_until REGEX... -- ARGUMENT...: samples until it has seen all of these; then all
# is as after run_pyflame 0.
sample_until() {
    local wanted=()
    while [ "$1" != -- ]; do
        wanted+=("$1")
        shift
    done
    shift
    watch_pyflame "$@"
    wait_for 60 has_seen "${wanted[@]}"
    kill -INT "$profiler"
    end_pyflame 0
    mv profile "$BATS_TEST_TMPDIR/stdout"
    take_output
}

# watch_pyflame ARGUMENT...: one in the background that writes "profile" when it is asked
# by has_seen; what comes before it listens does no harm.
watch_pyflame() {
    rm -f profile # an earlier one's is none of its own
    trap '' USR1
    start_pyflame -s 200 -o profile "$@"
    trap - USR1
}

# has_seen REGEX...: it has $enough (1) samples of stacks that match each of these.
has_seen() {
    local regex
    kill -USR1 "$profiler" 2> /dev/null || :
    for regex; do
        [ -e profile ] && [ "$(samples profile "$regex")" -ge "${enough:-1}" ] || return
    done
}

# --- what it wrote ------------------------------------------------------------

# How many samples the collapsed stacks in a file have, those that match a regex.
samples() {
    awk -v regex="${2:-.}" '$0 ~ regex { n += $NF } END { print n + 0 }' "$1"
}

# A number of --stats: stat NAME
stat_of() {
    sed -n "s/^pyflame: .*\b$1:\{0,1\} \([0-9]*\).*/\1/p" "$BATS_TEST_TMPDIR/stderr" | head -n 1 | grep . || echo 0
}

# The ticks of a run with --stats, whatever became of them.
all_ticks() {
    echo $(($(stat_of ticks) + $(stat_of missed) + $(stat_of "left out")))
}

# One warning or error for the user, and no data.
only_complains() {
    equal "$output" ""
    equal "$(wc -l < "$BATS_TEST_TMPDIR/stderr")" 1
    matches "$stderr" '^pyflame: '
}
