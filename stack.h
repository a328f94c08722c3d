/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STACK_H
#define STACK_H

/* One thread's stack as a sample: proven, and in words. */

struct mem;
struct layout;
struct codes;
struct profile;
struct snap;
struct walker;
struct stack;

/* Where a GIL says who holds it. */
struct gil {
	raddr addr;
	size_t len;
	int holder; /* offset in those len bytes of a pointer to a thread state */
	int locked; /* of an int; ABSENT: the pointer is NULL when nobody holds it */
	int enabled; /* of an int; ABSENT: it can't be turned off */
};

/* What all stacks of one target share.  Its parts must outlive it. */
struct walker *walker_new(struct mem *, const struct layout *, struct codes *);
void walker_free(struct walker *);

/* What is remembered of one thread's stack from sample to sample. */
struct stack *stack_new(struct mem *);
void stack_free(struct stack *);

enum stack_flags {
	STACK_STOPPED = 1,  /* the thread cannot move: no proof is needed */
	STACK_HELD = 4,     /* it should not move now: it may be anywhere, even about to
	                     * leave or begin its first frame, but that is still proven */
	STACK_ATTACHED = 2, /* the thread has to be running Python (free-threaded) */
};

/*
 * Reads the stack of the thread whose state is at tstate.
 *
 * With a gil the thread has to hold it: *holder gets the thread state that
 * does, and if that is another one, or none (0), nothing else is read and the
 * answer is OK.  With STACK_ATTACHED *holder is tstate if it is attached, 0 if
 * not.  Without either *holder is left alone.
 *
 * TORN: it moved too fast to be proven.  *first gets whether it was proven at
 * the first try.  The result is good until the next call for that stack.
 */
enum why stack_read(struct walker *, struct stack *, raddr tstate, const struct gil *,
                    unsigned flags, raddr *holder, int *first);

/*
 * The same in two steps, for reading many threads in one call: what is to be
 * read of this one, at least `head` bytes of its thread state; NULL if that is
 * not known yet.  And, when it has been read, what came of it: OK, or
 * TORN, which asks for stack_read().  A thread that stood still at its last
 * sample is read once only, and found unchanged or TORN.  walker_shared(), to be
 * called before all of them, is what has to be read after all of them.
 */
struct snap *walker_shared(struct walker *);
struct snap *stack_plan(struct walker *, struct stack *, raddr tstate, size_t head);
enum why stack_conclude(struct walker *, struct stack *, unsigned flags, raddr *holder);

/* Whether it was, to the instruction, what the successful read before found. */
int stack_unchanged(const struct stack *);

/* Its frames as the profile numbers them, root first, and their number. */
const uint32_t *stack_frames(const struct stack *, size_t *n);

/* Its number in the profile, on top of the stack `root`. */
uint32_t stack_in_profile(struct stack *, struct profile *, uint32_t root);

/* Who holds the gil now, 0 for nobody, by the bytes read at gil->addr. */
raddr gil_holder(const struct layout *, const struct gil *, const void *bytes);

#endif
