/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERS_H
#define CALLERS_H

/* Who awaits a task, and who awaits those, up to one that nobody does: as the part of a stack that
 * its own frames stand on.  And what all that are such parts have in common, those of greenlets,
 * too. */

struct async_task;
struct mem;
struct mem_vec;
struct profile;
struct stack;
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

/* Of one that was read just now, which has that coroutine with that frame, in the profile
 * `outermost`: all but its own frames.  OK, or why it is not known to have been so at one
 * moment. */
enum why callers_read(struct tasks *, struct profile *, const struct async_task *, raddr coro,
                      raddr frame, uint32_t outermost, struct callers *);

/* Of one that waits, with what it is doing, which is read; AGAIN: it does not wait. */
enum why callers_read_waiting(struct tasks *, struct profile *, struct async_task *,
                              struct callers *);

/* Whether that is still so. */
int callers_hold(struct mem *, const struct callers *);
void callers_free(struct callers *);

/* Empties it; adds a frame, innermost first; the one of a name, without a number at its end,
 * after what it is the name of; what decides, and was that, a region or n.  And the frames root
 * first. */
void callers_begin(struct callers *);
void callers_add(struct callers *, uint32_t frame);
void callers_add_name(struct callers *, struct profile *, const char *what, const char *name,
                      size_t len);
void callers_decide(struct callers *, raddr addr, const void *bytes, size_t len);
void callers_decide_all(struct callers *, const struct mem_vec *, size_t n,
                        const struct buf *bytes);
void callers_turn(struct callers *);

/* How much of a name is there without a number at its end. */
size_t callers_name_length(const char *name, size_t len);

/* A thread's stack as it was just captured, root first: Python's frames with their addresses, and
 * all, those of C among them. */
struct stacked {
	const struct stack *stack;
	const uint32_t *python, *frames;
	const raddr *addresses;
	size_t n_python, n;
};

#endif
