# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# To be sourced: finds the headers of CPython that are to be had here, and compiles row.c
# against them.
#
# Headers are those below a given folder, or those in the include folders of the
# interpreters that test/pythons lists, of pyenv and of the system, and in what is unpacked
# or installed in the cache (PYFLAME_CACHE, see test/pythons). Each is looked at as it is
# configured, and as if it were a debug build; from 3.13 also as if it were free-threaded.
# The same again as if it were for i386 and for arm, if dist/cross has made compilers for
# these ready ("dist/cross --fetch i386"; arm takes qemu-arm-static as well, and i386
# qemu-i386-static where the kernel does not run such programs).
#
# Who sources this has set $here, this folder, and has a function
#
#   visit INCLUDE [OPTION]...   one build: the headers in that folder, with options for
#                               the compiler; it sets the variable hex to their
#                               PY_VERSION_HEX, empty if they can't be used
#
# for which these are set: $headers, the folder that they came from, $machine, and what
# select_machine sets.

cache=${PYFLAME_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/pyflame}
pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}
read -r -a native <<< "${CC:-cc}"
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT

declare -A visited=() # by folder

# --- machines -----------------------------------------------------------------

# What is compared: the compiler, what comes behind its sources, what runs a program
# that it made, the bytes of a pointer and ELF's number for the machine.
select_machine() {
    local command
    machine=$1 compiler=() startfiles=() libraries=() run=() ptr=4 elf=3
    case $1 in
        native)
            compiler=("${native[@]}")
            ptr=$(getconf LONG_BIT) && ptr=$((ptr / 8)) elf=0
            return ;;
        i386)
            ! command -v qemu-i386-static > /dev/null || run=(qemu-i386-static) ;;
        armv7)
            elf=40
            command -v qemu-arm-static > /dev/null || return
            run=(qemu-arm-static) ;;
    esac
    mapfile -t command < <("$here/../../dist/cross" --cc "$1" 2> /dev/null)
    [ -n "${command[*]:-}" ] || return
    read -r -a compiler <<< "${command[0]}"
    read -r -a startfiles <<< "-static ${command[1]}"
    read -r -a libraries <<< "${command[2]}"
    # musl has no stdatomic.h
    compiler+=(-idirafter "$("${compiler[@]}" -print-file-name=include)")
    can_run
}

# Whether programs for that machine run here.
can_run() {
    echo 'int main(void) { return 0; }' > "$work/empty.c"
    "${compiler[@]}" "${startfiles[@]}" -no-pie -o "$work/empty" "$work/empty.c" "${libraries[@]}" \
        > /dev/null 2>&1 && "${run[@]}" "$work/empty" 2> /dev/null
}

# Copies the headers in folder $1 to $2, configured for 32 bits.
narrow_headers() {
    cp -rL "$1" "$2" || return
    : > "$2/crypt.h"
    sed -i -E 's/(define (SIZEOF_(LONG|VOID_P|SIZE_T|PTHREAD_T|PTHREAD_KEY_T|UINTPTR_T)|ALIGNOF_(LONG|SIZE_T))) .*/\1 4/
        s/.*HAVE_GCC_UINT128_T.*//' "$2/pyconfig.h" && echo '#define HAVE_STD_ATOMIC 1' >> "$2/pyconfig.h"
}

# Makes the program "row" for the headers in folder $1, with the options $2...
# The folder above is the last to be searched: Debian's pyconfig.h needs it, and
# a source tree has its own there.
compile() {
    local include=$1
    shift
    "${compiler[@]}" -std=gnu11 -Wall -Wextra -isystem "$include" -isystem "$include/internal" \
        -idirafter "$include/.." "$@" "${startfiles[@]}" -no-pie \
        -Wl,--unresolved-symbols=ignore-all -o "$work/row" "$here/row.c" "${libraries[@]}" \
        > "$work/log" 2>&1
}

# --- what there is ------------------------------------------------------------

visit_headers() {
    local headers machine compiler startfiles libraries run ptr elf
    headers=$(readlink -e -- "$1") || return
    [ -n "${visited[$headers]:-}" ] && return
    visited[$headers]=yes
    select_machine native
    visit_builds "$headers"
    for machine in i386 armv7; do
        # Debian's are for one machine each, and say so
        grep -qs SIZEOF_LONG "$headers/pyconfig.h" || continue
        select_machine "$machine" || continue
        rm -rf "$work/narrow"
        narrow_headers "$headers" "$work/narrow" && visit_builds "$work/narrow"
    done
}

visit_builds() {
    local include=$1 hex=
    visit "$include"
    [ -n "$hex" ] || return
    visit "$include" -DPy_DEBUG=1
    if ((hex >= 0x030d0000)); then
        visit "$include" -DPy_GIL_DISABLED=1
        visit "$include" -DPy_GIL_DISABLED=1 -DPy_DEBUG=1
    fi
}

# The headers of one interpreter: its name and its command.
visit_interpreter() {
    local include
    include=$("$2" -c 'import sysconfig; print(sysconfig.get_paths()["include"])' \
        < /dev/null 2> /dev/null)
    if [ -f "$include/Python.h" ]; then
        visit_headers "$include"
    else
        echo "skip $1: no headers"
    fi
}

# All headers below these folders. Fails if there are none.
visit_below() {
    local include found=1
    while read -r include <&3; do
        visit_headers "$include"
        found=0
    done 3< <(find "$@" -name Python.h -printf '%h\n' 2> /dev/null | sort -V)
    return "$found"
}

# All that is here.
visit_all() {
    local name command
    while IFS=$'\t' read -r name command <&3; do
        visit_interpreter "$name" "$command"
    done 3< <("$here/../pythons")
    visit_below "$pyenv"/versions/*/include/python* /usr/include/python* \
        /usr/local/include/python* "$cache"/pythons/*/
}
