/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread state to the frames of its stack.
 *
 * How frames are linked: up to 3.10 thread state -> frame object -> f_back;
 * 3.11 and 3.12 by way of a _PyCFrame on the C stack; from 3.13 on directly
 * (CPython v3.13.0 Include/internal/pycore_frame.h).  The frames of 3.11 and
 * later lie one after another in "data stack chunks", but for those of
 * generators, which lie inside them, and the shims that mark entries from C,
 * which lie on the C stack.
 *
 * What proves a walk: all that it looked at was copied twice in one call, and
 * both copies say the same of every frame: all that is set up with it, and,
 * but for the frame that executes, its instruction.  And the frames themselves
 * have to agree on who executes.  That is because a frame that was left keeps
 * its bytes: the thread state, copied at another instant, may lead to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "snapshot.h"
#include "regions.h"
#include "layouts.h"
#include "objects.h"
#include "frames.h"

enum { MAX_DEPTH = 1 << 17, PAGE = 4096 };

struct walk {
	const struct layout *l;
	struct snap *snap;
	struct regions *regions;
	raddr tstate;
	int stopped, anywhere;
	struct frames *out;
};

size_t
frames_thread_size(const struct layout *l)
{
	int fields[] = { l->thread.frame, l->thread.interp, l->thread.state, l->thread.base };
	int end = 0;

	for (size_t i = 0; i < LEN(fields); i++)
		if (fields[i] > end)
			end = fields[i];
	return (size_t)(end + l->ptr);
}

static int
int_at(const void *p)
{
	int32_t i;

	memcpy(&i, p, sizeof i);
	return i;
}

static raddr
pointer_at(const struct layout *l, const void *base, int offset)
{
	return object_pointer(l, (const unsigned char *)base + offset);
}

/* Whether the len bytes at that offset are equal; by words, where they are. */
static int
same(const void *a, const void *b, int offset, int len)
{
	const char *p = a, *q = b;
	int end = offset + len;

	if (offset == ABSENT)
		return 1;
	for (; end - offset >= 8; offset += 8) {
		uint64_t x, y;

		memcpy(&x, p + offset, sizeof x);
		memcpy(&y, q + offset, sizeof y);
		if (x != y)
			return 0;
	}
	for (; offset < end; offset++)
		if (p[offset] != q[offset])
			return 0;
	return 1;
}

/* ---- where to begin ---- */

/* The executing frame of a thread that keeps it in a _PyCFrame. */
static enum why
frame_of_cframe(struct walk *w, raddr cframe, raddr *top)
{
	size_t len = (size_t)(w->l->cframe.frame + w->l->ptr);
	struct snap_span span;
	enum why why;

	if (snap_fetch(w->snap, cframe, cframe, len, &span, &why))
		return why;
	*top = pointer_at(w->l, span.first + (cframe - span.addr), w->l->cframe.frame);
	regions_touch(w->regions, cframe, len, 0);
	if (!w->stopped)
		w->out->still &= span.second && same(span.first + (cframe - span.addr),
		                                     span.second + (cframe - span.addr),
		                                     w->l->cframe.frame, w->l->ptr);
	return OK;
}

static enum why
top_frame(struct walk *w, raddr *top)
{
	const struct layout *l = w->l;
	const void *a = snap_get(w->snap, w->tstate, frames_thread_size(l));
	const void *b = snap_again(w->snap, w->tstate, frames_thread_size(l));

	if (!a)
		return FAULT;
	w->out->interp = pointer_at(l, a, l->thread.interp);
	*top = pointer_at(l, a, l->thread.frame);
	if (!w->stopped)
		w->out->still &= b && same(a, b, l->thread.frame, l->ptr) &&
		                 same(a, b, l->thread.interp, l->ptr);
	return l->frames == FRAMES_CFRAME && *top ? frame_of_cframe(w, *top, top) : OK;
}

/* ---- one frame ---- */

static void
parse_live(const struct layout *l, const unsigned char *p, struct visit *v)
{
	raddr word;

	switch (l->live) {
	case LIVE_REFCOUNT:
		v->gone = !pointer_at(l, p, l->frame.live);
		break;
	case LIVE_STACKTOP:
		v->executes = int_at(p + l->frame.live) == -1;
		v->gone = !v->executes;
		break;
	case LIVE_STACKPOINTER:
		word = pointer_at(l, p, l->frame.live);
		v->executes = !word;
		v->gone = word == v->frame + (raddr)l->frame.locals;
		break;
	}
}

static void
parse_frame(const struct layout *l, raddr at, const unsigned char *p, struct visit *v)
{
	*v = (struct visit){ .frame = at, .owner = -1 };
	v->back = pointer_at(l, p, l->frame.back);
	v->code = pointer_at(l, p, l->frame.code) & ~(raddr)l->tags;
	v->instr = l->instr == INSTR_PTR ? pointer_at(l, p, l->frame.instr) :
	                                   (uint64_t)(int64_t)int_at(p + l->frame.instr);
	if (l->frame.owner != ABSENT)
		v->owner = (signed char)p[l->frame.owner];
	if (l->frame.tlbc != ABSENT)
		v->copy = (uint32_t)int_at(p + l->frame.tlbc);
	if (l->frame.entry != ABSENT)
		v->entry = p[l->frame.entry];
	v->shim = v->owner >= l->shim_owner;
	parse_live(l, p, v);
}

/* Whether both copies, p and q, say the same of the frame. */
static int
stood_still(const struct layout *l, const struct visit *v, const unsigned char *p,
            const unsigned char *q, int executing)
{
	if (!same(p, q, l->frame.code, l->ptr) || !same(p, q, l->frame.back, l->ptr) ||
	    !same(p, q, l->frame.owner, 1))
		return 0;
	/* All that is set up with a frame lies before its instruction. */
	if (l->frames != FRAMES_HEAP && !same(p, q, 0, l->frame.instr))
		return 0;
	return executing || v->shim ||
	       (same(p, q, l->frame.instr, l->instr == INSTR_PTR ? l->ptr : 4) &&
	        same(p, q, l->frame.tlbc, 4));
}

/*
 * Whether a frame agrees with the one that it called: none but the first may
 * execute, unless it called something in C, and the first must not look left.
 * Calls from Python to Python save the caller's stack, calls into C may not
 * (CPython v3.12.0 Python/ceval_macros.h, DISPATCH_INLINED; v3.14.0
 * Include/internal/pycore_interpframe.h, _PyFrame_GetStackPointer).  A thread
 * that is stopped may well be about to leave or to begin its first frame.
 */
static int
agrees(const struct walk *w, const struct visit *v, const struct visit *callee)
{
	if (w->l->live == LIVE_REFCOUNT)
		return !v->gone;
	if (v->shim)
		return 1;
	if (!callee)
		return w->l->live != LIVE_STACKTOP || !v->gone || w->anywhere;
	return callee->shim || callee->entry || !v->executes;
}

/*
 * Whether the chain ends where a thread begins: at the shim, or the frame
 * marked so, of the first entry from C; from 3.15 on the thread state says
 * which frame that is.  On 3.11 and 3.12 a chain can be short for an instant,
 * between the new _PyCFrame becoming current and being filled in (CPython
 * v3.12.0 Python/ceval.c, _PyEval_EvalFrameDefault).
 */
static int
ends_at_base(const struct walk *w)
{
	const struct layout *l = w->l;
	const void *thread = snap_get(w->snap, w->tstate, frames_thread_size(l));
	const struct visit *last = w->out->n ? &w->out->visits[w->out->n - 1] : NULL;
	raddr base = l->thread.base == ABSENT ? 0 : pointer_at(l, thread, l->thread.base);

	if (!last || l->frames == FRAMES_HEAP)
		return 1;
	if (base)
		return last->frame == base;
	return l->frame.entry == ABSENT ? last->shim : last->entry;
}

/* ---- the walk ---- */

static enum why
follow(struct walk *w, raddr at)
{
	const struct layout *l = w->l;
	struct frames *out = w->out;
	size_t size = (size_t)l->frame.size, lap = 0, next_lap = 64;
	struct snap_span span = { 0 };
	raddr tortoise = 0;
	int executing = 1;
	enum why why;

	while (at) {
		const unsigned char *p;
		struct visit *v;

		if (at - span.addr > span.len || span.len - (at - span.addr) < size) {
			raddr from = l->frames == FRAMES_HEAP ? at : at & ~(raddr)(PAGE - 1);

			if (snap_fetch(w->snap, from, at, size, &span, &why))
				return why;
		}
		if (out->n == MAX_DEPTH)
			return DEEP;
		out->visits = grow(out->visits, out->n, &out->cap, sizeof *out->visits);
		v = &out->visits[out->n++];
		p = span.first + (at - span.addr);
		parse_frame(l, at, p, v);
		regions_touch(w->regions, at, size, out->n == 1);
		out->shape = hash_words(out->shape ^ at, v->code) | out->shape << 32;
		if (!agrees(w, v, out->n > 1 ? v - 1 : NULL))
			return TORN;
		/* What was copied once is too far from the top to have moved. */
		if (!w->stopped && span.second)
			out->still &= stood_still(l, v, p, span.second + (at - span.addr), executing);
		executing = executing && v->shim;
		/* Brent: remember a frame, ever less often; meeting it again is a loop. */
		if (at == tortoise || v->back == at)
			return CYCLE;
		if (++lap == next_lap) {
			tortoise = at;
			lap = 0;
			next_lap *= 2;
		}
		at = v->back;
	}
	return OK;
}

enum why
frames_walk(const struct layout *l, struct snap *snap, struct regions *regions, raddr tstate,
            int stopped, int anywhere, struct frames *out)
{
	struct walk w = { l, snap, regions, tstate, stopped, anywhere, out };
	raddr top;
	enum why why;

	out->n = 0;
	out->shape = 0;
	out->still = 1;
	regions_begin(regions);
	why = top_frame(&w, &top);
	if (why == OK)
		why = follow(&w, top);
	if (why == OK && !ends_at_base(&w))
		why = TORN;
	regions_end(regions);
	return why;
}
