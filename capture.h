/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_H
#define CAPTURE_H

/* Reading one thread's stack, by whichever way its movements ask for. */

struct gil;
struct native;
struct stacks;
struct capturer;
struct thread;
struct threads;

enum pausing { PAUSE_IF_NEEDED, PAUSE_ALWAYS, PAUSE_NEVER };

struct capture_counts {
	uint64_t retried;   /* not proven at the first try */
	uint64_t stopped;   /* captured with the thread stopped */
	uint64_t copied;    /* captured by the kernel, where else that would have been needed; */
	uint64_t uncopied;  /* and not even by that */
	uint64_t preempted; /* captured from the thread's own CPU */
	int64_t stopped_ns; /* for how long all of these were, about */
	int may_not_stop;   /* ptrace was refused where it was needed, most of the time */
};

/* Owns neither the stacks nor the threads, which must outlive it.  native: what C stacks are to be
 * captured with, or NULL.  hasty: no thread is waited for, as it may end soon.  strict: what holds
 * the GIL is wanted, so that a stack of a moment at which it did not is of no use. */
struct capturer *capturer_new(struct stacks *, struct threads *, struct native *, enum pausing,
                              int hasty, int strict);
void capturer_free(struct capturer *);

/*
 * Reads the thread's stack; gil, flags and *holder are those of stack_read().
 * The first read decides whether the thread holds the GIL (or is attached),
 * which takes but one word and so cannot be torn; the stack may then be some
 * microseconds younger than that answer, so that threads that let go of the
 * GIL meanwhile are not left out.
 */
enum why capture_stack(struct capturer *, struct thread *, const struct gil *, unsigned flags,
                       raddr *holder);

/* The same for a thread whose stack may have been read already, with all others, as it was
 * planned; or which is known to stand still. */
enum why capture_planned(struct capturer *, struct thread *, int planned, unsigned flags,
                         raddr *holder);

/* Reads the stack of a thread that can't run, as we are on its CPU: whether that was so, and it is
 * one that is to be read so. */
int capture_preempted(struct capturer *, struct thread *);

/* Says that what else is to be known of the moment of a thread's last sample could not be found
 * out, as it had gone on: from now on it is not to go on before that. */
void capture_was_late(struct capturer *, struct thread *);

/* Stops the thread, whatever it does, and reads its stack; where that is OK, then() is called
 * before it goes on.  DENIED: it may not be stopped. */
enum why capture_stopped(struct capturer *, struct thread *, void (*then)(void *context),
                         void *context);

/* From now on calls seen() while a thread is stopped, when its stack has been read: OK, or TORN if
 * it is at one of the few instructions where that says nothing. */
void capturer_tell(struct capturer *, enum why (*seen)(void *context, struct thread *),
                   void *context);

struct capture_counts capturer_counts(const struct capturer *);

#endif
