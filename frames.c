/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread state to the frames of its stack.
 *
 * Every region that the last walk of this thread went through is read again,
 * twice, in one call; then the walk is done in the first copy.  Where it
 * leaves what was read, the missing piece is fetched, and the whole is read
 * once more with that piece among the regions.  A walk that stays inside is
 * proven if both copies say the same of every frame: its code object, its
 * caller, its owner, and, but for the frame that executes, its instruction;
 * and if the frames themselves agree on who executes.  That last is because a
 * frame that was left keeps its bytes: the thread state, copied at another
 * instant, may lead to it.
 *
 * How frames are linked: up to 3.10 thread state -> frame object -> f_back;
 * 3.11 and 3.12 by way of a _PyCFrame on the C stack; from 3.13 on directly
 * (CPython v3.13.0 Include/internal/pycore_frame.h).  The frames of 3.11 and
 * later lie one after another in "data stack chunks", but for those of
 * generators, which lie inside them, and the shims that mark entries from C,
 * which lie on the C stack.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "snapshot.h"
#include "regions.h"
#include "layouts.h"
#include "objects.h"
#include "code.h"
#include "frames.h"

enum {
	MAX_DEPTH = 1 << 17,
	PAGE = 4096,
	TRIES = 6,
	OWNER_GENERATOR = 1, /* CPython v3.11.0 Include/internal/pycore_frame.h */
};

/* One frame as the walk finds it, shims included. */
struct visit {
	raddr frame, code;
	uint64_t instr; /* a pointer, or f_lasti */
	uint32_t copy;
	int owner;
	unsigned char executes; /* its stack is in use by the interpreter's loop */
	unsigned char gone;     /* it looks as if it had been left */
	unsigned char entry;    /* called from C (where there are no shims) */
};

struct walker {
	struct mem *mem;
	const struct layout *l;
	struct codes *codes;
	struct snap *snap, *late; /* late: identities that were not in snap */
};

struct stack {
	raddr tstate, interp;
	struct visit *visits;
	size_t n_visits, cap_visits;
	uint64_t shape; /* a hash of the visits, for telling whether it moved */
	struct regions *regions;
	raddr *codes; /* distinct, of the last walk */
	size_t n_codes, cap_codes;
	uint32_t *frames;
	size_t n_frames, cap_frames;
};

/* Not in enum why: what was read is right but incomplete, so try again. */
enum { AGAIN = WHY_COUNT };

struct walker *
walker_new(struct mem *mem, const struct layout *l, struct codes *codes)
{
	struct walker *w = xcalloc(1, sizeof *w);

	*w = (struct walker){ mem, l, codes, snap_new(mem), snap_new(mem) };
	return w;
}

void
walker_free(struct walker *w)
{
	if (!w)
		return;
	snap_free(w->snap);
	snap_free(w->late);
	free(w);
}

struct stack *
stack_new(void)
{
	struct stack *st = xcalloc(1, sizeof *st);

	st->regions = regions_new();
	return st;
}

void
stack_free(struct stack *st)
{
	if (!st)
		return;
	free(st->visits);
	regions_free(st->regions);
	free(st->codes);
	free(st->frames);
	free(st);
}

const uint32_t *
stack_frames(const struct stack *st, size_t *n)
{
	*n = st->n_frames;
	return st->frames;
}

static int
int_at(const void *p)
{
	int32_t i;

	memcpy(&i, p, sizeof i);
	return i;
}

raddr
gil_holder(const struct layout *l, const struct gil *gil, const void *bytes)
{
	const unsigned char *p = bytes;

	if (gil->locked != ABSENT && int_at(p + gil->locked) != 1)
		return 0;
	return object_pointer(l, p + gil->holder);
}

/* The fields of a thread state that a walk needs. */
static size_t
thread_head(const struct layout *l)
{
	int end = l->thread.frame;

	if (l->thread.interp > end)
		end = l->thread.interp;
	if (l->thread.state > end)
		end = l->thread.state;
	if (l->thread.base > end)
		end = l->thread.base;
	return (size_t)(end + l->ptr);
}

/* ---- what to read ---- */

static int
plan_read(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags)
{
	int twice = !(flags & STACK_STOPPED);
	enum snap_times times = twice ? SNAP_TWICE : SNAP_ONCE;

	snap_begin(w->snap);
	if (gil && snap_add(w->snap, gil->addr, gil->len, times))
		return -1;
	if (snap_add(w->snap, st->tstate, thread_head(w->l), times))
		return -1;
	if (regions_add(st->regions, w->snap, twice, w->l->frames != FRAMES_HEAP))
		return -1;
	if (w->l->interp.generation != ABSENT)
		return st->interp ? snap_add(w->snap, st->interp + (raddr)w->l->interp.generation,
		                             8, SNAP_ONCE) : 0;
	for (size_t i = 0; i < st->n_codes; i++) {
		struct code *code = codes_find(w->codes, st->codes[i]);

		if (code && code_add_identity(w->codes, code, w->snap))
			return -1;
	}
	return 0;
}

/* Reads what is planned; a region that is gone is left out of the next try. */
static enum why
read_planned(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags)
{
	for (int i = 0; i < TRIES; i++) {
		raddr bad = 0;
		size_t had_codes = st->n_codes;
		enum why why;

		if (plan_read(w, st, gil, flags))
			return DEEP;
		why = snap_read(w->snap, &bad);
		if (why != FAULT)
			return why;
		st->n_codes = 0;
		if (!regions_forget(st->regions, bad) && !had_codes)
			return FAULT;
	}
	return FAULT;
}

/* ---- the walk ---- */

static raddr
pointer_at(const struct walker *w, const void *base, int offset)
{
	return object_pointer(w->l, (const unsigned char *)base + offset);
}

/* Where the executing frame is. */
static enum why
top_frame(struct walker *w, struct stack *st, raddr *top)
{
	const struct layout *l = w->l;
	const void *thread = snap_get(w->snap, st->tstate, thread_head(l));
	const void *cframe;
	size_t len = (size_t)(l->cframe.frame + l->ptr);
	raddr at;
	enum why why;

	if (!thread)
		return FAULT;
	st->interp = pointer_at(w, thread, l->thread.interp);
	at = pointer_at(w, thread, l->thread.frame);
	*top = at;
	if (l->frames != FRAMES_CFRAME || !at)
		return OK;
	cframe = snap_fetch(w->snap, at, at, len, &why);
	if (!cframe)
		return why;
	*top = pointer_at(w, cframe, l->cframe.frame);
	regions_touch(st->regions, at, len, 0);
	return OK;
}

static void
parse_frame(const struct walker *w, raddr at, const unsigned char *p, struct visit *v, raddr *back)
{
	const struct layout *l = w->l;

	*back = pointer_at(w, p, l->frame.back);
	*v = (struct visit){ .frame = at, .owner = -1 };
	v->code = pointer_at(w, p, l->frame.code) & ~(raddr)l->tags;
	v->instr = l->instr == INSTR_PTR ? pointer_at(w, p, l->frame.instr) :
	                                   (uint64_t)(int64_t)int_at(p + l->frame.instr);
	if (l->frame.owner != ABSENT)
		v->owner = (signed char)p[l->frame.owner];
	if (l->frame.tlbc != ABSENT)
		v->copy = (uint32_t)int_at(p + l->frame.tlbc);
	if (l->frame.entry != ABSENT)
		v->entry = p[l->frame.entry];
	switch (l->live) {
	case LIVE_REFCOUNT:
		v->gone = !pointer_at(w, p, l->frame.live);
		break;
	case LIVE_STACKTOP:
		v->executes = int_at(p + l->frame.live) == -1;
		v->gone = !v->executes;
		break;
	case LIVE_STACKPOINTER:
		v->executes = !pointer_at(w, p, l->frame.live);
		v->gone = pointer_at(w, p, l->frame.live) == at + (raddr)l->frame.locals;
		break;
	}
}

static int
is_shim(const struct walker *w, const struct visit *v)
{
	return v->owner >= w->l->shim_owner;
}

/*
 * Whether the chain ends where a thread begins: at the shim, or the frame
 * marked so, of the first entry from C; from 3.15 on the thread state says
 * which frame that is.  On 3.11 and 3.12 a chain can be short for an instant,
 * between the new _PyCFrame becoming current and being filled in (CPython
 * v3.12.0 Python/ceval.c, _PyEval_EvalFrameDefault).
 */
static enum why
check_base(struct walker *w, const struct stack *st)
{
	const struct layout *l = w->l;
	const void *thread = snap_get(w->snap, st->tstate, thread_head(l));
	const struct visit *last = st->n_visits ? &st->visits[st->n_visits - 1] : NULL;
	raddr base = l->thread.base == ABSENT ? 0 : pointer_at(w, thread, l->thread.base);

	if (!last || l->frames == FRAMES_HEAP)
		return OK;
	if (base)
		return last->frame == base ? OK : TORN;
	return (l->frame.entry == ABSENT ? is_shim(w, last) : last->entry) ? OK : TORN;
}

static enum why
walk(struct walker *w, struct stack *st)
{
	const struct layout *l = w->l;
	size_t size = (size_t)l->frame.size;
	raddr at, back, tortoise = 0;
	size_t lap = 0, next_lap = 64;
	enum why why;

	st->n_visits = 0;
	st->shape = 0;
	regions_begin(st->regions);
	why = top_frame(w, st, &at);
	if (why != OK)
		return why;
	for (; at; at = back) {
		raddr from = l->frames == FRAMES_HEAP ? at : at & ~(raddr)(PAGE - 1);
		const void *p = snap_fetch(w->snap, from, at, size, &why);
		struct visit *v;

		if (!p)
			return why;
		if (st->n_visits == MAX_DEPTH)
			return DEEP;
		st->visits = grow(st->visits, st->n_visits, &st->cap_visits, sizeof *st->visits);
		v = &st->visits[st->n_visits++];
		parse_frame(w, at, p, v, &back);
		regions_touch(st->regions, at, size, st->n_visits == 1);
		st->shape = hash_words(st->shape ^ v->frame, v->code) | (st->shape << 32);
		/* Brent: remember a frame, ever less often; meeting it again is a loop. */
		if (at == tortoise || back == at)
			return CYCLE;
		if (++lap == next_lap) {
			tortoise = at;
			lap = 0;
			next_lap *= 2;
		}
	}
	return check_base(w, st);
}

/* ---- the proof ---- */

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

static int
frame_stood_still(struct walker *w, const struct visit *v, int executing)
{
	const struct layout *l = w->l;
	size_t size = (size_t)l->frame.size;
	const void *a = snap_get(w->snap, v->frame, size), *b = snap_again(w->snap, v->frame, size);

	if (!b) /* too far from the executing frame to have moved */
		return a != NULL;
	if (!same(a, b, l->frame.code, l->ptr) || !same(a, b, l->frame.back, l->ptr) ||
	    !same(a, b, l->frame.owner, 1))
		return 0;
	/* All that is set up with a frame lies before its instruction. */
	if (l->frames != FRAMES_HEAP && !same(a, b, 0, l->frame.instr))
		return 0;
	if (executing || is_shim(w, v))
		return 1;
	return same(a, b, l->frame.instr, l->instr == INSTR_PTR ? l->ptr : 4) &&
	       same(a, b, l->frame.tlbc, 4);
}

/*
 * Whether the frames agree with each other: none but the first may execute,
 * unless it called something in C, and the first must not look left.  Calls
 * from Python to Python save the caller's stack, calls into C may not
 * (CPython v3.12.0 Python/ceval_macros.h, DISPATCH_INLINED; v3.14.0
 * Include/internal/pycore_interpframe.h, _PyFrame_GetStackPointer).  A thread
 * that is stopped may well be about to leave or to begin its first frame.
 */
static int
frames_agree(struct walker *w, const struct stack *st, unsigned flags)
{
	const struct visit *callee = NULL;

	for (size_t i = 0; i < st->n_visits; i++) {
		const struct visit *v = &st->visits[i];
		int shim = is_shim(w, v), first = !callee && !i;

		if (w->l->live == LIVE_REFCOUNT && v->gone)
			return 0;
		if (w->l->live == LIVE_STACKTOP && first && !shim && v->gone &&
		    !(flags & STACK_STOPPED))
			return 0;
		if (callee && !callee->entry && !shim && v->executes)
			return 0;
		callee = shim ? NULL : v;
	}
	return 1;
}

static int
stood_still(struct walker *w, const struct stack *st, unsigned flags)
{
	const struct layout *l = w->l;
	const void *a = snap_get(w->snap, st->tstate, thread_head(l));
	const void *b = snap_again(w->snap, st->tstate, thread_head(l));
	int executing = 1;

	if (flags & STACK_STOPPED)
		return 1;
	if (!a || !b || !same(a, b, l->thread.frame, l->ptr) || !same(a, b, l->thread.interp, l->ptr))
		return 0;
	if (flags & STACK_ATTACHED && !same(a, b, l->thread.state, 4))
		return 0;
	if (l->frames == FRAMES_CFRAME) {
		raddr cframe = pointer_at(w, a, l->thread.frame);
		size_t len = (size_t)(l->cframe.frame + l->ptr);

		a = snap_get(w->snap, cframe, len);
		b = snap_again(w->snap, cframe, len);
		if (cframe && (!a || !b || !same(a, b, l->cframe.frame, l->ptr)))
			return 0;
	}
	for (size_t i = 0; i < st->n_visits; i++) {
		if (!frame_stood_still(w, &st->visits[i], executing))
			return 0;
		executing = executing && is_shim(w, &st->visits[i]);
	}
	return 1;
}

/* ---- code objects ---- */

/* The interpreter's count of code objects freed, as read with the sample. */
static uint64_t
generation(struct walker *w, const struct stack *st)
{
	const void *p;
	uint64_t count;

	if (w->l->interp.generation == ABSENT)
		return 0;
	p = snap_get(w->snap, st->interp + (raddr)w->l->interp.generation, sizeof count);
	if (!p)
		return 0;
	memcpy(&count, p, sizeof count);
	return count + 1; /* so that 0 is "never" */
}

/* Lists the distinct code objects of the walk. */
static void
list_codes(const struct walker *w, struct stack *st)
{
	st->n_codes = 0;
	for (size_t i = 0; i < st->n_visits; i++) {
		raddr code = st->visits[i].code;
		size_t k = st->n_codes, far = k > 64 ? k - 64 : 0;

		if (is_shim(w, &st->visits[i]))
			continue;
		/* Recursion repeats what is near; a repetition missed costs a vector. */
		while (k > far && st->codes[k - 1] != code)
			k--;
		if (k > far)
			continue;
		st->codes = grow(st->codes, st->n_codes, &st->cap_codes, sizeof *st->codes);
		st->codes[st->n_codes++] = code;
	}
}

/* Whether what is known of the code object at addr is true of it, by the
 * bytes in that snapshot.  now is the generation read with the sample. */
static enum code_identity
believe(struct walker *w, raddr addr, struct snap *snap, uint64_t now)
{
	struct code *code = codes_find(w->codes, addr);
	enum code_identity is;

	if (!code)
		return IDENTITY_OTHER;
	if (now && code_generation(code) == now)
		return IDENTITY_SAME;
	is = code_check_identity(w->codes, code, snap);
	if (is == IDENTITY_SAME)
		code_set_generation(code, now);
	return is;
}

/* Reads the identities that were not read with the sample, of the first n
 * code objects listed. */
static void
read_late(struct walker *w, const struct stack *st, size_t n)
{
	raddr bad;

	snap_begin(w->late);
	for (size_t i = 0; i < n; i++)
		if (code_add_identity(w->codes, codes_find(w->codes, st->codes[i]), w->late))
			break;
	snap_read(w->late, &bad); /* what is not there after that is decoded anew */
}

/*
 * Makes sure that the cache speaks of the code objects that the frames have
 * now.  An identity that is read after the sample will do: if it is the same
 * before and after, it was the same in between.  An object that had to be
 * decoded anew proves nothing unless the thread stands still.
 */
static int
check_codes(struct walker *w, struct stack *st, unsigned flags)
{
	uint64_t now = generation(w, st);
	size_t late = 0;
	int learned = 0;
	struct code *code;
	enum why why;

	list_codes(w, st);
	for (size_t i = 0; i < st->n_codes; i++) {
		enum code_identity is = believe(w, st->codes[i], w->snap, now);
		raddr addr = st->codes[i];

		if (is == IDENTITY_UNREAD) { /* to the front, for the second look */
			st->codes[i] = st->codes[late];
			st->codes[late++] = addr;
		} else if (is == IDENTITY_OTHER) {
			why = codes_learn(w->codes, addr, &code);
			if (why != OK)
				return (int)why;
			learned = 1;
		}
	}
	if (late)
		read_late(w, st, late);
	for (size_t i = 0; i < late; i++) {
		if (believe(w, st->codes[i], w->late, now) == IDENTITY_SAME)
			continue;
		why = codes_learn(w->codes, st->codes[i], &code);
		if (why != OK)
			return (int)why;
		learned = 1;
	}
	return learned && !(flags & STACK_STOPPED) ? AGAIN : OK;
}

/* Turns the visits into the profile's frames, root first. */
static enum why
name_frames(struct walker *w, struct stack *st, unsigned flags)
{
	const struct layout *l = w->l;

	st->n_frames = 0;
	for (size_t i = st->n_visits; i-- > 0;) {
		const struct visit *v = &st->visits[i];
		struct code *code;
		int64_t offset = (int64_t)v->instr;

		if (is_shim(w, v))
			continue;
		code = codes_find(w->codes, v->code);
		if (!code)
			return TORN;
		/* An empty stack of a frame without locals looks like a left one. */
		if (!i && l->live == LIVE_STACKPOINTER && v->gone && code_locals(code) &&
		    !(flags & STACK_STOPPED))
			return TORN;
		if (l->instr == INSTR_UNITS)
			offset *= 2;
		else if (l->instr == INSTR_PTR)
			offset = (int64_t)(v->instr - code_instructions(w->codes, code, v->copy));
		if (!code_offset_valid(code, offset))
			return flags & STACK_STOPPED ? BROKEN : TORN;
		if (v->owner != OWNER_GENERATOR && code_not_begun(code, offset))
			continue;
		st->frames = grow(st->frames, st->n_frames, &st->cap_frames, sizeof *st->frames);
		st->frames[st->n_frames++] = code_frame(w->codes, code, offset);
	}
	return OK;
}

/* ---- all of it ---- */

static int
try_read(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags, raddr *holder)
{
	const void *a, *b;
	int why = (int)read_planned(w, st, gil, flags);

	if (why != OK)
		return why;
	if (gil) {
		a = snap_get(w->snap, gil->addr, gil->len);
		*holder = gil_holder(w->l, gil, a);
		if (*holder != st->tstate)
			return OK;
		b = snap_again(w->snap, gil->addr, gil->len);
		if (b && gil_holder(w->l, gil, b) != st->tstate)
			return TORN;
	}
	if (flags & STACK_ATTACHED) {
		a = snap_get(w->snap, st->tstate, thread_head(w->l));
		if (int_at((const char *)a + w->l->thread.state) != 1) {
			*holder = 0;
			return OK;
		}
		*holder = st->tstate;
	}
	why = (int)walk(w, st);
	if (why == OK && snap_fetched(w->snap) && !(flags & STACK_STOPPED))
		why = AGAIN;
	else if (why == OK && !(frames_agree(w, st, flags) && stood_still(w, st, flags)))
		why = TORN;
	if (why == OK)
		why = check_codes(w, st, flags);
	if (why == OK)
		why = (int)name_frames(w, st, flags);
	regions_end(st->regions);
	return why;
}

enum why
stack_read(struct walker *w, struct stack *st, raddr tstate, const struct gil *gil,
           unsigned flags, raddr *holder, int *first)
{
	uint64_t shape = 0;
	int why = TORN;

	if (st->tstate != tstate) {
		st->tstate = tstate;
		st->interp = 0;
		st->n_codes = 0;
		regions_clear(st->regions);
	}
	*first = 1;
	for (int i = 0; i < TRIES; i++) {
		why = try_read(w, st, gil, flags, holder);
		if (why != AGAIN)
			break;
		/* What was incomplete counts as movement only if it has moved. */
		if (i && st->shape != shape)
			*first = 0;
		shape = st->shape;
	}
	if (why == OK && shape && st->shape != shape)
		*first = 0;
	if (why != OK)
		*first = 0;
	return why == AGAIN ? TORN : (enum why)why;
}
