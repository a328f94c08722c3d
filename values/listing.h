/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LISTING_H
#define LISTING_H

/* The local variables of a stack's frames, with their values as text. */

struct layout;
struct listing;
struct mem;

struct listed {
	const char *name, *kind, *value; /* UTF-8 without control characters */
};

#ifdef WITHOUT_values

/* This build does not read values. */
enum { HAS_VALUES = 0 };

static inline struct listing *
listing_new(struct mem *mem, const struct layout *l)
{
	(void)mem;
	(void)l;
	return NULL;
}

static inline void
listing_free(struct listing *list)
{
	(void)list;
}

static inline void
listing_read(struct listing *list, const raddr *frames, size_t n)
{
	(void)list;
	(void)frames;
	(void)n;
}

static inline void
listing_fail(struct listing *list, enum why why)
{
	(void)list;
	(void)why;
}

static inline uint32_t
listing_hash(const struct listing *list)
{
	(void)list;
	return 0;
}

static inline enum why
listing_of(const struct listing *list, size_t frame, size_t *n)
{
	(void)list;
	(void)frame;
	*n = 0;
	return OK;
}

static inline struct listed
listing_get(const struct listing *list, size_t frame, size_t i)
{
	(void)list;
	(void)frame;
	(void)i;
	return (struct listed){ 0 };
}

#else

enum { HAS_VALUES = 1 };

/* Memory and layout must outlive it.  To be ended with listing_free(), for which NULL is none. */
struct listing *listing_new(struct mem *, const struct layout *);
void listing_free(struct listing *);

/* Reads the variables of those n frames anew, all as they are now. */
void listing_read(struct listing *, const raddr *frames, size_t n);

/* Forgets what was read, as it is not to be believed; that is why for each of the frames. */
void listing_fail(struct listing *, enum why);

/* A hash of all that was read. */
uint32_t listing_hash(const struct listing *);

/* How many variables a frame has, arguments first; OK, or why not all of them are there. */
enum why listing_of(const struct listing *, size_t frame, size_t *n);

/* One of them; good until the next listing_read(). */
struct listed listing_get(const struct listing *, size_t frame, size_t i);

#endif

#endif
