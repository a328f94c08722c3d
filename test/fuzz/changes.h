/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHANGES_H
#define CHANGES_H

/*
 * Memory that changes while it is read: from now on, as the input says, until that is at its end.
 * Of each 5 bytes: after how many reads, which of the pointers that were written (2), and what
 * it becomes (2), for which word() is asked.  It aborts after that many reads.
 */
void changes_begin(const uint8_t *in, size_t len, uint64_t (*word)(unsigned, unsigned),
                   uint64_t most_calls);

#endif
