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
