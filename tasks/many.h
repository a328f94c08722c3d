/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MANY_H
#define MANY_H

/* Reading many small things, some of which may be gone. */

struct buf;
struct iovec;
struct layout;
struct mem;
struct mem_vec;

/* Reads n regions of a few hundred bytes, MEM_MAX_VECS at most, to as many places, whatever of
 * them can be; ok[] gets which. */
void many_read(struct mem *, const struct mem_vec *, const struct iovec *to, size_t n,
               unsigned char *ok);

/* Regions that decide something, in the order in which they lead to each other, and what they held,
 * one after another. */
struct many_proof {
	const struct mem_vec *pieces;
	size_t n;
	const struct buf *bytes;
	int holds; /* whether they held that at one moment */
};

/*
 * Finds out whether the regions of each of n held just that at one moment.  All memory may be used
 * for other things between two looks at it, and then as before: so those of one are read in their
 * order and back again in the same call, which leaves little time for that.
 */
void many_prove(struct mem *, struct many_proof *, size_t n);
int many_hold(struct mem *, const struct mem_vec *pieces, size_t n, const struct buf *held);

/* Replaces each of n addresses by the pointer that lies so far after it, 0 where none can be
 * read. */
void many_follow(struct mem *, const struct layout *, raddr *addrs, size_t n, int offset);

/* What is looked for in a dictionary, or among attributes: each() is to be called with every key
 * and value there, to be given to object_dict_each() with the list. */
struct many_names {
	struct mem *mem;
	const struct layout *l;
	const char *const *names;
	size_t n;
	raddr *values; /* as many, 0: it is not there */
};
int many_match(void *names, raddr key, raddr value);

/* Numbers by addresses. */
struct index {
	struct index_entry *entries;
	size_t n, cap;
};

/* The number at that address plus one, 0: none; all zero is an empty index. */
size_t index_get(const struct index *, raddr);

/* Sets it.  The number before, plus one; 0: there was none. */
size_t index_set(struct index *, raddr, size_t number);
void index_free(struct index *);

#endif
