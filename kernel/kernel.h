/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_H
#define KERNEL_H

/*
 * Stacks that the kernel copies.  A thread that is interrupted by its CPU's clock can't
 * move while it is looked at there, and nobody has to stop it.
 *
 * All is opened before pyflame gives up its rights; from then on a thread is asked for by
 * writing into memory that is shared with the kernel.
 */

/* What to copy: structures that lead from one to the next.  `link` and so on are where the
 * pointers are in them. */
struct kernel_chain {
	raddr head;
	unsigned head_len, link;
	unsigned mid_len, mid_link, mid_previous; /* the first is not yet one of them, but one
	                                           * of a list in between; 0: it is */
	unsigned len, next;
	/* Of the first ones also a part of what another pointer leads to, so long (0: not), and
	 * parts of what pointers in that lead to; but if that is known, see kernel_know(). */
	unsigned aside, aside_from, aside_len;
	struct { unsigned at, from, len; } parts[3];
	int adjoin;                               /* what lies between two is copied, too */
	int ptr;                                  /* bytes in a pointer */
	struct { raddr addr; unsigned len; } extra[2]; /* these, too; 0: none */
	unsigned stack;                           /* so many bytes of the C stack, or as many as
	                                           * there is room for; about */
};

enum kernel_answer {
	KERNEL_NONE, /* there is none that is young enough, or there may be no more */
	KERNEL_COPY, /* here is one that has not been given yet, */
	KERNEL_SAME, /* or the last one again, as it has hardly run since */
};

struct kernel_copy {
	int64_t time; /* when it was made, now_ns() */
	const unsigned char *rest;
	size_t left;
};

/* Of the same thread at the same moment: the registers that it had when it called the kernel, or
 * was interrupted, and what begins not far below the stack pointer. */
struct kernel_c {
	const unsigned char *registers, *bytes;
	size_t size, len;
	raddr at;
};

#ifdef WITHOUT_kernel

enum { HAS_KERNEL = 0 };

static inline void
kernel_prepare(int64_t period, int with_c)
{
	(void)period;
	(void)with_c;
}

static inline void
kernel_open(const int *pids, size_t n)
{
	(void)pids;
	(void)n;
}

static inline enum kernel_answer
kernel_take(int tid, const struct kernel_chain *chain, int patient, struct kernel_copy *copy)
{
	(void)tid;
	(void)chain;
	(void)patient;
	(void)copy;
	return KERNEL_NONE;
}

static inline const void *
kernel_region(struct kernel_copy *copy, raddr *addr, size_t *len)
{
	(void)copy;
	(void)addr;
	(void)len;
	return NULL;
}

static inline int
kernel_c_stack(struct kernel_c *c)
{
	(void)c;
	return -1;
}

static inline void
kernel_know(raddr addr, int known)
{
	(void)addr;
	(void)known;
}

static inline void
kernel_leave(int tid)
{
	(void)tid;
}

static inline void
kernel_tick(void)
{
}

static inline int
kernel_is_open(void)
{
	return 0;
}

static inline int
kernel_is_refused(void)
{
	return 0;
}

#else

enum { HAS_KERNEL = 1 };

/* Each thread that runs is to be copied after each `period` nanoseconds that it was on a CPU, if
 * the kernel permits it.  That takes it some milliseconds, so it is done before there is
 * anything to be late for.  with_c: with their C stacks, if it can. */
void kernel_prepare(int64_t period, int with_c);

/* Then, of these processes and all that they make; n is 0: of all that there are. */
void kernel_open(const int *pids, size_t n);
int kernel_is_open(void);
int kernel_is_refused(void);

/*
 * A copy of that thread's chain.  The older first; the newest is at most a period of the
 * thread's CPU time old.  One that is asked for anew, or if `patient`, is waited for, if it
 * won't be long; < 0: none is.  The copy is good until the next call, and is gone through with
 * kernel_region(): the next region's bytes; NULL at its end.
 */
enum kernel_answer kernel_take(int tid, const struct kernel_chain *, int patient,
                               struct kernel_copy *);
const void *kernel_region(struct kernel_copy *, raddr *addr, size_t *len);

/* What the copy taken last has of C: 0, or -1 if it has nothing.  As good as that copy. */
int kernel_c_stack(struct kernel_c *);

/* Whether that, aside, is known, and need not be copied; it may be all the same. */
void kernel_know(raddr, int known);

/* Of that thread no more are made, until one is asked for. */
void kernel_leave(int tid);

/* To be called at each tick: while nobody asks for any, nobody is interrupted. */
void kernel_tick(void);

#endif

#endif
