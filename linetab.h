/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINETAB_H
#define LINETAB_H

/*
 * Line tables of code objects: from a place in the bytecode to a line.  Pure
 * functions on bytes; offset is in bytes from the first instruction, and a
 * negative one means that no instruction was started yet.  Each returns the
 * line, which is firstline where the table has nothing to say.
 */

/* co_lnotab up to 3.9; signed_deltas from 3.6 on. */
int linetab_lnotab(const unsigned char *table, size_t len, int firstline, long offset,
                   int signed_deltas);

/* co_linetable of 3.10 (PEP 626). */
int linetab_ranges(const unsigned char *table, size_t len, int firstline, long offset);

/* co_linetable of 3.11 and later (PEP 657). */
int linetab_locations(const unsigned char *table, size_t len, int firstline, long offset);

#endif
