/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tasks at a glance: how many there are, what the most of them wait for, and where; and
 * whether some await each other, so that none of them can go on by itself.
 */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "target.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/state.h"
#include "sample.h"
#include "why/look.h"
#include "why/crowd.h"

static int
waits(const struct async_task *t)
{
	return t->why == OK && t->state == TASK_WAITS;
}

/* ---- one of them ---- */

/* The innermost frame of the program's own, else the innermost. */
static uint32_t
own_frame(const struct look *l, uint32_t stack)
{
	uint32_t frame = profile_stack_frame(l->profile, stack);

	for (; stack != PROFILE_ROOT; stack = profile_stack_parent(l->profile, stack))
		if (look_is_own(l, profile_stack_frame(l->profile, stack)))
			return profile_stack_frame(l->profile, stack);
	return frame;
}

static void
add_place(const struct look *l, const struct async_task *t, struct buf *out)
{
	if (t->stack == PROFILE_ROOT) /* it has no frames that can be seen */
		return;
	buf_str(out, " in ");
	look_place(l, own_frame(l, t->stack), out);
}

/* ---- all of them ---- */

static void
find_alike(struct look *l, const struct tasks *ts, const struct async_task *tasks, size_t n)
{
	struct crowd *crowd = &l->crowd;
	struct index places = { 0 };
	size_t *counts = xcalloc(n + 1, sizeof *counts), best = 0;
	struct buf what = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t first;

		crowd->ready += tasks[i].why == OK && tasks[i].state == TASK_READY;
		if (!waits(&tasks[i]))
			continue;
		crowd->waiting++;
		first = index_get(&places, tasks[i].stack);
		if (!first)
			index_set(&places, tasks[i].stack, i);
		first = first ? first - 1 : i;
		if (++counts[first] > counts[best])
			best = first;
	}
	crowd->alike = counts[best];
	if (crowd->alike && tasks[best].stack != PROFILE_ROOT) {
		state_wait(ts, &tasks[best], NULL, &what);
		add_place(l, &tasks[best], &what);
		buf_terminate(&what);
		crowd->what = what.data;
	}
	index_free(&places);
	free(counts);
}

/* The number of the task that one waits for, itself, plus one. */
static size_t
awaited(const struct tasks *ts, const struct async_task *t)
{
	return waits(t) ? tasks_find(ts, t->waiter) : 0;
}

static void
describe_circle(struct look *l, const struct tasks *ts, const struct async_task *tasks,
                size_t first)
{
	enum { SHOWN = 8 };
	struct buf text = { 0 };
	size_t at = first, next;

	for (int i = 0; i < SHOWN && (!i || at != first); i++, at = next) {
		next = awaited(ts, &tasks[at]) - 1;
		buf_str(&text, i ? "; task " : "task ");
		state_add_name(ts, &tasks[at], &text);
		buf_str(&text, " awaits task ");
		state_add_name(ts, &tasks[next], &text);
		add_place(l, &tasks[at], &text);
	}
	buf_terminate(&text);
	l->crowd.circle = text.data;
}

/* Follows each until it comes to one that was followed before: if that was just now, it is one of
 * a circle. */
static void
find_circle(struct look *l, const struct tasks *ts, const struct async_task *tasks, size_t n)
{
	size_t *from = xcalloc(n + 1, sizeof *from);

	for (size_t i = 0, at; i < n && !l->crowd.circle; i++) {
		for (at = i + 1; at && !from[at - 1]; at = awaited(ts, &tasks[at - 1]))
			from[at - 1] = i + 1;
		if (at && from[at - 1] == i + 1)
			describe_circle(l, ts, tasks, at - 1);
	}
	free(from);
}

void
crowd_read(struct look *l, struct profile *p)
{
	struct tasks *ts = tasks_new(sampler_target(l->sampler), sampler_threads(l->sampler), p,
	                             sampler_codes(l->sampler));
	const struct async_task *tasks;

	if (!ts)
		return;
	for (size_t i = 0; i < l->n; i++) {
		const struct member *m = &l->members[i];

		tasks_note(ts, m->tid, m->addresses, m->frames, m->n);
	}
	tasks_read(ts, NULL, NULL);
	tasks = tasks_all(ts, &l->crowd.n);
	if (l->crowd.n) {
		find_alike(l, ts, tasks, l->crowd.n);
		find_circle(l, ts, tasks, l->crowd.n);
	}
	tasks_free(ts);
}

void
crowd_free(struct look *l)
{
	free(l->crowd.what);
	free(l->crowd.circle);
}

void
crowd_add_alike(const struct look *l, struct buf *out)
{
	const struct crowd *c = &l->crowd;

	if (c->what && c->alike > 1 && c->alike >= c->n / 3)
		buf_printf(out, "; %zu of %zu tasks wait for %s", c->alike, c->n, c->what);
}
