/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DUMP_H
#define DUMP_H

struct buf;
struct profile;
struct sampler;

struct dump_what {
	int locals; /* under each frame its local variables */
	int tasks;  /* after the threads all asyncio tasks and greenlets */
	/* Of all dumps: how many tasks and greenlets there are, in how many places. */
	size_t n_tasks, n_places, n_greenlets, n_greenlet_places;
};

/*
 * Appends every thread's stack, once: a line "TID: NAME (STATE)" ("TID*:" for
 * the one that holds the GIL), then a line "file:function:line" for each frame,
 * most recent call first; a blank line between threads.  OK, or why the threads could not be
 * listed.
 */
enum why dump_write(struct sampler *, struct profile *, struct dump_what *, struct buf *);

/* The same as an object of JSON; all such objects stand between what the last one appends, and
 * json_end_processes(). */
enum why dump_json(struct sampler *, struct profile *, struct dump_what *, struct buf *);
void dump_begin_json(struct buf *);

#endif
