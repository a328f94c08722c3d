/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAGES_H
#define PAGES_H

/*
 * Memory by whole pages, which are kept for a while: reading values asks for few bytes, many
 * times, of the same places.
 */

struct mem;
struct pages;

/* Of that memory, which must outlive it. */
struct pages *pages_new(struct mem *);
void pages_free(struct pages *);

/* The same memory, through the pages that are kept; theirs. */
struct mem *pages_mem(struct pages *);

/* Keeps none any more: what is read then is as it is by then. */
void pages_forget(struct pages *);

#endif
