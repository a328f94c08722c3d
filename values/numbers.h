/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NUMBERS_H
#define NUMBERS_H

/* Numbers as Python writes them. */

struct buf;

/* Appends an integer of n digits, the lowest first, of that many bits each (30 at most). */
void number_integer(struct buf *, const uint32_t *digits, size_t n, unsigned bits, int negative);

/* Appends a float of IEEE 754 with 64 bits: the shortest decimal number that is read as the same.
 * whole: with ".0" if it has no other sign of being a float. */
void number_float(struct buf *, uint64_t bits, int whole);

#endif
