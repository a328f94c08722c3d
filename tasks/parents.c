/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who awaits whom.
 *
 * A task that awaits another one, itself, has it for the future that it waits for.  From 3.14 on
 * tasks say who awaits them, be it through a gather or a group (CPython v3.14.0
 * Lib/asyncio/futures.py, future_add_to_awaited_by).  Before that it shows by what is called when
 * they are done: a function or a partial that leads to the future that somebody waits for
 * (v3.7.0 and later Lib/asyncio/tasks.py: gather, shield, wait, wait_for), or a method of the
 * group that knows its task (v3.11.0 Lib/asyncio/taskgroups.py).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"

enum { MOST_ITEMS = 1 << 12 /* of a task's lists and tuples */, MOST_FUTURES = 8 /* in a row */,
       MOST_PARENTS = 1 << 10, MOST_EDGES = 1 << 20 /* of all tasks */ };

struct search {
	const struct tasks *ts;
	struct mem *mem;
	const struct layout *l;
	const struct form *form;
	struct async_task *tasks;
	size_t n;
	struct index waiters; /* by the future: one that waits for it, */
	uint32_t *next;       /* and the next one that does, plus one */
	struct kin *kin;
	int depth;            /* futures that lead from one to the next */
	int items;            /* that were looked at for this task */
	int known;            /* what a callback is for */
	raddr last;           /* a callback, of many that are the same, */
	size_t last_parent;   /* and whom it led to, plus one */
	int last_known;
	struct awaiters *asked; /* the one task at hand tells who awaits it; NULL: all are known */
	raddr future;         /* whose callbacks are followed then */
};

/* ---- edges ---- */

static void
add(struct kin *k, uint32_t number)
{
	k->at = grow(k->at, k->n, &k->cap, sizeof *k->at);
	k->at[k->n++] = number;
}

/* Adds a parent of the last task, unless it is there. */
static void
add_parent(struct search *s, size_t child, size_t parent)
{
	size_t from = s->kin->first[child];

	if (parent == child || s->kin->n - from >= MOST_PARENTS || s->kin->n >= MOST_EDGES)
		return;
	for (size_t i = from; i < s->kin->n; i++)
		if (s->kin->at[i] == parent)
			return;
	add(s->kin, (uint32_t)parent);
}

static int
add_waiters(struct search *s, size_t child, raddr future)
{
	size_t parent = index_get(&s->waiters, future);

	for (size_t at = parent; at; at = s->next[at - 1])
		add_parent(s, child, at - 1);
	return parent != 0;
}

/* Adds one of whom just that is known: that it is a task. */
static int
add_asked(struct search *s, raddr object, raddr future)
{
	struct awaiters *a = s->asked;
	struct async_task t;

	if (!tasks_is_one(s->ts, object, &t))
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (a->tasks[i].addr == object)
			return 1;
	t.waiter = future;
	if (a->n < LEN(a->tasks))
		a->tasks[a->n] = t;
	a->n++;
	return 1;
}

static int
add_task(struct search *s, size_t child, raddr object)
{
	size_t parent;

	if (s->asked)
		return add_asked(s, object, 0);
	parent = tasks_find(s->ts, object);
	if (parent)
		add_parent(s, child, parent - 1);
	return parent != 0;
}

/* ---- callbacks ---- */

static raddr
word_of(const struct search *s, raddr object, int n)
{
	raddr word;

	return object_read_pointer(s->mem, s->l, object + (raddr)(s->l->object.head + n * s->l->ptr),
	                           &word) == OK ? word : 0;
}

static raddr
word_at(const struct search *s, raddr addr)
{
	raddr word;

	return object_read_pointer(s->mem, s->l, addr, &word) == OK ? word : 0;
}

static int
is_task(const struct search *s, raddr object)
{
	struct async_task t;

	return s->asked ? tasks_is_one(s->ts, object, &t) : tasks_find(s->ts, object) != 0;
}

static void follow(struct search *, size_t child, raddr future);

/* A future that leads to somebody, or to more futures. */
static void
follow_to(struct search *s, size_t child, raddr object)
{
	if (!object)
		return;
	if (add_waiters(s, child, object))
		s->known = 1;
	else if (tasks_is_future(s->ts, object) && !is_task(s, object))
		follow(s, child, object);
}

/* Those in a tuple; of closures they are in cells. */
static void
follow_tuple(struct search *s, size_t child, raddr tuple, int cells)
{
	raddr n = tuple ? word_of(s, tuple, 0) : 0;

	for (raddr i = 0; i < n && s->items < MOST_ITEMS; i++, s->items++) {
		raddr item = word_at(s, tuple + (raddr)tasks_shape(s->ts)->items + i * (raddr)s->l->ptr);

		follow_to(s, child, cells && item ? word_of(s, item, 0) : item);
	}
}

/* Which of those names a function's ends in, plus one; 0: none. */
static size_t
name_among(const struct search *s, raddr function, const char *const *names, size_t n)
{
	struct buf text = { 0 };
	raddr str = word_at(s, function + (raddr)tasks_shape(s->ts)->function);
	size_t which = 0;

	if (str && object_text(s->mem, s->l, str, &text) == OK)
		for (size_t i = 0, len; i < n && !which; i++)
			if ((len = strlen(names[i])) <= text.len &&
			    !memcmp(text.data + text.len - len, names[i], len))
				which = i + 1;
	buf_free(&text);
	return which;
}

static void
follow_function(struct search *s, size_t child, raddr function)
{
	static const char *const names[] = {
		"_run_until_complete_cb", /* whoever waits for that is no task */
		"gather.<locals>._done_callback", "shield.<locals>._inner_done_callback",
		"_wait.<locals>._on_completion", "_chain_future.<locals>._call_set_state",
	};
	size_t which = name_among(s, function, names, LEN(names));

	if (which == 1)
		s->known = 1;
	else if (which)
		follow_tuple(s, child, word_at(s, function + (raddr)s->form->closure), 1);
}

/* functools.partial: the function, then its arguments. */
static void
follow_partial(struct search *s, size_t child, raddr partial)
{
	static const char *const names[] = { "_release_waiter" };
	raddr function = word_of(s, partial, 0);

	if (function && name_among(s, function, names, LEN(names)))
		follow_tuple(s, child, word_of(s, partial, 1), 0);
}

static void
follow_method(struct search *s, size_t child, raddr method)
{
	raddr self = word_of(s, method, 1), parent;

	if (s->asked && self && add_asked(s, self, s->future)) /* one written in Python, woken */
		return;
	if (self && object_attribute(s->mem, s->l, self, "_parent_task", &parent) == OK)
		s->known |= add_task(s, child, parent);
}

/* The wakeup of a task knows that: CPython v3.7.0 Modules/_asynciomodule.c,
 * TaskWakeupMethWrapper; v3.10.0 TaskWakeupDef, a method. */
static void
follow_wakeup(struct search *s, raddr callback, const char *type)
{
	raddr task = !strcmp(type, "TaskWakeupMethWrapper") ? word_of(s, callback, 0) :
	             !strcmp(type, "builtin_function_or_method") ? word_of(s, callback, 1) : 0;

	if (task)
		add_asked(s, task, s->future);
}

/* What is called when a future is done.  Else that is the wakeup of a task, which is found by
 * what it waits for, or discard() of a set. */
static void
follow_callback(struct search *s, size_t child, raddr callback)
{
	char type[32] = "";

	object_type_name(s->mem, s->l, callback, type, sizeof type);
	if (!strcmp(type, "function"))
		follow_function(s, child, callback);
	else if (!strcmp(type, "functools.partial"))
		follow_partial(s, child, callback);
	else if (!strcmp(type, "method"))
		follow_method(s, child, callback);
	else
		s->known = 1;
	if (s->asked)
		follow_wakeup(s, callback, type);
}

/* The same, if it is not the one that was followed just now. */
static void
follow_again(struct search *s, size_t child, raddr callback)
{
	size_t before = s->kin->n;
	int known = s->known;

	if (s->depth == 1 && callback == s->last) {
		if (s->last_parent)
			add_parent(s, child, s->last_parent - 1);
		s->known &= s->last_known;
		return;
	}
	s->known = 0;
	follow_callback(s, child, callback);
	if (s->depth == 1 && s->kin->n <= before + 1) {
		s->last = callback;
		s->last_parent = s->kin->n > before ? s->kin->at[before] + 1 : 0;
		s->last_known = s->known;
	}
	s->known = s->depth == 1 ? s->known && known : s->known || known;
}

/* A list of callbacks, each in a tuple with its context. */
static void
follow_list(struct search *s, size_t child, raddr list)
{
	raddr n = word_of(s, list, 0), items = word_of(s, list, 1);

	for (raddr i = 0; i < n && s->items < MOST_ITEMS; i++, s->items++) {
		raddr tuple = word_at(s, items + i * (raddr)s->l->ptr);
		raddr callback = tuple ? word_at(s, tuple + (raddr)tasks_shape(s->ts)->items) : 0;

		if (callback)
			follow_again(s, child, callback);
	}
}

static void
follow(struct search *s, size_t child, raddr future)
{
	char type[8] = "";
	raddr callback, list;

	raddr before = s->future;

	if (s->depth >= MOST_FUTURES)
		return;
	s->depth++;
	s->future = future;
	callback = word_at(s, future + (raddr)s->form->task.callback);
	list = word_at(s, future + (raddr)s->form->task.callbacks);
	if (s->asked && s->asked->n_via < LEN(s->asked->via))
		s->asked->via[s->asked->n_via++] = (struct via){ future, callback, list };
	if (callback)
		follow_again(s, child, callback);
	if (list && object_type_name(s->mem, s->l, list, type, sizeof type) == OK &&
	    !strcmp(type, "list"))
		follow_list(s, child, list);
	s->depth--;
	s->future = before;
}

/* Those of a task. */
static void
follow_task(struct search *s, size_t i)
{
	const struct async_task *t = &s->tasks[i];
	char type[8] = "";

	s->depth = s->known = 1;
	s->items = 0;
	if (t->callback)
		follow_again(s, i, t->callback);
	if (t->callbacks && object_type_name(s->mem, s->l, t->callbacks, type, sizeof type) == OK &&
	    !strcmp(type, "list"))
		follow_list(s, i, t->callbacks);
	s->tasks[i].unknown = !s->known;
}

/* ---- what tasks say ---- */

struct told {
	struct search *s;
	size_t child;
};

static int
add_told(void *context, raddr member)
{
	const struct told *told = context;

	add_task(told->s, told->child, member);
	return 0;
}

static void
ask_task(struct search *s, size_t i)
{
	const struct async_task *t = &s->tasks[i];

	if (t->several)
		tasks_set_each(s->ts, t->awaited_by, add_told, &(struct told){ s, i });
	else if (t->awaited_by)
		add_task(s, i, t->awaited_by);
}

/* ---- all ---- */

static void
note_waiters(struct search *s)
{
	s->next = xcalloc(s->n + 1, sizeof *s->next);
	for (size_t i = s->n; i-- > 0;)
		if (s->tasks[i].waiter)
			s->next[i] = (uint32_t)index_set(&s->waiters, s->tasks[i].waiter, i);
}

static void
find_parents(struct search *s)
{
	s->kin->first = xcalloc(s->n + 1, sizeof *s->kin->first);
	for (size_t i = 0; i < s->n; i++) {
		s->kin->first[i] = s->kin->n;
		add_waiters(s, i, s->tasks[i].addr);
		ask_task(s, i);
		if (s->form->task.awaited_by == ABSENT)
			follow_task(s, i);
		if (s->kin->n > s->kin->first[i])
			s->tasks[i].unknown = 0;
	}
	s->kin->first[s->n] = s->kin->n;
}

/* The same relation, the other way round. */
static void
turn(const struct kin *from, size_t n, struct kin *to)
{
	to->first = xcalloc(n + 2, sizeof *to->first);
	to->at = xcalloc(from->n + 1, sizeof *to->at);
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->first[from->at[i] + 2]++;
	for (size_t i = 0; i < n; i++)
		to->first[i + 1] += to->first[i];
	for (size_t i = 0; i < n; i++)
		for (size_t k = from->first[i]; k < from->first[i + 1]; k++)
			to->at[to->first[from->at[k] + 1]++] = (uint32_t)i;
}

void
parents_find(const struct tasks *ts, struct parents *p)
{
	struct search s = { .ts = ts, .mem = tasks_mem(ts), .l = tasks_layout(ts),
	                    .form = tasks_form(ts), .kin = &p->parents };

	*p = (struct parents){ 0 };
	s.tasks = tasks_all(ts, &s.n);
	note_waiters(&s);
	find_parents(&s);
	turn(&p->parents, s.n, &p->children);
	index_free(&s.waiters);
	free(s.next);
}

void
parents_free(struct parents *p)
{
	free(p->parents.at);
	free(p->parents.first);
	free(p->children.at);
	free(p->children.first);
}

/* ---- of one task ---- */

void
parents_ask(const struct tasks *ts, const struct async_task *t, struct awaiters *out)
{
	struct async_task one = *t;
	struct kin kin = { 0 };
	struct search s = { .ts = ts, .mem = tasks_mem(ts), .l = tasks_layout(ts),
	                    .form = tasks_form(ts), .kin = &kin, .tasks = &one, .n = 1,
	                    .asked = out, .future = t->addr };

	out->n = out->n_via = 0;
	ask_task(&s, 0);
	if (s.form->task.awaited_by == ABSENT)
		follow_task(&s, 0);
}
