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

void
many_read(struct mem *mem, const struct mem_vec *v, const struct iovec *to, size_t n,
          unsigned char *ok)
{
	size_t i = 0;

	memset(ok, 0, n);
	while (i < n) {
		size_t done = 0, most = n - i < MEM_MAX_VECS ? n - i : MEM_MAX_VECS;
		enum why why = mem_scatter(mem, v + i, most, to + i, most, &done);

		for (; most && done >= v[i].len; most--) {
			done -= v[i].len;
			ok[i++] = 1;
		}
		if (most && why != FAULT)
			return;
		i += most > 0; /* that one can't be read */
	}
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
