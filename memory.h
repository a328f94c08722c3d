/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * The memory of what is looked at.  Reading is vectored first: what costs is the
 * call, not the bytes.
 */

struct iovec;
struct mem;

struct mem_vec {
	raddr addr;
	size_t len;
};

struct mem_counts {
	uint64_t calls, bytes;
};

enum { MEM_MAX_VECS = 1024 }; /* in one call to the kernel: its IOV_MAX */

/* The memory of a live process.  Never fails: errors come with the reads.
 * The caller ends it with mem_close. */
struct mem *mem_open(int pid);
void mem_close(struct mem *);

/*
 * Where the bytes come from.  read copies n regions, MEM_MAX_VECS at most, one after
 * another into n_to places that have room for just that, counts its calls, and gets
 * *done the number of bytes copied; OK, or why not all.  The context is closed with
 * the memory.
 */
struct mem_source {
	enum why (*read)(void *context, const struct mem_vec *, size_t n, const struct iovec *to,
	                 size_t n_to, size_t *done, uint64_t *calls);
	void (*close)(void *context);
};
struct mem *mem_from(const struct mem_source *, void *context);

/* Reads len bytes at addr into buf, all of them: OK, GONE, DENIED or FAULT.
 * What is in buf after a failure is not to be used. */
enum why mem_read(struct mem *, raddr addr, void *buf, size_t len);

/*
 * Reads the n regions one after another into buf, in the order given and in
 * as few calls as the kernel allows.  *done gets the number of bytes copied:
 * on FAULT those before the first byte that could not be read.
 */
enum why mem_readv(struct mem *, const struct mem_vec *, size_t n, void *buf, size_t *done);

/* The same, into several places: the bytes fill one after another, whose lengths
 * add up to those of the regions. */
enum why mem_scatter(struct mem *, const struct mem_vec *, size_t n, const struct iovec *places,
                     size_t n_places, size_t *done);

/* Reads a NUL-terminated string of less than size bytes, never across a page
 * that may not be there.  OK with buf terminated, or why not. */
enum why mem_read_string(struct mem *, raddr addr, char *buf, size_t size);

/*
 * A limit to how long reading may go on, of any memory: a target can be made so that
 * there is no end of it.  What is read after `most` nanoseconds from now is DEEP, or after
 * some times as many if pyflame did not have a CPU for all of them; and so is, from then
 * on, what is read once `is_asked` says that pyflame is wanted otherwise, and after a read
 * that had to be given up.
 * mem_is_over says whether it has come to that, until there is a new limit.
 */
void mem_limit(int64_t most);
int mem_is_over(void);
void mem_heed(int (*is_asked)(void *context), void *context);

/* What was read up to now. */
struct mem_counts mem_counts(const struct mem *);

#endif
