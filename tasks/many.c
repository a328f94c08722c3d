/* SPDX-License-Identifier: Apache-2.0 */
/* Many small things; see many.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "tasks/many.h"

enum { PAGE = 4096, ROOM = 256 << 10, SLOTS = 1024 };

static unsigned char bytes[ROOM]; /* that are read in a call */

/* Joins some of n regions to runs, those of a page to one: what costs is how many there are. */
static size_t
join(const struct mem_vec *v, size_t n, struct mem_vec *runs, uint16_t *which, size_t *n_runs)
{
	uint16_t known[SLOTS] = { 0 }; /* the run of a page, plus one */
	size_t i = 0, total = 0;

	for (*n_runs = 0; i < n && i < MEM_MAX_VECS; i++) {
		raddr page = v[i].addr / PAGE;
		size_t from = v[i].addr % PAGE, to = from + v[i].len, len = 0, r = known[page % SLOTS];

		if (r && runs[r - 1].addr / PAGE == page) {
			size_t first = runs[--r].addr % PAGE;

			len = runs[r].len;
			to = to > first + len ? to : first + len;
			from = from < first ? from : first;
		} else {
			r = *n_runs;
		}
		total += to - from - len;
		if (total > ROOM)
			break;
		*n_runs += !len;
		runs[r] = (struct mem_vec){ page * PAGE + from, to - from };
		which[i] = (uint16_t)r;
		known[page % SLOTS] = (uint16_t)(r + 1);
	}
	return i;
}

/* Reads some of n regions, as far as all of them can be.  How many those are. */
static size_t
read_some(struct mem *mem, const struct mem_vec *v, const struct iovec *to, size_t n,
          unsigned char *ok)
{
	struct mem_vec runs[MEM_MAX_VECS];
	uint16_t which[MEM_MAX_VECS];
	size_t starts[MEM_MAX_VECS + 1] = { 0 }, n_runs, done;

	n = join(v, n, runs, which, &n_runs);
	mem_readv(mem, runs, n_runs, bytes, &done);
	for (size_t i = 0; i < n_runs; i++)
		starts[i + 1] = starts[i] + runs[i].len;
	for (size_t i = 0; i < n; i++) {
		size_t at = starts[which[i]] + (size_t)(v[i].addr - runs[which[i]].addr);

		ok[i] = at + v[i].len <= done;
		if (ok[i])
			memcpy(to[i].iov_base, bytes + at, v[i].len);
	}
	return n;
}

void
many_read(struct mem *mem, const struct mem_vec *v, const struct iovec *to, size_t n,
          unsigned char *ok)
{
	enum why why = OK;

	for (size_t i = 0; i < n;)
		i += read_some(mem, v + i, to + i, n - i, ok + i);
	/* Where one can't be read, none is that comes after. */
	for (size_t i = 0; i < n && (why == OK || why == FAULT); i++)
		if (!ok[i]) {
			why = mem_read(mem, v[i].addr, to[i].iov_base, v[i].len);
			ok[i] = why == OK;
		}
}

/* ---- proof ---- */

/* As memcmp() does, which goes by single bytes in some libraries. */
static int
differ(const unsigned char *a, const unsigned char *b, size_t n)
{
	uint64_t x, y;

	for (; n >= sizeof x; n -= sizeof x, a += sizeof x, b += sizeof y) {
		memcpy(&x, a, sizeof x);
		memcpy(&y, b, sizeof y);
		if (x != y)
			return 1;
	}
	return memcmp(a, b, n);
}

/* Whether what was read forwards and backwards is as it was. */
static int
is_same(const struct many_proof *p, const unsigned char *now)
{
	const unsigned char *was = (unsigned char *)p->bytes->data, *back = now + p->bytes->len * 2;
	int same = !differ(now, was, p->bytes->len);

	for (size_t i = 0; i < p->n && same; was += p->pieces[i++].len) {
		back -= p->pieces[i].len;
		same = !differ(back, was, p->pieces[i].len);
	}
	return same;
}

static void
add_both_ways(const struct many_proof *p, struct mem_vec *v)
{
	for (size_t i = 0; i < p->n; i++)
		v[i] = v[2 * p->n - 1 - i] = p->pieces[i];
}

/* How many of n fit into one call, and at least one; what they take. */
static size_t
fitting(const struct many_proof *p, size_t n, size_t *n_vecs, size_t *len)
{
	size_t i = 0;

	for (*n_vecs = *len = 0; i < n; i++) {
		if (i && (*n_vecs + p[i].n * 2 > MEM_MAX_VECS || *len + p[i].bytes->len * 2 > ROOM))
			break;
		*n_vecs += p[i].n * 2;
		*len += p[i].bytes->len * 2;
	}
	return i;
}

/* Reads those that fit into one call.  How many could be read wholly, or the first of them, that
 * could not. */
static size_t
prove_some(struct mem *mem, struct many_proof *p, size_t n)
{
	size_t n_vecs, len, done, at = 0, i = 0;
	struct mem_vec some[MEM_MAX_VECS], *v = some;
	unsigned char *now = bytes;

	n = fitting(p, n, &n_vecs, &len);
	if (n_vecs > LEN(some))
		v = xcalloc(n_vecs, sizeof *v);
	if (len > sizeof bytes)
		now = xcalloc(len, 1);
	for (size_t k = 0; k < n; at += p[k++].n * 2)
		add_both_ways(&p[k], v + at);
	mem_readv(mem, v, n_vecs, now, &done);
	for (at = 0; i < n && at + p[i].bytes->len * 2 <= done; at += p[i++].bytes->len * 2)
		p[i].holds = is_same(&p[i], now + at);
	if (!i)
		p[i++].holds = 0;
	if (v != some)
		free(v);
	if (now != bytes)
		free(now);
	return i;
}

void
many_prove(struct mem *mem, struct many_proof *p, size_t n)
{
	for (size_t i = 0; i < n;)
		i += prove_some(mem, p + i, n - i);
}

int
many_hold(struct mem *mem, const struct mem_vec *pieces, size_t n, const struct buf *held)
{
	struct many_proof p = { pieces, n, held, 0 };

	many_prove(mem, &p, 1);
	return p.holds;
}

static void
follow_some(struct mem *mem, const struct layout *l, raddr *addrs, size_t n, int offset)
{
	struct mem_vec v[MEM_MAX_VECS] = { 0 };
	struct iovec to[MEM_MAX_VECS] = { 0 };
	unsigned char words[MEM_MAX_VECS][8], ok[MEM_MAX_VECS];

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct mem_vec){ addrs[i] + (raddr)offset, (size_t)l->ptr };
		to[i] = (struct iovec){ words[i], (size_t)l->ptr };
	}
	many_read(mem, v, to, n, ok);
	for (size_t i = 0; i < n; i++)
		addrs[i] = ok[i] ? object_pointer(l, words[i]) : 0;
}

void
many_follow(struct mem *mem, const struct layout *l, raddr *addrs, size_t n, int offset)
{
	for (size_t i = 0; i < n; i += MEM_MAX_VECS)
		follow_some(mem, l, addrs + i, n - i < MEM_MAX_VECS ? n - i : MEM_MAX_VECS, offset);
}

int
many_match(void *context, raddr key, raddr value)
{
	const struct many_names *m = context;
	struct buf text = { 0 };

	if (object_text(m->mem, m->l, key, &text) == OK)
		for (size_t i = 0; i < m->n; i++)
			if (!strcmp(buf_terminate(&text), m->names[i]))
				m->values[i] = value;
	buf_free(&text);
	return 0;
}

/* ---- index ---- */

struct index_entry {
	raddr addr;
	size_t number; /* plus one */
};

static struct index_entry *
slot(const struct index *x, raddr addr)
{
	size_t i = hash_words(addr, 0) & (x->cap - 1);

	while (x->entries[i].number && x->entries[i].addr != addr)
		i = (i + 1) & (x->cap - 1);
	return &x->entries[i];
}

size_t
index_get(const struct index *x, raddr addr)
{
	return x->cap ? slot(x, addr)->number : 0;
}

static void
enlarge(struct index *x)
{
	struct index larger = { .cap = x->cap ? x->cap * 2 : 64, .n = x->n };

	larger.entries = xcalloc(larger.cap, sizeof *larger.entries);
	for (size_t i = 0; i < x->cap; i++)
		if (x->entries[i].number)
			*slot(&larger, x->entries[i].addr) = x->entries[i];
	free(x->entries);
	*x = larger;
}

size_t
index_set(struct index *x, raddr addr, size_t number)
{
	struct index_entry *e;
	size_t before;

	if (x->n * 2 >= x->cap)
		enlarge(x);
	e = slot(x, addr);
	before = e->number;
	x->n += !before;
	*e = (struct index_entry){ addr, number + 1 };
	return before;
}

void
index_free(struct index *x)
{
	free(x->entries);
	*x = (struct index){ 0 };
}
