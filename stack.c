/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread state to the profile's frames, proven.
 *
 * Every region that the last walk of this thread went through is read again
 * in one call, and the walk is done in that copy (frames.c).  Where it leaves
 * what was read, the whole is read once more with the missing piece among the
 * regions.  Of a stack most is as it was in the last sample: from the root up
 * to the first difference the words found then are used again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "snapshot.h"
#include "regions.h"
#include "layouts.h"
#include "objects.h"
#include "profile.h"
#include "code.h"
#include "frames.h"
#include "stack.h"

enum { TRIES = 6, OWNER_GENERATOR = 1 /* CPython v3.11.0 pycore_frame.h */ };

/* Not in enum why: what was read is right but incomplete, so try again. */
enum { AGAIN = WHY_COUNT };

struct walker {
	const struct layout *l;
	struct codes *codes;
	struct snap *snap, *late; /* late: identities that were not in snap */
	uint32_t serial;          /* of this try, for marking code objects */
};

struct stack {
	raddr tstate;
	struct regions *regions;
	struct frames now, before; /* before: those that frames[] tells of */
	uint32_t epoch;            /* of the code cache, when they were named */
	uint64_t generation;       /* of the interpreter's code objects then */
	raddr *codes;              /* distinct, of the last walk */
	size_t n_codes, cap_codes;
	uint32_t *frames, *nodes;  /* root first: frames, and stacks up to there */
	size_t n_frames, cap_frames, n_nodes, cap_nodes;
	uint32_t root;             /* what nodes[] stands on */
	int unchanged;             /* by the last read */
};

struct walker *
walker_new(struct mem *mem, const struct layout *l, struct codes *codes)
{
	struct walker *w = xcalloc(1, sizeof *w);

	*w = (struct walker){ l, codes, snap_new(mem), snap_new(mem), 0 };
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
	regions_free(st->regions);
	free(st->now.visits);
	free(st->before.visits);
	free(st->codes);
	free(st->frames);
	free(st->nodes);
	free(st);
}

int
stack_unchanged(const struct stack *st)
{
	return st->unchanged;
}

const uint32_t *
stack_frames(const struct stack *st, size_t *n)
{
	*n = st->n_frames;
	return st->frames;
}

uint32_t
stack_in_profile(struct stack *st, struct profile *profile, uint32_t root)
{
	uint32_t at = root;

	if (st->root != root)
		st->n_nodes = 0;
	st->root = root;
	if (st->n_nodes)
		at = st->nodes[st->n_nodes - 1];
	while (st->n_nodes < st->n_frames) {
		at = profile_stack(profile, at, st->frames[st->n_nodes]);
		st->nodes = grow(st->nodes, st->n_nodes, &st->cap_nodes, sizeof *st->nodes);
		st->nodes[st->n_nodes++] = at;
	}
	return at;
}

raddr
gil_holder(const struct layout *l, const struct gil *gil, const void *bytes)
{
	const unsigned char *p = bytes;
	int32_t locked = 1, enabled = 1;

	if (gil->locked != ABSENT)
		memcpy(&locked, p + gil->locked, sizeof locked);
	if (gil->enabled != ABSENT)
		memcpy(&enabled, p + gil->enabled, sizeof enabled);
	return locked == 1 && enabled ? object_pointer(l, p + gil->holder) : 0;
}

/* ---- reading ---- */

static int
plan_read(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags)
{
	int twice = !(flags & STACK_STOPPED);
	enum snap_times times = twice ? SNAP_TWICE : SNAP_ONCE;

	snap_begin(w->snap);
	if (gil && snap_add(w->snap, gil->addr, gil->len, times))
		return -1;
	if (snap_add(w->snap, st->tstate, frames_thread_size(w->l), times))
		return -1;
	if (regions_add(st->regions, w->snap, twice, w->l->frames != FRAMES_HEAP))
		return -1;
	if (w->l->interp.generation != ABSENT)
		return st->now.interp ? snap_add(w->snap, st->now.interp +
		                                 (raddr)w->l->interp.generation, 8, SNAP_ONCE) : 0;
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
		size_t had_codes = st->n_codes;
		raddr bad = 0;
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

/* ---- what is as it was ---- */

static int
is_same(const struct visit *a, const struct visit *b)
{
	return a->frame == b->frame && a->back == b->back && a->code == b->code &&
	       a->instr == b->instr && a->copy == b->copy && a->owner == b->owner;
}

/*
 * How many visits, counted from the root, are the same as before.  They get
 * what was found out about them then.
 */
static size_t
match_before(struct walker *w, struct stack *st)
{
	size_t n = st->now.n, m = st->before.n, same = 0;

	if (st->epoch != codes_epoch(w->codes))
		return 0;
	while (same < n && same < m) {
		struct visit *v = &st->now.visits[n - 1 - same];
		const struct visit *u = &st->before.visits[m - 1 - same];

		if (!is_same(v, u))
			break;
		v->depth = u->depth;
		same++;
	}
	return same;
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
	p = snap_get(w->snap, st->now.interp + (raddr)w->l->interp.generation, sizeof count);
	if (!p)
		return 0;
	memcpy(&count, p, sizeof count);
	return count + 1; /* so that 0 is "never" */
}

/* Lists the distinct code objects of the first n visits. */
static void
list_codes(struct walker *w, struct stack *st, size_t n)
{
	raddr last = 0;

	st->n_codes = 0;
	w->serial++;
	for (size_t i = 0; i < n; i++) {
		const struct visit *v = &st->now.visits[i];
		struct code *code;

		if (v->shim || v->code == last)
			continue;
		last = v->code;
		code = codes_find(w->codes, last);
		if (code && !code_mark(code, w->serial))
			continue;
		st->codes = grow(st->codes, st->n_codes, &st->cap_codes, sizeof *st->codes);
		st->codes[st->n_codes++] = last;
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
 * Makes sure that the cache speaks of the code objects listed as they are now.
 * An identity that is read after the sample will do: if it is the same before
 * and after, it was the same in between.  An object that had to be decoded
 * anew proves nothing unless the thread stands still.
 */
static int
check_codes(struct walker *w, struct stack *st, uint64_t now, unsigned flags)
{
	size_t late = 0;
	int learned = 0;
	struct code *code;
	enum why why;

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

/* Turns the first n visits into the profile's frames, on top of those of the
 * rest, which are named already. */
static enum why
name_frames(struct walker *w, struct stack *st, size_t n, unsigned flags)
{
	const struct layout *l = w->l;

	st->n_frames = n < st->now.n ? st->now.visits[n].depth : 0;
	if (st->n_nodes > st->n_frames)
		st->n_nodes = st->n_frames;
	for (size_t i = n; i-- > 0; st->now.visits[i].depth = (uint32_t)st->n_frames) {
		const struct visit *v = &st->now.visits[i];
		int64_t offset = (int64_t)v->instr;
		struct code *code;

		if (v->shim)
			continue;
		code = codes_find(w->codes, v->code);
		if (!code)
			return TORN;
		/* An empty stack of a frame without locals looks like a left one. */
		if (!i && l->live == LIVE_STACKPOINTER && v->gone && code_locals(code) &&
		    !(flags & (STACK_STOPPED | STACK_HELD)))
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

/* Puts the proven walk into words. */
static int
tell(struct walker *w, struct stack *st, unsigned flags)
{
	uint64_t now = generation(w, st);
	size_t same = match_before(w, st), n = st->now.n - same;
	struct frames told;
	int why;

	/* If code objects may have been freed, the old frames' are in doubt too. */
	list_codes(w, st, now && now == st->generation ? n : st->now.n);
	why = check_codes(w, st, now, flags);
	if (why == OK && st->epoch != codes_epoch(w->codes))
		n = st->now.n;
	st->unchanged = !n && same == st->before.n;
	/* From here on frames[] is no longer what `before` says. */
	st->before.n = why == OK ? 0 : st->before.n;
	if (why == OK)
		why = (int)name_frames(w, st, n, flags);
	if (why != OK)
		return why;
	told = st->now;
	st->now = st->before;
	st->now.interp = told.interp;
	st->now.shape = told.shape;
	st->before = told;
	st->epoch = codes_epoch(w->codes);
	st->generation = now;
	return OK;
}

/* ---- all of it ---- */

/* Whether the thread holds the gil, or is attached, if it has to: asked of
 * both copies.  TORN: in one of them. */
static enum why
check_holder(struct walker *w, const struct stack *st, const struct gil *gil, unsigned flags,
             raddr *holder)
{
	const struct layout *l = w->l;
	raddr again = st->tstate;
	const unsigned char *a, *b;

	if (gil) {
		a = snap_get(w->snap, gil->addr, gil->len);
		b = snap_again(w->snap, gil->addr, gil->len);
		*holder = gil_holder(l, gil, a);
		if (b)
			again = gil_holder(l, gil, b);
	} else if (flags & STACK_ATTACHED) {
		int32_t state[2] = { 1, 1 };

		a = snap_get(w->snap, st->tstate, frames_thread_size(l));
		b = snap_again(w->snap, st->tstate, frames_thread_size(l));
		memcpy(&state[0], a + l->thread.state, sizeof state[0]);
		if (b)
			memcpy(&state[1], b + l->thread.state, sizeof state[1]);
		*holder = state[0] == 1 ? st->tstate : 0;
		again = state[1] == 1 ? st->tstate : 0;
	} else {
		return OK;
	}
	return *holder == st->tstate && again != st->tstate ? TORN : OK;
}

static int
try_read(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags, raddr *holder)
{
	int stopped = (flags & STACK_STOPPED) != 0;
	enum why why = read_planned(w, st, gil, flags);

	if (why == OK)
		why = check_holder(w, st, gil, flags, holder);
	if (why != OK || ((gil || flags & STACK_ATTACHED) && *holder != st->tstate))
		return (int)why;
	why = frames_walk(w->l, w->snap, st->regions, st->tstate, stopped,
	                  stopped || flags & STACK_HELD, &st->now);
	if (why != OK)
		return (int)why;
	if (!stopped && snap_fetched(w->snap))
		return AGAIN;
	return st->now.still ? tell(w, st, flags) : TORN;
}

enum why
stack_read(struct walker *w, struct stack *st, raddr tstate, const struct gil *gil,
           unsigned flags, raddr *holder, int *first)
{
	uint64_t shape = 0;
	int why = TORN;

	if (st->tstate != tstate) {
		st->tstate = tstate;
		st->n_codes = st->now.n = st->before.n = 0;
		st->now.interp = 0;
		regions_clear(st->regions);
	}
	*first = 1;
	for (int i = 0; i < TRIES; i++) {
		why = try_read(w, st, gil, flags, holder);
		/* What was incomplete counts as movement only if it has moved. */
		if (i && st->now.shape != shape)
			*first = 0;
		shape = st->now.shape;
		if (why != AGAIN)
			break;
	}
	if (why != OK)
		*first = 0;
	return why == AGAIN ? TORN : (enum why)why;
}
