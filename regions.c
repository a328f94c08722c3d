/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prediction of what a walk will read.  A vector costs more than the bytes
 * that it copies, so what lies close together becomes one region; and as
 * programs go to and fro, regions are kept for a few walks that did not need
 * them.
 */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "snapshot.h"
#include "regions.h"

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
