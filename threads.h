/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREADS_H
#define THREADS_H

/* The interpreters of a target, their GILs and their threads. */

struct buf;
struct gil;
struct stack;
struct target;
struct threads;

struct thread {
	raddr tstate;
	uint64_t ident;      /* what Python calls it: the pthread_t */
	int tid;             /* what the kernel calls it; 0: not known */
	int attached;        /* free-threaded: was running Python when last listed */
	struct stack *stack;
	int state_fd;        /* for proc_state */
	int cpu_fd;          /* for proc_cpu_time */
	int64_t cpu_time, cpu_credit; /* see thread_on_cpu */
	uint64_t history;    /* of the last 64 samples, 1: not proven at first */
	int restless;        /* it has to be stopped to be sampled */
	uint32_t root;       /* its stacks' in the profile, plus one; 0: none yet */
	int listed;
};

struct threads *threads_new(const struct target *);
void threads_free(struct threads *);

/*
 * Lists interpreters and threads again: one call to the kernel if nothing has
 * changed.  After a failure the old list stands.
 */
enum why threads_refresh(struct threads *);

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

/*
 * Whether the thread is on a CPU, asked once every `period` nanoseconds: by
 * the time that the scheduler has counted for it, as many answers are yes as
 * there were periods of it; and it has to be running, or ready to, now.
 */
int thread_on_cpu(const struct threads *, struct thread *, int64_t period);

/* Appends the thread's name: Python's own, else the kernel's. */
void thread_name(struct threads *, const struct thread *, struct buf *);

#endif
