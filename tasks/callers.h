/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERS_H
#define CALLERS_H

/* Who awaits a task, and who awaits those, up to one that nobody does: as the part of a stack that
 * its own frames stand on. */

struct async_task;
struct mem;
struct mem_vec;
struct profile;
struct tasks;

/* All zero is none; to be ended with callers_free(). */
struct callers {
	uint32_t *frames; /* of the profile, root first: each task's name, and then its coroutine with
	                   * all that this awaits */
	size_t n, cap;
	uint32_t name;    /* the task's own */
	struct mem_vec *pieces; /* that have to be the same as long as it is so; */
	size_t n_pieces, cap_pieces;
	struct buf bytes; /* and what they are */
	int lasting;      /* that is all that decides */
};

/* Of one that was read just now, which has that coroutine, whose frame in the profile is
 * `outermost`: but for its own frames.  OK, or why it is not known to have been so at one
 * moment. */
enum why callers_read(struct tasks *, struct profile *, const struct async_task *, raddr coro,
                      uint32_t outermost, struct callers *);

/* Of one that waits, with what it is doing, which is read; AGAIN: it does not wait. */
enum why callers_read_waiting(struct tasks *, struct profile *, struct async_task *,
                              struct callers *);

/* Whether that is still so. */
int callers_hold(struct mem *, const struct callers *);
void callers_free(struct callers *);

#endif
