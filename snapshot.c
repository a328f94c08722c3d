/* SPDX-License-Identifier: Apache-2.0 */
/* The regions that one sample needs, copied in one call; see snapshot.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "snapshot.h"

enum { MAX_REGIONS = 1 << 17, MAX_BYTES = 64 << 20 };

/* The offset of a copy that does not exist. */
#define NOWHERE SIZE_MAX

struct region {
	raddr addr;
	size_t len;
	size_t at, again; /* of the copies in bytes[] */
};

struct snap {
	struct mem *mem;
	struct region *regions;
	size_t n, cap;
	struct mem_vec *vecs;
	size_t cap_vecs;
	unsigned char *bytes;
	size_t len, cap_bytes;
	size_t hint; /* where the last region was found: walks go in order */
	unsigned fetched;
};

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
	free(s->regions);
	free(s->vecs);
	free(s->bytes);
	free(s);
}

void
snap_begin(struct snap *s)
{
	s->n = s->len = s->hint = 0;
	s->fetched = 0;
}

int
snap_add(struct snap *s, raddr addr, size_t len, enum snap_times times)
{
	size_t need = times == SNAP_TWICE ? 2 * len : len;

	if (len > MAX_BYTES || s->n == MAX_REGIONS || s->len + need > MAX_BYTES)
		return -1;
	s->regions = grow(s->regions, s->n, &s->cap, sizeof *s->regions);
	s->regions[s->n++] = (struct region){
		addr, len, NOWHERE, times == SNAP_TWICE ? 0 : NOWHERE,
	};
	s->len += need;
	return 0;
}

static void
reserve_bytes(struct snap *s, size_t len)
{
	if (len <= s->cap_bytes)
		return;
	s->cap_bytes = len + len / 2;
	s->bytes = xrealloc(s->bytes, s->cap_bytes, 1);
}

/* Lists the vectors and gives every copy its place.  Returns their number. */
static size_t
plan(struct snap *s)
{
	size_t n = 0, at = 0;

	if (s->cap_vecs < 2 * s->n) {
		s->cap_vecs = 2 * s->cap;
		s->vecs = xrealloc(s->vecs, s->cap_vecs, sizeof *s->vecs);
	}
	for (size_t i = 0; i < s->n; i++) {
		s->regions[i].at = at;
		at += s->regions[i].len;
		s->vecs[n++] = (struct mem_vec){ s->regions[i].addr, s->regions[i].len };
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->regions[i].again == NOWHERE)
			continue;
		s->regions[i].again = at;
		at += s->regions[i].len;
		s->vecs[n++] = (struct mem_vec){ s->regions[i].addr, s->regions[i].len };
	}
	return n;
}

enum why
snap_read(struct snap *s, raddr *bad)
{
	size_t done, n = plan(s);
	enum why why;

	reserve_bytes(s, s->len);
	why = mem_readv(s->mem, s->vecs, n, s->bytes, &done);
	if (why == OK)
		return OK;
	for (size_t i = 0, at = 0; i < n; i++) {
		if (at + s->vecs[i].len > done) {
			*bad = s->vecs[i].addr;
			break;
		}
		at += s->vecs[i].len;
	}
	snap_begin(s);
	return why;
}

static const struct region *
find(struct snap *s, raddr addr, size_t len)
{
	for (size_t k = 0, i = s->hint; k < s->n; k++, i++) {
		const struct region *r = &s->regions[i = i < s->n ? i : 0];

		if (addr >= r->addr && addr - r->addr <= r->len && len <= r->len - (addr - r->addr)) {
			s->hint = i;
			return r;
		}
	}
	return NULL;
}

const void *
snap_get(struct snap *s, raddr addr, size_t len)
{
	const struct region *r = find(s, addr, len);

	return r ? s->bytes + r->at + (addr - r->addr) : NULL;
}

const void *
snap_again(struct snap *s, raddr addr, size_t len)
{
	const struct region *r = find(s, addr, len);

	return r && r->again != NOWHERE ? s->bytes + r->again + (addr - r->addr) : NULL;
}

/* Reads a region behind all others.  OK, or why not. */
static enum why
fetch(struct snap *s, raddr addr, size_t len)
{
	size_t at = s->len;
	enum why why;

	if (snap_add(s, addr, len, SNAP_ONCE))
		return DEEP;
	reserve_bytes(s, s->len);
	s->fetched++;
	why = mem_read(s->mem, addr, s->bytes + at, len);
	if (why == OK) {
		s->regions[s->n - 1].at = at;
		s->hint = s->n - 1;
	} else {
		s->n--;
		s->len = at;
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
		r = &s->regions[s->n - 1];
	}
	*span = (struct snap_span){ r->addr, r->len, s->bytes + r->at,
	                            r->again == NOWHERE ? NULL : s->bytes + r->again };
	return 0;
}

unsigned
snap_fetched(const struct snap *s)
{
	return s->fetched;
}
