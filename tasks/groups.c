/* SPDX-License-Identifier: Apache-2.0 */
/* What is equal once, with its number; see groups.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "tasks/many.h"
#include "tasks/groups.h"

static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void
groups_make(struct groups *g, const uint64_t *numbers, size_t n)
{
	struct index known = { 0 };

	*g = (struct groups){ .next = xcalloc(n + 1, sizeof *g->next) };
	for (size_t i = 0; i < n; i++) {
		size_t which = index_get(&known, numbers[i]);

		if (which) {
			struct group *group = &g->groups[which - 1];

			g->next[group->last] = (uint32_t)i;
			group->last = (uint32_t)i;
			group->n++;
			continue;
		}
		g->groups = grow(g->groups, g->n, &g->cap, sizeof *g->groups);
		g->groups[g->n] = (struct group){ (uint32_t)i, (uint32_t)i, 1, g->n };
		index_set(&known, numbers[i], g->n++);
	}
	index_free(&known);
	sort(g->groups, g->n, sizeof *g->groups, compare_groups);
}

void
groups_free(struct groups *g)
{
	free(g->groups);
	free(g->next);
}

void
groups_indent(struct buf *out, int blanks)
{
	while (blanks-- > 0)
		buf_str(out, " ");
}

void
groups_write(const struct groups *g, const struct group *group, const char *what, int blanks,
             groups_name *name, void *context, struct buf *out)
{
	enum { NAMED = 3 };
	uint32_t at = group->first;

	if (out->len)
		buf_str(out, "\n");
	groups_indent(out, blanks);
	if (group->n == 1)
		buf_printf(out, "%s ", what);
	else
		buf_printf(out, "%zu %ss ", group->n, what);
	for (size_t i = 0; i < NAMED && i < group->n; i++, at = g->next[at]) {
		buf_str(out, i ? ", " : "");
		name(context, at, out);
	}
	buf_str(out, group->n > NAMED ? ", ... (" : " (");
}

void
groups_frames(const struct profile *p, uint32_t stack, int blanks, struct buf *out)
{
	for (; stack != PROFILE_ROOT; stack = profile_stack_parent(p, stack)) {
		groups_indent(out, blanks);
		label_frame(out, p, profile_stack_frame(p, stack));
		buf_str(out, "\n");
	}
}
