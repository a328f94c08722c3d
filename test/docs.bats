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
    sed -n '/^static const struct option longs/,/^};/s/.*{ "\([a-z-]*\)",.*/--\1/p' \
        "$tree/options.c" | sort > accepted
    sed -n 's/.*getopt_long(.*"\(:*[a-z:]*\)".*/\1/p' "$tree/options.c" \
        | grep -o '[a-z]' | sed 's/^/-/' | sort > short
    cat accepted short | LC_ALL=C sort > both
    options_of_help | LC_ALL=C sort > help
    [ "$(wc -l < both)" -ge 20 ]
    diff -u both help
}

@test "long options in examples and text exist" {
    local name
    options_of_help > help
    grep -ohE '(^|[^a-z-])pyflame [^|;()]*' "$tree/README.md" | sed 's/ -t .*//' \
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

@test "the versions in the man page, the README and --version are the same" {
    local versions
    versions=$("$pyflame" --version | sed 's/.*(ABI list: \(.*\))/\1/')
    equal "$versions" "2.7, 3.6 to 3.15"
    tr '\n' ' ' < "$page" | grep -qF "CPython 2.7 and 3.6 to 3.15"
    grep -qF "CPython 2.7 and 3.6 to 3.15" "$tree/README.md"
}

@test "the man page is well formed" {
    requires mandoc
    run mandoc -Tlint -Wwarning "$page"
    equal "$(grep -v 'unexpected section: Sh ERRORS' <<< "$output")" ""
}

@test "links in the README lead to files that are there" {
    local file
    grep -oE '\]\([^)]+\)' "$tree/README.md" | tr -d ']()' | grep -v '^https:' > links
    while read -r file; do
        echo "$file"
        [ -e "$tree/$file" ]
    done < links
    [ -s links ]
}

@test "nothing but the program and its man page is installed, and uninstall leaves nothing" {
    requires make
    local root=$BATS_TEST_TMPDIR/root
    [ -x "$tree/pyflame" ] || skip "pyflame is not built"
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s -C "$tree" install DESTDIR="$root" PREFIX=/opt/x -o pyflame
    (cd "$root" && find . -type f | sort) > installed
    printf '%s\n' ./opt/x/bin/pyflame ./opt/x/share/man/man1/pyflame.1 | diff -u - installed
    cmp "$tree/pyflame" "$root/opt/x/bin/pyflame"
    [ -x "$root/opt/x/bin/pyflame" ]
    make -s -C "$tree" uninstall DESTDIR="$root" PREFIX=/opt/x
    equal "$(find "$root" -type f)" ""
}
