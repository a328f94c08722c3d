/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_H
#define CHAIN_H

/*
 * What a task is doing: its fields, and its coroutine with all that this awaits, down to the
 * innermost frame.  It is believed if the process did not run while it was read (rest.h), or if all
 * that decides is still the same then (many_prove).
 */

struct chains;
struct buf;
struct codes;
struct form;
struct layout;
struct mem;
struct mem_vec;
struct profile;
struct shape;

enum task_state {
	TASK_WAITS,  /* suspended, until what it waits for is done */
	TASK_READY,  /* to go on as soon as the loop comes to it */
	TASK_RUNS,   /* on some thread's stack, from `leaf` on */
	TASK_DONE,   /* no more to be shown */
};

struct async_task {
	raddr addr, loop, name; /* objects; of a name 0: there is none */
	raddr waiter;           /* the future that it waits for, 0: none */
	raddr callback, callbacks;
	raddr awaited_by;       /* as far as the release has that */
	raddr leaf;             /* its innermost frame; of one that runs, the outermost */
	uint32_t named;         /* its name, a string of the profile, plus one; 0: that is not kept */
	uint32_t stack;         /* in the profile, the innermost frame being the leaf */
	int tid;                /* where it runs, 0: nowhere */
	unsigned char python;   /* it is an instance of a class written in Python */
	unsigned char state, why;
	unsigned char begun, cancelled; /* has run at all; is to be cancelled when it goes on */
	unsigned char several;  /* awaited_by is a set */
	unsigned char unknown;  /* somebody waits for it, but who does is not known */
};

/* All must outlive it.  paged: the same memory, for what may be read once and for all. */
struct chains *chains_new(int pid, struct mem *, struct mem *paged, const struct layout *,
                          const struct shape *, const struct form *, struct profile *,
                          struct codes *);
void chains_free(struct chains *);

/* Fills in all of n tasks whose addr and python are set.  why: what is wrong with one. */
void chains_read(struct chains *, struct async_task *, size_t n);

/* Whether an object is a future, or a task, of the C module. */
int chains_is_future(struct chains *, raddr object);

/* What proved the one that was read last, by itself: the regions that decide, and what they held;
 * its coroutine; where its outermost frame is, and the code of that.  Good until the next is
 * read. */
struct chain_proof {
	const struct mem_vec *pieces;
	size_t n;
	const struct buf *bytes;
	raddr coro, frame, code;
};
struct chain_proof chains_proof(const struct chains *);

/* Numbers stacks in another profile, which have the frames of the first, and keeps no names. */
void chains_number_in(struct chains *, struct profile *);

#endif
