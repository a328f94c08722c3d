/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREADS_H
#define THREADS_H

/* The interpreters of a target, their GILs and their threads. */

struct buf;
struct gil;
struct proc_times;
struct snap;
struct stack;
struct target;
struct threads;
struct walker;

struct thread {
	raddr tstate;
	uint64_t ident;      /* what Python calls it: the pthread_t */
	int tid;             /* what the kernel calls it; 0: not known */
	int holds_gil;       /* when sampler_note_holders() was called */
	int attached;        /* free-threaded: was running Python when last listed */
	struct stack *stack;
	int state_fd;        /* for proc_state */
	int times_fd;        /* for proc_times */
	int futex_fd;        /* for proc_futex */
	int64_t cpu_time, cpu_credit; /* see thread_on_cpu */
	int64_t stopped_at;  /* when it was last stopped, */
	int64_t busy;        /* and how long it had run, or waited for a CPU, by then */
	uint64_t history;    /* of the last 64 samples, 1: not proven at first */
	int restless;        /* it has to be stopped to be sampled */
	uint64_t proven;     /* see thread_was_proven() */
	uint32_t root;       /* its stacks' in the profile, plus one; 0: none yet */
	int listed;
	enum { UNASKED, WANTED, UNWANTED } wanted; /* at this tick, for the sampler */
	struct snap *planned; /* what of its stack is read with the lists; NULL: nothing */
};

struct threads *threads_new(const struct target *);
void threads_free(struct threads *);

/*
 * Lists interpreters and threads again: one call to the kernel if nothing has
 * changed.  After a failure the old list stands.
 */
enum why threads_refresh(struct threads *);

/* Has the stacks of those threads that are WANTED read at the next refresh, in the
 * same call, but for those that thread_is_still() tells of.  Those that then are not
 * `planned` any more could not be. */
void threads_plan(struct threads *, struct walker *);

/* Whether the thread can't have run Python since its stack was proven, which is to be
 * told after each such time.  Known in builds with a GIL from 3.7 on. */
int thread_is_still(const struct threads *, const struct thread *);
void thread_was_proven(const struct threads *, struct thread *);

/* The threads, oldest first.  The array is good until the next refresh. */
struct thread *const *threads_all(const struct threads *, size_t *n);

/* The one with that thread state, NULL if it is not listed. */
struct thread *threads_find(const struct threads *, raddr tstate);

/* The GILs to be asked; several if interpreters have their own.  None in a
 * free-threaded build, and where the version does not say who holds it. */
const struct gil *threads_gils(const struct threads *, size_t *n);

/* A thread's state as the kernel sees it: 'R' runs or wants to, 'S' and 'D'
 * wait, 'T' and 't' are stopped, 0: not known. */
char thread_state(const struct threads *, struct thread *);

/* Whether it is known not to run. */
int thread_is_idle(const struct threads *, struct thread *);

/*
 * Whether the thread is on a CPU, asked `period` nanoseconds after it was asked
 * last: by the time that the scheduler has counted for it, as many answers are yes as
 * there were periods of it; and it has to be running, or ready to, now.
 */
int thread_on_cpu(const struct threads *, struct thread *, int64_t period);

/* Whether it waits for a GIL, as far as that can be known: not up to 3.6. */
int thread_wants_gil(const struct threads *, struct thread *);

/* How long it has run, and waited for a CPU: 0, or -1 if that is not known. */
int thread_times(const struct threads *, struct thread *, struct proc_times *);

/* Appends the thread's name: Python's own, else the kernel's. */
void thread_name(struct threads *, const struct thread *, struct buf *);

#endif
