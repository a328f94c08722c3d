/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STACK_H
#define STACK_H

/* One thread's stack as a sample: proven, and in words. */

struct codes;
struct gil;
struct layout;
struct mem;
struct native;
struct native_entry;
struct profile;
struct snap;
struct stack;
struct stacks;

/* What all stacks of one target share.  Its parts must outlive it. */
struct stacks *stacks_new(struct mem *, const struct layout *, struct codes *);
void stacks_free(struct stacks *);

/* What is remembered of one thread's stack from sample to sample. */
struct stack *stack_new(struct mem *);
void stack_free(struct stack *);

enum stack_flags {
	STACK_STOPPED = 1,  /* the thread cannot move: no proof is needed */
	STACK_HELD = 4,     /* it should not move now: it may be anywhere, even about to
	                     * exit or begin its first frame, but that is still proven */
	STACK_ATTACHED = 2, /* the thread has to be running Python (free-threaded) */
	STACK_ONCE = 32,    /* TORN where it would take long; with STACK_HELD whoever asks finds out
	                     * himself whether it has moved, and if so calls stack_forget() */
	STACK_THEN = 64,    /* see stack_take() */
	STACK_HASTY = 16,   /* a copy is not waited for */
	STACK_COPIED = 8,   /* with STACK_STOPPED: it could not move then, but does now */
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
enum why stack_read(struct stacks *, struct stack *, raddr tstate, const struct gil *,
                    unsigned flags, raddr *holder, int *first);

/*
 * The same of a copy that the kernel has made of that thread's stack not long ago (see
 * kernel/kernel.h): OK; FAULT, there is none; or why it will not do.  With a gil the thread
 * has to hold that now, and with STACK_THEN then, too.  room: so many bytes of its C stack are
 * asked for, too.
 */
enum why stack_take(struct stacks *, struct stack *, raddr tstate, int tid, const struct gil *,
                    unsigned flags, uint32_t room, raddr *holder);

/*
 * The same in two steps, for reading many threads in one call: what is to be
 * read of this one, at least `head` bytes of its thread state; NULL if that is
 * not known yet.  And, when it has been read, what came of it: OK, or
 * TORN, which asks for stack_read().  A thread that stood still at its last
 * sample is read once only, and found unchanged or TORN.  stacks_begin(), to be
 * called before all of them, returns what has to be read after all of them.
 */
struct snap *stacks_begin(struct stacks *);
struct snap *stack_plan(struct stacks *, struct stack *, raddr tstate, size_t head);
enum why stack_conclude(struct stacks *, struct stack *, unsigned flags, raddr *holder);

/* Forgets what was read. */
void stack_forget(struct stack *);

/* Whether it was, to the instruction, what the successful read before found. */
int stack_unchanged(const struct stack *);

/* Its frames, root first, and their number: as the profile numbers them, and where each
 * is in the target. */
const uint32_t *stack_frames(const struct stack *, size_t *n);
const raddr *stack_addresses(const struct stack *, size_t *n);

/* The code object of the frame that is there, 0: none is. */
raddr stack_code(const struct stack *, raddr frame);

/* The eval loops that run its frames, the oldest first, their number in *n, as an array that is
 * good until the next call, or NULL if there are none.  word: reads from the copy of the C stack
 * that was made at the same moment, 0 if it is there.  stacks_have_objects: whether they are
 * addressed by the objects of their frames. */
const struct native_entry *stack_entries(struct stacks *, const struct stack *,
                                         int (*word)(const struct native *, raddr, uint64_t *),
                                         const struct native *, size_t *n);
int stacks_have_objects(const struct stacks *);

/* Its number in the profile, on top of the stack `root`. */
uint32_t stack_in_profile(struct stack *, struct profile *, uint32_t root);

#endif
