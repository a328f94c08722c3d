/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a stack.
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
 * have to agree on who executes.  That is because a frame that was exited keeps
 * its bytes: the thread state, copied at another instant, may lead to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "layouts.h"
#include "objects.h"
#include "snapshot.h"
#include "frames.h"

enum { MAX_DEPTH = 1 << 17, MAX_FRAMES = 1 << 22 /* of all stacks */, PAGE = 4096 };

static size_t total; /* frames that all proven stacks have room for */

struct context { /* of one walk */
	const struct layout *l;
	struct snap *snap;
	struct regions *regions;
	const struct walk_from *from;
	unsigned flags;
	int noting; /* what is looked at, in the regions */
	const struct frames *proven;
	size_t at; /* proven frames from here on are not met any more */
	size_t changed; /* one of the first that many proven ones has, 0: not known */
	int executing; /* no frame but shims was met yet */
	struct walk *out;
};

size_t
frames_thread_size(const struct layout *l)
{
	int fields[] = { l->thread.frame, l->thread.interp, l->thread.state, l->thread.base };
	size_t size = layout_words(l, fields, LEN(fields));

	return l->thread.root == ABSENT ? size : (size_t)l->thread.root + frames_cframe_size(l);
}

size_t
frames_cframe_size(const struct layout *l)
{
	int fields[] = { l->cframe.frame, l->cframe.previous };

	return layout_words(l, fields, LEN(fields));
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

/* Both copies of len bytes in a region, the second NULL if there is none. */
static const unsigned char *
copies(const struct snap_span *span, raddr addr, size_t len, const unsigned char **second)
{
	raddr offset = addr - span->again;

	*second = offset < span->again_len && len <= span->again_len - offset ?
	          span->second + offset : NULL;
	return span->first + (addr - span->addr);
}

/* Notes whether the pointer at that offset is the same in both copies. */
static void
compare_pointer(const struct layout *l, struct walk_from *from, const unsigned char *first,
                const unsigned char *second, int offset)
{
	if (!second)
		from->covered = 0;
	else
		from->still &= same(first, second, offset, l->ptr);
}

/* What a _PyCFrame says: the frame that executes there, and the one before it.  Notes
 * whether it stood still, if that matters (from is not NULL). */
static enum why
read_cframe(const struct layout *l, struct snap *snap, raddr cframe, struct walk_from *from,
            raddr *frame, raddr *previous)
{
	size_t len = frames_cframe_size(l);
	const unsigned char *first, *second;
	struct snap_span span;
	enum why why;

	if (snap_fetch(snap, cframe, cframe, len, &span, &why))
		return why;
	first = copies(&span, cframe, len, &second);
	*frame = pointer_at(l, first, l->cframe.frame);
	*previous = pointer_at(l, first, l->cframe.previous);
	if (from)
		compare_pointer(l, from, first, second, l->cframe.frame);
	return OK;
}

enum why
frames_of_thread(const struct layout *l, struct snap *snap, raddr tstate, unsigned flags,
                 struct walk_from *from)
{
	const unsigned char *a = snap_get(snap, tstate, frames_thread_size(l));
	const unsigned char *b = snap_again(snap, tstate, frames_thread_size(l));
	int stopped = flags & WALK_STOPPED;

	*from = (struct walk_from){ .covered = 1, .still = 1 };
	if (!a)
		return FAULT;
	from->interp = pointer_at(l, a, l->thread.interp);
	from->top = pointer_at(l, a, l->thread.frame);
	if (l->thread.base != ABSENT)
		from->base = pointer_at(l, a, l->thread.base);
	if (!stopped)
		compare_pointer(l, from, a, b, l->thread.frame);
	if (l->frames != FRAMES_CFRAME)
		return OK;
	from->cframe = from->top;
	from->root = tstate + (raddr)l->thread.root;
	from->unused = pointer_at(l, a, l->thread.stack);
	from->limit = pointer_at(l, a, l->thread.stack + l->ptr);
	return from->top ? read_cframe(l, snap, from->cframe, stopped ? NULL : from, &from->top,
	                               &from->previous) : OK;
}

/* ---- what is looked at ---- */

static void
touch(struct context *c, raddr addr, size_t len, int fresh)
{
	if (c->noting)
		regions_touch(c->regions, addr, len, fresh);
}

static void
touch_cframe(struct context *c, raddr cframe)
{
	if (cframe && cframe != c->from->root)
		touch(c, cframe, frames_cframe_size(c->l), 0);
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

/* How many bytes of a frame show what it is doing, and are the same until it does
 * something else. */
static int
live_size(const struct layout *l)
{
	return l->live == LIVE_REFCOUNT ? 0 : l->live == LIVE_STACKTOP ? 4 : l->ptr;
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
	        same(p, q, l->frame.live, live_size(l)) &&
	        same(p, q, l->frame.tlbc, 4));
}

/*
 * Notes whether it is the frame of a generator that is suspended, but on the stack.
 * throw() into a generator that delegates does not run it: its frame is put there by
 * hand, and what it delegates to is entered from C, or by the same means (CPython
 * v3.12.0, v3.14.0 Objects/genobject.c, _gen_throw).  Of one that has called something
 * from Python to Python, neither is on top of it.
 */
static void
see_link(const struct layout *l, struct visit *v, const struct visit *callee)
{
	v->linked = l->live != LIVE_REFCOUNT && v->owner == l->frame.generator_owner &&
	            !v->executes && (!callee || callee->shim || callee->linked);
	v->delegates = v->linked && callee && (callee->shim || callee->delegates);
}

/*
 * Whether a frame agrees with the one that it called: none but the innermost may
 * execute, unless it called something in C, and the innermost must not look exited.
 * Calls from Python to Python save the caller's stack, calls into C may not
 * (CPython v3.12.0 Python/ceval_macros.h, DISPATCH_INLINED; v3.14.0
 * Include/internal/pycore_interpframe.h, _PyFrame_GetStackPointer).  A thread
 * that is stopped may well be about to leave or to begin its first frame.
 */
static int
agrees(const struct context *c, const struct visit *v, const struct visit *callee)
{
	enum live_kind live = c->l->live;

	if (live == LIVE_REFCOUNT)
		return !v->gone;
	if (v->shim)
		return 1;
	if (!callee)
		return live != LIVE_STACKTOP || !v->gone || v->linked || c->flags & WALK_ANYWHERE;
	return callee->shim || callee->entry || !v->executes ||
	       (live == LIVE_STACKTOP && callee->linked);
}

static const struct visit *
outermost(const struct context *c)
{
	const struct walk *out = c->out;

	return out->kept ? &c->proven->visits[0] : out->n ? &out->fresh[out->n - 1] : NULL;
}

/*
 * Whether the chain ends where it has to: at the base, if that is known (some thread
 * states say which frame that is), else at the shim, or the frame marked so, of the
 * first entry from C, or at a frame that is linked where there was none.
 */
static int
ends_at_base(const struct context *c)
{
	const struct layout *l = c->l;
	const struct visit *last = outermost(c);

	if (!last)
		return 1;
	if (c->from->base)
		return last->frame == c->from->base || last->shim; /* a greenlet's is another one */
	if (l->frames == FRAMES_HEAP)
		return 1;
	if (l->frame.entry != ABSENT)
		return last->entry;
	return last->shim || last->delegates;
}

/*
 * Whether the chain may begin or end at a frame that has just been left: for an instant
 * a generator that yields is suspended and still leads to its caller, and from then on
 * it leads nowhere, as one does that is linked where no frame was.
 */
static int
is_doubtful(const struct context *c)
{
	const struct walk *out = c->out;
	const struct visit *last = outermost(c);

	return last && ((last->delegates && !last->entry) ||
	                (out->n && out->fresh[0].linked && c->l->live == LIVE_STACKTOP));
}

/*
 * Whether the _PyCFrame has been filled in.  On 3.11 and 3.12 a new one becomes
 * current before that (CPython v3.11.0, v3.12.0 Python/ceval.c,
 * _PyEval_EvalFrameDefault), and for an instant it has what was left at that place
 * on the C stack: a frame that has been popped off the data stack, or one that was
 * not entered from where the _PyCFrame before it stands.
 */
static enum why
check_cframe(struct context *c)
{
	const struct walk_from *from = c->from;
	raddr caller = 0, before;

	if (from->top >= from->unused && from->top < from->limit)
		return TORN;
	if (from->previous) {
		if (read_cframe(c->l, c->snap, from->previous, NULL, &caller, &before) != OK)
			return TORN;
		touch_cframe(c, from->previous);
	}
	return caller == (c->out->n ? c->out->fresh[0].entered : 0) ? OK : TORN;
}

/* ---- what was proven before ---- */

int
frames_equal(const struct visit *a, const struct visit *b)
{
	return a->frame == b->frame && a->back == b->back && a->code == b->code &&
	       a->instr == b->instr && a->copy == b->copy && a->owner == b->owner;
}

size_t
frames_base(const struct layout *l, const struct frames *f)
{
	size_t most = (size_t)l->thread.base_shims, n = 0;

	while (n < most && n < f->n && f->visits[n].shim)
		n++;
	return n;
}

/* Whether the bytes of the first n proven frames are what they were. */
static int
unchanged(struct context *c, size_t n)
{
	const struct frames *p = c->proven;
	size_t size = (size_t)c->l->frame.size, end = n, least = frames_base(c->l, p);

	if (c->changed && n >= c->changed)
		return 0;
	for (size_t r = p->n_runs; r-- > 0 && end > least;) {
		size_t first = p->runs[r] > least ? p->runs[r] : least;

		if (first >= end)
			continue;
		if (!snap_same(c->snap, p->visits[first].frame, p->visits[end - 1].frame + size)) {
			c->changed = end;
			return 0;
		}
		end = first;
	}
	return 1;
}

/* How many proven frames there are up to the one at that address, if it is
 * among the next ones to be met; else 0. */
static size_t
proven_up_to(struct context *c, raddr at)
{
	enum { SEARCHED = 64 };
	const struct visit *v = c->proven->visits;
	size_t stop = c->at > SEARCHED ? c->at - SEARCHED : 0;

	for (size_t i = c->at; i-- > stop;) {
		if (v[i].frame != at)
			continue;
		c->at = i;
		return i + 1;
	}
	return 0;
}

void
frames_truncate(struct frames *f, size_t n)
{
	if (n < f->n)
		f->n = n;
	while (f->n_runs && f->runs[f->n_runs - 1] >= f->n)
		f->n_runs--;
}

void
frames_commit(const struct layout *l, struct frames *f, const struct walk *w)
{
	frames_truncate(f, w->kept);
	for (size_t i = w->n; i-- > 0;) {
		const struct visit *v = &w->fresh[i], *below = f->n ? &f->visits[f->n - 1] : NULL;

		if (!below || v->frame <= below->frame || l->frames == FRAMES_HEAP ||
		    v->frame - below->frame > PAGE) {
			f->runs = grow(f->runs, f->n_runs, &f->cap_runs, sizeof *f->runs);
			f->runs[f->n_runs++] = (uint32_t)f->n;
		}
		total -= f->cap;
		f->visits = grow(f->visits, f->n, &f->cap, sizeof *f->visits);
		total += f->cap;
		f->visits[f->n++] = *v;
	}
}

void
frames_free(struct frames *f)
{
	total -= f->cap;
	free(f->visits);
	free(f->runs);
}

/* ---- the walk ---- */

static struct visit *
add_visit(struct context *c, raddr at, struct snap_span *span)
{
	const struct layout *l = c->l;
	struct walk *out = c->out;
	const unsigned char *second, *first = copies(span, at, (size_t)l->frame.size, &second);
	struct visit *v;

	out->fresh = grow(out->fresh, out->n, &out->cap, sizeof *out->fresh);
	v = &out->fresh[out->n++];
	parse_frame(l, at, first, v);
	see_link(l, v, out->n > 1 ? v - 1 : NULL);
	touch(c, at, (size_t)l->frame.size, out->n == 1);
	if (c->flags & WALK_STOPPED)
		return v;
	if (!second)
		out->covered = 0;
	else
		out->still &= stood_still(l, v, first, second, c->executing);
	c->executing = c->executing && v->shim;
	return v;
}

static enum why
follow(struct context *c, raddr at)
{
	size_t size = (size_t)c->l->frame.size, lap = 0, next_lap = 64, known;
	struct snap_span span = { 0 };
	const struct visit *v = NULL;
	raddr tortoise = 0;
	enum why why;

	for (; at; at = v->back) {
		if (v && (known = proven_up_to(c, at)) && unchanged(c, known)) {
			c->out->kept = known;
			return agrees(c, &c->proven->visits[known - 1], v) ? OK : TORN;
		}
		if (at - span.addr > span.len || span.len - (at - span.addr) < size) {
			raddr from = c->l->frames == FRAMES_HEAP ? at : at & ~(raddr)(PAGE - 1);

			if (snap_fetch(c->snap, from, at, size, &span, &why))
				return why;
		}
		if (c->out->n == MAX_DEPTH || c->out->n + total > MAX_FRAMES)
			return DEEP;
		v = add_visit(c, at, &span);
		if (!agrees(c, v, c->out->n > 1 ? v - 1 : NULL))
			return TORN;
		/* Brent: remember a frame, ever less often; meeting it again is a loop. */
		if (at == tortoise || v->back == at)
			return CYCLE;
		if (++lap == next_lap) {
			tortoise = at;
			lap = 0;
			next_lap *= 2;
		}
	}
	return OK;
}

/* What each frame has from those below it. */
static void
sum_up(struct context *c)
{
	struct walk *out = c->out;
	const struct visit *below = out->kept ? &c->proven->visits[out->kept - 1] : NULL;

	out->shape = below ? below->shape : 0;
	for (size_t i = out->n; i-- > 0; below = &out->fresh[i]) {
		struct visit *v = &out->fresh[i];

		v->entered = v->shim || (v->entry && !v->linked) || !below ? v->back :
		                                                             below->entered;
		v->shape = out->shape = hash_words(v->frame ^ out->shape, v->code);
	}
}

static enum why
walk_once(struct context *c, int all)
{
	struct walk *out = c->out;
	enum why why;

	out->n = out->kept = 0;
	out->covered = c->from->covered;
	out->still = c->from->still;
	c->executing = 1;
	c->at = all ? 0 : c->proven->n;
	c->changed = 0;
	c->noting = !c->at;
	if (c->noting)
		regions_begin(c->regions);
	touch_cframe(c, c->from->cframe);
	why = follow(c, c->from->top);
	sum_up(c);
	out->doubtful = is_doubtful(c);
	if (why == OK && !ends_at_base(c))
		why = TORN;
	if (why == OK && c->from->cframe)
		why = check_cframe(c);
	if (c->noting)
		regions_end(c->regions);
	return why;
}

/* Walks down to the root, only to note in the regions where that leads. */
static void
note_all(struct context *c)
{
	struct walk found = *c->out;

	walk_once(c, 1);
	found.fresh = c->out->fresh; /* which begins with what was found */
	found.cap = c->out->cap;
	*c->out = found;
}

enum why
frames_walk(const struct layout *l, struct snap *snap, struct regions *regions,
            const struct walk_from *from, unsigned flags, const struct frames *proven,
            struct walk *out)
{
	struct context c = { .l = l, .snap = snap, .regions = regions, .from = from,
	                     .flags = flags, .proven = proven, .out = out };
	enum why why = walk_once(&c, 0);

	/* The next reading has to know where what was missing is, among the rest. */
	if (!c.noting && (snap_fetched(snap) || (why == OK && flags & WALK_NOTE)))
		note_all(&c);
	return why;
}
