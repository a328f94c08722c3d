# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion for bash: options, processes that run Python, files, commands. What
# options there are is asked of the program itself.

# The pids of processes that look like Python; of others' only the name is to be seen.
_pyflame_pids() {
    local folder name exe
    for folder in /proc/[0-9]*; do
        { read -r name < "$folder/comm"; } 2> /dev/null || continue
        exe=$(readlink "$folder/exe" 2> /dev/null)
        case $name:${exe##*/} in
            *python* | uwsgi:* | gunicorn*:*) echo "${folder#/proc/}" ;;
        esac
    done
}

_pyflame_options() {
    "${1/#\~/$HOME}" --help 2> /dev/null | sed -n '/^ *-/p' | grep -oE -- '(^| )--?[a-z][a-z-]*=?' | tr -d ' '
}

# The versions of Python, of which --version says "2.7, 3.6 to 3.9".
_pyflame_versions() {
    local alone first last
    read -r alone first last < <("${1/#\~/$HOME}" --version 2> /dev/null \
        | sed -n 's/.*ABI list: \(.*\), 3\.\([0-9]*\) to 3\.\([0-9]*\)).*/\1 \2 \3/p')
    [ -n "${last:-}" ] && echo "$alone" && seq -f 3.%.0f "$first" "$last"
}

# The first word that belongs to a command that is run, 0: there is none.
_pyflame_command() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -t | --trace | --) echo $((i + 1)); return ;;
        esac
    done
    echo 0
}

_pyflame() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command words=
    # --option=VALUE comes as three words
    [ "$current" != = ] || current=
    [ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
    COMPREPLY=()
    command=$(_pyflame_command)
    if [ "$command" -gt 0 ]; then
        if declare -F _command_offset > /dev/null; then
            _command_offset "$command"
        elif [ "$COMP_CWORD" -eq "$command" ]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
        return
    fi
    case $previous in
        -o | --output | -i | --input | --diff)
            compopt -o filenames 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        -m | --mode) words="wall cpu gil" ;;
        -f | --format) words="collapsed report html svg speedscope pprof gecko chrome json" ;;
        --native) words=all ;;
        --abi) words=$(_pyflame_versions "$1") ;;
        -s | --seconds | -r | --rate | --seed | --title | --rotate) return ;;
        *)
            if [[ $current = -* ]]; then
                words=$(_pyflame_options "$1")
            else
                words=$(_pyflame_pids)
            fi ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2> /dev/null
}

complete -F _pyflame pyflame
