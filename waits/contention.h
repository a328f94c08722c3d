/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTENTION_H
#define CONTENTION_H

/* How much threads wait for the GIL, for how long each time, and who has it meanwhile. */

struct buf;
struct contention; /* among the threads of one process */
struct profile;

#ifdef WITHOUT_waits

static inline struct contention *
contention_new(void)
{
	return NULL;
}

static inline void
contention_free(struct contention *c)
{
	(void)c;
}

static inline uint32_t
contention_thread(struct contention *c, int tid)
{
	(void)c;
	(void)tid;
	return 0;
}

static inline void
contention_name(struct contention *c, uint32_t thread, const char *name)
{
	(void)c;
	(void)thread;
	(void)name;
}

static inline void
contention_runs(struct contention *c, uint32_t thread, int64_t now, uint64_t n)
{
	(void)c;
	(void)thread;
	(void)now;
	(void)n;
}

static inline int
contention_waits(struct contention *c, uint32_t thread, int64_t now, uint64_t n)
{
	(void)c;
	(void)thread;
	(void)now;
	(void)n;
	return 0;
}

static inline void
contention_blames(struct contention *c, uint32_t thread, uint64_t place, uint64_t n)
{
	(void)c;
	(void)thread;
	(void)place;
	(void)n;
}

static inline void
contention_say(const struct contention *c, const struct profile *p, struct buf *out)
{
	(void)c;
	(void)p;
	(void)out;
}

#else

struct contention *contention_new(void);
void contention_free(struct contention *);

/* The number of another thread, never 0, which the others take; and its name. */
uint32_t contention_thread(struct contention *, int tid);
void contention_name(struct contention *, uint32_t thread, const char *name);

/* What n ticks found of a thread: that it does not wait for the GIL, or that it does; and then,
 * if that is known, who has it: the file and the function, as numbers in the profile.  Waiting is
 * answered by whether it has no name yet. */
void contention_runs(struct contention *, uint32_t thread, int64_t now, uint64_t n);
int contention_waits(struct contention *, uint32_t thread, int64_t now, uint64_t n);
void contention_blames(struct contention *, uint32_t thread, uint64_t place, uint64_t n);

/* Appends a line for each thread that has waited, those that did most first, as
 * "66.7 % of 4712 worker-1, p50 5.0 ms, p99 10.2 ms, held by app.py:hog 71.0 %". */
void contention_say(const struct contention *, const struct profile *, struct buf *);

#endif

#endif
