/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHY_H
#define WHY_H

/* What processes are stuck in, or do, in words or as JSON. */

struct buf;
struct profile;
struct sampler;

/* How to ask, and how to wait until a time of now_ns(): then() says non-zero if it is time to
 * end. */
struct question {
	struct sampler *const *samplers;
	size_t n;
	struct profile *profile; /* that of all of them */
	int locals, json;
	int (*wait)(void *context, int64_t due);
	void *context;
};

#ifdef WITHOUT_why

/* This build gives no reasons. */
enum { HAS_WHY = 0 };

static inline size_t
why_explain(const struct question *q, struct buf *out)
{
	(void)q;
	(void)out;
	return 0;
}

#else

enum { HAS_WHY = 1 };

/* Looks at the processes twice or three times, and appends what it found.  Of how many; the
 * others have been warned about. */
size_t why_explain(const struct question *, struct buf *);

#endif

#endif
