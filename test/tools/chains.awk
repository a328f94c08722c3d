# SPDX-License-Identifier: Apache-2.0
# Stacks of native.py's chains, collapsed and without lines: each has a part of one of them, from its
# beginning on. Says how many have not, and of how many C frames were not to be had.
/^\(/ { next }
{
    count = $NF
    if (/\(C frames /) {
        marked += count
        next
    }
    all += count
    n = split($0, frames, ";")
    next_one = 1
    side = ""
    wrong = 0
    for (i = 1; i <= n; i++) {
        if (frames[i] !~ /:(py_)?(left|right)/)
            continue
        name = frames[i]
        sub(/ [0-9]+$/, "", name)
        sub(/.*:/, "", name)
        this_side = name ~ /left/ ? "left" : "right"
        split(this_side "_1 " this_side "_2 py_" this_side " " this_side "_3 " this_side "_4", chain, " ")
        if ((side != "" && side != this_side) || name != chain[next_one++])
            wrong = 1
        side = this_side
    }
    if (wrong) {
        bad += count
        print
    }
    deepest[next_one - 1] += count
}
END {
    printf "%d samples, %d wrong, %d marked; by depth", all, bad, marked
    for (i = 0; i <= 5; i++)
        printf " %d", deepest[i]
    print ""
    exit !all || bad
}
