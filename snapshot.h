/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

/*
 * A local copy of the regions of the target's memory that one sample needs.
 *
 * All regions are read in one vectored call: first what is read once, in the order
 * in which it was added; then, in the same call, those parts that are to be
 * repeated, and all of these once more.  The kernel copies in that order, so bytes
 * that are equal in both copies stood so between the end of the first and the start
 * of the second.
 *
 * An earlier copy can be kept, to tell what has changed since.
 */

struct iovec;
struct mem;
struct mem_vec;
struct snap;

struct snap *snap_new(struct mem *);
void snap_free(struct snap *);

/* Forgets all regions, but not the copy that is kept, nor the memory. */
void snap_begin(struct snap *);

/* Adds a region to be read.  0, or -1 if the snapshot would get too large. */
int snap_add(struct snap *, raddr addr, size_t len);

/* Whether these bytes were added, in one region. */
int snap_has(struct snap *, raddr addr, size_t len);

/* Has these bytes, of one region, read a second time; what lies between them
 * and others of the region that are as well.  tail: and all up to its end.
 * Nothing happens if no region holds them. */
void snap_repeat(struct snap *, raddr addr, size_t len, int tail);
void snap_repeat_all(struct snap *);

/* Reads what was added.  FAULT: a region could not be read; the snapshot is empty,
 * *bad says which address that one had. */
enum why snap_read(struct snap *, raddr *bad);

/*
 * Snapshots of one target that are read together, in as few calls as that takes and in
 * the order in which they were added.  All zero is an empty batch; batch_free ends it.
 * What is read into a snapshot may be added to it until the batch is read.  Those that
 * could not be read as a whole are empty after that.
 */
struct batch {
	struct snap **snaps;
	struct mem_vec *vecs;
	struct iovec *places;
	size_t n, cap, cap_vecs, cap_places;
};
void batch_begin(struct batch *);
void batch_add(struct batch *, struct snap *);
enum why batch_read(struct batch *);
void batch_free(struct batch *);

int snap_is_empty(const struct snap *);

/* Adds a region that somebody else has copied.  The snapshot then has no others: what is
 * not there is AGAIN.  0, or -1 if it would get too large. */
int snap_put(struct snap *, raddr addr, const void *bytes, size_t len);

/* The len bytes at addr in the first copy, or NULL.  Good until the next call
 * of snap_fetch or snap_begin. */
const void *snap_get(struct snap *, raddr addr, size_t len);

/* The same in the second copy; NULL if they were read only once. */
const void *snap_again(struct snap *, raddr addr, size_t len);

/* A region as it was copied.  Good until the next call of snap_fetch or
 * snap_begin. */
struct snap_span {
	raddr addr;
	size_t len;
	const unsigned char *first;
	raddr again;      /* where the part begins that was read twice, */
	size_t again_len; /* how long it is, */
	const unsigned char *second; /* and what it was then */
};

/* The region that holds the len bytes at addr.  One that is not there is read
 * now, by a call of its own, from the address `from` (at or below addr) on:
 * later than the others.  0, or -1 if it cannot be read; *why says why not. */
int snap_fetch(struct snap *, raddr from, raddr addr, size_t len, struct snap_span *,
               enum why *why);

/* How many regions snap_fetch has read since snap_begin: with any, the
 * snapshot is of more than one moment. */
unsigned snap_fetched(const struct snap *);

/* Keeps this copy, in the place of the one kept before. */
void snap_keep(struct snap *);

/* Whether the bytes from `from` up to `to` are there (in one region or several
 * adjoining ones), and are, in the first copy, what they are in the one kept.
 * A region is compared from its start on, so what differs there, before `from`, makes
 * the answer no. */
int snap_same(struct snap *, raddr from, raddr to);

/*
 * Which regions of memory the next walk of a stack will most likely need: those that the
 * last walks went through.
 */
struct regions;
struct regions *regions_new(void);
void regions_free(struct regions *);
void regions_clear(struct regions *);

/* Begins a new walk; it calls regions_touch for all it looks at, in the order
 * in which it does.  fresh: these bytes are not to be joined to those before,
 * and some of the rest of their page is wanted as well. */
void regions_begin(struct regions *);
void regions_touch(struct regions *, raddr addr, size_t len, int fresh);

/* The walk is over: what it touched is what the next one will want.  (A walk
 * that does not end so changes nothing.) */
void regions_end(struct regions *);

/* Leaves out the region that holds addr.  0 if there is none. */
int regions_forget(struct regions *, raddr addr);

/* Adds them all to a snapshot, but for those that begin at one of `but` (0: no
 * matter), and for what lies from `end` on in the region that holds it.  0, or -1
 * if there is no room. */
int regions_add(const struct regions *, struct snap *, const raddr but[2], raddr end);

#endif
