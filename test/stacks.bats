#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every frame of every thread is the one that Python itself reports, whatever the
# interpreter is and wherever it is to be found.

load helper
load truth

# The account that the target has written agrees with a dump of it.
dump_is_true() {
    run_pyflame 0 "$@" -d "$pid"
    truth_normalise < stdout > seen
    [ -s account ]
    truth_diff account seen > difference || { head -n 40 difference; return 1; }
}

true_stacks() {
    start_target truth "$1" --deep 5000 account
    dump_is_true
}

paused_stacks() {
    start_target truth "$1" account
    dump_is_true --pause
    dump_is_true --no-pause
}

# Copies an interpreter to the folder "copy": the executable as copy/bin/NAME, its
# libpython, if there is one, to copy/lib. The array $copied runs it.
copy_python() {
    local python=$1 name=$2 library
    unsuitable=
    is_elf "$python" || { unsuitable="not a plain executable: $python"; return; }
    rm -rf copy
    mkdir -p copy/bin copy/lib
    copied=(env "PYTHONHOME=$("$python" -c 'import sys; print(sys.prefix + ":" + sys.exec_prefix)')"
        "LD_LIBRARY_PATH=$PWD/copy/lib" "$PWD/copy/bin/$name")
    cp "$python" "copy/bin/$name"
    library=$(ldd "$python" | sed -n 's/^\tlibpython[^ ]* => \([^ ]*\) .*/\1/p')
    [ -z "$library" ] || cp "$library" copy/lib/
}

start_copy() {
    start_command "${copied[@]}" "$targets/truth.py" account
    grep -q "$PWD/copy/bin/" "/proc/$pid/maps"
    grep -q '/libpython' "/proc/$pid/maps" || return 0
    grep -q "$PWD/copy/lib/" "/proc/$pid/maps"
}

stripped_stacks() {
    requires strip
    copy_python "$1" python
    [ -z "$unsuitable" ] || return 0
    strip --strip-all copy/bin/* || return
    [ -z "$(ls copy/lib)" ] || { chmod u+w copy/lib/*; strip --strip-all copy/lib/*; }
    start_copy
    dump_is_true
}

renamed_stacks() {
    copy_python "$1" "$2"
    [ -z "$unsuitable" ] || return 0
    start_copy
    dump_is_true
}

deleted_stacks() {
    copy_python "$1" python
    [ -z "$unsuitable" ] || return 0
    start_copy
    rm -rf copy
    dump_is_true
}

# As a package upgrade does it: a new file in the old one's place.
replaced_stacks() {
    local file
    copy_python "$1" python
    [ -z "$unsuitable" ] || return 0
    start_copy
    for file in copy/bin/* copy/lib/*; do
        [ -e "$file" ] || continue
        echo "something else" > new
        mv -f new "$file"
    done
    dump_is_true
}

debug_stacks() {
    start_target truth "$1" account
    dump_is_true
}

# Python that is run by a loader: its executable is that loader.
loader_stacks() {
    if [ "$(readlink -f "$1")" = "$(readlink -f "/proc/$$/exe")" ] || is_elf "$1" ||
        ! grep -q -- --library-path "$1"; then
        unsuitable="no interpreter here that needs a loader of its own"
        return
    fi
    start_target truth "$1" account
    [[ $(readlink "/proc/$pid/exe") = */ld-* ]]
    dump_is_true
}

# The system's own interpreter, run by the system's own loader.
system_loader_stacks() {
    is_elf "$1" || { unsuitable="not a plain executable: $1"; return; }
    requires readelf
    local loader
    loader=$(readelf -l "$1" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    [ -n "$loader" ] || { unsuitable="$1 is static"; return; }
    start_command "$loader" "$1" "$targets/truth.py" account
    dump_is_true
}

# --- plain --------------------------------------------------------------------

@test "2.7: every stack is true"   { each_python 2.7 true_stacks; }
@test "3.6: every stack is true"   { each_python 3.6 true_stacks; }
@test "3.7: every stack is true"   { each_python 3.7 true_stacks; }
@test "3.8: every stack is true"   { each_python 3.8 true_stacks; }
@test "3.9: every stack is true"   { each_python 3.9 true_stacks; }
@test "3.10: every stack is true"  { each_python 3.10 true_stacks; }
@test "3.11: every stack is true"  { each_python 3.11 true_stacks; }
@test "3.12: every stack is true"  { each_python 3.12 true_stacks; }
@test "3.13: every stack is true"  { each_python 3.13 true_stacks; }
@test "3.14: every stack is true"  { each_python 3.14 true_stacks; }
@test "newest: every stack is true"  { each_python "$newest" true_stacks; }
@test "3.13t: every stack is true" { each_python 3.13t true_stacks; }
@test "3.14t: every stack is true" { each_python 3.14t true_stacks; }
@test "newest-t: every stack is true" { each_python "${newest}t" true_stacks; }

@test "with --pause and with --no-pause every stack is true" { each_python any paused_stacks; }
@test "2.7: with --pause and with --no-pause every stack is true" { each_python 2.7 paused_stacks; }
@test "3.14t: with --pause and with --no-pause every stack is true" { each_python 3.14t paused_stacks; }

@test "a debug build: every stack is true" { each_python debug debug_stacks; }

# --- of 32 bits ---------------------------------------------------------------

narrow_stacks() {
    local version
    version=$(version_of "$1")
    [ "$version" = "$2" ] || { unsuitable="no 32-bit Python $2 here"; return; }
    start_target truth "$1" --deep 5000 account
    dump_is_true
}

narrow_stripped_stacks() {
    local root loader
    requires strip
    root=$(dirname "$1")
    cp -r "$root/../.." copy
    strip --strip-all copy/usr/bin/python?.* 2> /dev/null || { unsuitable="no strip for 32 bits"; return; }
    start_command "$PWD/copy/usr/bin/python" "$targets/truth.py" account
    dump_is_true
}

@test "2.7 of 32 bits: every stack is true"  { PYFLAME_TEST_ALL=1 each_python i386 narrow_stacks 2.7; }
@test "3.9 of 32 bits: every stack is true"  { PYFLAME_TEST_ALL=1 each_python i386 narrow_stacks 3.9; }
@test "3.11 of 32 bits: every stack is true" { PYFLAME_TEST_ALL=1 each_python i386 narrow_stacks 3.11; }
@test "3.13 of 32 bits: every stack is true" { PYFLAME_TEST_ALL=1 each_python i386 narrow_stacks 3.13; }
@test "of 32 bits, stripped: every stack is true" { also i386 narrow_stripped_stacks; }

@test "of 32 bits, with --pause and with --no-pause: every stack is true" { also i386 paused_stacks; }

# --- found without help -------------------------------------------------------

@test "2.7, stripped: every stack is true"   { each_python 2.7 stripped_stacks; }
@test "3.6, stripped: every stack is true"   { each_python 3.6 stripped_stacks; }
@test "3.7, stripped: every stack is true"   { also 3.7 stripped_stacks; }
@test "3.8, stripped: every stack is true"   { each_python 3.8 stripped_stacks; }
@test "3.9, stripped: every stack is true"   { also 3.9 stripped_stacks; }
@test "3.10, stripped: every stack is true"  { also 3.10 stripped_stacks; }
@test "3.11, stripped: every stack is true"  { each_python 3.11 stripped_stacks; }
@test "3.12, stripped: every stack is true"  { also 3.12 stripped_stacks; }
@test "3.13, stripped: every stack is true"  { each_python 3.13 stripped_stacks; }
@test "3.14, stripped: every stack is true"  { each_python 3.14 stripped_stacks; }
@test "newest, stripped: every stack is true"  { each_python "$newest" stripped_stacks; }
@test "3.13t, stripped: every stack is true" { also 3.13t stripped_stacks; }
@test "3.14t, stripped: every stack is true" { each_python 3.14t stripped_stacks; }
@test "newest-t, stripped: every stack is true" { also "${newest}t" stripped_stacks; }

@test "an executable by another name" { each_python any renamed_stacks worker; }
@test "an executable whose name has blanks and brackets" { each_python any renamed_stacks "my (deleted) [x] app"; }
@test "2.7: an executable by another name" { each_python 2.7 renamed_stacks worker; }

@test "executable and library deleted after the start" { each_python any deleted_stacks; }
@test "2.7: executable and library deleted after the start" { each_python 2.7 deleted_stacks; }
@test "3.12: executable and library deleted after the start" { each_python 3.12 deleted_stacks; }
@test "executable and library replaced on disk after the start" { each_python any replaced_stacks; }
@test "3.12: executable and library replaced on disk after the start" { each_python 3.12 replaced_stacks; }

@test "an interpreter with a loader and a libc of its own" {
    local version done=
    for version in "$newest" 3.14 3.13 3.9 2.7; do
        while IFS=$'\t' read -r _ python; do
            unsuitable=
            loader_stacks "$python"
            end_targets
            [ -n "$unsuitable" ] || done=1
        done < <(pythons_of "$version")
        [ -z "$done" ] || return 0
    done
    skip "no interpreter here that needs a loader of its own"
}

@test "an interpreter run by the system's loader" { each_python any system_loader_stacks; }

@test "an interpreter inside another program" {
    build_embedding
    start_command ./program "$targets/truth.py" account
    dump_is_true
}

@test "an interpreter in a library by another name, loaded late" {
    requires cc
    local line library=
    while IFS=$'\t' read -r _ python; do
        library=$(ldd "$python" 2> /dev/null | sed -n 's/^\tlibpython3[^ ]* => \([^ ]*\) .*/\1/p')
        [ -z "$library" ] || break
    done < <(pythons_of any)
    [ -n "$library" ] || skip "needs an interpreter with a library"
    cp "$library" libengine.so.1
    compile program "$tests/tools/load.c" -ldl
    start_command env PYTHONHOME="$("$python" -c 'import sys; print(sys.prefix)')" \
        ./program "$PWD/libengine.so.1" "$targets/truth.py" account
    run ! grep -q /libpython "/proc/$pid/maps"
    dump_is_true
}

# --- sub-interpreters ---------------------------------------------------------

sub_interpreters() {
    start_process "$1" "$targets/subinterp.py" 3
    wait_for 60 has_started
    if ! grep -q ready "$target_out"; then
        unsuitable=$(head -n 1 "$target_out")
        forget_target "$pid"
        [ -n "$unsuitable" ]
        return
    fi
    run_pyflame 0 -s 0.2 --threads "$pid"
    for i in 1 2 3; do
        [ "$(samples stdout ";subinterp_$i\.py:busy_$i:")" -gt 0 ]
    done
    run_pyflame 0 -d "$pid"
    for i in 1 2 3; do
        equal "$(grep -c "^subinterp_$i\.py:busy_$i:" stdout)" 1
    done
    equal "$(grep -c '/subinterp\.py:main:' stdout)" 1
}

@test "3.8: sub-interpreters are seen"   { each_python 3.8 sub_interpreters; }
@test "3.9: sub-interpreters are seen"   { each_python 3.9 sub_interpreters; }
@test "3.10: sub-interpreters are seen"  { each_python 3.10 sub_interpreters; }
@test "3.11: sub-interpreters are seen"  { each_python 3.11 sub_interpreters; }
@test "3.12: sub-interpreters are seen"  { each_python 3.12 sub_interpreters; }
@test "3.13: sub-interpreters are seen"  { each_python 3.13 sub_interpreters; }
@test "3.14: sub-interpreters are seen"  { each_python 3.14 sub_interpreters; }
@test "newest: sub-interpreters are seen"  { each_python "$newest" sub_interpreters; }

@test "a name of 4,096 characters is whole, a longer one is cut there" {
    find_python
    start_command "$python" -c 'import sys, time
def wait():
    print("ready")
    sys.stdout.flush()
    time.sleep(300)
scope = {"wait": wait}
exec(compile("def %s(): wait()" % ("f" * 4096), "g" * 4097, "exec"), scope)
scope["f" * 4096]()'
    run_pyflame 0 -d "$pid"
    sed -n 's/^\(g*[.]*\):\(f*[.]*\):1$/\1 \2/p' stdout > seen
    awk 'BEGIN { for (; i < 4096; i++) { f = f "f"; g = g "g" } print g "...", f }' | diff seen -
}

# --- as an ordinary user ------------------------------------------------------

@test "an ordinary user, on a process of that user: every stack is true" {
    run_as_nobody
    mkdir -m 777 "$folder/account"
    start_as_nobody truth "$folder/account/account"
    cp "$folder/account/account" account
    dump_is_true
}
