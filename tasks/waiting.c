/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks and greenlets that wait.
 *
 * All are listed, but no more are looked at than a part of a millisecond or two is enough for: if
 * there are more, some that stand for all.  What is known of one is believed as long as all that
 * decides is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "target.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"
#include "tasks/callers.h"
#include "tasks/known.h"
#include "tasks/state.h"
#include "tasks/greenlet.h"
#include "tasks/greencalls.h"
#include "tasks/waiting.h"

enum {
	MOST_KNOWN = 4096,   /* then all are forgotten */
	MOST_NS = 2000000,   /* of each look */
	FIRST_NS = 100000,   /* that one task takes, as long as that is not known */
	SLOWLY = 16,
	TRIES = 3,
};

struct waiting {
	struct profile *profile;
	struct knowns known; /* by the task or greenlet */
	struct waiting_stack *stacks;
	size_t n_stacks, cap_stacks;
	struct index by_stack;
	uint64_t failed[WHY_COUNT];
	int64_t each;  /* nanoseconds that one takes, on average */
	uint64_t looked;
	uint32_t rounds;
	uint32_t stands_for; /* each one, just now */
};

struct waiting *
waiting_new(struct profile *p)
{
	struct waiting *w = xcalloc(1, sizeof *w);

	*w = (struct waiting){ .profile = p, .each = FIRST_NS, .known = knowns_new(MOST_KNOWN) };
	return w;
}

void
waiting_free(struct waiting *w)
{
	if (!w)
		return;
	index_free(&w->by_stack);
	knowns_free(&w->known);
	free(w->stacks);
	free(w);
}

const struct waiting_stack *
waiting_stacks(const struct waiting *w, size_t *n)
{
	*n = w->n_stacks;
	return w->stacks;
}

const uint64_t *
waiting_failed(const struct waiting *w)
{
	return w->failed;
}

uint64_t
waiting_looked(const struct waiting *w)
{
	return w->looked;
}

void
waiting_begin(struct waiting *w)
{
	w->n_stacks = 0;
	w->rounds++;
	index_free(&w->by_stack);
	memset(w->failed, 0, sizeof w->failed);
}

/* ---- one task ---- */

/* "waits: sleep" */
static uint32_t
leaf_of(struct waiting *w, const struct tasks *ts, const struct async_task *t)
{
	struct buf text = { 0 };
	uint32_t leaf;

	buf_str(&text, "waits: ");
	state_wait(ts, t, NULL, &text);
	leaf = profile_text(w->profile, text.data, text.len);
	buf_free(&text);
	return leaf;
}

/* AGAIN: it is none that waits. */
static enum why
read_waiter(struct waiting *w, struct tasks *ts, const struct async_task *task, struct known *k)
{
	struct async_task t = *task;
	enum why why;

	tasks_forget(ts);
	why = callers_read_waiting(ts, w->profile, &t, &k->callers);
	if (why != OK) {
		k->callers.lasting = 0;
		return why;
	}
	k->loop = t.loop;
	k->on = 0;
	k->leaf = leaf_of(w, ts, &t);
	return OK;
}

static void
add_stack(struct waiting *w, uint32_t stack)
{
	size_t at = index_set(&w->by_stack, stack, w->n_stacks);

	if (at) {
		index_set(&w->by_stack, stack, at - 1);
	} else {
		w->stacks = grow(w->stacks, w->n_stacks, &w->cap_stacks, sizeof *w->stacks);
		w->stacks[w->n_stacks++] = (struct waiting_stack){ stack, 0 };
		at = w->n_stacks;
	}
	w->stacks[at - 1].n += w->stands_for;
}

static void
count(struct waiting *w, struct known *k, uint32_t base)
{
	uint32_t stack = base;

	if (k->on != base + 1) {
		for (size_t i = 0; i < k->callers.n && stack != PROFILE_FAILED; i++)
			stack = profile_stack(w->profile, stack, k->callers.frames[i]);
		k->base = profile_stack(w->profile, stack, k->leaf);
		k->on = base + 1;
	}
	if (k->base == PROFILE_FAILED)
		w->failed[DEEP] += w->stands_for;
	else
		add_stack(w, k->base);
}

struct look { /* at tasks, or at greenlets */
	struct tasks *ts;
	const struct async_task *tasks;
	struct greencalls *calls;
	const struct greenlet *greenlets;
	struct mem *mem;
	waiting_base *base;
	void *context;
};

static enum why
read_one(struct waiting *w, const struct look *l, size_t i, struct known *k)
{
	if (l->ts)
		return read_waiter(w, l->ts, &l->tasks[i], k);
	k->on = 0;
	return greencalls_read_waiting(l->calls, k->what, &k->callers, &k->leaf);
}

static void
look_at(struct waiting *w, const struct look *l, size_t i)
{
	raddr addr = l->ts ? l->tasks[i].addr : l->greenlets[i].addr;
	struct known *k = knowns_at(&w->known, addr);
	enum why why = k->callers.lasting && callers_hold(l->mem, &k->callers) ? OK : TORN;

	k->what = addr;
	for (int tries = 0; tries < TRIES && why == TORN; tries++)
		why = read_one(w, l, i, k);
	k->callers.lasting &= why == OK;
	if (why == OK)
		count(w, k, l->base(l->context, k->loop, k->callers.name, w->stands_for));
	else if (why != AGAIN)
		w->failed[why] += w->stands_for;
}

static void
look_at_all(struct waiting *w, const struct look *l, size_t n)
{
	size_t step = n * (size_t)w->each / MOST_NS + 1, looked = 0;
	int64_t began = now_ns();

	w->stands_for = (uint32_t)step;
	for (size_t i = hash_words(w->rounds, step) % step; i < n; i += step, looked++)
		look_at(w, l, i);
	if (looked)
		w->each += ((now_ns() - began) / (int64_t)looked - w->each) / SLOWLY;
	w->looked += looked;
}

void
waiting_look(struct waiting *w, struct tasks *ts, raddr interp, waiting_base *base, void *context)
{
	struct look l = { .ts = ts, .mem = tasks_target(ts)->mem, .base = base, .context = context };
	enum why why = tasks_list(ts, interp);
	size_t n;

	l.tasks = tasks_all(ts, &n);
	if (why != OK)
		w->failed[why]++;
	look_at_all(w, &l, n);
}

void
waiting_look_at_greenlets(struct waiting *w, struct greencalls *calls, struct mem *mem,
                          waiting_base *base, void *context)
{
	struct look l = { .calls = calls, .mem = mem, .base = base, .context = context };
	size_t n;

	l.greenlets = greencalls_list(calls, &n);
	look_at_all(w, &l, n);
}
