/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread state to the profile's frames, proven.
 *
 * Every region that the last walks of this thread went through is read again
 * in one call, and the walk is done in that copy (frames.c).  Where it leaves
 * what was read, the whole is read once more with the missing piece among the
 * regions.
 *
 * Of a stack most is as it was in the last sample that was proven.  What is the
 * same to the byte needs no other proof; the rest, which begins at the
 * executing frame, is read twice.  So is somewhat more than changed in the last
 * samples, since that is not known beforehand.
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
#include "naming.h"
#include "stack.h"

enum {
	TRIES = 6,
	NEAR = 512,        /* words that near to each other are one region */
	COVERED = 8,       /* frames that are read twice at least */
	COVERED_MORE = 4,  /* than have changed */
	NOTE_EACH = 64,    /* samples, to find out which regions are not needed */
};

/* Not in enum why: what was read is right but incomplete, so try again. */
enum { AGAIN = NAMING_AGAIN };

struct walker {
	const struct layout *l;
	struct codes *codes;
	struct namer *namer;
	struct walk walk;
};

struct stack {
	raddr tstate, interp, cframe;
	struct snap *snap;
	struct regions *regions;
	struct frames proven;
	struct named named; /* what the proven frames are called */
	uint32_t epoch;     /* of the code cache, then */
	uint32_t *nodes;    /* stacks in the profile, up to each of those frames */
	size_t n_nodes, cap_nodes;
	uint32_t root;      /* what nodes[] stands on */
	size_t cover;       /* frames to be read twice */
	unsigned reads;
	uint32_t shape;     /* of the last walk, whatever became of it */
	int tried;          /* by stack_conclude(), in vain */
	int unchanged;      /* by the last read */
};

struct walker *
walker_new(struct mem *mem, const struct layout *l, struct codes *codes)
{
	struct walker *w = xcalloc(1, sizeof *w);

	*w = (struct walker){ .l = l, .codes = codes, .namer = namer_new(mem, l, codes) };
	return w;
}

void
walker_free(struct walker *w)
{
	if (!w)
		return;
	namer_free(w->namer);
	free(w->walk.fresh);
	free(w);
}

struct stack *
stack_new(struct mem *mem)
{
	struct stack *st = xcalloc(1, sizeof *st);

	st->snap = snap_new(mem);
	st->regions = regions_new();
	return st;
}

void
stack_free(struct stack *st)
{
	if (!st)
		return;
	snap_free(st->snap);
	regions_free(st->regions);
	frames_free(&st->proven);
	named_free(&st->named);
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
	*n = st->named.n;
	return st->named.frames;
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
	while (st->n_nodes < st->named.n) {
		at = profile_stack(profile, at, st->named.frames[st->n_nodes]);
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

/* ---- what to read ---- */

/* The GIL and the interpreter's count of code objects freed, which may lie so
 * close together that they are one region. */
static int
plan_gil(struct walker *w, struct stack *st, const struct gil *gil)
{
	raddr from = gil->addr, to = gil->addr + gil->len, count;

	if (w->l->interp.generation != ABSENT && st->interp) {
		count = st->interp + (raddr)w->l->interp.generation;
		if (count >= to && count - to < NEAR)
			to = count + 8;
		else if (count < from && from - count < NEAR)
			from = count;
	}
	return snap_add(st->snap, from, (size_t)(to - from));
}

/* Has what may have changed since the last sample read twice. */
static void
plan_cover(struct walker *w, struct stack *st)
{
	const struct frames *p = &st->proven;
	size_t size = (size_t)w->l->frame.size, n = 0;

	if (!p->n) {
		snap_repeat_all(st->snap);
		return;
	}
	snap_repeat(st->snap, st->tstate, frames_thread_size(w->l), 0);
	if (st->cframe)
		snap_repeat(st->snap, st->cframe, frames_cframe_size(w->l), 0);
	for (size_t i = p->n; i-- > 0 && n < st->cover; n++)
		snap_repeat(st->snap, p->visits[i].frame, size, i == p->n - 1);
}

static int
plan_read(struct walker *w, struct stack *st, const struct gil *gil, size_t head, int twice)
{
	size_t len = frames_thread_size(w->l);
	const struct frames *p = &st->proven;
	raddr base[2] = { 0 };
	/* Where new frames would be is of interest if the thread may have moved.  (On the
	 * heap other frames may lie there.) */
	raddr end = p->n && !twice && w->l->frames != FRAMES_HEAP ?
	            p->visits[p->n - 1].frame + (raddr)w->l->frame.size : 0;

	for (size_t i = 0; st->reads % NOTE_EACH && i < frames_base(w->l, p); i++)
		base[i] = p->visits[i].frame;
	snap_begin(st->snap);
	if (gil && plan_gil(w, st, gil))
		return -1;
	if (snap_add(st->snap, st->tstate, head > len ? head : len))
		return -1;
	if (regions_add(st->regions, st->snap, base, end))
		return -1;
	if (twice)
		plan_cover(w, st);
	return 0;
}

/* Reads what is planned; a region that is gone is left out of the next try. */
static enum why
read_planned(struct walker *w, struct stack *st, const struct gil *gil, unsigned flags)
{
	for (int i = 0; i < TRIES; i++) {
		size_t had_codes = st->named.n_codes;
		raddr bad = 0;
		enum why why;

		if (plan_read(w, st, gil, 0, !(flags & STACK_STOPPED)) ||
		    naming_plan(w->namer, &st->named, st->interp, st->snap))
			return DEEP;
		why = snap_read(st->snap, &bad);
		if (why != FAULT)
			return why;
		st->named.n_codes = 0;
		if (!regions_forget(st->regions, bad) && !had_codes)
			return FAULT;
	}
	return FAULT;
}

/* ---- what came of it ---- */

/* Whether the thread holds the gil, or is attached, if it has to. */
static int
is_holder(struct walker *w, const struct stack *st, const struct gil *gil, unsigned flags,
          raddr *holder)
{
	if (gil) {
		*holder = gil_holder(w->l, gil, snap_get(st->snap, gil->addr, gil->len));
	} else if (flags & STACK_ATTACHED) {
		const unsigned char *p = snap_get(st->snap, st->tstate, frames_thread_size(w->l));
		int32_t state;

		memcpy(&state, p + w->l->thread.state, sizeof state);
		*holder = state == w->l->thread.attached ? st->tstate : 0;
	} else {
		return 1;
	}
	return *holder == st->tstate;
}

/* Whether the walk has found the stack that was proven before. */
static int
is_unchanged(const struct walker *w, const struct stack *st)
{
	const struct frames *p = &st->proven;

	return p->n && st->epoch == codes_epoch(w->codes) && w->walk.n == 1 &&
	       w->walk.kept == p->n - 1 &&
	       frames_equal(&w->walk.fresh[0], &p->visits[p->n - 1]);
}

/* Makes the walk the proven stack, and puts it into words. */
static int
accept(struct walker *w, struct stack *st, unsigned flags, int shared)
{
	struct walk *walk = &w->walk;
	size_t depth = walk->kept ? st->proven.visits[walk->kept - 1].depth : 0;
	int why = naming_check(w->namer, &st->named, walk, st->snap, shared);

	if (why == AGAIN && flags & STACK_STOPPED)
		why = OK;
	if (why != OK)
		return why;
	if (st->epoch != codes_epoch(w->codes) && walk->kept) {
		frames_truncate(&st->proven, 0); /* those are in doubt as well */
		return AGAIN;
	}
	if (!st->unchanged) {
		if (st->n_nodes > depth)
			st->n_nodes = depth;
		why = (int)naming_name(w->namer, &st->named, walk, depth,
		                       flags & (STACK_STOPPED | STACK_HELD));
		if (why != OK) {
			frames_truncate(&st->proven, walk->kept);
			return why;
		}
		frames_commit(w->l, &st->proven, walk);
	}
	st->epoch = codes_epoch(w->codes);
	st->interp = walk->interp;
	st->cframe = walk->cframe;
	snap_keep(st->snap);
	return OK;
}

/* Sets how much is read twice from now on. */
static void
learn_cover(struct stack *st, size_t fresh)
{
	size_t need = fresh + COVERED_MORE;

	if (st->cover > COVERED)
		st->cover--;
	if (st->cover < need)
		st->cover = need;
	if (st->cover < COVERED)
		st->cover = COVERED;
}

/* together: it was read in one call with others.  settled: and only once, as it
 * had not moved before. */
static int
walk_and_accept(struct walker *w, struct stack *st, unsigned flags, int together, int settled)
{
	unsigned how = (flags & STACK_STOPPED ? WALK_STOPPED : 0) |
	               (flags & (STACK_STOPPED | STACK_HELD) ? WALK_ANYWHERE : 0) |
	               (st->reads++ % NOTE_EACH ? 0 : WALK_NOTE);
	struct walk *walk = &w->walk;
	enum why why = frames_walk(w->l, st->snap, st->regions, st->tstate, how, &st->proven, walk);

	st->shape = walk->shape;
	if (why != OK)
		return (int)why;
	if (!(flags & STACK_STOPPED) && snap_fetched(st->snap))
		return AGAIN;
	st->unchanged = is_unchanged(w, st);
	learn_cover(st, walk->n);
	if (settled ? !st->unchanged : !walk->covered)
		return AGAIN;
	return settled || walk->still ? accept(w, st, flags, together) : TORN;
}

struct snap *
stack_plan(struct walker *w, struct stack *st, raddr tstate, size_t head)
{
	st->tried = 0;
	if (st->tstate != tstate || !st->proven.n ||
	    plan_read(w, st, NULL, head, !st->unchanged) ||
	    naming_plan_shared(w->namer, &st->named, st->interp))
		return NULL;
	return st->snap;
}

struct snap *
walker_shared(struct walker *w)
{
	return naming_shared(w->namer);
}

enum why
stack_conclude(struct walker *w, struct stack *st, unsigned flags, raddr *holder)
{
	int why;

	if (!is_holder(w, st, NULL, flags, holder))
		return OK;
	why = walk_and_accept(w, st, flags, 1, st->unchanged);
	st->tried = why != OK;
	return why == AGAIN ? TORN : (enum why)why;
}

static void
begin_anew(struct stack *st, raddr tstate)
{
	st->tstate = tstate;
	st->interp = st->cframe = 0;
	st->named.n = st->named.n_codes = st->n_nodes = 0;
	st->tried = st->unchanged = 0;
	st->reads = 0;
	frames_truncate(&st->proven, 0);
	regions_clear(st->regions);
}

enum why
stack_read(struct walker *w, struct stack *st, raddr tstate, const struct gil *gil,
           unsigned flags, raddr *holder, int *first)
{
	int why = TORN, tried;
	uint32_t shape;

	if (st->tstate != tstate)
		begin_anew(st, tstate);
	tried = st->tried;
	shape = st->shape;
	*first = 1;
	for (int i = 0; i < TRIES; i++, tried = 1) {
		why = (int)read_planned(w, st, gil, flags);
		if (why != OK || !is_holder(w, st, gil, flags, holder))
			break;
		why = walk_and_accept(w, st, flags, 0, 0);
		/* What was incomplete counts as movement only if it has moved. */
		if (tried && st->shape != shape)
			*first = 0;
		shape = st->shape;
		if (why != AGAIN)
			break;
	}
	st->tried = 0;
	if (why != OK)
		*first = 0;
	return why == AGAIN ? TORN : (enum why)why;
}
