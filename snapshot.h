/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

/*
 * A local copy of the regions of the target's memory that one sample needs.
 *
 * All regions are read in one vectored call, in the order in which they were
 * added; then, in the same call, those marked twice are read a second time.
 * The kernel copies in that order, so bytes that are equal in both copies
 * stood so between the end of the first and the start of the second.
 */

struct mem;
struct snap;

enum snap_times { SNAP_ONCE, SNAP_TWICE };

struct snap *snap_new(struct mem *);
void snap_free(struct snap *);

/* Forgets all regions; keeps the memory. */
void snap_begin(struct snap *);

/* Adds a region to be read.  0, or -1 if the snapshot would get too large. */
int snap_add(struct snap *, raddr addr, size_t len, enum snap_times);

/* Reads what was added.  FAULT: a region could not be read; it and those
 * behind it are not there, *bad says which address it had. */
enum why snap_read(struct snap *, raddr *bad);

/* The len bytes at addr in the first copy, or NULL.  Good until the next call
 * of snap_fetch or snap_begin. */
const void *snap_get(struct snap *, raddr addr, size_t len);

/* The same in the second copy; NULL if the region was read only once. */
const void *snap_again(struct snap *, raddr addr, size_t len);

/* A region as it was copied.  Good until the next call of snap_fetch or
 * snap_begin. */
struct snap_span {
	raddr addr;
	size_t len;
	const unsigned char *first, *second; /* second: NULL if it was read once */
};

/* The region that holds the len bytes at addr.  One that is not there is read
 * now, by a call of its own, from the address `from` (at or below addr) on:
 * later than the others.  0, or -1 if it cannot be read; *why says why not. */
int snap_fetch(struct snap *, raddr from, raddr addr, size_t len, struct snap_span *,
               enum why *why);

/* How many regions snap_fetch has read since snap_begin: with any, the
 * snapshot is of more than one moment. */
unsigned snap_fetched(const struct snap *);

#endif
