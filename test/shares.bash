# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Whether the shares of three kinds of requests in a profile are those that async_server.py and
# greenlets_server.py write down.

# shares_are REGEX A B C N: of samples of stacks that match those of each kind of request are these
# shares of the whole, to 2 points, or to what chance lets one in ten thousand runs be that looked
# so often.
shares_are() {
    awk -v regex="$1" -v want="$2 $3 $4" -v n_looks="$5" '
        $0 ~ regex && match($0, /(task|greenlet) request_[abc]/) { n[substr($0, RSTART + RLENGTH - 1, 1)] += $NF; all += $NF }
        END {
            split(want, w)
            for (i = 1; i <= 3; i++) {
                share = n[substr("abc", i, 1)] * 100 / all
                true = w[i] * 100 / (w[1] + w[2] + w[3])
                limit = 4 * sqrt(true * (100 - true) / n_looks)
                if (limit < 2) limit = 2
                printf "%.1f of %d samples, in truth %.1f, allowed %.1f off\n", share, all, true, limit
                bad = bad || share - true > limit || true - share > limit
            }
            exit bad
        }' stdout
}

# What was used, and waited, since FILE was copied: since FILE COPY
since() {
    paste -d ' ' "$1" "$2" | awk '{ for (i = 1; i <= 6; i++) print $i - $(i + 6) }' | tr '\n' ' '
}

# server_has_shares PYTHON SERVER SECONDS [OPTION]...: so it is for as many seconds of that server, and
# with --threads for what waits, too, which is looked at each tenth tick.
server_has_shares() {
    local truth
    rm -f account
    start_target "$2" "$1" "$PWD/account"
    wait_for 10 test -s account
    cp account before
    run_pyflame 0 -n -s "$3" --async --stats "${@:4}" "$pid" > /dev/null
    read -r -a truth <<< "$(since account before)"
    assert_unharmed "$pid"
    shares_are 'burn ' "${truth[@]:0:3}" "$(samples stdout 'burn ')"
    [ -z "${4:-}" ] || shares_are 'sleep;waits: sleep ' "${truth[@]:3}" $(($(stat_of ticks) / 10))
    grep -E '(task|greenlet) request.*burn ' stdout > burning
}
