/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lengths are from the first tick that finds a thread waiting to the first that finds it not: to
 * within a tick, and of waits that a tick has seen.  They are counted by eighths of powers of two
 * of microseconds.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "waits/contention.h"

enum { PARTS = 8, BUCKETS = PARTS * 40, MOST_HOLDERS = 256 };

struct holder {
	uint64_t place, n;
};

struct contender {
	char *name; /* NULL: nobody has asked for it */
	int tid;
	uint64_t ticks, waited;
	int64_t since; /* it waits, now_ns(); 0: it does not */
	int64_t seen;  /* waiting, last */
	uint32_t *lengths; /* BUCKETS; NULL: it never waited */
	struct holder *holders;
	size_t n_holders, cap_holders;
};

struct contention {
	struct contender **all;
	size_t n, cap;
};

struct contention *
contention_new(void)
{
	return xcalloc(1, sizeof(struct contention));
}

void
contention_free(struct contention *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->all[i]->holders);
		free(c->all[i]->name);
		free(c->all[i]->lengths);
		free(c->all[i]);
	}
	free(c->all);
	free(c);
}

uint32_t
contention_thread(struct contention *c, int tid)
{
	struct contender *t = xcalloc(1, sizeof *t);

	t->tid = tid;
	c->all = grow(c->all, c->n, &c->cap, sizeof *c->all);
	c->all[c->n++] = t;
	return (uint32_t)c->n;
}

void
contention_name(struct contention *c, uint32_t thread, const char *name)
{
	free(c->all[thread - 1]->name);
	c->all[thread - 1]->name = copy_text(name);
}

/* Which bucket a length is in, and the least of one: below PARTS each is of one microsecond. */
static size_t
bucket(int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	size_t shift = 0;

	while (us >> shift >= 2 * PARTS)
		shift++;
	return shift < BUCKETS / PARTS - 2 ? shift * PARTS + (size_t)(us >> shift) : BUCKETS - 1;
}

static int64_t
bucket_ns(size_t i)
{
	size_t shift = i < 2 * PARTS ? 0 : i / PARTS - 1;

	return (int64_t)((i - shift * PARTS) << shift) * 1000;
}

void
contention_runs(struct contention *c, uint32_t thread, int64_t now, uint64_t n)
{
	struct contender *t = c->all[thread - 1];

	t->ticks += n;
	if (t->since)
		t->lengths[bucket(now - t->since)]++;
	t->since = 0;
}

int
contention_waits(struct contention *c, uint32_t thread, int64_t now, uint64_t n)
{
	struct contender *t = c->all[thread - 1];

	t->ticks += n;
	t->waited += n;
	t->since = t->since ? t->since : now;
	t->seen = now;
	if (!t->lengths)
		t->lengths = xcalloc(BUCKETS, sizeof *t->lengths);
	return !t->name;
}

/* Those beyond the first few hundred are nobody. */
void
contention_blames(struct contention *c, uint32_t thread, uint64_t place, uint64_t n)
{
	struct contender *t = c->all[thread - 1];
	size_t i = 0;

	while (i < t->n_holders && t->holders[i].place != place)
		i++;
	if (i == t->n_holders) {
		if (i == MOST_HOLDERS)
			return;
		t->holders = grow(t->holders, t->n_holders, &t->cap_holders, sizeof *t->holders);
		t->holders[t->n_holders++] = (struct holder){ place, 0 };
	}
	t->holders[i].n += n;
}

/* ---- words ---- */

static void
add_tenths(uint64_t tenths, const char *unit, struct buf *out)
{
	buf_printf(out, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, unit);
}

static void
add_share(uint64_t n, uint64_t of, struct buf *out)
{
	add_tenths((n * 1000 + of / 2) / of, "%", out);
}

/* The length that so many hundredths of its waits did not exceed, about. */
static int64_t
percentile(const struct contender *t, uint64_t hundredths)
{
	size_t open = t->since ? bucket(t->seen - t->since) : BUCKETS; /* as far as it goes */
	uint64_t all = t->since != 0, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		all += t->lengths[i];
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += t->lengths[i] + (i == open);
		if (seen && seen * 100 >= all * hundredths)
			return (bucket_ns(i) + bucket_ns(i + 1)) / 2;
	}
	return 0;
}

static void
add_percentile(const struct contender *t, uint64_t hundredths, struct buf *out)
{
	buf_printf(out, ", p%" PRIu64 " ", hundredths);
	add_tenths((uint64_t)percentile(t, hundredths) * 10 / MS, "ms", out);
}

static void
add_holder(const struct contender *t, const struct profile *p, struct buf *out)
{
	const struct holder *most = t->holders;
	struct profile_frame frame;
	struct buf place = { 0 };

	for (size_t i = 1; i < t->n_holders; i++)
		if (t->holders[i].n > most->n)
			most = &t->holders[i];
	if (!most)
		return;
	frame = (struct profile_frame){ (uint32_t)(most->place >> 32), (uint32_t)most->place, 0 };
	buf_str(out, ", held by ");
	profile_add_place(p, frame, &place);
	buf_visible(out, place.data, place.len);
	buf_free(&place);
	buf_str(out, " ");
	add_share(most->n, t->waited, out);
}

static int
by_wait(const void *pa, const void *pb)
{
	const struct contender *a = *(struct contender *const *)pa, *b = *(struct contender *const *)pb;

	if (a->waited != b->waited)
		return a->waited > b->waited ? -1 : 1;
	return (a->tid > b->tid) - (a->tid < b->tid);
}

void
contention_say(const struct contention *c, const struct profile *p, struct buf *out)
{
	struct contender **sorted = xcalloc(c->n, sizeof(struct contender *));

	for (size_t i = 0; i < c->n; i++)
		sorted[i] = c->all[i];
	sort(sorted, c->n, sizeof *sorted, by_wait);
	for (size_t i = 0; i < c->n && sorted[i]->waited; i++) {
		const struct contender *t = sorted[i];

		add_share(t->waited, t->ticks, out);
		buf_printf(out, " of %d ", t->tid);
		buf_visible(out, t->name, strlen(t->name));
		add_percentile(t, 50, out);
		add_percentile(t, 99, out);
		add_holder(t, p, out);
		buf_str(out, "\n");
	}
	free(sorted);
}
