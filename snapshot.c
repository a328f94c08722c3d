/* SPDX-License-Identifier: Apache-2.0 */
/* The regions that one sample needs, copied in one call; see snapshot.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "memory.h"
#include "snapshot.h"

enum {
	MAX_REGIONS = 1 << 17,
	MAX_BYTES = 64 << 20,
	MAX_STEPS = 1 << 27,  /* of searching for regions, in one snapshot */
	MAX_TOTAL = 1 << 30,  /* bytes of all snapshots */
};

#define UNKNOWN SIZE_MAX

struct region {
	raddr addr;
	size_t len, at;         /* at: of the copy in bytes[] */
	size_t from, to, again; /* what is read twice; where that copy is */
	size_t same;            /* bytes from its start on that are as kept; or UNKNOWN */
};

struct copy {
	struct region *regions;
	size_t n, cap;
	unsigned char *bytes;
	size_t len, cap_bytes;
};

struct snap {
	struct mem *mem;
	struct copy now, kept;
	struct mem_vec *vecs;
	struct iovec *places; /* where they go */
	size_t n_vecs, n_places, cap_vecs;
	size_t hint; /* where the last region was found: walks go in order */
	size_t steps; /* that were made to find regions */
	unsigned fetched;
	int closed;   /* others have copied it, and there is no more */
};

static size_t total; /* bytes that all snapshots have room for */

struct snap *
snap_new(struct mem *mem)
{
	struct snap *s = xcalloc(1, sizeof *s);

	s->mem = mem;
	return s;
}

void
snap_free(struct snap *s)
{
	if (!s)
		return;
	total -= s->now.cap_bytes + s->kept.cap_bytes;
	free(s->now.regions);
	free(s->now.bytes);
	free(s->kept.regions);
	free(s->kept.bytes);
	free(s->vecs);
	free(s->places);
	free(s);
}

void
snap_begin(struct snap *s)
{
	s->now.n = s->now.len = s->hint = s->steps = 0;
	s->fetched = 0;
	s->closed = 0;
}

int
snap_add(struct snap *s, raddr addr, size_t len)
{
	struct copy *c = &s->now;

	if (len > MAX_BYTES || c->n == MAX_REGIONS || c->len + len > MAX_BYTES ||
	    (c->len + len > c->cap_bytes && total > MAX_TOTAL))
		return -1;
	c->regions = grow(c->regions, c->n, &c->cap, sizeof *c->regions);
	c->regions[c->n++] = (struct region){ .addr = addr, .len = len, .at = c->len,
	                                      .same = UNKNOWN };
	c->len += len;
	return 0;
}

static struct region *
find(struct snap *s, raddr addr, size_t len)
{
	for (size_t k = 0, i = s->hint; k < s->now.n; k++, i++) {
		struct region *r = &s->now.regions[i = i < s->now.n ? i : 0];

		if (addr - r->addr <= r->len && len <= r->len - (addr - r->addr)) {
			s->hint = i;
			s->steps += k;
			return r;
		}
	}
	s->steps += s->now.n;
	return NULL;
}

void
snap_repeat(struct snap *s, raddr addr, size_t len, int tail)
{
	struct region *r = find(s, addr, len);
	size_t from, to;

	if (!r)
		return;
	from = (size_t)(addr - r->addr);
	to = tail ? r->len : from + len;
	if (!r->to || from < r->from)
		r->from = from;
	if (to > r->to)
		r->to = to;
}

void
snap_repeat_all(struct snap *s)
{
	for (size_t i = 0; i < s->now.n; i++) {
		s->now.regions[i].from = 0;
		s->now.regions[i].to = s->now.regions[i].len;
	}
}

/* ---- reading ---- */

static void
reserve_bytes(struct copy *c, size_t len)
{
	if (len <= c->cap_bytes)
		return;
	total += len + len / 2 - c->cap_bytes;
	c->cap_bytes = len + len / 2;
	c->bytes = xrealloc(c->bytes, c->cap_bytes, 1);
}

static void
add_vec(struct snap *s, raddr addr, size_t len, size_t at)
{
	unsigned char *to = s->now.bytes + at;
	struct iovec *last = s->n_places ? &s->places[s->n_places - 1] : NULL;

	if (!len)
		return;
	s->vecs[s->n_vecs++] = (struct mem_vec){ addr, len };
	if (last && (unsigned char *)last->iov_base + last->iov_len == to)
		last->iov_len += len;
	else
		s->places[s->n_places++] = (struct iovec){ to, len };
}

/* The repeated part of a region begins there, for the order of reading: a small
 * piece before it is not worth a vector of its own. */
static size_t
split_at(const struct region *r)
{
	enum { WORTH = 8192 };

	return r->to && r->from >= WORTH ? r->from : 0;
}

/*
 * Lists the vectors and gives the second copies their places.  What is read
 * once comes first, so that as little time as may be is between the two copies
 * of what is read twice.
 */
static void
plan(struct snap *s)
{
	struct copy *c = &s->now;
	size_t len = c->len;

	if (s->cap_vecs < 3 * c->n) {
		s->cap_vecs = 3 * c->cap;
		s->vecs = xrealloc(s->vecs, s->cap_vecs, sizeof *s->vecs);
		s->places = xrealloc(s->places, s->cap_vecs, sizeof *s->places);
	}
	for (size_t i = 0; i < c->n; i++)
		len += c->regions[i].to - c->regions[i].from;
	reserve_bytes(c, len);
	s->n_vecs = s->n_places = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct region *r = &c->regions[i];

		add_vec(s, r->addr, r->to ? split_at(r) : r->len, r->at);
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct region *r = &c->regions[i];
		size_t from = split_at(r);

		if (r->to)
			add_vec(s, r->addr + from, r->len - from, r->at + from);
	}
	for (size_t i = 0; i < c->n; i++) {
		struct region *r = &c->regions[i];

		if (r->to) {
			r->again = c->len;
			c->len += r->to - r->from;
			add_vec(s, r->addr + r->from, r->to - r->from, r->again);
		}
	}
}

enum why
snap_read(struct snap *s, raddr *bad)
{
	size_t done;
	enum why why;

	plan(s);
	why = mem_scatter(s->mem, s->vecs, s->n_vecs, s->places, s->n_places, &done);
	if (why == OK)
		return OK;
	for (size_t i = 0, at = 0; i < s->n_vecs; i++) {
		if (at + s->vecs[i].len > done) {
			*bad = s->vecs[i].addr;
			break;
		}
		at += s->vecs[i].len;
	}
	snap_begin(s);
	return why;
}

int
snap_is_empty(const struct snap *s)
{
	return !s->now.n;
}

int
snap_put(struct snap *s, raddr addr, const void *bytes, size_t len)
{
	size_t at = s->now.len;

	if (snap_add(s, addr, len))
		return -1;
	reserve_bytes(&s->now, at + len);
	memcpy(s->now.bytes + at, bytes, len);
	s->closed = 1;
	return 0;
}

/* ---- several at once ---- */

void
batch_begin(struct batch *b)
{
	b->n = 0;
}

void
batch_add(struct batch *b, struct snap *s)
{
	b->snaps = grow(b->snaps, b->n, &b->cap, sizeof(struct snap *));
	b->snaps[b->n++] = s;
}

void
batch_free(struct batch *b)
{
	free(b->snaps);
	free(b->vecs);
	free(b->places);
	*b = (struct batch){ 0 };
}

/* Empties the snapshots that go beyond the first `done` bytes. */
static void
empty_unread(struct batch *b, size_t done)
{
	size_t at = 0;

	for (size_t i = 0; i < b->n; i++) {
		at += b->snaps[i]->now.len;
		if (at > done)
			snap_begin(b->snaps[i]);
	}
}

enum why
batch_read(struct batch *b)
{
	size_t n_vecs = 0, n_places = 0, done;
	enum why why;

	for (size_t i = 0; i < b->n; i++) {
		struct snap *s = b->snaps[i];

		plan(s);
		for (size_t k = 0; k < s->n_vecs; k++) {
			b->vecs = grow(b->vecs, n_vecs, &b->cap_vecs, sizeof *b->vecs);
			b->vecs[n_vecs++] = s->vecs[k];
		}
		for (size_t k = 0; k < s->n_places; k++) {
			b->places = grow(b->places, n_places, &b->cap_places, sizeof *b->places);
			b->places[n_places++] = s->places[k];
		}
	}
	if (!b->n)
		return OK;
	why = mem_scatter(b->snaps[0]->mem, b->vecs, n_vecs, b->places, n_places, &done);
	if (why != OK)
		empty_unread(b, done);
	return why;
}

/* ---- what was read ---- */

int
snap_has(struct snap *s, raddr addr, size_t len)
{
	return find(s, addr, len) != NULL;
}

const void *
snap_get(struct snap *s, raddr addr, size_t len)
{
	const struct region *r = find(s, addr, len);

	return r ? s->now.bytes + r->at + (addr - r->addr) : NULL;
}

const void *
snap_again(struct snap *s, raddr addr, size_t len)
{
	const struct region *r = find(s, addr, len);
	size_t offset;

	if (!r)
		return NULL;
	offset = (size_t)(addr - r->addr);
	return offset >= r->from && offset + len <= r->to ?
	       s->now.bytes + r->again + (offset - r->from) : NULL;
}

/* Reads one more region.  OK, or why not. */
static enum why
fetch(struct snap *s, raddr addr, size_t len)
{
	size_t at = s->now.len;
	enum why why;

	if (s->closed)
		return AGAIN;
	if (s->steps > MAX_STEPS || snap_add(s, addr, len))
		return DEEP;
	reserve_bytes(&s->now, s->now.len);
	s->fetched++;
	why = mem_read(s->mem, addr, s->now.bytes + at, len);
	if (why == OK) {
		s->hint = s->now.n - 1;
	} else {
		s->now.n--;
		s->now.len = at;
	}
	return why;
}

int
snap_fetch(struct snap *s, raddr from, raddr addr, size_t len, struct snap_span *span,
           enum why *why)
{
	const struct region *r = find(s, addr, len);

	if (!r) {
		*why = fetch(s, from, addr - from + len);
		if (*why != OK)
			return -1;
		r = &s->now.regions[s->now.n - 1];
	}
	*span = (struct snap_span){ r->addr, r->len, s->now.bytes + r->at, r->addr + r->from,
	                            r->to - r->from, s->now.bytes + r->again };
	return 0;
}

unsigned
snap_fetched(const struct snap *s)
{
	return s->fetched;
}

/* ---- what has changed ---- */

void
snap_keep(struct snap *s)
{
	struct copy old = s->kept;

	s->kept = s->now;
	s->now = old;
	snap_begin(s);
}

/* As wide as the machine has them in registers, or the compiler makes up. */
typedef uint64_t wide __attribute__((vector_size(16)));

/* How many bytes from the start on are equal. */
static size_t
equal_prefix(const unsigned char *p, const unsigned char *q, size_t len)
{
	wide a[4], b[4], differ;
	size_t i = 0;

	for (; len - i >= sizeof a; i += sizeof a) {
		memcpy(a, p + i, sizeof a);
		memcpy(b, q + i, sizeof b);
		differ = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]);
		if (differ[0] | differ[1])
			break;
	}
	while (i < len && p[i] == q[i])
		i++;
	return i;
}

static size_t
same_prefix(struct snap *s, struct region *r)
{
	const struct copy *kept = &s->kept;
	size_t i = (size_t)(r - s->now.regions);

	if (r->same != UNKNOWN)
		return r->same;
	r->same = 0;
	for (size_t k = 0; k < kept->n; k++, i++, s->steps++) {
		const struct region *old = &kept->regions[i = i < kept->n ? i : 0];

		if (old->addr != r->addr)
			continue;
		r->same = equal_prefix(s->now.bytes + r->at, kept->bytes + old->at,
		                       r->len < old->len ? r->len : old->len);
		break;
	}
	return r->same;
}

int
snap_same(struct snap *s, raddr from, raddr to)
{
	while (from < to) {
		struct region *r = find(s, to - 1, 1);

		if (!r || s->steps > MAX_STEPS || to - r->addr > same_prefix(s, r))
			return 0;
		to = r->addr;
	}
	return 1;
}

/* ---- prediction ---- */

/* A vector costs more than the bytes that it copies, so what lies close together becomes
 * one region; and as programs go to and fro, regions are kept for a few walks that did not
 * need them. */
enum {
	PAGE = 4096,
	AHEAD = 2048,      /* for frames on top of the executing one */
	JOINED = 1024,     /* bytes between two things that are read as one region */
	MAX_STALE = 64,    /* regions kept though the last walk did not need them */
	STALE_WALKS = 8,   /* and for how many walks */
};

struct range {
	raddr addr;
	size_t len;
	unsigned age; /* walks since it was needed */
};

struct regions {
	struct range *wanted, *touched;
	size_t n_wanted, cap_wanted, n_touched, cap_touched;
};

struct regions *
regions_new(void)
{
	return xcalloc(1, sizeof(struct regions));
}

void
regions_free(struct regions *r)
{
	if (!r)
		return;
	free(r->wanted);
	free(r->touched);
	free(r);
}

void
regions_clear(struct regions *r)
{
	r->n_wanted = 0;
}

void
regions_begin(struct regions *r)
{
	r->n_touched = 0;
}

static void
add_touched(struct regions *r, struct range region)
{
	r->touched = grow(r->touched, r->n_touched, &r->cap_touched, sizeof *r->touched);
	r->touched[r->n_touched++] = region;
}

/* Makes the last region hold these bytes too, if they are near.  0: they are
 * not. */
static int
join(struct range *last, raddr addr, size_t len)
{
	if (addr >= last->addr && addr + len <= last->addr + last->len)
		return 1;
	if (addr < last->addr && last->addr - addr < JOINED + len) {
		last->len += last->addr - addr;
		last->addr = addr;
		return 1;
	}
	if (addr >= last->addr && addr - last->addr <= last->len + JOINED) {
		last->len = addr + len - last->addr;
		return 1;
	}
	return 0;
}

void
regions_touch(struct regions *r, raddr addr, size_t len, int fresh)
{
	raddr rest = ((addr + len + PAGE - 1) & ~(raddr)(PAGE - 1)) - addr;

	if (fresh) /* a stack grows towards higher addresses */
		len = rest < AHEAD ? rest : len < AHEAD ? AHEAD : len;
	else if (r->n_touched && join(&r->touched[r->n_touched - 1], addr, len))
		return;
	add_touched(r, (struct range){ addr, len, 0 });
}

static int
is_touched(const struct regions *r, raddr addr)
{
	for (size_t i = 0; i < r->n_touched; i++)
		if (addr - r->touched[i].addr < r->touched[i].len)
			return 1;
	return 0;
}

void
regions_end(struct regions *r)
{
	struct range *old = r->wanted;
	size_t cap_old = r->cap_wanted, stale = 0;

	for (size_t i = 0; i < r->n_wanted && r->n_wanted <= 4 * MAX_STALE; i++) {
		if (stale == MAX_STALE || old[i].age >= STALE_WALKS || is_touched(r, old[i].addr))
			continue;
		add_touched(r, (struct range){ old[i].addr, old[i].len, old[i].age + 1 });
		stale++;
	}
	r->wanted = r->touched;
	r->n_wanted = r->n_touched;
	r->cap_wanted = r->cap_touched;
	r->touched = old;
	r->n_touched = 0;
	r->cap_touched = cap_old;
}

int
regions_forget(struct regions *r, raddr addr)
{
	size_t kept = 0, had = r->n_wanted;

	for (size_t i = 0; i < r->n_wanted; i++)
		if (addr - r->wanted[i].addr >= r->wanted[i].len)
			r->wanted[kept++] = r->wanted[i];
	r->n_wanted = kept;
	return kept < had;
}

int
regions_add(const struct regions *r, struct snap *snap, const raddr but[2], raddr end)
{
	for (size_t i = 0; i < r->n_wanted; i++) {
		struct range region = r->wanted[i];

		if (region.addr == but[0] || region.addr == but[1])
			continue;
		if (end - region.addr < region.len)
			region.len = (size_t)(end - region.addr);
		if (snap_add(snap, region.addr, region.len))
			return -1;
	}
	return 0;
}
