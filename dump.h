/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DUMP_H
#define DUMP_H

struct buf;
struct profile;
struct sampler;

/*
 * Appends every thread's stack, once: a line "TID: NAME (STATE)" ("TID*:" for
 * the one that holds the GIL), then a line "file:function:line" for each frame,
 * most recent call first; a blank line between threads.  locals: under each frame its local
 * variables.  OK, or why the threads could not be listed.
 */
enum why dump_write(struct sampler *, const struct profile *, int locals, struct buf *);

/* The same as an object of JSON; all such objects stand between what this one appends, and
 * json_end_processes(). */
enum why dump_json(struct sampler *, const struct profile *, int locals, struct buf *);
void dump_begin_json(struct buf *);

#endif
