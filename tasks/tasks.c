/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where asyncio keeps its tasks.
 *
 * Up to 3.13 in sets of the module asyncio.tasks: CPython v3.7.0 Lib/asyncio/tasks.py,
 * _all_tasks, a set of weak references; v3.12.0 _scheduled_tasks likewise, and _eager_tasks.
 * From 3.14 on only tasks that are written in Python are there.  Those in C are in a list of
 * the thread that made them, or, once that has ended, of the interpreter: v3.14.0
 * Modules/_asynciomodule.c, register_task; Include/internal/pycore_llist.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "values/shapes.h"
#include "values/pages.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"

enum { MOST_TASKS = 1 << 18, MOST_SLOTS = 1 << 22 /* of a set */, PIECE = 1024, TRIES = 20,
       BASES = 16 };

struct noted { /* a frame on a thread's stack */
	raddr addr;
	uint32_t frame;
	int tid, outermost;
};

/* What is looked at of asyncio.tasks; RUNNING: tasks that run, by their loops. */
enum name { ALL, SCHEDULED, EAGER, RUNNING, NAMES };

struct tasks {
	const struct target *t;
	struct mem *mem;
	const struct layout *l;
	struct threads *threads;
	struct profile *profile, *stacks;
	struct pages *pages;
	struct shape shape;
	struct form form;
	struct chains *chains;
	raddr task_type;       /* of the C module of the interpreter at hand, 0: none */
	raddr values[NAMES];   /* what that module has */
	raddr *found;          /* what may be tasks */
	size_t n_found, cap_found;
	struct index seen;     /* in the list of what is found */
	struct async_task *tasks;
	size_t n, cap;
	struct index by_addr;
	struct noted *noted;
	size_t n_noted, cap_noted;
};

struct tasks *
tasks_new(const struct target *t, struct threads *threads, struct profile *profile,
          struct codes *codes)
{
	struct tasks *ts = xcalloc(1, sizeof *ts);

	ts->t = t;
	ts->mem = t->mem;
	ts->l = t->layout;
	ts->threads = threads;
	ts->profile = ts->stacks = profile;
	if (form_find(ts->l, &ts->form) || shape_find(ts->l, &ts->shape)) {
		free(ts);
		return NULL;
	}
	ts->pages = pages_new(t->mem);
	ts->chains = chains_new(process_pid(t->process), t->mem, pages_mem(ts->pages), ts->l,
	                        &ts->shape, &ts->form, profile, codes);
	return ts;
}

void
tasks_free(struct tasks *ts)
{
	if (!ts)
		return;
	chains_free(ts->chains);
	pages_free(ts->pages);
	index_free(&ts->seen);
	index_free(&ts->by_addr);
	free(ts->found);
	free(ts->tasks);
	free(ts->noted);
	free(ts);
}

struct mem *
tasks_mem(const struct tasks *ts)
{
	return pages_mem(ts->pages);
}

const struct layout *
tasks_layout(const struct tasks *ts)
{
	return ts->l;
}

const struct shape *
tasks_shape(const struct tasks *ts)
{
	return &ts->shape;
}

const struct form *
tasks_form(const struct tasks *ts)
{
	return &ts->form;
}

const struct profile *
tasks_profile(const struct tasks *ts)
{
	return ts->profile;
}

struct threads *
tasks_threads(const struct tasks *ts)
{
	return ts->threads;
}

const struct target *
tasks_target(const struct tasks *ts)
{
	return ts->t;
}

struct async_task *
tasks_all(const struct tasks *ts, size_t *n)
{
	*n = ts->n;
	return ts->tasks;
}

size_t
tasks_find(const struct tasks *ts, raddr addr)
{
	return index_get(&ts->by_addr, addr);
}

/* ---- types ---- */

/* Whether a type is derived from another one, or is that. */
static int
derives(const struct tasks *ts, raddr type, raddr base)
{
	for (int i = 0; i < BASES && type; i++) {
		if (type == base)
			return 1;
		if (object_read_pointer(tasks_mem(ts), ts->l, type + (raddr)ts->shape.type_base,
		                        &type) != OK)
			return 0;
	}
	return 0;
}

int
tasks_is_future(const struct tasks *ts, raddr object)
{
	return chains_is_future(ts->chains, object);
}

/* ---- what may be one ---- */

static enum why
add_found(struct tasks *ts, raddr object)
{
	if (ts->n_found >= MOST_TASKS)
		return DEEP;
	if (!object || index_set(&ts->seen, object, 0))
		return OK;
	ts->found = grow(ts->found, ts->n_found, &ts->cap_found, sizeof *ts->found);
	ts->found[ts->n_found++] = object;
	return OK;
}

/* A set: CPython Include/cpython/setobject.h: fill, used, mask, table after the head; an entry is
 * the object and its hash, -1 where one was removed. */
struct table {
	raddr mask, entries;
};

static enum why
read_table(const struct tasks *ts, raddr set, struct table *t)
{
	raddr p = (raddr)ts->l->ptr, at = set + (raddr)ts->l->object.head;
	enum why why = object_read_pointer(ts->mem, ts->l, at + 2 * p, &t->mask);

	return why == OK ? object_read_pointer(ts->mem, ts->l, at + 3 * p, &t->entries) : why;
}

/* Members, of n entries. */
static enum why
members_of(const struct tasks *ts, raddr at, size_t n, raddr *members, size_t *n_members)
{
	size_t p = (size_t)ts->l->ptr;
	unsigned char *bytes = xcalloc(n, 2 * p);
	raddr removed = p == 8 ? UINT64_MAX : UINT32_MAX;
	enum why why = mem_read(ts->mem, at, bytes, n * 2 * p);

	*n_members = 0;
	for (size_t i = 0; why == OK && i < n; i++) {
		raddr member = object_pointer(ts->l, bytes + i * 2 * p);

		if (member && object_pointer(ts->l, bytes + i * 2 * p + p) != removed)
			members[(*n_members)++] = member;
	}
	free(bytes);
	return why;
}

/* Calls each() with what is in a set, or with what the weak references in it refer to.  TORN: it
 * was rebuilt meanwhile. */
static enum why
each_member(const struct tasks *ts, raddr set, int weak, tasks_member *each, void *context)
{
	struct table t, after;
	raddr members[PIECE];
	size_t n;
	int enough = 0;
	enum why why = read_table(ts, set, &t);

	if (why == OK && t.mask >= MOST_SLOTS)
		return DEEP;
	for (raddr i = 0; why == OK && i <= t.mask && !enough; i += PIECE) {
		size_t most = t.mask + 1 - i < PIECE ? (size_t)(t.mask + 1 - i) : PIECE;

		why = members_of(ts, t.entries + i * 2 * (raddr)ts->l->ptr, most, members, &n);
		if (why == OK && weak)
			many_follow(ts->mem, ts->l, members, n, ts->l->object.head);
		for (size_t k = 0; why == OK && k < n && !enough; k++)
			enough = each(context, members[k]);
	}
	if (why == OK)
		why = read_table(ts, set, &after);
	return why == OK && (after.mask != t.mask || after.entries != t.entries) ? TORN : why;
}

static int
take_member(void *context, raddr member)
{
	return add_found(context, member) != OK;
}

static enum why
find_in_set(struct tasks *ts, raddr set, int weak)
{
	enum why why = TORN;

	for (int i = 0; i < TRIES && (why == TORN || why == FAULT); i++)
		why = each_member(ts, set, weak, take_member, ts);
	return why == OK && ts->n_found >= MOST_TASKS ? DEEP : why;
}

enum why
tasks_set_each(const struct tasks *ts, raddr set, tasks_member *each, void *context)
{
	return each_member(ts, set, 0, each, context);
}

/* ---- lists ---- */

/* Finds the tasks of a list whose head is there.  TORN: it was changed meanwhile. */
static enum why
find_in_links(struct tasks *ts, raddr head)
{
	raddr at = head, words[2] = { head, 0 };
	unsigned char bytes[2 * 8];
	enum why why = OK;

	for (int i = 0; i <= MOST_TASKS; i++) {
		raddr before = at;

		at = words[0];
		if (i && at == head)
			return OK;
		why = mem_read(tasks_mem(ts), at, bytes, 2 * (size_t)ts->l->ptr);
		if (why != OK)
			return why;
		words[0] = object_pointer(ts->l, bytes);
		words[1] = object_pointer(ts->l, bytes + ts->l->ptr);
		if (i && words[1] != before)
			return TORN;
		if (i && (why = add_found(ts, at - (raddr)ts->form.task.node)) != OK)
			return why;
	}
	return DEEP;
}

static enum why
find_in_list(struct tasks *ts, raddr head)
{
	enum why why = TORN;

	for (int i = 0; i < TRIES && (why == TORN || why == FAULT); i++) {
		pages_forget(ts->pages);
		why = find_in_links(ts, head);
	}
	return why;
}

/* One that runs for the first time, at once, is on no list yet. */
static void
find_running(struct tasks *ts, raddr tstate)
{
	raddr task;

	if (object_read_pointer(ts->mem, ts->l, tstate + (raddr)ts->form.lists.running, &task) == OK)
		add_found(ts, task);
}

/* Learns what the module itself says of structures. */
static enum why
read_form(struct tasks *ts)
{
	return ts->form.task.node == ABSENT &&
	       form_read(&ts->form, ts->l, ts->t->process, ts->mem) ? BROKEN : OK;
}

static enum why
find_in_lists(struct tasks *ts, raddr interp)
{
	size_t n;
	struct thread *const *threads = threads_all(ts->threads, &n);
	enum why why = read_form(ts);

	if (why != OK)
		return why;
	why = find_in_list(ts, interp + (raddr)ts->form.lists.of_interp);
	for (size_t i = 0; why == OK && i < n; i++) {
		if (threads[i]->interp != interp)
			continue;
		why = find_in_list(ts, threads[i]->tstate + (raddr)ts->form.lists.of_thread);
		find_running(ts, threads[i]->tstate);
	}
	return why;
}

/* ---- the module ---- */

/* Whether the interpreter has the module at all. */
static int
find_names(const struct tasks *ts, raddr interp, raddr values[NAMES])
{
	static const char *const names[NAMES] = { "_all_tasks", "_scheduled_tasks", "_eager_tasks",
	                                          "_current_tasks" };
	struct many_names wanted = { tasks_mem(ts), ts->l, names, NAMES, values };
	raddr dict;

	return object_module(wanted.mem, ts->l, interp, "asyncio.tasks", &dict) == OK &&
	       object_dict_each(wanted.mem, ts->l, dict, many_match, &wanted) == OK;
}

/* The type of tasks that are written in C, 0: there is none.  What asyncio.tasks calls so may
 * have been replaced, as nest_asyncio does. */
static raddr
find_type(const struct tasks *ts, raddr interp)
{
	raddr dict, type;

	return object_module(tasks_mem(ts), ts->l, interp, "_asyncio", &dict) == OK &&
	       object_dict_get(tasks_mem(ts), ts->l, dict, "Task", &type) == OK ? type : 0;
}

static enum why
find_in_module(struct tasks *ts)
{
	const raddr *values = ts->values;
	raddr data;
	enum why why = OK;

	for (int i = ALL; i <= SCHEDULED && why == OK; i++)
		if (values[i] && object_attribute(ts->mem, ts->l, values[i], "data", &data) == OK)
			why = find_in_set(ts, data, 1);
	return why == OK && values[EAGER] ? find_in_set(ts, values[EAGER], 0) : why;
}

/* Whether what is of that type is a task; *python: of a class written in Python. */
static int
is_of_tasks(const struct tasks *ts, raddr object, raddr type, unsigned char *python)
{
	raddr coro;

	*python = !(ts->task_type && type && derives(ts, type, ts->task_type));
	return type && (!*python || object_attribute(ts->mem, ts->l, object, "_coro", &coro) == OK);
}

/* Takes over what is found from that one on, if it is a task. */
static void
classify(struct tasks *ts, size_t from)
{
	size_t n = ts->n_found - from;
	raddr *types = xcalloc(n + 1, sizeof *types);

	if (n)
		memcpy(types, ts->found + from, n * sizeof *types);
	many_follow(ts->mem, ts->l, types, n, ts->l->object.type);
	for (size_t i = 0; i < n; i++) {
		unsigned char python;

		if (!is_of_tasks(ts, ts->found[from + i], types[i], &python))
			continue;
		ts->tasks = grow(ts->tasks, ts->n, &ts->cap, sizeof *ts->tasks);
		ts->tasks[ts->n++] = (struct async_task){ .addr = ts->found[from + i],
		                                          .python = python };
	}
	free(types);
}

/* Notes what the module has. */
static int
learn(struct tasks *ts, raddr interp)
{
	memset(ts->values, 0, sizeof ts->values);
	if (!find_names(ts, interp, ts->values))
		return -1;
	ts->task_type = find_type(ts, interp);
	return 0;
}

/* Those of an interpreter whose module is known. */
static enum why
find_known(struct tasks *ts, raddr interp)
{
	size_t before = ts->n_found;
	enum why why = find_in_module(ts);

	if (why == OK && ts->task_type && form_is_told(ts->l))
		why = find_in_lists(ts, interp);
	classify(ts, before);
	return why;
}

static enum why
find_of_interpreter(struct tasks *ts, raddr interp)
{
	return learn(ts, interp) ? OK : find_known(ts, interp);
}

static enum why
find_all(struct tasks *ts)
{
	size_t n;
	struct thread *const *threads = threads_all(ts->threads, &n);
	struct index interps = { 0 };
	enum why why = OK;

	for (size_t i = 0; i < n && why == OK; i++)
		if (!index_set(&interps, threads[i]->interp, i))
			why = find_of_interpreter(ts, threads[i]->interp);
	index_free(&interps);
	return why;
}

/* ---- what runs ---- */

void
tasks_note(struct tasks *ts, int tid, const raddr *addresses, const uint32_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ts->noted = grow(ts->noted, ts->n_noted, &ts->cap_noted, sizeof *ts->noted);
		ts->noted[ts->n_noted++] = (struct noted){ addresses[i], frames[i], tid, i == 0 };
	}
}

int
tasks_outermost(const struct tasks *ts, int tid, uint32_t *frame)
{
	for (size_t i = 0; i < ts->n_noted; i++)
		if (ts->noted[i].outermost && ts->noted[i].tid == tid) {
			*frame = ts->noted[i].frame;
			return 1;
		}
	return 0;
}

/* Gives a task that runs the stack that it is on: its own part of it. */
static int
place(struct tasks *ts, struct async_task *t)
{
	size_t at = 0;

	while (at < ts->n_noted && ts->noted[at].addr != t->leaf)
		at++;
	if (at == ts->n_noted)
		return 0;
	t->tid = ts->noted[at].tid;
	t->stack = PROFILE_ROOT;
	do {
		t->stack = profile_stack(ts->profile, t->stack, ts->noted[at].frame);
		t->leaf = ts->noted[at].addr;
	} while (++at < ts->n_noted && !ts->noted[at].outermost && t->stack != PROFILE_FAILED);
	return 1;
}

/* Places those that run; with restack they are looked at again, with all stacks.  How many are
 * on no stack that is known. */
static size_t
place_all(struct tasks *ts, void (*restack)(void *), void *context)
{
	size_t missing = 0;

	for (size_t i = 0; i < ts->n; i++) {
		struct async_task *t = &ts->tasks[i];

		if (t->state != TASK_RUNS || t->why != OK || t->tid || place(ts, t))
			continue;
		if (restack && !missing) {
			ts->n_noted = 0;
			restack(context);
		}
		if (restack)
			chains_read(ts->chains, t, 1);
		missing++;
	}
	return missing;
}

/* ---- all ---- */

/* Leaves out those that are done, and notes where each of the others is. */
static void
keep_pending(struct tasks *ts)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++) {
		struct async_task *t = &ts->tasks[i];

		if (t->why == OK && t->state == TASK_DONE)
			continue;
		if (t->why == OK && t->state == TASK_RUNS && !t->tid)
			t->why = TORN;
		if (t->stack == PROFILE_FAILED)
			t->why = DEEP;
		ts->tasks[n] = *t;
		index_set(&ts->by_addr, t->addr, n++);
	}
	ts->n = n;
}

enum why
tasks_read(struct tasks *ts, void (*restack)(void *), void *context)
{
	enum { PLACINGS = 5 };
	enum why why = find_all(ts);

	chains_read(ts->chains, ts->tasks, ts->n);
	for (int i = 0; i < PLACINGS && place_all(ts, restack, context); i++)
		;
	place_all(ts, NULL, NULL);
	keep_pending(ts);
	pages_forget(ts->pages);
	return why;
}

size_t
tasks_places(const struct tasks *ts)
{
	struct index places = { 0 };
	size_t n;

	for (size_t i = 0; i < ts->n; i++)
		index_set(&places, ts->tasks[i].stack, 0);
	n = places.n;
	index_free(&places);
	return n;
}

/* ---- one by one ---- */

int
tasks_learn(struct tasks *ts, raddr interp)
{
	pages_forget(ts->pages);
	if (learn(ts, interp))
		return -1;
	return form_is_told(ts->l) && ts->task_type && read_form(ts) != OK ? -1 : 0;
}

struct each {
	tasks_each *each;
	void *context;
};

static int
tell_value(void *context, raddr key, raddr value)
{
	const struct each *e = context;

	(void)key;
	return e->each(e->context, value);
}

/* From 3.14 on the dictionary has only those that are entered by functions written in Python. */
enum why
tasks_each_running(const struct tasks *ts, raddr tstate, tasks_each *each, void *context)
{
	raddr task = 0;
	enum why why = OK;

	if (form_is_told(ts->l) && ts->form.lists.running != ABSENT)
		why = object_read_pointer(ts->mem, ts->l, tstate + (raddr)ts->form.lists.running, &task);
	if (why == OK && task)
		each(context, task);
	if (why != OK || task)
		return why;
	return object_dict_each(ts->mem, ts->l, ts->values[RUNNING], tell_value,
	                        &(struct each){ each, context });
}

int
tasks_is_one(const struct tasks *ts, raddr object, struct async_task *t)
{
	raddr type;

	*t = (struct async_task){ .addr = object };
	return object && object_read_pointer(tasks_mem(ts), ts->l, object + (raddr)ts->l->object.type,
	                                     &type) == OK &&
	       is_of_tasks(ts, object, type, &t->python);
}

enum why
tasks_list(struct tasks *ts, raddr interp)
{
	ts->n = ts->n_found = 0;
	index_free(&ts->seen);
	pages_forget(ts->pages);
	return find_known(ts, interp);
}

raddr
tasks_coroutine(const struct tasks *ts, const struct async_task *t)
{
	raddr coro;

	return !t->python && object_read_pointer(tasks_mem(ts), ts->l,
	                                         t->addr + (raddr)ts->form.task.coro, &coro) == OK ?
	       coro : 0;
}

void
tasks_number_in(struct tasks *ts, struct profile *p)
{
	ts->stacks = p;
	chains_number_in(ts->chains, p);
}

const struct profile *
tasks_stacks(const struct tasks *ts)
{
	return ts->stacks;
}

struct chains *
tasks_chains(const struct tasks *ts)
{
	return ts->chains;
}

void
tasks_forget(const struct tasks *ts)
{
	pages_forget(ts->pages);
}

/* A str, or from 3.13 on the number of one that was given no name: CPython v3.13.0
 * Modules/_asynciomodule.c, _asyncio_Task_get_name_impl. */
void
tasks_name(const struct tasks *ts, const struct async_task *t, struct buf *out)
{
	char type[8] = "";
	size_t before = out->len, len;
	const char *name;
	uint64_t n;

	if (t->named) {
		name = profile_string_get(ts->stacks, t->named - 1, &len);
		buf_add(out, name, len);
		return;
	}
	if (t->name)
		object_type_name(tasks_mem(ts), ts->l, t->name, type, sizeof type);
	if (!strcmp(type, "str") && object_text(tasks_mem(ts), ts->l, t->name, out) == OK)
		return;
	out->len = before;
	buf_str(out, "Task");
	if (!strcmp(type, "int") && object_integer(tasks_mem(ts), ts->l, t->name, &n) == OK)
		buf_printf(out, "-%llu", (unsigned long long)n);
}
