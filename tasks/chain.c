/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of coroutines, many at a time: in each round every chain asks for one piece of memory,
 * and all of these are read in one call.
 *
 * Up to 3.10 a coroutine points to its frame; from 3.11 on that is a part of it.  What a
 * suspended one awaits is on top of its evaluation stack (3.15: below what was sent to it):
 * CPython v3.9.0 and later Objects/genobject.c, _PyGen_yf; v3.15.0 Objects/genobject.c,
 * gen_getyieldfrom.  That goes on through what an `await` wraps around others: Objects/genobject.c,
 * PyCoroWrapper, PyAsyncGenASend, PyAsyncGenAThrow; Objects/iterobject.c, anextawaitableobject.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "code.h"
#include "codes.h"
#include "values/shapes.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/rest.h"
#include "tasks/chain.h"

enum {
	TOGETHER = 128,        /* chains that are followed at a time */
	MOST_FRAMES = 1 << 16, /* of a chain, with wrappers */
	MOST_BYTES = 16 << 20, /* that decide, of all chains that are followed at a time */
	KEPT = 1 << 12,        /* of what a chain has, from one to the next */
	ROOM = 640,            /* bytes for what a chain asks for */
	NAMED = 160,           /* of an object that is a name */
	SLOTS = 8,             /* of a stack, that are read with a coroutine */
	INT = 4,
	TYPES = 64,            /* that are remembered */
	BASES = 8,             /* of one that are looked at */
	TRIES = 5,
};

enum kind { /* of what is awaited */
	KIND_COROUTINE,
	KIND_GENERATOR,
	KIND_ASYNC_GENERATOR,
	KIND_WRAPPER, /* its first member is awaited in its place */
	KIND_FUTURE,  /* of the C module, tasks and what is derived from them, too */
	KIND_OTHER,
	KIND_TEXT, KIND_NUMBER, /* which name a task */
};

struct link {
	raddr code, frame;
	uint64_t instr;
	uint32_t copy;
};

enum asking { FOR_TASK, FOR_NAME, FOR_OBJECT, FOR_FRAME, FOR_SLOT, FOR_WAITER, FOR_NOTHING };

struct chain {
	struct async_task *task;
	enum asking asking;
	raddr at; /* what for */
	int cut;  /* no further than to the end of a page */
	raddr noted; /* what was asked for when something of it was noted last */
	raddr passed; /* an object on the way, to find out whether it goes in a circle; */
	unsigned steps; /* how many there were */
	enum kind kind; /* of the object */
	raddr generator; /* whose frame is asked for */
	raddr coro;      /* the task's */
	struct link *links;
	size_t n_links, cap_links;
	struct mem_vec *pieces; /* that have to be the same at the end; */
	size_t n_pieces, cap_pieces;
	struct buf bytes;       /* what they were */
	unsigned char room[ROOM];
};

struct chains {
	int pid;
	struct mem *mem, *paged;
	const struct layout *l;
	const struct shape *shape;
	const struct form *form;
	struct profile *profile;
	int keeps_names; /* else each would be one more string, without end */
	struct codes *codes;
	struct type_kind_of {
		raddr type;
		enum kind kind;
	} types[TYPES];
	size_t n_bytes; /* of all chains */
	struct chain chains[TOGETHER];
};

struct chains *
chains_new(int pid, struct mem *mem, struct mem *paged, const struct layout *l,
           const struct shape *shape, const struct form *form, struct profile *profile,
           struct codes *codes)
{
	struct chains *c = xcalloc(1, sizeof *c);

	c->pid = pid;
	c->mem = mem;
	c->paged = paged;
	c->l = l;
	c->shape = shape;
	c->form = form;
	c->profile = profile;
	c->keeps_names = 1;
	c->codes = codes;
	return c;
}

static void
forget(struct chain *ch)
{
	free(ch->links);
	free(ch->pieces);
	buf_free(&ch->bytes);
	*ch = (struct chain){ .task = ch->task };
}

void
chains_free(struct chains *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < TOGETHER; i++)
		forget(&c->chains[i]);
	free(c);
}

/* ---- what was read ---- */

static void
end(struct chain *ch, enum why why)
{
	ch->asking = FOR_NOTHING;
	ch->task->why = (unsigned char)why;
}

static void
ask(struct chain *ch, enum asking asking, raddr at)
{
	ch->asking = asking;
	ch->at = at;
	ch->cut = 0;
}

/* Notes that len bytes at that offset of what was asked for decide, and what is between them and
 * those that were noted last of it. */
static void
note(struct chains *c, struct chain *ch, int offset, int len)
{
	struct mem_vec *last = ch->n_pieces ? &ch->pieces[ch->n_pieces - 1] : NULL;
	int from = last && last->addr >= ch->at ? (int)(last->addr - ch->at + last->len) : ROOM;

	if (from <= offset && ch->noted == ch->at) {
		last->len += (size_t)(offset + len - from);
	} else {
		ch->pieces = grow(ch->pieces, ch->n_pieces, &ch->cap_pieces, sizeof *ch->pieces);
		ch->pieces[ch->n_pieces++] = (struct mem_vec){ ch->at + (raddr)offset, (size_t)len };
		from = offset;
	}
	ch->noted = ch->at;
	buf_add(&ch->bytes, ch->room + from, (size_t)(offset + len - from));
	c->n_bytes += (size_t)(offset + len - from);
}

static raddr
word(const struct chains *c, const struct chain *ch, int offset)
{
	return object_pointer(c->l, ch->room + offset);
}

static int
number(const struct chain *ch, int offset)
{
	int32_t n;

	memcpy(&n, ch->room + offset, sizeof n);
	return n;
}

/* ---- tasks ---- */

static void
take_task(struct chains *c, struct chain *ch)
{
	const struct form *f = c->form;
	struct async_task *t = ch->task;

	t->loop = word(c, ch, f->task.loop);
	t->callback = word(c, ch, f->task.callback);
	t->callbacks = word(c, ch, f->task.callbacks);
	t->waiter = word(c, ch, f->task.waiter);
	t->name = f->task.name == ABSENT ? 0 : word(c, ch, f->task.name);
	t->cancelled = (ch->room[f->task.cancel] & f->task.cancel_bit) != 0;
	t->state = number(ch, f->task.state) ? TASK_DONE : t->waiter ? TASK_WAITS : TASK_READY;
	if (f->task.awaited_by != ABSENT) {
		t->awaited_by = word(c, ch, f->task.awaited_by);
		t->several = ch->room[f->task.awaited_by_set];
	}
	note(c, ch, f->task.state, f->task.coro + c->l->ptr - f->task.state);
	ch->coro = word(c, ch, f->task.coro);
	if (t->state == TASK_DONE)
		end(ch, OK);
	else if (t->name && c->keeps_names)
		ask(ch, FOR_NAME, t->name);
	else
		ask(ch, FOR_OBJECT, ch->coro);
}

static int
is_of_type(const struct chains *c, raddr object, const char *name)
{
	char type[16];

	return object_type_name(c->mem, c->l, object, type, sizeof type) == OK && !strcmp(type, name);
}

/* Reads the attributes of one that is written in Python; those are left alone that its class
 * has. */
static enum why
read_attributes(const struct chains *c, struct async_task *t, raddr *coro)
{
	static const char *const names[] = { "_coro", "_state", "_must_cancel", "_loop", "_name",
	                                     "_fut_waiter", "_callbacks",
	                                     "_Future__asyncio_awaited_by" };
	raddr v[LEN(names)] = { 0 };
	struct many_names wanted = { c->mem, c->l, names, LEN(names), v };
	struct buf text = { 0 };
	uint64_t truth = 0;
	enum why why = object_attribute_each(c->mem, c->l, t->addr, many_match, &wanted);

	if (why == OK && !v[0])
		why = BROKEN;
	if (why == OK && v[1])
		why = object_text(c->mem, c->l, v[1], &text);
	if (v[2] && object_integer(c->mem, c->l, v[2], &truth) == OK)
		t->cancelled = truth != 0;
	t->loop = v[3];
	t->name = v[4];
	t->waiter = v[5] && !is_of_type(c, v[5], "NoneType") ? v[5] : 0;
	t->callbacks = v[6];
	t->several = v[7] && is_of_type(c, v[7], "set");
	t->awaited_by = t->several ? v[7] : 0;
	t->state = text.len && strcmp(buf_terminate(&text), "PENDING") ? TASK_DONE :
	           t->waiter ? TASK_WAITS : TASK_READY;
	buf_free(&text);
	*coro = v[0];
	return why;
}

static void
begin(struct chains *c, struct chain *ch, struct async_task *t)
{
	raddr coro;
	enum why why;

	ch->task = t;
	ch->n_links = ch->n_pieces = ch->bytes.len = 0;
	ch->noted = ch->passed = ch->steps = 0;
	t->begun = 1;
	t->cancelled = t->several = 0;
	t->named = 0;
	t->waiter = t->leaf = t->awaited_by = t->callback = t->callbacks = 0;
	ask(ch, FOR_TASK, t->addr);
	if (!t->python)
		return;
	why = read_attributes(c, t, &coro);
	if (why != OK || t->state == TASK_DONE)
		end(ch, why);
	else
		ask(ch, FOR_OBJECT, coro);
}

/* ---- coroutines ---- */

static enum kind
kind_named(const char *name)
{
	static const struct { const char *name; enum kind kind; } known[] = {
		{ "coroutine", KIND_COROUTINE }, { "generator", KIND_GENERATOR },
		{ "async_generator", KIND_ASYNC_GENERATOR }, { "coroutine_wrapper", KIND_WRAPPER },
		{ "async_generator_asend", KIND_WRAPPER },
		{ "async_generator_athrow", KIND_WRAPPER }, { "anext_awaitable", KIND_WRAPPER },
		{ "_asyncio.Future", KIND_FUTURE }, { "str", KIND_TEXT }, { "int", KIND_NUMBER },
	};

	for (size_t i = 0; i < LEN(known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].kind;
	return KIND_OTHER;
}

static enum kind
kind_of(struct chains *c, raddr type)
{
	struct type_kind_of *known = &c->types[hash_words(type, 0) % TYPES], new = { type, KIND_OTHER };
	char name[32] = "";
	raddr at;

	if (known->type == type)
		return known->kind;
	for (int i = 0; i < BASES && type && new.kind == KIND_OTHER; i++) {
		if (object_read_pointer(c->paged, c->l, type + (raddr)c->l->type.name, &at) != OK ||
		    mem_read_string(c->paged, at, name, sizeof name) != OK ||
		    object_read_pointer(c->paged, c->l, type + (raddr)c->shape->type_base, &type) != OK)
			return KIND_OTHER;
		new.kind = kind_named(name);
	}
	*known = new;
	return known->kind;
}

int
chains_is_future(struct chains *c, raddr object)
{
	raddr type;

	return object_read_pointer(c->paged, c->l, object + (raddr)c->l->object.type, &type) == OK &&
	       kind_of(c, type) == KIND_FUTURE;
}

/* Notes the text of one that is ASCII, with the zero byte at its end, and takes it.  Of a str the
 * hash may be set at any time, so what is before that does not decide. */
static void
take_text(struct chains *c, struct chain *ch, int len, struct buf *text)
{
	const struct layout *l = c->l;
	unsigned first = (unsigned)l->unicode.kind_at;
	uint32_t state = (uint32_t)number(ch, l->unicode.state);
	uint64_t length = word(c, ch, l->unicode.length);
	int is_plain = state >> (first + 3) & 1 && state >> (first + 4) & 1 &&
	               length < (uint64_t)(len - l->unicode.ascii);

	note(c, ch, l->unicode.state, (is_plain ? l->unicode.ascii + (int)length + 1 : len) -
	                              l->unicode.state);
	if (is_plain)
		buf_add(text, ch->room + l->unicode.ascii, (size_t)length);
	else if (object_text(c->mem, l, ch->at, text) != OK)
		text->len = 0;
}

/* See tasks_name(). */
static void
take_name(struct chains *c, struct chain *ch, int len)
{
	int head = c->l->object.head, number_end = c->l->integer.digits + 8;
	enum kind kind = len < head ? KIND_OTHER : kind_of(c, word(c, ch, c->l->object.type));
	struct buf text = { 0 };
	uint64_t n;

	if (kind == KIND_TEXT && len > c->l->unicode.ascii) {
		take_text(c, ch, len, &text);
	} else if (kind == KIND_NUMBER && len >= number_end &&
	           object_integer_of(c->l, ch->room, &n) == OK) {
		note(c, ch, head, number_end - head);
		buf_printf(&text, "Task-%llu", (unsigned long long)n);
	}
	if (text.len)
		ch->task->named = 1 + profile_string(c->profile, text.data, text.len);
	buf_free(&text);
	ask(ch, FOR_OBJECT, ch->coro);
}

/* Goes on with what is awaited, an object or nothing.  Of what goes in a circle one object is
 * come to again that was remembered, as each is whose number is a power of two. */
static void
go_on(const struct chains *c, struct chain *ch, raddr slot)
{
	raddr object = slot & ~(raddr)c->l->tags;

	if (!object) {
		end(ch, OK);
		return;
	}
	if (ch->steps >= MOST_FRAMES || c->n_bytes >= MOST_BYTES)
		end(ch, DEEP);
	else if (object == ch->passed)
		end(ch, CYCLE);
	else
		ask(ch, FOR_OBJECT, object);
	if (!(ch->steps & (ch->steps + 1)))
		ch->passed = object;
	ch->steps++;
}

/* It executes: as what the task runs, or, within what is suspended, for somebody else, or
 * meanwhile. */
static void
note_running(struct chain *ch)
{
	if (ch->n_links == 1)
		ch->task->state = TASK_RUNS;
	end(ch, ch->n_links == 1 ? OK : TORN);
}

static struct link *
add_link(struct chain *ch)
{
	ch->links = grow(ch->links, ch->n_links, &ch->cap_links, sizeof *ch->links);
	return memset(&ch->links[ch->n_links++], 0, sizeof *ch->links);
}

/* Whether a generator that is suspended awaits something, by its next instruction: up to 3.10
 * that delegates, in 3.11 and 3.12 it is one that says what is resumed. */
static int
delegates(const struct chains *c, const struct chain *ch)
{
	enum { PLAIN = 2 };
	const struct link *link = &ch->links[ch->n_links - 1];
	unsigned char unit[2] = { 0 };
	raddr at = link->instr + sizeof unit;

	if (ch->kind == KIND_COROUTINE)
		return 1;
	if (c->form->frame.code != ABSENT) {
		if (object_read_pointer(c->mem, c->l, link->code + (raddr)c->form->frame.code, &at) != OK)
			return 0;
		at += (raddr)c->l->bytes.data +
		      (c->l->instr == INSTR_UNITS ? link->instr * 2 : link->instr) + sizeof unit;
	}
	if (mem_read(c->mem, at, unit, sizeof unit) != OK)
		return 0;
	return c->form->frame.code != ABSENT ? unit[0] == c->form->frame.delegates : unit[1] >= PLAIN;
}

/* Where the top of the stack of a frame is that is a part of what was read, 0: nowhere. */
static raddr
stack_top(const struct chains *c, const struct chain *ch, int frame)
{
	const struct layout *l = c->l;
	int index;

	if (l->live == LIVE_STACKPOINTER)
		return word(c, ch, frame + l->frame.live);
	index = number(ch, frame + l->frame.live);
	return index <= 0 || index > MOST_FRAMES ? 0 :
	       ch->at + (raddr)(frame + l->frame.locals) + (raddr)index * (raddr)l->ptr;
}

/* Notes all of a coroutine with its frame that decides. */
static void
note_frame(struct chains *c, struct chain *ch)
{
	int state = c->form->coro.state;

	note(c, ch, state, c->form->coro.frame + c->l->frame.locals - state);
}

/* Reads what is awaited off the stack.  Of what was read, len bytes, that decides which is from
 * one offset to the other, and the place on the stack, if that is a part of it. */
static void
take_slot(struct chains *c, struct chain *ch, raddr top, int from, int to, int len)
{
	raddr at = top - (raddr)(c->form->coro.depth * c->l->ptr), after = at - ch->at;
	int within = after >= (raddr)to && after < (raddr)len && after + (raddr)c->l->ptr <= (raddr)len;

	if (!top) {
		end(ch, TORN);
		return;
	}
	note(c, ch, from, to - from);
	if (within) {
		note(c, ch, (int)after, c->l->ptr);
		go_on(c, ch, word(c, ch, (int)after));
	} else {
		ask(ch, FOR_SLOT, at);
	}
}

/* One from 3.11 on, whose frame is a part of it. */
static void
take_coroutine(struct chains *c, struct chain *ch, int len)
{
	const struct form *f = c->form;
	const struct layout *l = c->l;
	int frame = f->coro.frame, state = (signed char)ch->room[f->coro.state];
	struct link *link = add_link(ch);

	link->code = word(c, ch, frame + l->frame.code) & ~(raddr)l->tags;
	link->instr = word(c, ch, frame + l->frame.instr);
	link->frame = ch->at + (raddr)frame;
	if (l->frame.tlbc != ABSENT)
		link->copy = (uint32_t)number(ch, frame + l->frame.tlbc);
	if (state == f->coro.executes) {
		note(c, ch, f->coro.state, 1);
		note_running(ch);
	} else if (state == f->coro.created) {
		note_frame(c, ch);
		ch->task->begun = ch->n_links > 1;
		end(ch, OK);
	} else if (state == f->coro.delegates || state == f->coro.locked ||
	           (state == f->coro.suspended && delegates(c, ch))) {
		take_slot(c, ch, stack_top(c, ch, frame), f->coro.state, frame + l->frame.locals,
		          len);
	} else if (state == f->coro.yields || state == f->coro.suspended) {
		note_frame(c, ch);
		end(ch, OK);
	} else { /* it has ended */
		end(ch, TORN);
	}
}

/* One up to 3.10: no frame is left of it when it has ended. */
static void
take_generator(struct chains *c, struct chain *ch)
{
	raddr frame = word(c, ch, c->form->coro.frame);

	ch->generator = ch->at;
	if (frame)
		ask(ch, FOR_FRAME, frame);
	else
		end(ch, TORN);
}

/* And its frame, which points back as long as it is that.  3.10 has a number for where the stack
 * ends, and says what it does; before that there is a pointer, if it does not execute. */
static void
take_frame(struct chains *c, struct chain *ch, int len)
{
	const struct form *f = c->form;
	const struct layout *l = c->l;
	const struct shape *s = c->shape;
	int depth = s->frame.top_is_depth ? number(ch, s->frame.top) : 0;
	raddr top = word(c, ch, s->frame.top_is_depth ? s->frame.stack : s->frame.top);
	int runs = f->frame.state == ABSENT ? !top :
	           (signed char)ch->room[f->frame.state] == f->coro.executes;
	struct link *link;

	if (len < f->frame.size) {
		end(ch, FAULT);
		return;
	}
	link = add_link(ch);
	link->code = word(c, ch, l->frame.code);
	link->instr = (uint64_t)(int64_t)number(ch, l->frame.instr);
	link->frame = ch->at;
	if (word(c, ch, f->frame.generator) != ch->generator || runs) {
		note(c, ch, l->frame.code, l->ptr);
		note_running(ch);
		if (word(c, ch, f->frame.generator) != ch->generator)
			end(ch, TORN);
		return;
	}
	if (number(ch, l->frame.instr) >= 0 && delegates(c, ch)) {
		top += depth > 0 && depth <= MOST_FRAMES ? (raddr)(depth * l->ptr) : 0;
		take_slot(c, ch, top, l->frame.code, f->frame.size, len);
		return;
	}
	note(c, ch, l->frame.code, f->frame.size - l->frame.code);
	ch->task->begun = number(ch, l->frame.instr) >= 0 || ch->n_links > 1;
	end(ch, OK);
}

static void
take_object(struct chains *c, struct chain *ch, int len)
{
	const struct layout *l = c->l;
	int first = l->object.head;

	if (len < first + l->ptr) {
		end(ch, FAULT);
		return;
	}
	ch->kind = kind_of(c, word(c, ch, l->object.type));
	if (ch->kind == KIND_WRAPPER) {
		note(c, ch, l->object.type, first + l->ptr - l->object.type);
		go_on(c, ch, word(c, ch, first));
	} else if (ch->kind >= KIND_FUTURE) {
		if (!ch->n_links) /* somebody's own idea of a coroutine */
			end(ch, BROKEN);
		else
			end(ch, OK);
	} else if (c->form->coro.state == ABSENT) {
		take_generator(c, ch);
	} else if (len < c->form->coro.frame + l->frame.locals) {
		end(ch, FAULT);
	} else {
		take_coroutine(c, ch, len);
	}
}

/* ---- futures ---- */

/* That what a task waits for is done it learns when the loop comes to it. */
static void
take_waiter(struct chains *c, struct chain *ch)
{
	int type = c->l->object.type, state = c->form->task.state, done = 0;
	struct buf text = { 0 };
	raddr str;

	note(c, ch, type, state + INT - type);
	if (kind_of(c, word(c, ch, type)) == KIND_FUTURE)
		done = number(ch, state);
	else if (object_attribute(c->mem, c->l, ch->at, "_state", &str) == OK &&
	         object_text(c->mem, c->l, str, &text) == OK)
		done = strcmp(buf_terminate(&text), "PENDING");
	if (done)
		ch->task->state = TASK_READY;
	buf_free(&text);
	end(ch, OK);
}

/* ---- rounds ---- */

static int
asked_for(const struct chains *c, const struct chain *ch)
{
	enum { PAGE = 4096 };
	const struct layout *l = c->l;
	int rest = PAGE - (int)(ch->at % PAGE), most = l->ptr;

	if (ch->asking == FOR_TASK)
		most = c->form->task.size;
	else if (ch->asking == FOR_NAME)
		most = NAMED;
	else if (ch->asking == FOR_FRAME)
		most = c->shape->frame.locals + SLOTS * l->ptr;
	else if (ch->asking == FOR_WAITER)
		most = c->form->task.state + INT;
	else if (ch->asking == FOR_OBJECT)
		most = c->form->coro.state == ABSENT ? l->object.head + l->ptr :
		       c->form->coro.frame + l->frame.locals + SLOTS * l->ptr;
	most = most < ROOM ? most : ROOM;
	return ch->cut && rest < most ? rest : most;
}

/* What comes of what a chain asked for: len bytes of it. */
static void
take(struct chains *c, struct chain *ch, int len)
{
	switch (ch->asking) {
	case FOR_TASK:
		take_task(c, ch);
		break;
	case FOR_NAME:
		take_name(c, ch, len);
		break;
	case FOR_FRAME:
		take_frame(c, ch, len);
		break;
	case FOR_SLOT:
		note(c, ch, 0, len);
		go_on(c, ch, word(c, ch, 0));
		break;
	case FOR_WAITER:
		take_waiter(c, ch);
		return;
	default:
		take_object(c, ch, len);
	}
	if (ch->asking == FOR_NOTHING && ch->task->why == OK && ch->task->state == TASK_WAITS)
		ask(ch, FOR_WAITER, ch->task->waiter);
}

/* Has each of the chains read what it asks for: 0 if none does. */
static int
read_round(struct chains *c, size_t n)
{
	struct mem_vec v[TOGETHER] = { 0 };
	struct iovec to[TOGETHER] = { 0 };
	unsigned char ok[TOGETHER];
	struct chain *asking[TOGETHER];
	size_t n_asking = 0;

	for (size_t i = 0; i < n; i++) {
		struct chain *ch = &c->chains[i];
		size_t len = (size_t)asked_for(c, ch);

		if (ch->asking == FOR_NOTHING)
			continue;
		v[n_asking] = (struct mem_vec){ ch->at, len };
		to[n_asking] = (struct iovec){ ch->room, len };
		asking[n_asking++] = ch;
	}
	many_read(c->mem, v, to, n_asking, ok);
	for (size_t i = 0; i < n_asking; i++)
		if (ok[i])
			take(c, asking[i], (int)v[i].len);
		else if (!asking[i]->cut &&
		         (asking[i]->asking == FOR_OBJECT || asking[i]->asking == FOR_FRAME ||
		          asking[i]->asking == FOR_NAME))
			asking[i]->cut = 1; /* just its end may not be mapped */
		else
			end(asking[i], FAULT);
	return n_asking > 0;
}

/* ---- proof ---- */

static int
is_found(const struct chain *ch)
{
	return ch->task->why == OK && ch->task->state != TASK_DONE;
}

/* Makes sure that the code objects are known as they are. */
static enum why
know_codes(struct chains *c, size_t n)
{
	codes_begin(c->codes);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < c->chains[i].n_links && is_found(&c->chains[i]); k++)
			codes_add(c->codes, c->chains[i].links[k].code);
	return codes_settle(c->codes, TRIES);
}

static void
prove(struct chains *c, size_t n)
{
	struct many_proof proofs[TOGETHER];
	unsigned char owners[TOGETHER];
	size_t n_proofs = 0;

	for (size_t i = 0; i < n; i++) {
		const struct chain *ch = &c->chains[i];

		if (!is_found(ch))
			continue;
		owners[n_proofs] = (unsigned char)i;
		proofs[n_proofs++] = (struct many_proof){ ch->pieces, ch->n_pieces, &ch->bytes, 0 };
	}
	many_prove(c->mem, proofs, n_proofs);
	for (size_t i = 0; i < n_proofs; i++)
		if (!proofs[i].holds)
			c->chains[owners[i]].task->why = TORN;
}

/* ---- in words ---- */

static enum why
name_links(struct chains *c, const struct chain *ch)
{
	uint32_t stack = PROFILE_ROOT;

	for (size_t i = 0; i < ch->n_links; i++) {
		const struct link *link = &ch->links[i];
		struct code *code = codes_find(c->codes, link->code);
		int64_t offset = code ? code_offset(c->mem, c->l, code, link->instr, link->copy) : 0;

		if (!code || !code_offset_valid(code, offset))
			return TORN;
		stack = profile_stack(c->profile, stack, codes_frame(c->codes, code, offset));
		if (stack == PROFILE_FAILED)
			return DEEP;
	}
	ch->task->stack = stack;
	return OK;
}

/* Whether the attributes are what they were, too. */
static void
check_attributes(struct chains *c, struct chain *ch)
{
	struct async_task *t = ch->task, now = *t;
	raddr coro;

	t->why = (unsigned char)read_attributes(c, &now, &coro);
	if (t->why == OK && (now.waiter != t->waiter || now.state == TASK_DONE))
		t->why = TORN;
}

static void
conclude(struct chains *c, struct chain *ch)
{
	struct async_task *t = ch->task;

	if (!is_found(ch))
		return;
	if (ch->n_links)
		t->leaf = ch->links[ch->n_links - 1].frame;
	t->stack = PROFILE_ROOT;
	if (t->state != TASK_RUNS)
		t->why = (unsigned char)name_links(c, ch);
	if (t->python && t->why == OK)
		check_attributes(c, ch);
}

/* Reads n tasks, that many at a time. */
static void
read_together(struct chains *c, struct async_task *const *tasks, size_t n, struct rest *rest)
{
	enum why why;

	c->n_bytes = 0;
	rest_begin(rest);
	for (size_t i = 0; i < n; i++) {
		if (c->chains[i].cap_links > KEPT)
			forget(&c->chains[i]);
		tasks[i]->why = OK;
		begin(c, &c->chains[i], tasks[i]);
	}
	while (read_round(c, n))
		;
	why = know_codes(c, n);
	if (!rest_holds(rest))
		prove(c, n);
	for (size_t i = 0; i < n; i++) {
		if (why != OK && is_found(&c->chains[i]))
			tasks[i]->why = (unsigned char)why;
		conclude(c, &c->chains[i]);
	}
}

/* Those that moved meanwhile, or were kept from being read by others, once more by themselves. */
static void
read_alone(struct chains *c, struct async_task *t)
{
	for (int i = 0; i < TRIES && t->why != OK && t->why != GONE && t->why != DENIED; i++)
		read_together(c, &t, 1, NULL);
}

void
chains_read(struct chains *c, struct async_task *tasks, size_t n)
{
	enum { MANY = 32 };
	struct async_task *some[TOGETHER];
	struct rest *rest = n < MANY ? NULL : rest_new(c->pid);

	for (size_t i = 0; i < n; i += TOGETHER) {
		size_t most = n - i < TOGETHER ? n - i : TOGETHER;

		for (size_t k = 0; k < most; k++)
			some[k] = &tasks[i + k];
		read_together(c, some, most, rest);
		for (size_t k = 0; k < most; k++)
			read_alone(c, some[k]);
	}
	rest_free(rest);
}

struct chain_proof
chains_proof(const struct chains *c)
{
	const struct chain *ch = &c->chains[0];
	struct chain_proof p = { ch->pieces, ch->n_pieces, &ch->bytes, ch->coro, 0, 0 };

	if (ch->n_links) {
		p.frame = ch->links[0].frame;
		p.code = ch->links[0].code;
	}
	return p;
}

void
chains_number_in(struct chains *c, struct profile *p)
{
	c->profile = p;
	c->keeps_names = 0;
}
