/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASYNC_H
#define ASYNC_H

/* The asyncio tasks and the greenlets of a process, in a dump. */

struct async;
struct buf;
struct codes;
struct profile;
struct target;
struct threads;

#ifdef WITHOUT_tasks

/* This build does not look for tasks. */
enum { HAS_TASKS = 0 };

static inline struct async *
async_new(const struct target *t, struct threads *threads, struct profile *p, struct codes *codes)
{
	(void)t;
	(void)threads;
	(void)p;
	(void)codes;
	return NULL;
}

static inline void
async_free(struct async *a)
{
	(void)a;
}

static inline void
async_note(struct async *a, int tid, const raddr *addresses, const uint32_t *frames, size_t n)
{
	(void)a;
	(void)tid;
	(void)addresses;
	(void)frames;
	(void)n;
}

static inline void
async_read(struct async *a, int count, void (*restack)(void *), void *context)
{
	(void)a;
	(void)count;
	(void)restack;
	(void)context;
}

static inline size_t
async_count(const struct async *a, size_t *places)
{
	(void)a;
	*places = 0;
	return 0;
}

static inline size_t
async_count_greenlets(const struct async *a, size_t *places)
{
	return async_count(a, places);
}

static inline void
async_write(struct async *a, struct buf *out)
{
	(void)a;
	(void)out;
}

static inline void
async_write_json(struct async *a, struct buf *out)
{
	(void)a;
	(void)out;
}

#else

enum { HAS_TASKS = 1 };

/* All must outlive it.  NULL: that release's tasks are not known.  To be ended with
 * async_free(), for which NULL is none, as it is for the others. */
struct async *async_new(const struct target *, struct threads *, struct profile *,
                        struct codes *);
void async_free(struct async *);

/* Tells of a thread's stack, root first, as it was just read. */
void async_note(struct async *, int tid, const raddr *addresses, const uint32_t *frames,
                size_t n);

/* Reads all tasks, after the stacks; and greenlets, for which all memory has to be looked through:
 * count: not for long, as only their number is wanted.  restack: notes all stacks anew. */
void async_read(struct async *, int count, void (*restack)(void *context), void *context);

/* How many there are, and in how many different places; likewise of greenlets that are not over
 * and not what a thread began with; none where that took too long. */
size_t async_count(const struct async *, size_t *places);
size_t async_count_greenlets(const struct async *, size_t *places);

/* Appends them as text: trees of who awaits whom, what is equal once with its number; as
 * members of an object of JSON: all of them. */
void async_write(struct async *, struct buf *);
void async_write_json(struct async *, struct buf *);

#endif

#endif
