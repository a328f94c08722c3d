/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of tasks.
 *
 * Two tasks are equal if they are in the same place, do the same, and await what is equal: so
 * each gets a number that stands for all of that, those first that await nothing.  One that
 * several others await is written below the first of them only.  What awaits itself in the end
 * begins anywhere.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"
#include "tasks/state.h"
#include "tasks/tree.h"

enum { DEEPEST = 64 /* trees are cut there */, NAMED = 3, INDENT = 2 };

struct tree {
	const struct tasks *ts;
	const struct parents *p;
	struct files *files;
	struct buf *out;
	struct async_task *tasks;
	size_t n;
	uint64_t *equal;        /* by task: what stands for all that is to be seen of it */
	unsigned char *written;
	uint32_t *cut;          /* what would have been too deep */
	size_t n_cut, cap_cut;
};

/* ---- equality ---- */

static uint64_t
mix(uint64_t a, uint64_t b)
{
	return (uint64_t)hash_words(a, b) << 32 | hash_words(b + 0x9e3779b97f4a7c15u, a);
}

/* Of one whose children have theirs. */
static uint64_t
number_of(const struct tree *t, size_t i)
{
	const struct async_task *task = &t->tasks[i];
	const struct kin *k = &t->p->children;
	uint64_t below = 0;

	for (size_t c = k->first[i]; c < k->first[i + 1]; c++)
		below += mix(t->equal[k->at[c]], 1);
	return mix(mix(task->stack, below), (uint64_t)task->state << 24 | (uint64_t)task->why << 16 |
	           (uint64_t)task->begun << 8 | task->cancelled << 1 | task->unknown);
}

/* Children before parents; those in a circle are equal to none. */
static void
number_all(struct tree *t)
{
	const struct kin *children = &t->p->children, *parents = &t->p->parents;
	size_t *left = xcalloc(t->n + 1, sizeof *left), n = 0;
	uint32_t *ready = xcalloc(t->n + 1, sizeof *ready);

	for (size_t i = 0; i < t->n; i++) {
		t->equal[i] = mix(t->tasks[i].addr, 2);
		left[i] = children->first[i + 1] - children->first[i];
		if (!left[i])
			ready[n++] = (uint32_t)i;
	}
	for (size_t at = 0; at < n; at++) {
		size_t i = ready[at];

		t->equal[i] = number_of(t, i);
		for (size_t k = parents->first[i]; k < parents->first[i + 1]; k++)
			if (!--left[parents->at[k]])
				ready[n++] = parents->at[k];
	}
	free(left);
	free(ready);
}

/* ---- groups ---- */

struct group { /* of equal tasks: the first, and how they hang together */
	uint32_t first, last;
	size_t n, order;
};

struct groups {
	struct group *groups;
	size_t n, cap;
	uint32_t *next; /* by member: another of its group */
};

/* The larger ones first, those found first of those as large. */
static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Groups n tasks by what they are equal to. */
static void
make_groups(const struct tree *t, const uint32_t *tasks, size_t n, struct groups *g)
{
	struct index known = { 0 };

	*g = (struct groups){ .next = xcalloc(n + 1, sizeof *g->next) };
	for (size_t i = 0; i < n; i++) {
		size_t which = index_get(&known, t->equal[tasks[i]]);

		if (which) {
			struct group *group = &g->groups[which - 1];

			g->next[group->last] = (uint32_t)i;
			group->last = (uint32_t)i;
			group->n++;
			continue;
		}
		g->groups = grow(g->groups, g->n, &g->cap, sizeof *g->groups);
		g->groups[g->n] = (struct group){ (uint32_t)i, (uint32_t)i, 1, g->n };
		index_set(&known, t->equal[tasks[i]], g->n++);
	}
	index_free(&known);
	sort(g->groups, g->n, sizeof *g->groups, compare_groups);
}

/* ---- text ---- */

void
tree_state(const struct tasks *ts, const struct parents *p, size_t i, struct files *files,
           struct buf *out)
{
	size_t n;
	const struct async_task *t = &tasks_all(ts, &n)[i];
	struct buf wait = { 0 };

	(void)p;
	state_wait(ts, t, files, &wait);
	buf_str(out, state_name(t));
	if (t->why != OK)
		buf_printf(out, ": %s", why_word(t->why));
	else if (t->state == TASK_RUNS)
		buf_printf(out, " in thread %d", t->tid);
	else if (wait.len)
		buf_printf(out, ": %s", buf_terminate(&wait));
	if (t->cancelled)
		buf_str(out, ", to be cancelled");
	if (t->unknown)
		buf_str(out, ", parent unknown");
	buf_free(&wait);
}

static void
indent(const struct tree *t, int depth)
{
	for (int i = 0; i < depth * INDENT; i++)
		buf_str(t->out, " ");
}

static void
write_frames(const struct tree *t, const struct async_task *task, int depth)
{
	const struct profile *p = tasks_profile(t->ts);

	for (uint32_t s = task->why == OK ? task->stack : PROFILE_ROOT; s != PROFILE_ROOT;
	     s = profile_stack_parent(p, s)) {
		indent(t, depth);
		label_frame(t->out, p, profile_stack_frame(p, s));
		buf_str(t->out, "\n");
	}
}

/* Whom it is awaited by, where that is not to be seen. */
static void
write_awaited(const struct tree *t, size_t i)
{
	const struct kin *k = &t->p->parents;

	if (k->first[i] == k->first[i + 1])
		return;
	buf_str(t->out, ", awaited by ");
	state_add_name(t->ts, &t->tasks[k->at[k->first[i]]], t->out);
}

/* "3 tasks a, b, c (waits: ...)" */
static void
write_header(const struct tree *t, const uint32_t *tasks, const struct groups *g,
             const struct group *group, int depth)
{
	size_t first = tasks[group->first];
	uint32_t at = group->first;

	if (t->out->len)
		buf_str(t->out, "\n");
	indent(t, depth);
	if (group->n == 1)
		buf_str(t->out, "task ");
	else
		buf_printf(t->out, "%zu tasks ", group->n);
	for (size_t i = 0; i < NAMED && i < group->n; i++, at = g->next[at]) {
		if (i)
			buf_str(t->out, ", ");
		state_add_name(t->ts, &t->tasks[tasks[at]], t->out);
	}
	buf_str(t->out, group->n > NAMED ? ", ... (" : " (");
	tree_state(t->ts, t->p, first, group->n == 1 ? t->files : NULL, t->out);
	if (!depth)
		write_awaited(t, first);
	buf_str(t->out, ")\n");
}

/* ---- trees ---- */

static void write_level(struct tree *, const uint32_t *tasks, size_t n, int depth);

/* Those that the members of a group await, each once; those that were written elsewhere are
 * just named. */
static void
write_children(struct tree *t, const uint32_t *tasks, const struct groups *g,
               const struct group *group, int depth)
{
	const struct kin *k = &t->p->children;
	uint32_t *below = NULL, at = group->first;
	size_t n = 0, cap = 0;

	for (size_t m = 0; m < group->n; m++, at = g->next[at])
		for (size_t c = k->first[tasks[at]]; c < k->first[tasks[at] + 1]; c++) {
			uint32_t child = k->at[c];

			if (t->out->len > STATE_MOST_TEXT)
				continue;
			if (t->written[child]) {
				indent(t, depth);
				buf_str(t->out, "and task ");
				state_add_name(t->ts, &t->tasks[child], t->out);
				buf_str(t->out, ", see there\n");
			} else if (depth > DEEPEST) {
				t->cut = grow(t->cut, t->n_cut, &t->cap_cut, sizeof *t->cut);
				t->cut[t->n_cut++] = child;
			} else {
				t->written[child] = 1;
				below = grow(below, n, &cap, sizeof *below);
				below[n++] = child;
			}
		}
	if (n)
		write_level(t, below, n, depth);
	free(below);
}

/* n tasks that are marked as written. */
static void
write_level(struct tree *t, const uint32_t *tasks, size_t n, int depth)
{
	struct groups g;

	make_groups(t, tasks, n, &g);
	for (size_t i = 0; i < g.n && t->out->len <= STATE_MOST_TEXT; i++) {
		write_header(t, tasks, &g, &g.groups[i], depth);
		write_frames(t, &t->tasks[tasks[g.groups[i].first]], depth);
		write_children(t, tasks, &g, &g.groups[i], depth + 1);
	}
	free(g.groups);
	free(g.next);
}

static void
write_one(struct tree *t, uint32_t task)
{
	if (t->written[task])
		return;
	t->written[task] = 1;
	write_level(t, &task, 1, 0);
}

/* Those that nobody awaits, then what was cut, then what is left: circles. */
static void
write_trees(struct tree *t)
{
	const struct kin *k = &t->p->parents;
	uint32_t *roots = xcalloc(t->n + 1, sizeof *roots);
	size_t n = 0, cut = 0;

	for (size_t i = 0; i < t->n; i++)
		if (k->first[i] == k->first[i + 1]) {
			t->written[i] = 1;
			roots[n++] = (uint32_t)i;
		}
	write_level(t, roots, n, 0);
	for (size_t i = 0; i <= t->n; i++) {
		while (cut < t->n_cut)
			write_one(t, t->cut[cut++]);
		if (i < t->n)
			write_one(t, (uint32_t)i);
	}
	free(roots);
}

void
tree_write(const struct tasks *ts, const struct parents *p, struct files *files, struct buf *out)
{
	struct tree t = { .ts = ts, .p = p, .files = files, .out = out };

	t.tasks = tasks_all(ts, &t.n);
	t.equal = xcalloc(t.n + 1, sizeof *t.equal);
	t.written = xcalloc(t.n + 1, 1);
	number_all(&t);
	write_trees(&t);
	free(t.equal);
	free(t.written);
	free(t.cut);
}
