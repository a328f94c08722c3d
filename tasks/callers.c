/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a task to the one that awaits it, and so on.
 *
 * A task tells who awaits it (parents.c), and what that one is doing is read as of any task
 * (chain.c): it has to wait for just the future that led there.  All that decides is read once
 * more in one call when all of it is known, and has to be the same; and as long as it is, so is
 * the whole, with no need to read anything else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "target.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"
#include "tasks/callers.h"

enum { DEEPEST = 64 /* tasks */, MOST_PIECES = MEM_MAX_VECS, MOST_NAME = 200 };

struct climb { /* from one task to the next */
	struct tasks *ts;
	struct profile *profile;
	const struct profile *scratch;
	const struct form *form;
	int ptr;
	struct callers *out;
	struct awaiters awaiters;
	raddr met[DEEPEST];
	size_t n_met;
};

void
callers_free(struct callers *c)
{
	free(c->frames);
	free(c->pieces);
	buf_free(&c->bytes);
	*c = (struct callers){ 0 };
}

void
callers_begin(struct callers *c)
{
	c->n = c->n_pieces = c->bytes.len = 0;
	c->lasting = 1;
}

/* ---- what decides ---- */

void
callers_decide(struct callers *c, raddr addr, const void *bytes, size_t len)
{
	c->pieces = grow(c->pieces, c->n_pieces, &c->cap_pieces, sizeof *c->pieces);
	c->pieces[c->n_pieces++] = (struct mem_vec){ addr, len };
	buf_add(&c->bytes, bytes, len);
}

void
callers_decide_all(struct callers *c, const struct mem_vec *pieces, size_t n,
                   const struct buf *bytes)
{
	const char *at = bytes->data;

	for (size_t i = 0; i < n; at += pieces[i++].len)
		callers_decide(c, pieces[i].addr, at, pieces[i].len);
}

/* A place that held that pointer when it was read. */
static void
add_word(const struct climb *k, raddr addr, raddr word)
{
	uint32_t narrow = (uint32_t)word;

	callers_decide(k->out, addr, k->ptr == 8 ? (void *)&word : (void *)&narrow, (size_t)k->ptr);
}

int
callers_hold(struct mem *mem, const struct callers *c)
{
	return many_hold(mem, c->pieces, c->n_pieces, &c->bytes);
}

/* A set: fill, used, mask, table. */
static enum why
add_set(const struct climb *k, raddr set)
{
	enum { WORDS = 4, MOST = WORDS * 8 };
	unsigned char words[MOST];
	size_t len = WORDS * (size_t)k->ptr;
	enum why why;

	set += (raddr)tasks_layout(k->ts)->object.head;
	why = mem_read(tasks_target(k->ts)->mem, set, words, len);
	callers_decide(k->out, set, words, len);
	return why;
}

/* What of a task decides who awaits it, and its name; of one that is written in Python that is
 * anywhere. */
static enum why
add_task_pieces(const struct climb *k, const struct async_task *t)
{
	const struct form *f = k->form;

	if (t->python) {
		k->out->lasting = 0;
		return OK;
	}
	if (f->task.name != ABSENT)
		add_word(k, t->addr + (raddr)f->task.name, t->name);
	if (f->task.awaited_by == ABSENT) {
		add_word(k, t->addr + (raddr)f->task.callback, t->callback);
		add_word(k, t->addr + (raddr)f->task.callbacks, t->callbacks);
		return OK;
	}
	add_word(k, t->addr + (raddr)f->task.awaited_by, t->awaited_by);
	callers_decide(k->out, t->addr + (raddr)f->task.awaited_by_set, &t->several,
	               sizeof t->several);
	return t->several ? add_set(k, t->awaited_by) : OK;
}

static void
add_future_pieces(const struct climb *k)
{
	const struct form *f = k->form;

	for (size_t i = 0; i < k->awaiters.n_via; i++) {
		struct via v = k->awaiters.via[i];

		add_word(k, v.future + (raddr)f->task.callback, v.callback);
		add_word(k, v.future + (raddr)f->task.callbacks, v.callbacks);
	}
}

/* That one is not done, and has that coroutine, which has that frame: up to 3.10 an object of its
 * own, which becomes another call's when that one has ended. */
static void
add_running_pieces(const struct climb *k, const struct async_task *t, raddr coro, raddr frame)
{
	const int32_t pending = 0;

	if (t->python)
		return;
	add_word(k, t->addr + (raddr)k->form->task.coro, coro);
	callers_decide(k->out, t->addr + (raddr)k->form->task.state, &pending, sizeof pending);
	if (tasks_layout(k->ts)->frames == FRAMES_HEAP)
		add_word(k, coro + (raddr)k->form->coro.frame, frame);
}

/* ---- names ---- */

void
callers_add(struct callers *c, uint32_t frame)
{
	c->frames = grow(c->frames, c->n, &c->cap, sizeof *c->frames);
	c->frames[c->n++] = frame;
}

size_t
callers_name_length(const char *name, size_t all)
{
	size_t len = all;

	while (len && name[len - 1] >= '0' && name[len - 1] <= '9')
		len--;
	while (len && len < all && strchr("-_ #:.", name[len - 1]))
		len--;
	return len < MOST_NAME ? len : MOST_NAME;
}

void
callers_add_name(struct callers *c, struct profile *p, const char *what, const char *name,
                 size_t len)
{
	struct buf text = { 0 };

	buf_str(&text, what);
	buf_add(&text, name, len);
	callers_add(c, profile_text(p, text.data, text.len));
	buf_free(&text);
}

/* "task worker": its name, or if it was given none ("Task-12") that of the outermost frame's
 * function. */
static void
add_name(const struct climb *k, const struct async_task *t, uint32_t outermost)
{
	static const char none[] = "Task";
	struct buf name = { 0 };
	const char *bytes;
	size_t len;

	tasks_name(k->ts, t, &name);
	bytes = name.data;
	len = callers_name_length(bytes, name.len);
	if (!len || (len == sizeof none - 1 && !memcmp(bytes, none, len)))
		bytes = profile_string_get(k->profile, profile_frame_get(k->profile, outermost).function,
		                           &len);
	callers_add_name(k->out, k->profile, "task ", bytes, len);
	buf_free(&name);
}

static void
add_several(const struct climb *k)
{
	struct buf text = { 0 };

	buf_printf(&text, "(awaited by %zu tasks)", k->awaiters.n);
	callers_add(k->out, profile_text(k->profile, text.data, text.len));
	buf_free(&text);
}

/* ---- from one to the next ---- */

static int
was_met(struct climb *k, raddr task)
{
	for (size_t i = 0; i < k->n_met; i++)
		if (k->met[i] == task)
			return 1;
	k->met[k->n_met++] = task;
	return 0;
}

/* Adds one that waits: what it is doing, the innermost frame first, and its name.  AGAIN: it does
 * not, or not for what it has to. */
static enum why
add_awaiter(struct climb *k, struct async_task *t)
{
	raddr future = t->waiter;
	uint32_t outermost = 0;
	struct chain_proof proof;

	chains_read(tasks_chains(k->ts), t, 1);
	if (t->why != OK)
		return (enum why)t->why;
	if ((t->state != TASK_WAITS && t->state != TASK_READY) || t->stack == PROFILE_ROOT ||
	    (future && t->waiter != future))
		return AGAIN;
	proof = chains_proof(tasks_chains(k->ts));
	callers_decide_all(k->out, proof.pieces, proof.n, proof.bytes);
	for (uint32_t s = t->stack; s != PROFILE_ROOT; s = profile_stack_parent(k->scratch, s))
		callers_add(k->out, outermost = profile_stack_frame(k->scratch, s));
	add_name(k, t, outermost);
	return add_task_pieces(k, t);
}

static enum why
climb(struct climb *k, struct async_task t)
{
	enum why why = OK;

	while (why == OK && k->n_met < DEEPEST) {
		parents_ask(k->ts, &t, &k->awaiters);
		add_future_pieces(k);
		k->out->lasting &= k->awaiters.n_via < LEN(k->awaiters.via);
		if (k->awaiters.n > 1)
			add_several(k);
		if (k->awaiters.n != 1)
			return OK;
		t = k->awaiters.tasks[0];
		if (was_met(k, t.addr))
			return CYCLE;
		why = add_awaiter(k, &t);
	}
	return why == OK ? DEEP : why == AGAIN ? TORN : why;
}

void
callers_turn(struct callers *c)
{
	uint32_t *frames = c->frames;

	for (size_t i = 0, n = c->n; i + 1 < n; i++, n--) {
		uint32_t first = frames[i];

		frames[i] = frames[n - 1];
		frames[n - 1] = first;
	}
}

static struct climb
begin(struct tasks *ts, struct profile *profile, const struct async_task *t, struct callers *out)
{
	struct climb k = { .ts = ts, .profile = profile, .scratch = tasks_stacks(ts),
	                   .form = tasks_form(ts), .ptr = tasks_layout(ts)->ptr, .out = out };

	callers_begin(out);
	was_met(&k, t->addr);
	return k;
}

/* Climbs to the end, and proves all of it. */
static enum why
conclude(struct climb *k, const struct async_task *t)
{
	struct callers *c = k->out;
	enum why why = climb(k, *t);

	callers_turn(c);
	if (why == OK && c->n_pieces > MOST_PIECES)
		why = DEEP;
	return why != OK ? why : callers_hold(tasks_target(k->ts)->mem, c) ? OK : TORN;
}

enum why
callers_read(struct tasks *ts, struct profile *profile, const struct async_task *t, raddr coro,
             raddr frame, uint32_t outermost, struct callers *out)
{
	struct climb k = begin(ts, profile, t, out);
	enum why why;

	add_running_pieces(&k, t, coro, frame);
	why = add_task_pieces(&k, t);
	add_name(&k, t, outermost);
	out->name = out->frames[out->n - 1];
	return why == OK ? conclude(&k, t) : why;
}

enum why
callers_read_waiting(struct tasks *ts, struct profile *profile, struct async_task *t,
                     struct callers *out)
{
	struct climb k = begin(ts, profile, t, out);
	enum why why = add_awaiter(&k, t);

	if (why == OK && t->state != TASK_WAITS)
		return AGAIN;
	if (why != OK)
		return why;
	out->name = out->frames[out->n - 1];
	return conclude(&k, t);
}
