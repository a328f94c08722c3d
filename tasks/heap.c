/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory without a file, which is where objects are made.  Of pages that were never used the
 * kernel would have to make some only for us to read: pagemap says which these are (Linux
 * Documentation/admin-guide/mm/pagemap.rst).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "layouts.h"
#include "tasks/many.h"
#include "tasks/heap.h"

enum { PIECE = 512 << 10, LEAST_PAGE = 4096, MOST_PAGES = PIECE / LEAST_PAGE, SLOTS = 4096 };

struct search {
	struct mem *mem;
	const struct layout *l;
	struct index wanted;
	unsigned char slots[SLOTS]; /* whether a word that is wanted may be in one */
	heap_word *each;
	void *context;
	unsigned char bytes[PIECE];
	uint64_t pages[MOST_PAGES];
	size_t page;
	int pagemap; /* -1: not known */
	int64_t until;
};

static size_t
slot_of(raddr word)
{
	return word / 16 % SLOTS;
}

static void
look_through(struct search *s, raddr at, size_t len)
{
	size_t p = (size_t)s->l->ptr;

	for (size_t i = 0; i + p <= len; i += p) {
		uint64_t word = 0;

		if (p == sizeof word)
			memcpy(&word, s->bytes + i, sizeof word);
		else
			memcpy(&word, s->bytes + i, sizeof(uint32_t));
		if (word && s->slots[slot_of(word)] && index_get(&s->wanted, word))
			s->each(s->context, at + i);
	}
}

/* Reads up to so much; pages that are gone by now are passed over. */
static void
look_at(struct search *s, raddr at, size_t len)
{
	while (len) {
		size_t done = 0, step;
		enum why why = mem_readv(s->mem, &(struct mem_vec){ at, len }, 1, s->bytes, &done);

		if (why != OK && why != FAULT)
			return;
		look_through(s, at, done);
		step = why == OK ? len : done - done % s->page + s->page;
		step = step < len ? step : len;
		at += step;
		len -= step;
	}
}

/* Those pages of a piece that there are. */
static void
look_at_piece(struct search *s, raddr at, size_t len)
{
	enum { THERE = 62 /* from that bit on: swapped out, present */ };
	size_t n = len / s->page, size = n * sizeof *s->pages;

	if (s->pagemap < 0 || pread(s->pagemap, s->pages, size,
	                            (off_t)(at / s->page * sizeof *s->pages)) != (ssize_t)size) {
		look_at(s, at, len);
		return;
	}
	for (size_t i = 0, from; i < n;) {
		for (from = i; i < n && s->pages[i] >> THERE; i++)
			;
		if (i > from)
			look_at(s, at + from * s->page, (i - from) * s->page);
		i += i == from;
	}
}

static int
has_objects(const struct proc_map *m)
{
	return m->readable && m->writable && *m->path != '/' && strcmp(m->path, "[stack]");
}

static enum why
look_at_all(struct search *s, const struct proc_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct proc_map *m = &maps->maps[i];

		for (raddr at = m->start; at < m->end && has_objects(m); at += PIECE) {
			if (cpu_ns() > s->until || mem_is_over())
				return DEEP;
			look_at_piece(s, at, m->end - at < PIECE ? (size_t)(m->end - at) : PIECE);
		}
	}
	return OK;
}

enum why
heap_find(int pid, struct mem *mem, const struct layout *l, const struct proc_maps *maps,
          const raddr *words, size_t n, int64_t most_ns, heap_word *each, void *context)
{
	struct search *s = xcalloc(1, sizeof *s);
	char path[32];
	enum why why;

	s->mem = mem;
	s->l = l;
	s->each = each;
	s->context = context;
	for (size_t i = 0; i < n; i++) {
		s->slots[slot_of(words[i])] = 1;
		index_set(&s->wanted, words[i], i);
	}
	text_format(path, sizeof path, "/proc/%d/pagemap", pid);
	s->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	s->page = (size_t)getauxval(AT_PAGESZ);
	s->until = cpu_ns() + most_ns;
	why = look_at_all(s, maps);
	if (s->pagemap >= 0)
		close(s->pagemap);
	index_free(&s->wanted);
	free(s);
	return why;
}
