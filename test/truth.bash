# SPDX-License-Identifier: Apache-2.0
# To be sourced: compare the output of `pyflame -d` with the account that
# targets/truth.py has written.

# truth_normalise < DUMP: what does not depend on the moment of the dump. Blocks
# come sorted by thread id, without `*` and (STATE), and without the thread
# `writer`, the only one that truth.py leaves out of its account.
truth_normalise() {
  LC_ALL=C awk '
    /^$/ { header = 0; next }
    !header {
      header = 1
      sub(/\*?: /, ": ")
      sub(/ \([^()]*\)$/, "")
      tid = $0 + 0
      skip = $0 == tid ": writer"
      if (!skip) print tid "\t" NR "\t"
    }
    !skip { print tid "\t" NR + 1 "\t" $0 }
  ' | LC_ALL=C sort -n -k 1,1 -k 2,2 | cut -f 3- | sed 1d
}

# truth_diff EXPECTED ACTUAL: compare two such files, line by line.
truth_diff() {
  diff -u -- "$1" "$2"
}
