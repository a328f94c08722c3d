/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an explanation; see why.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "format/json.h"
#include "process.h"
#include "target.h"
#include "values/listing.h"
#include "sample.h"
#include "why/look.h"
#include "why/chain.h"
#include "why/crowd.h"
#include "why/finding.h"
#include "why/words.h"
#include "why/twin.h"
#include "why/census.h"
#include "why/why.h"

/* Between the first look and the next, and to the one that there may be after that, in which the
 * period of a quota has come to its end. */
enum { FIRST_MS = 50, LONG_MS = 250 };

struct subject { /* a process */
	struct look look;
	struct finding finding;
	enum why why;
};

static void
look_at_all(struct subject *all, const struct question *q, int again)
{
	for (size_t i = 0; i < q->n; i++) {
		struct subject *s = &all[i];

		if (!again)
			s->why = look_first(&s->look, q->samplers[i], q->profile);
		else if (s->why == OK)
			s->why = look_again(&s->look);
	}
}

static int
are_unsure(const struct subject *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].why == OK && finding_is_unsure(&all[i].look))
			return 1;
	return 0;
}

/* Waits for the next look, with some glances meanwhile.  Non-zero: it is time to end. */
static int
wait_until(struct subject *all, const struct question *q, int64_t until)
{
	enum { GLANCES = 10 };
	int64_t now = now_ns(), each = (until - now) / GLANCES;

	for (int i = 1; i <= GLANCES; i++) {
		if (q->wait(q->context, i < GLANCES ? now + each * i : until))
			return 1;
		for (size_t s = 0; s < q->n; s++)
			if (all[s].why == OK)
				look_glance(&all[s].look);
	}
	return 0;
}

/* Takes the looks, and judges. */
static void
examine(struct subject *all, const struct question *q)
{
	int64_t began;

	look_at_all(all, q, 0);
	began = now_ns();
	wait_until(all, q, began + FIRST_MS * MS);
	look_at_all(all, q, 1);
	if (are_unsure(all, q->n) && !wait_until(all, q, began + LONG_MS * MS))
		look_at_all(all, q, 1);
	for (size_t i = 0; i < q->n; i++) {
		struct subject *s = &all[i];

		if (s->why != OK)
			continue;
		chain_link(&s->look);
		chain_group(&s->look);
		crowd_read(&s->look, q->profile);
		s->finding = finding_make(&s->look);
	}
}

static void
write_one(const struct one *o, const struct question *q, struct buf *out)
{
	const struct target *t = sampler_target(o->look->sampler);
	struct listing *list = HAS_VALUES && q->locals ? listing_new(t->mem, t->layout) : NULL;

	if (q->json) {
		twin_add(o->look, o->finding, o->rank, list, out);
	} else {
		words_finding(o->look, o->finding, out);
		buf_str(out, "\n\n");
		words_evidence(o->look, o->finding, list, out);
	}
	listing_free(list);
}

/* As text one of each kind stands for those that do the same. */
static void
write_ones(const struct one *ones, size_t n, const struct question *q, struct buf *out)
{
	if (q->json) {
		twin_begin(out);
		for (size_t i = 0; i < n; i++)
			write_one(&ones[i], q, out);
		json_end_processes(out);
		return;
	}
	if (n > 1)
		census_write(ones, n, out);
	for (size_t done = 0, i; (i = census_next(ones, n, done)) < n; done++) {
		buf_str(out, n > 1 ? "\n" : "");
		write_one(&ones[i], q, out);
	}
}

size_t
why_explain(const struct question *q, struct buf *out)
{
	struct subject *all = xcalloc(q->n, sizeof *all);
	struct one *ones = xcalloc(q->n, sizeof *ones);
	size_t n = 0;

	examine(all, q);
	for (size_t i = 0; i < q->n; i++) {
		if (all[i].why == OK)
			ones[n++] = (struct one){ .look = &all[i].look, .finding = &all[i].finding };
		else
			warn("cannot list the threads of pid %d: %s",
			     process_pid(sampler_target(q->samplers[i])->process), why_word(all[i].why));
	}
	census_take(ones, n);
	if (n)
		write_ones(ones, n, q, out);
	for (size_t i = 0; i < q->n; i++) {
		crowd_free(&all[i].look);
		look_free(&all[i].look);
	}
	free(ones);
	free(all);
	return n;
}
