/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGIONS_H
#define REGIONS_H

/*
 * Which regions of memory the next walk of a stack will most likely need:
 * those that the last walks went through.
 */

struct regions;
struct snap;

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
