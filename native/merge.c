/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which C frame runs which Python frames.
 *
 * From 3.11 on an eval loop has something among its own variables that its frames lead to: the C
 * frame in whose part of the stack that lies is the eval loop, whatever it is called and however
 * it was compiled.  Before that each Python frame has an eval loop of its own, and what calls
 * the frames below it: if there are as many of one as of the other, they go together one by one.
 * Else, as where throw() has put generators there which no loop runs, they do not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "native/rows.h"
#include "native/places.h"
#include "native/copy.h"
#include "native/merge.h"

struct merger {
	struct profile *profile;
	int all;
	uint32_t *out;
	size_t n, cap;
	uint64_t interpreter; /* where the module of the eval loops begins, 0: not known */
	size_t innermost;     /* the C frame that is the innermost of them */
	size_t start;         /* C frames from here on start the thread */
};

struct merger *
merger_new(struct profile *profile, int all)
{
	struct merger *k = xcalloc(1, sizeof *k);

	k->profile = profile;
	k->all = all;
	return k;
}

void
merger_free(struct merger *k)
{
	free(k->out);
	free(k);
}

/* ---- which is whose ---- */

/* By address, the innermost first, as eval loops lie one above the other. */
static void
place_by_address(struct merge *m)
{
	struct c_stack *s = m->stack;
	size_t at = 0;

	for (size_t e = m->n_entries; e-- > 0;) {
		uint64_t addr = m->entries[e].addr;
		size_t i = at;

		while (i < s->n && !(addr >= s->frames[i].sp && addr < s->frames[i].end))
			i++;
		if (i == s->n)
			continue;
		s->frames[i].entry = (int32_t)e;
		at = i + 1;
	}
}

static size_t
count_loops(const struct c_stack *s, unsigned flag)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += (s->frames[i].flags & flag) != 0;
	return n;
}

/* One eval loop a frame, from the root on.  The innermost one may be about to begin or to end, and
 * have none.  Non-zero: that is so, or there is no loop among the C frames that are known. */
static int
place_one_by_one(struct merge *m)
{
	struct c_stack *s = m->stack;
	unsigned flag = count_loops(s, PLACE_EVAL) ? PLACE_EVAL : PLACE_OLD_EVAL;
	size_t loops = count_loops(s, flag), e = 0;

	if (!s->whole)
		return !loops;
	if (loops != m->n_entries && loops != m->n_entries + 1)
		return 0;
	for (size_t i = s->n; i-- > 0 && e < m->n_entries;)
		if (s->frames[i].flags & flag)
			s->frames[i].entry = (int32_t)e++;
	return 1;
}

/* The frames that an entry has. */
static size_t
span(const struct merge *m, size_t e)
{
	size_t end = e + 1 < m->n_entries ? m->entries[e + 1].depth : m->n_python;

	return end > m->entries[e].depth ? end - m->entries[e].depth : 0;
}

/* Whether every entry that has frames has its C frame, but for some at the root, if the stack is
 * not known down to there. */
static int
is_merged(const struct merge *m)
{
	const struct c_stack *s = m->stack;
	int outer = !s->whole;
	size_t next = 0;

	for (size_t i = s->n; i-- > 0;) {
		if (s->frames[i].entry < 0)
			continue;
		for (; next < (size_t)s->frames[i].entry; next++)
			if (span(m, next) && !outer)
				return 0;
		outer = 0;
		next++;
	}
	for (; next < m->n_entries; next++)
		if (span(m, next) && !outer)
			return 0;
	return 1;
}

/* ---- what is shown ---- */

/* Where the C frames begin that start a thread, or the program: the outermost one, and those that
 * follow in the C library and the interpreter. */
static size_t
find_start(const struct merger *k, const struct c_stack *s)
{
	size_t i = s->n;
	uint64_t library;

	if (!s->whole || s->n < 2)
		return s->n;
	library = s->frames[s->n - 2].module;
	while (i-- > 0) {
		const struct c_frame *f = &s->frames[i];

		if (f->entry >= 0 || (i < s->n - 1 && f->module != library &&
		                      (!k->interpreter || f->module != k->interpreter)))
			break;
	}
	return i + 1;
}

/* Finds what is the interpreter's. */
static void
find_interpreter(struct merger *k, const struct c_stack *s)
{
	k->interpreter = 0;
	k->innermost = s->n;
	for (size_t i = s->n; i-- > 0;) {
		if (s->frames[i].entry < 0)
			continue;
		k->interpreter = s->frames[i].module;
		k->innermost = i;
	}
	k->start = find_start(k, s);
}

static int
is_shown(const struct merger *k, const struct c_stack *s, size_t i)
{
	const struct c_frame *f = &s->frames[i];

	if (k->all)
		return 1;
	if (f->entry >= 0 || i >= k->start)
		return 0;
	if (!f->module) /* a trampoline: CPython v3.12.0 Python/perf_trampoline.c */
		return !i || s->frames[i - 1].entry < 0;
	if (f->module != k->interpreter)
		return 1;
	if (f->flags & (PLACE_PLUMBING | PLACE_EVAL | PLACE_OLD_EVAL))
		return 0;
	/* What has no name, between Python frames, is how they are called. */
	return f->flags & PLACE_NAMED || i < k->innermost;
}

/* ---- the result ---- */

static void
add(struct merger *k, uint32_t frame)
{
	k->out = grow(k->out, k->n, &k->cap, sizeof *k->out);
	k->out[k->n++] = frame;
}

static void
add_mark(struct merger *k, const char *text)
{
	add(k, profile_text(k->profile, text, strlen(text)));
}

/* Adds the Python frames up to that depth. */
static void
add_python(struct merger *k, const struct merge *m, size_t *depth, size_t to)
{
	while (*depth < to && *depth < m->n_python)
		add(k, m->python[(*depth)++]);
}

/* How many Python frames lie below the first entry that has its C frame. */
static size_t
first_depth(const struct merge *m)
{
	const struct c_stack *s = m->stack;

	for (size_t i = s->n; i-- > 0;)
		if (s->frames[i].entry >= 0)
			return m->entries[s->frames[i].entry].depth;
	return m->n_python;
}

static void
add_merged(struct merger *k, const struct merge *m)
{
	const struct c_stack *s = m->stack;
	size_t depth = 0;

	if (!s->whole) {
		add_python(k, m, &depth, first_depth(m));
		add_mark(k, "(C frames lost)");
	}
	for (size_t i = s->n; i-- > 0;) {
		int32_t e = s->frames[i].entry;

		if (e >= 0)
			add_python(k, m, &depth, m->entries[e].depth);
		if (is_shown(k, s, i))
			add(k, s->frames[i].frame);
		if (e >= 0)
			add_python(k, m, &depth, m->entries[e].depth + span(m, (size_t)e));
	}
	add_python(k, m, &depth, m->n_python);
}

static void
add_apart(struct merger *k, const struct merge *m)
{
	const struct c_stack *s = m->stack;
	size_t depth = 0;

	add_python(k, m, &depth, m->n_python);
	add_mark(k, s->n ? "(C frames not merged)" : "(C frames not known)");
	for (size_t i = s->n; i-- > 0;)
		add(k, s->frames[i].frame);
}

const uint32_t *
merge_frames(struct merger *k, struct merge *m, int objects, size_t *count)
{
	int merged;

	k->n = 0;
	if (!objects)
		place_by_address(m);
	merged = objects ? place_one_by_one(m) : is_merged(m);
	find_interpreter(k, m->stack);
	if (m->stack->n && merged)
		add_merged(k, m);
	else
		add_apart(k, m);
	*count = k->n;
	return k->out;
}
