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
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"
#include "tasks/state.h"
#include "tasks/groups.h"
#include "tasks/tree.h"

enum { DEEPEST = 64 /* trees are cut there */, INDENT = 2 };

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

/* Groups n tasks by what they are equal to. */
static void
make_groups(const struct tree *t, const uint32_t *tasks, size_t n, struct groups *g)
{
	uint64_t *numbers = xcalloc(n + 1, sizeof *numbers);

	for (size_t i = 0; i < n; i++)
		numbers[i] = t->equal[tasks[i]];
	groups_make(g, numbers, n);
	free(numbers);
}

/* ---- text ---- */

/* What a task does, in words; files as in state.h. */
static void
add_state(const struct tasks *ts, const struct async_task *t, struct files *files,
          struct buf *out)
{
	struct buf wait = { 0 };

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

struct named { /* members of groups */
	const struct tree *t;
	const uint32_t *tasks;
};

static void
add_name(void *context, uint32_t member, struct buf *out)
{
	const struct named *named = context;

	state_add_name(named->t->ts, &named->t->tasks[named->tasks[member]], out);
}

/* "3 tasks a, b, c (waits: ...)", and their frames. */
static void
write_group(const struct tree *t, const uint32_t *tasks, const struct groups *g,
            const struct group *group, int depth)
{
	size_t first = tasks[group->first];
	const struct async_task *task = &t->tasks[first];

	groups_write(g, group, "task", depth * INDENT, add_name, &(struct named){ t, tasks }, t->out);
	add_state(t->ts, task, group->n == 1 ? t->files : NULL, t->out);
	if (!depth)
		write_awaited(t, first);
	buf_str(t->out, ")\n");
	groups_frames(tasks_profile(t->ts), task->why == OK ? task->stack : PROFILE_ROOT,
	              depth * INDENT, t->out);
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
				groups_indent(t->out, depth * INDENT);
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
		write_group(t, tasks, &g, &g.groups[i], depth);
		write_children(t, tasks, &g, &g.groups[i], depth + 1);
	}
	groups_free(&g);
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
