/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by pages; see pages.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "memory.h"
#include "values/pages.h"

enum { PAGE = 4096 /* or a part of one */, KEPT = 256 };

struct page {
	raddr addr; /* plus one; 0: there is none */
	unsigned char bytes[PAGE];
};

struct pages {
	struct mem *below, *mem;
	struct page kept[KEPT];
};

/* The page with that address in it. */
static enum why
get_page(struct pages *pages, raddr addr, const unsigned char **bytes)
{
	raddr start = addr & ~(raddr)(PAGE - 1);
	struct page *page = &pages->kept[addr / PAGE % KEPT];
	enum why why = OK;

	if (page->addr != start + 1) {
		page->addr = 0;
		why = mem_read(pages->below, start, page->bytes, PAGE);
		page->addr = why == OK ? start + 1 : 0;
	}
	*bytes = page->bytes;
	return why;
}

/* Copies what is at the start of a region, as much as one page and one place have of it. */
static enum why
copy_some(struct pages *pages, struct mem_vec *v, struct iovec *to, size_t *done)
{
	size_t at = v->addr % PAGE, n = PAGE - at;
	const unsigned char *bytes;
	enum why why = get_page(pages, v->addr, &bytes);

	if (why != OK)
		return why;
	n = n < v->len ? n : v->len;
	n = n < to->iov_len ? n : to->iov_len;
	memcpy(to->iov_base, bytes + at, n);
	v->addr += n;
	v->len -= n;
	to->iov_base = (char *)to->iov_base + n;
	to->iov_len -= n;
	*done += n;
	return OK;
}

static enum why
read_pages(void *context, const struct mem_vec *v, size_t n, const struct iovec *to, size_t n_to,
           size_t *done, uint64_t *calls)
{
	struct pages *pages = context;
	struct iovec place = { 0 };
	size_t used = 0;
	enum why why = OK;

	(void)calls;
	for (size_t i = 0; i < n && why == OK; i++)
		for (struct mem_vec left = v[i]; left.len && why == OK;) {
			while (!place.iov_len && used < n_to)
				place = to[used++];
			why = place.iov_len ? copy_some(pages, &left, &place, done) : FAULT;
		}
	return why;
}

static void
close_pages(void *context)
{
	free(context);
}

struct pages *
pages_new(struct mem *below)
{
	static const struct mem_source source = { read_pages, close_pages };
	struct pages *pages = xcalloc(1, sizeof *pages);

	pages->below = below;
	pages->mem = mem_from(&source, pages);
	return pages;
}

void
pages_free(struct pages *pages)
{
	if (pages)
		mem_close(pages->mem);
}

struct mem *
pages_mem(struct pages *pages)
{
	return pages->mem;
}

void
pages_forget(struct pages *pages)
{
	for (size_t i = 0; i < KEPT; i++)
		pages->kept[i].addr = 0;
}
