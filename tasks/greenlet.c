/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a greenlet has.  Up to 1.x that is in the object: greenlet 0.4.17 and 1.1.3
 * src/greenlet/greenlet.h, PyGreenlet.  Later it points to an object of C++, which points back
 * to it: 2.0.2 and 3.0.3 src/greenlet/greenlet_greenlet.hpp, 3.1.1 to 3.5.3
 * src/greenlet/TGreenlet.hpp, Greenlet.  That has, in pointers: the table of its virtual
 * functions, from 3.1.1 on the way back, the exceptions that are being handled, two arguments,
 * then where its stack is, the context, and the frame that switched away.
 *
 * The state, in both: it has begun once the end of its stack is known, is over once its beginning
 * is not any more, and runs if it has no frame.
 *
 * From 3.12 on frames lead to each other past those that were on the C stack, as long as the
 * greenlet is suspended: greenlet 3.0.3 src/greenlet/TGreenlet.cpp, expose_frames.  Just before
 * and just after they lead through them, which are on the stack then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "code.h"
#include "codes.h"
#include "tasks/many.h"
#include "tasks/greenlet.h"

enum { MOST_FRAMES = 1 << 16, MOST_FRAME = 512 /* bytes */, TRIES = 60 };

/* Words from where the stack's beginning is. */
enum word { START, STOP, COPY, SAVED, PREVIOUS, CONTEXT, TOP, WORDS };
enum { DIRECT_TOP = 7, DIRECT_WORDS };

struct link {
	raddr code;
	uint64_t instr;
	uint32_t copy;
	int generator; /* whose frame it is */
};

/* Memory around what earlier tries have read, as most likely this one needs some of it again: read
 * at once that is of a moment, where a greenlet that moves all the time is somewhere else by the
 * time that one frame has led to the next. */
enum { MOST_SPANS = 24, MOST_SPAN = 4096, AROUND = 512 };

struct ahead {
	struct mem_vec spans[MOST_SPANS];
	size_t n, whole;      /* so many of them could be read, */
	unsigned char *bytes; /* one after another */
};

struct reading {
	const struct green_reader *r;
	struct greenlet *g;
	struct link *links; /* innermost first */
	size_t n, cap;
	struct mem_vec *pieces; /* that have to be the same at the end; */
	size_t n_pieces, cap_pieces;
	struct buf bytes;       /* and what they are */
	struct ahead *ahead;
};

/* Has the next try read what is around a piece. */
static void
note_around(struct ahead *a, struct mem_vec piece)
{
	raddr from = piece.addr & ~(raddr)(AROUND - 1);
	raddr to = (piece.addr + piece.len + AROUND - 1) & ~(raddr)(AROUND - 1);
	size_t i = 0;

	while (i < a->n && (to < a->spans[i].addr || from > a->spans[i].addr + a->spans[i].len))
		i++;
	if (i < a->n) {
		raddr end = a->spans[i].addr + a->spans[i].len;

		from = from < a->spans[i].addr ? from : a->spans[i].addr;
		to = to > end ? to : end;
	}
	if (i == MOST_SPANS || to - from > MOST_SPAN)
		return;
	a->n += i == a->n;
	a->spans[i] = (struct mem_vec){ from, (size_t)(to - from) };
}

static void
read_ahead(struct mem *mem, struct ahead *a)
{
	size_t done = 0, len = 0;

	for (size_t i = 0; i < a->n; i++)
		len += a->spans[i].len;
	if (!len)
		return;
	a->bytes = xrealloc(a->bytes, len, 1);
	mem_readv(mem, a->spans, a->n, a->bytes, &done);
	for (a->whole = 0, len = 0; a->whole < a->n; a->whole++)
		if ((len += a->spans[a->whole].len) > done)
			break;
}

/* Takes a piece from what was read ahead.  0: it is not there. */
static int
take_ahead(const struct ahead *a, raddr at, void *to, size_t len)
{
	const unsigned char *p = a->bytes;

	for (size_t i = 0; i < a->whole; p += a->spans[i++].len) {
		raddr off = at - a->spans[i].addr;

		if (off > a->spans[i].len || len > a->spans[i].len - off)
			continue;
		memcpy(to, p + off, len);
		return 1;
	}
	return 0;
}

static enum why
read_noted(struct reading *rd, raddr at, void *to, size_t len)
{
	enum why why = take_ahead(rd->ahead, at, to, len) ? OK : mem_read(rd->r->mem, at, to, len);

	if (why != OK)
		return why;
	rd->pieces = grow(rd->pieces, rd->n_pieces, &rd->cap_pieces, sizeof *rd->pieces);
	rd->pieces[rd->n_pieces++] = (struct mem_vec){ at, len };
	buf_add(&rd->bytes, to, len);
	return OK;
}

static enum why
read_pointer(struct reading *rd, raddr at, raddr *out)
{
	unsigned char bytes[8];
	enum why why = read_noted(rd, at, bytes, (size_t)rd->r->l->ptr);

	if (why == OK)
		*out = object_pointer(rd->r->l, bytes);
	return why;
}

/* ---- frames ---- */

static int
number(const unsigned char *p)
{
	int32_t n;

	memcpy(&n, p, sizeof n);
	return n;
}

static void
add_link(struct reading *rd, raddr at, const unsigned char *bytes)
{
	const struct layout *l = rd->r->l;
	struct link *link;

	if (rd->n < GREENLET_TOP)
		rd->g->top[rd->n] = at;
	rd->links = grow(rd->links, rd->n, &rd->cap, sizeof *rd->links);
	link = &rd->links[rd->n++];
	*link = (struct link){ .code = object_pointer(l, bytes + l->frame.code) & ~(raddr)l->tags };
	link->instr = l->instr == INSTR_PTR ? object_pointer(l, bytes + l->frame.instr) :
	                                      (uint64_t)(int64_t)number(bytes + l->frame.instr);
	if (l->frame.tlbc != ABSENT)
		link->copy = (uint32_t)number(bytes + l->frame.tlbc);
	link->generator = l->frame.owner != ABSENT &&
	                  (signed char)bytes[l->frame.owner] == l->frame.generator_owner;
}

/* Those that change meanwhile may lead back to where they were. */
static enum why
read_frames(struct reading *rd, raddr at)
{
	const struct layout *l = rd->r->l;
	unsigned char bytes[MOST_FRAME];
	raddr seen = 0;
	enum why why;
	/* What a frame object begins with changes whenever somebody looks at it. */
	int from = l->frames == FRAMES_HEAP ? l->object.head : 0;

	for (int i = 0; at; i++) {
		if (at == seen)
			return TORN;
		if (!(i & (i - 1)))
			seen = at;
		why = i < MOST_FRAMES && l->frame.size <= MOST_FRAME ?
		      read_noted(rd, at + (raddr)from, bytes + from, (size_t)(l->frame.size - from)) : DEEP;
		if (why != OK)
			return why;
		if (l->frame.owner == ABSENT || (signed char)bytes[l->frame.owner] < l->shim_owner)
			add_link(rd, at, bytes);
		at = object_pointer(l, bytes + l->frame.back);
	}
	return OK;
}

/* ---- in words ---- */

/* Makes sure that the code objects are known as they are. */
static enum why
know_codes(struct reading *rd)
{
	codes_begin(rd->r->codes);
	for (size_t i = 0; i < rd->n; i++)
		codes_add(rd->r->codes, rd->links[i].code);
	return codes_settle(rd->r->codes, TRIES);
}

static enum why
name_frames(struct reading *rd)
{
	const struct green_reader *r = rd->r;
	uint32_t stack = PROFILE_ROOT;

	for (size_t i = rd->n; i-- > 0;) {
		const struct link *link = &rd->links[i];
		struct code *code = codes_find(r->codes, link->code);
		int64_t offset = code ? code_offset(r->mem, r->l, code, link->instr, link->copy) : 0;

		if (!code || !code_offset_valid(code, offset))
			return TORN;
		if (!link->generator && code_not_begun(code, offset))
			continue;
		stack = profile_stack(r->profile, stack, codes_frame(r->codes, code, offset));
		if (stack == PROFILE_FAILED)
			return DEEP;
	}
	rd->g->stack = stack;
	return OK;
}

/* ---- one ---- */

raddr
green_words(const struct green_reader *r, raddr greenlet, int *before)
{
	const struct layout *l = r->l;
	int interpreter_frames = l->frames != FRAMES_HEAP;
	raddr at = greenlet + (raddr)l->object.head, self;

	*before = 0;
	if (r->direct)
		return at;
	if (object_read_pointer(r->mem, l, at + 2 * (raddr)l->ptr, &at) != OK || !at ||
	    object_read_pointer(r->mem, l, at + (raddr)l->ptr, &self) != OK)
		return 0;
	*before = (self == greenlet ? 4 : 3) + (interpreter_frames ? 3 : 5);
	return at;
}

/* Whether these can be what a greenlet says of its stack. */
static int
is_possible(const struct greenlet *g, const raddr w[DIRECT_WORDS], raddr highest)
{
	if (g->kind == GREENLET_MAIN)
		return w[START] && w[STOP] == highest;
	if (!w[STOP])
		return !w[START] && !w[COPY] && !w[SAVED];
	return !w[COPY] == !w[SAVED] && (!w[START] || (w[START] < w[STOP] &&
	       w[SAVED] <= w[STOP] - w[START]));
}

static enum why
take_words(struct reading *rd, raddr w[DIRECT_WORDS])
{
	struct greenlet *g = rd->g;
	const struct layout *l = rd->r->l;
	raddr top = w[rd->r->direct ? DIRECT_TOP : TOP];
	raddr highest = l->ptr == 8 ? UINT64_MAX : UINT32_MAX;
	enum why why;

	g->kind = w[STOP] == highest ? GREENLET_MAIN : GREENLET_PLAIN;
	if (!is_possible(g, w, highest))
		return BROKEN;
	g->on = g->kind == GREENLET_MAIN ? w[START] : w[STOP];
	g->state = !w[STOP] ? GREENLET_NEW : !w[START] ? GREENLET_DEAD :
	           top ? GREENLET_SUSPENDED : GREENLET_RUNS;
	if (g->state != GREENLET_SUSPENDED)
		return OK;
	if (l->frames != FRAMES_HEAP) { /* the frame object: its head, f_back, f_frame */
		why = read_pointer(rd, top + (raddr)(l->object.head + l->ptr), &top);
		if (why != OK)
			return why;
	}
	return read_frames(rd, top);
}

static enum why
read_once(struct reading *rd)
{
	const struct layout *l = rd->r->l;
	size_t p = (size_t)l->ptr, n = rd->r->direct ? DIRECT_WORDS : WORDS;
	unsigned char bytes[DIRECT_WORDS * 8];
	raddr w[DIRECT_WORDS] = { 0 }, type;
	int before;
	raddr at = green_words(rd->r, rd->g->addr, &before) + (raddr)before * p;
	enum why why = read_pointer(rd, rd->g->addr + (raddr)l->object.type, &type);

	if (why == OK && (type != rd->g->type || at == 0))
		return BROKEN;
	if (why == OK)
		why = read_noted(rd, at, bytes, n * p);
	for (size_t i = 0; i < n; i++)
		w[i] = object_pointer(l, bytes + i * p);
	if (why == OK)
		why = take_words(rd, w);
	if (why == OK) /* before the frames and after them */
		why = read_noted(rd, at, bytes, n * p);
	return why;
}

static enum why
try(struct reading *rd)
{
	const struct green_reader *r = rd->r;
	enum why why = read_once(rd);

	if (why == OK)
		why = know_codes(rd);
	if (why == OK && !many_hold(r->mem, rd->pieces, rd->n_pieces, &rd->bytes))
		why = TORN;
	if (why == OK)
		why = name_frames(rd);
	if (why == OK && r->note)
		r->note(r->context, rd->pieces, rd->n_pieces, &rd->bytes);
	return why;
}

void
green_read(const struct green_reader *r, struct greenlet *g)
{
	struct ahead ahead = { .n = 0 };
	enum why why = TORN;

	for (int i = 0; i < TRIES && (why == TORN || why == FAULT || why == BROKEN); i++) {
		struct reading rd = { .r = r, .g = g, .ahead = &ahead };

		memset(g->top, 0, sizeof g->top);
		g->stack = PROFILE_ROOT;
		read_ahead(r->mem, &ahead);
		why = try(&rd);
		for (size_t k = 0; why != OK && k < rd.n_pieces; k++)
			note_around(&ahead, rd.pieces[k]);
		free(rd.links);
		free(rd.pieces);
		buf_free(&rd.bytes);
	}
	free(ahead.bytes);
	g->why = (unsigned char)why;
}
