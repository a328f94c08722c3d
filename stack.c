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
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "kernel/kernel.h"
#include "native/merge.h"
#include "layouts.h"
#include "objects.h"
#include "snapshot.h"
#include "gil.h"
#include "frames.h"
#include "code.h"
#include "codes.h"
#include "stack.h"

enum {
	TRIES = 6,
	JOINED = 512,      /* bytes between two words that are one region */
	COVERED = 8,       /* frames that are read twice at least */
	COVERED_MORE = 4,  /* than have changed */
	NOTE_EACH = 64,    /* samples, to find out which regions are not needed */
	STANDS = STACK_STOPPED | STACK_ONCE, /* of these flags: nothing is read twice */
};

struct stacks {
	struct mem *mem;
	const struct layout *l;
	struct codes *codes;
	struct walk_from from; /* of the walk at hand */
	struct walk walk;
	struct native_entry *entries; /* of the stack asked for last */
	size_t n_entries, cap_entries;
};

/* A stack in words, root first; all zero is an empty one. */
struct named {
	uint32_t *frames; /* of the profile */
	raddr *addrs;     /* of the target's frames that these are */
	size_t n, cap, cap_addrs;
};

struct stack {
	raddr tstate, interp, cframe;
	struct snap *snap;
	struct regions *regions;
	struct frames proven;
	struct named named; /* what the proven frames are called */
	struct code_list codes; /* to be checked with the next sample */
	uint32_t epoch;     /* of the known code objects, then */
	uint32_t *nodes;    /* stacks in the profile, up to each of those frames */
	size_t n_nodes, cap_nodes;
	uint32_t root;      /* what nodes[] stands on */
	size_t cover;       /* frames to be read twice */
	int uncovered;      /* those were not all that the last walk found anew */
	unsigned reads;
	uint32_t shape;     /* of the last walk, whatever became of it */
	enum { ENDS_UNKNOWN, ENDS_IN_FUNCTION, ENDS_IN_GENERATOR } ends;
	uint32_t doubted;   /* by this read: a hash of a doubtful walk, else 0 */
	int tried;          /* by stack_conclude(), in vain */
	int unchanged;      /* by the last read */
	int64_t copied_at;  /* when the kernel made what is looked at, now_ns() */
	int64_t proven_at;  /* and what was proven last; INT64_MAX: it did not */
};

struct stacks *
stacks_new(struct mem *mem, const struct layout *l, struct codes *codes)
{
	struct stacks *all = xcalloc(1, sizeof *all);

	*all = (struct stacks){ .mem = mem, .l = l, .codes = codes };
	return all;
}

void
stacks_free(struct stacks *all)
{
	if (!all)
		return;
	free(all->walk.fresh);
	free(all->entries);
	free(all);
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
	free(st->named.frames);
	free(st->named.addrs);
	free(st->codes.addrs);
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

const raddr *
stack_addresses(const struct stack *st, size_t *n)
{
	*n = st->named.n;
	return st->named.addrs;
}

raddr
stack_code(const struct stack *st, raddr frame)
{
	for (size_t i = 0; i < st->proven.n; i++)
		if (st->proven.visits[i].frame == frame)
			return st->proven.visits[i].code;
	return 0;
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

/* ---- what to read ---- */

/* The GIL and the interpreter's count of code objects freed, which may lie so
 * close together that they are one region. */
static int
plan_gil(struct stacks *all, struct stack *st, const struct gil *gil)
{
	raddr from = gil->addr, to = gil->addr + gil->len, count;

	if (all->l->interp.generation != ABSENT && st->interp) {
		count = st->interp + (raddr)all->l->interp.generation;
		if (count >= to && count - to < JOINED)
			to = count + 8;
		else if (count < from && from - count < JOINED)
			from = count;
	}
	return snap_add(st->snap, from, (size_t)(to - from));
}

/* Has what may have changed since the last sample read twice. */
static void
plan_cover(struct stacks *all, struct stack *st)
{
	const struct frames *p = &st->proven;
	size_t size = (size_t)all->l->frame.size, n = 0;

	if (!p->n || st->uncovered) {
		snap_repeat_all(st->snap);
		return;
	}
	snap_repeat(st->snap, st->tstate, frames_thread_size(all->l), 0);
	if (st->cframe)
		snap_repeat(st->snap, st->cframe, frames_cframe_size(all->l), 0);
	for (size_t i = p->n; i-- > 0 && n < st->cover; n++)
		snap_repeat(st->snap, p->visits[i].frame, size, i == p->n - 1);
}

/* Where to stop reading on top of the executing frame; 0: no matter.  Where new frames
 * would be is of interest if the thread may have moved.  (On the heap other frames may
 * lie there.) */
static raddr
end_of_frames(const struct stacks *all, const struct frames *p, int twice)
{
	if (!p->n || twice || all->l->frames == FRAMES_HEAP)
		return 0;
	return p->visits[p->n - 1].frame + (raddr)all->l->frame.size;
}

static int
plan_read(struct stacks *all, struct stack *st, const struct gil *gil, size_t head, int twice)
{
	size_t len = frames_thread_size(all->l);
	const struct frames *p = &st->proven;
	raddr base[2] = { 0 };

	for (size_t i = 0; st->reads % NOTE_EACH && i < frames_base(all->l, p); i++)
		base[i] = p->visits[i].frame;
	snap_begin(st->snap);
	if (gil && plan_gil(all, st, gil))
		return -1;
	if (snap_add(st->snap, st->tstate, head > len ? head : len))
		return -1;
	if (regions_add(st->regions, st->snap, base, end_of_frames(all, p, twice)))
		return -1;
	if (twice)
		plan_cover(all, st);
	return 0;
}

/* Reads what is planned; a region that is gone is left out of the next try. */
static enum why
read_planned(struct stacks *all, struct stack *st, const struct gil *gil, unsigned flags)
{
	for (int i = 0; i < TRIES; i++) {
		size_t had_codes = st->codes.n;
		raddr bad = 0;
		enum why why;

		if (plan_read(all, st, gil, 0, !(flags & STANDS)) ||
		    codes_plan(all->codes, &st->codes, st->interp, st->snap))
			return DEEP;
		why = snap_read(st->snap, &bad);
		if (why != FAULT)
			return why;
		st->codes.n = 0;
		if (!regions_forget(st->regions, bad) && !had_codes)
			return FAULT;
	}
	return FAULT;
}

/* ---- what came of it ---- */

/* Whether the thread holds the gil, or is attached, if it has to. */
static int
is_holder(struct stacks *all, const struct stack *st, const struct gil *gil, unsigned flags,
          raddr *holder)
{
	if (gil) {
		*holder = gil_holder(all->l, gil, snap_get(st->snap, gil->addr, gil->len));
	} else if (flags & STACK_ATTACHED) {
		const unsigned char *p = snap_get(st->snap, st->tstate, frames_thread_size(all->l));
		int32_t state;

		memcpy(&state, p + all->l->thread.state, sizeof state);
		*holder = state == all->l->thread.attached ? st->tstate : 0;
	} else {
		return 1;
	}
	return *holder == st->tstate;
}

/* Whether the walk has found the stack that was proven before. */
static int
is_unchanged(const struct stacks *all, const struct stack *st)
{
	const struct frames *p = &st->proven;

	return p->n && st->epoch == codes_epoch(all->codes) && all->walk.n == 1 &&
	       all->walk.kept == p->n - 1 &&
	       frames_equal(&all->walk.fresh[0], &p->visits[p->n - 1]);
}

/* An empty stack of a frame without locals looks like an exited one. */
static int
looks_exited(const struct stacks *all, const struct visit *v, const struct code *code)
{
	return all->l->live == LIVE_STACKPOINTER && v->gone && code->locals;
}

static void
add_name(struct named *d, uint32_t frame, raddr addr)
{
	d->frames = grow(d->frames, d->n, &d->cap, sizeof *d->frames);
	d->addrs = grow(d->addrs, d->n, &d->cap_addrs, sizeof *d->addrs);
	d->addrs[d->n] = addr;
	d->frames[d->n++] = frame;
}

/* Adds the frame of one visit, if it is one to be shown.  certain: the thread stands, so
 * what looks impossible is not for lack of proof. */
static enum why
name_visit(struct stacks *all, struct named *d, const struct visit *v, int innermost, int certain)
{
	struct code *code = codes_find(all->codes, v->code);
	int64_t offset;

	if (!code)
		return TORN;
	if (codes_exhausted(all->codes))
		return DEEP;
	if (innermost && !certain && looks_exited(all, v, code))
		return TORN;
	offset = code_offset(all->mem, all->l, code, v->instr, v->copy);
	if (!code_offset_valid(code, offset))
		return certain ? BROKEN : TORN;
	if (v->owner != all->l->frame.generator_owner && code_not_begun(code, offset))
		return OK;
	add_name(d, codes_frame(all->codes, code, offset), v->frame);
	return OK;
}

/* Puts the walk's fresh frames into words, after the first `depth` that are there; every
 * visit gets the depth up to it. */
static enum why
name_walk(struct stacks *all, struct named *d, size_t depth, int certain)
{
	struct walk *walk = &all->walk;
	enum why why = OK;

	d->n = depth;
	for (size_t i = walk->n; i-- > 0 && why == OK;) {
		struct visit *v = &walk->fresh[i];

		if (!v->shim)
			why = name_visit(all, d, v, i == 0, certain);
		v->depth = (uint32_t)d->n;
	}
	return why;
}

/* Makes sure of the code objects of the walk's fresh frames. */
static enum why
check_codes(struct stacks *all, struct stack *st, int how)
{
	const struct walk *walk = &all->walk;
	raddr last = 0;

	codes_begin(all->codes);
	for (size_t i = 0; i < walk->n; i++) {
		if (walk->fresh[i].shim || walk->fresh[i].code == last)
			continue;
		last = walk->fresh[i].code;
		codes_add(all->codes, last);
	}
	return codes_check(all->codes, all->from.interp, st->snap, how, st->copied_at, &st->codes);
}

/* What the outermost frame is, where that may be for want of a link to the next. */
static int
find_end(const struct stacks *all)
{
	/* CPython v3.10.0 Include/code.h: CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE,
	 * CO_ASYNC_GENERATOR */
	enum { GENERATORS = 0x20 | 0x80 | 0x100 | 0x200 };
	int at = layout_flags(all->l);
	uint32_t flags;

	if (at == ABSENT || mem_read(all->mem, all->walk.fresh[all->walk.n - 1].code + (raddr)at,
	                             &flags, sizeof flags) != OK)
		return ENDS_UNKNOWN;
	return flags & GENERATORS ? ENDS_IN_GENERATOR : ENDS_IN_FUNCTION;
}

/* Makes the walk the proven stack, and puts it into words.  One that ends in a generator's
 * frame, where the thread's stack did not before, has been cut off there. */
static enum why
adopt_walk(struct stacks *all, struct stack *st, unsigned flags)
{
	const struct walk *walk = &all->walk;
	size_t depth = walk->kept ? st->proven.visits[walk->kept - 1].depth : 0;
	int ends = walk->n && !walk->kept ? find_end(all) : (int)st->ends;
	enum why why;

	if (ends == ENDS_IN_GENERATOR && st->ends == ENDS_IN_FUNCTION)
		return TORN;
	if (st->n_nodes > depth)
		st->n_nodes = depth;
	why = name_walk(all, &st->named, depth, flags & (STACK_STOPPED | STACK_HELD));
	if (why == OK) {
		st->ends = ends;
		frames_commit(all->l, &st->proven, walk);
	} else {
		frames_truncate(&st->proven, walk->kept);
	}
	return why;
}

/* Whether none of the walk's code objects has to be decoded, which takes long. */
static int
are_known(const struct stacks *all)
{
	const struct walk *walk = &all->walk;

	for (size_t i = 0; i < walk->n; i++)
		if (!walk->fresh[i].shim && !codes_find(all->codes, walk->fresh[i].code))
			return 0;
	return 1;
}

/* Accepts the walk, if its code objects are known for sure. */
static enum why
accept(struct stacks *all, struct stack *st, unsigned flags, int shared)
{
	enum why why = check_codes(all, st, HAS_KERNEL && flags & STACK_COPIED ? CODES_COPIED :
	                                    shared ? CODES_SHARED : 0);

	if (why == AGAIN && flags & STACK_STOPPED && !(flags & STACK_COPIED))
		why = OK;
	if (why != OK)
		return why;
	if (st->epoch != codes_epoch(all->codes) && all->walk.kept) {
		frames_truncate(&st->proven, 0); /* those are in doubt as well */
		return AGAIN;
	}
	if (!st->unchanged)
		why = adopt_walk(all, st, flags);
	if (why != OK)
		return why;
	st->proven_at = flags & STACK_COPIED ? st->copied_at : INT64_MAX;
	st->epoch = codes_epoch(all->codes);
	st->interp = all->from.interp;
	st->cframe = all->from.cframe;
	snap_keep(st->snap);
	return OK;
}

/* Whether the walk is doubtful, and not what the one before it found. */
static int
is_doubted(struct stack *st, const struct walk *walk)
{
	uint32_t hash = walk->shape, last = st->doubted;

	st->doubted = 0;
	if (!walk->doubtful)
		return 0;
	for (size_t i = 0; i < walk->n; i++)
		hash = hash_words(hash, walk->fresh[i].instr);
	st->doubted = hash;
	return hash != last;
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

/* Walks the stack in its snapshot. */
static enum why
walk_stack(struct stacks *all, struct stack *st, unsigned flags)
{
	unsigned how = (flags & STANDS ? WALK_STOPPED : 0) |
	               (flags & (STACK_STOPPED | STACK_HELD) ? WALK_ANYWHERE : 0) |
	               (st->reads++ % NOTE_EACH ? 0 : WALK_NOTE);
	enum why why = frames_of_thread(all->l, st->snap, st->tstate, how, &all->from);

	all->walk.shape = 0;
	if (why == OK)
		why = frames_walk(all->l, st->snap, st->regions, &all->from, how, &st->proven,
		                  &all->walk);
	st->shape = all->walk.shape;
	return why;
}

/* together: it was read in one call with others.  settled: and only once, as it
 * had not moved before. */
static enum why
walk_and_accept(struct stacks *all, struct stack *st, unsigned flags, int together, int settled)
{
	struct walk *walk = &all->walk;
	enum why why = walk_stack(all, st, flags);

	if (why != OK)
		return why;
	if (!(flags & STANDS) && snap_fetched(st->snap))
		return AGAIN;
	st->unchanged = is_unchanged(all, st);
	st->uncovered = !settled && !walk->covered;
	learn_cover(st, walk->n);
	if (settled ? !st->unchanged : !walk->covered)
		return AGAIN;
	if (!settled && !walk->still)
		return TORN;
	if (!st->unchanged && !(flags & (STACK_STOPPED | STACK_HELD)) && is_doubted(st, walk))
		return AGAIN;
	if (flags & STACK_ONCE && !are_known(all))
		return TORN;
	return accept(all, st, flags, together);
}

struct snap *
stack_plan(struct stacks *all, struct stack *st, raddr tstate, size_t head)
{
	st->tried = 0;
	if (st->tstate != tstate || !st->proven.n ||
	    plan_read(all, st, NULL, head, !st->unchanged) ||
	    codes_plan_shared(all->codes, &st->codes, st->interp))
		return NULL;
	return st->snap;
}

struct snap *
stacks_begin(struct stacks *all)
{
	return codes_begin_shared(all->codes);
}

enum why
stack_conclude(struct stacks *all, struct stack *st, unsigned flags, raddr *holder)
{
	enum why why;

	if (!is_holder(all, st, NULL, flags, holder))
		return OK;
	why = walk_and_accept(all, st, flags, 1, st->unchanged);
	st->tried = why != OK;
	return why == AGAIN ? TORN : why;
}

static void
begin_anew(struct stack *st, raddr tstate)
{
	st->tstate = tstate;
	st->interp = st->cframe = 0;
	st->named.n = st->codes.n = st->n_nodes = 0;
	st->tried = st->unchanged = 0;
	st->reads = 0;
	frames_truncate(&st->proven, 0);
	regions_clear(st->regions);
}

void
stack_forget(struct stack *st)
{
	begin_anew(st, st->tstate);
}

enum why
stack_read(struct stacks *all, struct stack *st, raddr tstate, const struct gil *gil,
           unsigned flags, raddr *holder, int *first)
{
	enum why why = TORN;
	uint32_t shape;
	int tried;

	if (st->tstate != tstate)
		begin_anew(st, tstate);
	tried = st->tried;
	shape = st->shape;
	st->doubted = 0;
	*first = 1;
	for (int i = 0; i < TRIES; i++, tried = 1) {
		why = read_planned(all, st, gil, flags);
		if (why != OK || !is_holder(all, st, gil, flags, holder))
			break;
		why = walk_and_accept(all, st, flags, 0, 0);
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
	return why == AGAIN ? TORN : why;
}

/* ---- where C runs it ---- */

int
stacks_have_objects(const struct stacks *all)
{
	return all->l->frames == FRAMES_HEAP;
}

static void
add_entry(struct stacks *all, raddr addr, size_t depth)
{
	all->entries = grow(all->entries, all->n_entries, &all->cap_entries, sizeof *all->entries);
	all->entries[all->n_entries++] = (struct native_entry){ addr, (uint32_t)depth };
}

/* The number of the visit of a frame, below number `end`; -1: there is none. */
static ptrdiff_t
find_visit(const struct frames *p, size_t end, raddr frame)
{
	while (end-- > 0)
		if (p->visits[end].frame == frame)
			return (ptrdiff_t)end;
	return -1;
}

static void
reverse_entries(struct stacks *all)
{
	for (size_t i = 0, k = all->n_entries; k-- > i; i++) {
		struct native_entry first = all->entries[i];

		all->entries[i] = all->entries[k];
		all->entries[k] = first;
	}
}

/* Eval loops by the _PyCFrames that they have among their own variables, the innermost first: each
 * says which frame its loop has come to, so the ones below that, up to where the loop before
 * it has come to, are its.  What the copy does not have is left without an address. */
static void
list_cframes(struct stacks *all, const struct stack *st,
             int (*word)(const struct native *, raddr, uint64_t *), const struct native *native)
{
	const struct layout *l = all->l;
	const struct frames *p = &st->proven;
	raddr at = st->cframe, root = st->tstate + (raddr)l->thread.root, frame, next = 0;
	ptrdiff_t top = (ptrdiff_t)p->n - 1, below = top;

	while (top >= 0 && at != root) {
		if (word(native, at + (raddr)l->cframe.frame, &frame) || frame != p->visits[top].frame ||
		    word(native, at + (raddr)l->cframe.previous, &next))
			break;
		below = next == root ? -1 : word(native, next + (raddr)l->cframe.frame, &frame) ? top :
		        find_visit(p, (size_t)top, frame);
		if (below == top)
			break;
		add_entry(all, at, below < 0 ? 0 : p->visits[below].depth);
		top = below;
		at = next;
	}
	if (top >= 0)
		add_entry(all, 0, 0);
	reverse_entries(all);
}

const struct native_entry *
stack_entries(struct stacks *all, const struct stack *st,
              int (*word)(const struct native *, raddr, uint64_t *), const struct native *native,
              size_t *n)
{
	const struct layout *l = all->l;
	const struct frames *p = &st->proven;

	all->n_entries = 0;
	if (l->frame.entry != ABSENT)
		list_cframes(all, st, word, native);
	for (size_t i = 0; i < p->n && l->frame.entry == ABSENT; i++)
		if (l->frames == FRAMES_HEAP || p->visits[i].shim)
			add_entry(all, p->visits[i].frame, i ? p->visits[i - 1].depth : 0);
	*n = all->n_entries;
	return all->entries;
}

/* ---- what the kernel has copied ---- */

static void
ask_for(const struct stacks *all, const struct stack *st, const struct gil *gil, uint32_t room,
        struct kernel_chain *c)
{
	const struct layout *l = all->l;

	*c = (struct kernel_chain){
		.head = st->tstate, .head_len = (unsigned)frames_thread_size(l),
		.link = (unsigned)l->thread.frame, .len = (unsigned)l->frame.size,
		.next = (unsigned)l->frame.back, .adjoin = l->frames != FRAMES_HEAP, .ptr = l->ptr,
		.stack = room,
	};
	if (l->frames == FRAMES_CFRAME) {
		c->mid_len = (unsigned)frames_cframe_size(l);
		c->mid_link = (unsigned)l->cframe.frame;
		c->mid_previous = (unsigned)l->cframe.previous;
	}
	if (gil) {
		c->extra[0].addr = gil->addr;
		c->extra[0].len = (unsigned)gil->len;
	}
	if (l->interp.generation == ABSENT)
		codes_ask(l, c);
	else if (st->interp) {
		c->extra[1].addr = st->interp + (raddr)l->interp.generation;
		c->extra[1].len = 8;
	}
}

/* Makes a copy the snapshot.  0 if there is not what has to be. */
static int
adopt_copy(struct stacks *all, struct stack *st, const struct gil *gil, struct kernel_copy *copy)
{
	const void *bytes;
	raddr addr;
	size_t len;

	snap_begin(st->snap);
	while ((bytes = kernel_region(copy, &addr, &len)))
		if (snap_put(st->snap, addr, bytes, len))
			return 0;
	return snap_has(st->snap, st->tstate, frames_thread_size(all->l)) &&
	       (!gil || snap_has(st->snap, gil->addr, gil->len));
}

/* Takes copies until one is not of the few instructions during which its frames do not hang
 * together, and, if that is asked for, of a moment at which it held the GIL. */
static enum why
take_copy(struct stacks *all, struct stack *st, int tid, const struct gil *gil, unsigned flags,
          uint32_t room)
{
	enum why why = AGAIN;
	struct kernel_chain chain;
	struct kernel_copy copy;

	ask_for(all, st, gil, room, &chain);
	for (int i = 0; i < TRIES; i++) {
		enum kernel_answer answer = kernel_take(tid, &chain, flags & STACK_HASTY ? -1 : i, &copy);
		raddr holder;

		if (answer == KERNEL_NONE || (answer == KERNEL_SAME && i))
			return FAULT;
		if (!adopt_copy(all, st, gil, &copy))
			return AGAIN;
		if (flags & STACK_THEN && !is_holder(all, st, gil, 0, &holder))
			continue;
		if (copy.time <= st->proven_at) /* what was proven later proves nothing */
			frames_truncate(&st->proven, 0);
		st->copied_at = copy.time;
		why = walk_and_accept(all, st, flags | STACK_STOPPED | STACK_COPIED, 0, 0);
		if (why == OK || why == AGAIN || why == DEEP)
			return why;
		why = TORN;
	}
	return why;
}

enum why
stack_take(struct stacks *all, struct stack *st, raddr tstate, int tid, const struct gil *gil,
           unsigned flags, uint32_t room, raddr *holder)
{
	enum why why;

	if (st->tstate != tstate)
		begin_anew(st, tstate);
	if (gil) {
		why = gil_read_holder(all->mem, all->l, gil, holder);
		if (why != OK || *holder != tstate)
			return why;
	}
	why = take_copy(all, st, tid, gil, flags, room);
	if (why == OK && flags & STACK_ATTACHED)
		*holder = tstate;
	return why;
}
