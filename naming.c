/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting frames into words: each code object is looked up in the cache, and
 * what the cache says is believed if the object's identity, as read with the
 * sample or after it, is what it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "snapshot.h"
#include "layouts.h"
#include "profile.h"
#include "code.h"
#include "frames.h"
#include "naming.h"

struct namer {
	const struct layout *l;
	struct codes *codes;
	struct snap *shared; /* identities that were read with several samples */
	struct snap *late; /* and those that were not read with any */
	raddr *listed;     /* distinct code objects of the walk at hand */
	size_t n, cap;
	uint32_t serial;   /* of that walk, for marking code objects */
};

struct namer *
namer_new(struct mem *mem, const struct layout *l, struct codes *codes)
{
	struct namer *n = xcalloc(1, sizeof *n);

	*n = (struct namer){ .l = l, .codes = codes,
	                     .shared = snap_new(mem), .late = snap_new(mem) };
	return n;
}

void
namer_free(struct namer *n)
{
	if (!n)
		return;
	snap_free(n->shared);
	snap_free(n->late);
	free(n->listed);
	free(n);
}

void
named_free(struct named *d)
{
	free(d->frames);
	free(d->codes);
}

/* ---- identities ---- */

/* Adds the address of the interpreter's count of code objects freed, unless the
 * snapshot has that already. */
static int
plan_generation(struct namer *n, raddr interp, struct snap *snap)
{
	raddr addr = interp + (raddr)n->l->interp.generation;

	return !interp || snap_has(snap, addr, 8) ? 0 : snap_add(snap, addr, 8);
}

int
naming_plan(struct namer *n, const struct named *d, raddr interp, struct snap *snap)
{
	if (n->l->interp.generation != ABSENT)
		return plan_generation(n, interp, snap);
	for (size_t i = 0; i < d->n_codes; i++) {
		struct code *code = codes_find(n->codes, d->codes[i]);

		if (code && code_add_identity(n->codes, code, snap))
			return -1;
	}
	return 0;
}

struct snap *
naming_shared(struct namer *n)
{
	snap_begin(n->shared);
	n->serial++;
	return n->shared;
}

int
naming_plan_shared(struct namer *n, const struct named *d, raddr interp)
{
	if (n->l->interp.generation != ABSENT)
		return plan_generation(n, interp, n->shared);
	for (size_t i = 0; i < d->n_codes; i++) {
		struct code *code = codes_find(n->codes, d->codes[i]);

		if (code && code_mark(code, n->serial) &&
		    code_add_identity(n->codes, code, n->shared))
			return -1;
	}
	return 0;
}

/* The interpreter's count of code objects freed, as read with the sample, plus
 * one; 0: not known. */
static uint64_t
generation(const struct namer *n, raddr interp, struct snap *snap, int shared)
{
	const void *p;
	uint64_t count;

	if (n->l->interp.generation == ABSENT)
		return 0;
	p = snap_get(snap, interp + (raddr)n->l->interp.generation, sizeof count);
	if (!p && shared)
		p = snap_get(n->shared, interp + (raddr)n->l->interp.generation, sizeof count);
	if (!p)
		return 0;
	memcpy(&count, p, sizeof count);
	return count + 1;
}

static void
list_codes(struct namer *n, const struct walk *walk)
{
	raddr last = 0;

	n->n = 0;
	n->serial++;
	for (size_t i = 0; i < walk->n; i++) {
		const struct visit *v = &walk->fresh[i];
		struct code *code;

		if (v->shim || v->code == last)
			continue;
		last = v->code;
		code = codes_find(n->codes, last);
		if (code && !code_mark(code, n->serial))
			continue;
		n->listed = grow(n->listed, n->n, &n->cap, sizeof *n->listed);
		n->listed[n->n++] = last;
	}
}

/* Whether what is known of the code object at addr is true of it, by the bytes
 * in that snapshot, or the other.  now is the generation read with the sample. */
static enum code_identity
believe(struct namer *n, raddr addr, struct snap *snap, struct snap *other, uint64_t now)
{
	struct code *code = codes_find(n->codes, addr);
	enum code_identity is;

	if (!code)
		return IDENTITY_OTHER;
	if (now && code_generation(code) == now)
		return IDENTITY_SAME;
	is = code_check_identity(n->codes, code, snap);
	if (is == IDENTITY_UNREAD && other)
		is = code_check_identity(n->codes, code, other);
	if (is == IDENTITY_SAME)
		code_set_generation(code, now);
	return is;
}

/* Reads the identities of the first `count` code objects listed. */
static void
read_late(struct namer *n, size_t count)
{
	raddr bad;

	snap_begin(n->late);
	for (size_t i = 0; i < count; i++)
		if (code_add_identity(n->codes, codes_find(n->codes, n->listed[i]), n->late))
			break;
	snap_read(n->late, &bad); /* what is not there after that is decoded anew */
}

static enum why
learn(struct namer *n, raddr addr, int *learned)
{
	struct code *code;

	*learned = 1;
	return codes_learn(n->codes, addr, &code);
}

/*
 * An identity that is read after the sample will do: if it is the same before
 * and after, it was the same in between.  An object that had to be decoded
 * anew proves nothing unless the thread stands still.
 */
static int
check_listed(struct namer *n, struct snap *snap, struct snap *other, uint64_t now)
{
	size_t late = 0;
	int learned = 0;
	enum why why = OK;

	for (size_t i = 0; i < n->n && why == OK; i++) {
		raddr addr = n->listed[i];
		enum code_identity is = believe(n, addr, snap, other, now);

		if (is == IDENTITY_UNREAD) { /* to the front, for the second look */
			n->listed[i] = n->listed[late];
			n->listed[late++] = addr;
		} else if (is == IDENTITY_OTHER) {
			why = learn(n, addr, &learned);
		}
	}
	if (late && why == OK)
		read_late(n, late);
	for (size_t i = 0; i < late && why == OK; i++)
		if (believe(n, n->listed[i], n->late, NULL, now) != IDENTITY_SAME)
			why = learn(n, n->listed[i], &learned);
	return why == OK && learned ? NAMING_AGAIN : (int)why;
}

int
naming_check(struct namer *n, struct named *d, const struct walk *walk, struct snap *snap,
             int shared)
{
	int result;

	codes_begin(n->codes);
	list_codes(n, walk);
	result = check_listed(n, snap, shared ? n->shared : NULL,
	                      generation(n, walk->interp, snap, shared));
	d->n_codes = 0;
	for (size_t i = 0; i < n->n && n->l->interp.generation == ABSENT; i++) {
		d->codes = grow(d->codes, d->n_codes, &d->cap_codes, sizeof *d->codes);
		d->codes[d->n_codes++] = n->listed[i];
	}
	return result;
}

/* ---- words ---- */

/* Where in the code the frame is, bytes from its first instruction on. */
static int64_t
offset_of(struct namer *n, struct code *code, const struct visit *v)
{
	switch (n->l->instr) {
	case INSTR_UNITS:
		return (int64_t)v->instr * 2;
	case INSTR_PTR:
		return (int64_t)(v->instr - code_instructions(n->codes, code, v->copy));
	default:
		return (int64_t)v->instr;
	}
}

/* Adds the frame of one visit, if it is one to be shown. */
static enum why
name(struct namer *n, struct named *d, const struct visit *v, int first, int certain)
{
	struct code *code = codes_find(n->codes, v->code);
	int64_t offset;

	if (!code)
		return TORN;
	if (codes_exhausted(n->codes))
		return DEEP;
	/* An empty stack of a frame without locals looks like a left one. */
	if (first && n->l->live == LIVE_STACKPOINTER && v->gone && code_locals(code) && !certain)
		return TORN;
	offset = offset_of(n, code, v);
	if (!code_offset_valid(code, offset))
		return certain ? BROKEN : TORN;
	if (v->owner != n->l->frame.generator_owner && code_not_begun(code, offset))
		return OK;
	d->frames = grow(d->frames, d->n, &d->cap, sizeof *d->frames);
	d->frames[d->n++] = code_frame(n->codes, code, offset);
	return OK;
}

enum why
naming_name(struct namer *n, struct named *d, struct walk *walk, size_t depth, int certain)
{
	enum why why = OK;

	d->n = depth;
	for (size_t i = walk->n; i-- > 0 && why == OK;) {
		struct visit *v = &walk->fresh[i];

		if (!v->shim)
			why = name(n, d, v, i == 0, certain);
		v->depth = (uint32_t)d->n;
	}
	return why;
}
