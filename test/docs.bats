#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is said in three places: the program, its help and its man page.

load helper

page=$tree/pyflame.1

# The options that --help and the man page have: -x or --name, one a line, sorted.
options_of_help() {
    "$pyflame" --help | grep -oE '^ +(-[a-z], )?(--[a-z-]+)?' | grep -oE -- '-[a-z]\b|--[a-z-]+' | sort -u
}

options_of_man() {
    sed -n '/^\.Sh OPTIONS/,/^\.Sh OUTPUT/s/^\.It //p' "$page" | grep -oE 'Fl (Fl )?[a-z-]+' \
        | sed 's/^Fl Fl /--/; s/^Fl /-/' | sort -u
}

# An item of a list in a section: items SECTION
items() {
    sed -n "/^\\.Sh $1/,/^\\.Sh/s/^\\.It //p" "$page"
}

@test "the man page has the options of --help, and no others" {
    options_of_help > help
    options_of_man > documented
    [ "$(wc -l < help)" -ge 20 ]
    diff -u help documented
}

@test "--help has the options that are accepted, and no others" {
    sed -n '/^static const struct option options/,/^};/s/.*{ "\([a-z-]*\)",.*/--\1/p' \
        "$tree/options.c" > accepted
    sed -n "/^static const struct option options/,/^};/s/.*, '\([a-z]\)',.*/-\1/p" \
        "$tree/options.c" > short
    cat accepted short | LC_ALL=C sort > both
    options_of_help | LC_ALL=C sort > help
    [ "$(wc -l < both)" -ge 20 ]
    diff -u both help
}

@test "long options in examples and text exist" {
    local name
    options_of_help > help
    grep -ohE '(^|[^a-z-])pyflame [^|;()]*' "$tree/README.md" | sed 's/ -t .*//; s/ -- .*//' \
        | grep -oE -- ' --?[a-z]+(-[a-z]+)*' | tr -d ' ' | sort -u > used
    while read -r name; do
        echo "$name"
        grep -qxF -- "$name" help
    done < used
    [ -s used ]
}

@test "every message is explained in the man page, and every one there exists" {
    requires python3
    cd "$tree"
    test/messages
}

@test "the man page has the exit statuses" {
    items "EXIT STATUS" > documented
    sed -n '/^enum status {/,/^};/s/.*= \([0-9]*\),.*/\1/p' "$tree/util.h" > sources
    [ "$(wc -l < documented)" -ge 8 ]
    diff -u sources documented
}

@test "the man page has the signals that are handled" {
    sed -n '/^\.Sh SIGNALS/,/^\.Sh/p' "$page" | grep -oE 'SIG[A-Z0-9]+' \
        | grep -vx SIGNALS | sort -u > documented
    sed -n '/^block_signals/,/^}/p' "$tree/pyflame.c" | grep -oE 'SIG[A-Z0-9]+' \
        | grep -vxE 'SIG_BLOCK|SIG|SIGCHLD|SIGPIPE' | sort -u > sources
    diff -u sources documented
}

@test "the versions in the README and --version are the same, and those that --abi takes" {
    local versions minor
    versions=$("$pyflame" --version | sed 's/.*(ABI list: \(.*\))/\1/')
    equal "$versions" "2.7, 3.6 to $newest"
    grep -qF "CPython 2.7 and 3.6 to $newest," "$tree/README.md"
    for minor in $(seq 6 "${newest#3.}"); do
        run_pyflame 0 --abi="3.$minor" --version
    done
    run_pyflame 2 --abi=3.5 --version
    run_pyflame 2 --abi="3.$((${newest#3.} + 1))" --version
}

@test "the man page is well formed" {
    requires mandoc
    run mandoc -Tlint -Wwarning "$page"
    equal "$(grep -v 'unexpected section: Sh ERRORS' <<< "$output")" ""
}

@test "links in the README and its like lead to files that are there" {
    local file
    cat "$tree"/*.md | grep -oE '\]\([^)]+\)' | tr -d ']()' | grep -v '^https:' > links
    while read -r file; do
        echo "$file"
        [ -e "$tree/$file" ]
    done < links
    [ -s links ]
}

@test "the README has the picture that test/picture makes, and it is small" {
    local picture=page/demo.png
    grep -qF "($picture)" "$tree/README.md"
    grep -qF " $picture" "$tree/test/picture"
    equal "$(head -c 8 "$tree/$picture" | od -An -tx1 | tr -d ' ')" 89504e470d0a1a0a
    [ "$(stat -c %s "$tree/$picture")" -le 61440 ]
}

@test "nothing but the program, its man page and its completion is installed, and uninstall leaves nothing" {
    requires make
    local root=$BATS_TEST_TMPDIR/root
    [ -x "$tree/pyflame" ] || skip "pyflame is not built"
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s -C "$tree" install DESTDIR="$root" PREFIX=/opt/x -o pyflame
    (cd "$root" && find . -type f | sort) > installed
    printf '%s\n' ./opt/x/bin/pyflame ./opt/x/share/bash-completion/completions/pyflame \
        ./opt/x/share/man/man1/pyflame.1 | diff -u - installed
    cmp "$tree/pyflame" "$root/opt/x/bin/pyflame"
    [ -x "$root/opt/x/bin/pyflame" ]
    make -s -C "$tree" uninstall DESTDIR="$root" PREFIX=/opt/x
    equal "$(find "$root" -type f)" ""
}

# --- what comes with it -------------------------------------------------------

# What bash offers after WORD...: complete_words WORD...
complete_words() {
    bash --norc -c '
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _pyflame "$1" "${@: -1}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
        printf "%s\n" "${COMPREPLY[@]}"' - "$tree/contrib/pyflame.bash" "$pyflame" "$@"
}

@test "completion offers the options of --help, and no others" {
    options_of_help > help
    complete_words - | sed 's/=$//' | sort -u > offered
    [ "$(wc -l < help)" -ge 20 ]
    diff -u help offered
    equal "$(complete_words --no-l)" --no-line-numbers
    equal "$(complete_words --se)" $'--seconds=\n--seed='
}

@test "completion offers values, files, and commands where they belong" {
    touch profile.txt
    equal "$(complete_words -m c)" cpu
    equal "$(complete_words --mode = g)" gil
    equal "$(complete_words -o prof)" profile.txt
    equal "$(complete_words --abi = 2)" 2.7
    equal "$(complete_words --abi = 3 | tail -n 1)" "$newest"
    equal "$(complete_words --abi = 3.6)" 3.6
    equal "$(complete_words -s 5 -t ./prof | sort -u)" ""
    equal "$(complete_words -s 5 -t cat prof)" profile.txt
}

@test "completion knows all formats and modes that --help names" {
    local word
    for word in $("$pyflame" --help | sed -n 's/^ *-[mf], .*=[A-Z]* *//p' | grep -oE '^[a-z][a-z, ]*$|\b[a-z]+:' \
        | tr -d ',:'); do
        echo "$word"
        grep -qE "words=.*\b$word\b" "$tree/contrib/pyflame.bash"
    done
}

@test "completion offers processes that run Python" {
    find_python
    start_target idle "$python"
    complete_words '' > offered
    grep -qx "$pid" offered
    run ! grep -qx "$$" offered
}

@test "the manifest for Kubernetes is well formed" {
    requires python3
    python3 -c 'import yaml' 2> /dev/null || skip "needs python3-yaml"
    python3 - "$tree/contrib/kubernetes.yaml" << 'END'
import sys
import yaml
pod, = yaml.safe_load_all(open(sys.argv[1]))
assert pod['kind'] == 'Pod' and pod['apiVersion'] == 'v1', pod
assert pod['spec']['shareProcessNamespace'] is True
side = [c for c in pod['spec']['containers'] if c['name'] == 'pyflame'][0]
assert side['securityContext']['capabilities']['add'] == ['SYS_PTRACE']
END
}

@test "the version is the same in the Makefile, the manifest and the news" {
    local version
    version=$(make -s -C "$tree" print-version)
    matches "$("$pyflame" --version)" "^pyflame $version "
    grep -q "image: pyflame:$version$" "$tree/contrib/kubernetes.yaml"
    matches "$(sed -n 's/^## //p' "$tree/NEWS.md" | head -n 1)" "^$version"
}
