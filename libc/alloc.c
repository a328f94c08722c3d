/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc(3) and its family, instead of musl's, which take seven times the room in the program.
 *
 * In front of each block is a word of ours.  Small blocks have one of a few sizes, four of
 * them from one power of two to the next.  They are cut off a chunk, and those that are free
 * are in a list by their size.  A large block is a mapping of its own, which the kernel can
 * make longer without a copy, and gets back at once.
 *
 * The word is the block's size and whether it is in use, both hidden behind its address and a
 * secret.  Whoever makes us write across the end of a block, or free what is not in use,
 * ends the program.
 *
 * It is not for threads or handlers of signals: of our processes that share memory only the
 * one that works allocates.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

enum {
	WORD = sizeof(size_t),
	UNIT_BITS = 4,
	UNIT = 1 << UNIT_BITS, /* of sizes and addresses */
	STEPS = 8,             /* the smallest sizes are so many, one UNIT apart */
	LARGE = 32 << 10,      /* a size above this is a mapping's */
	CHUNK = 256 << 10,
	PAGE = 4 << 10,        /* they may be larger: then the kernel rounds up */
	LISTS = 40,
};

enum state { IN_USE = 1, IS_FREE };

static size_t secret;
static char *lists[LISTS]; /* free blocks, each has the address of the next */
static char *cut, *chunk_end; /* from where to where a chunk is not used yet */

static size_t
word_of(const char *block)
{
	return ((const size_t *)block)[-1] ^ secret ^ (size_t)block;
}

static void
set_word(char *block, size_t size, enum state state)
{
	((size_t *)block)[-1] = (size | state) ^ secret ^ (size_t)block;
}

/* The size of a block that n bytes fit in, 0: there can't be one; *list is that of small ones. */
static size_t
size_for(size_t n, unsigned *list)
{
	size_t size = n + WORD;
	unsigned shift = UNIT_BITS;

	if (n > PTRDIFF_MAX - PAGE)
		return 0;
	if (size > LARGE)
		return (n + UNIT + PAGE - 1) & ~(size_t)(PAGE - 1);
	while (size > (size_t)STEPS << shift)
		shift++;
	size = ((size - 1) >> shift) + 1;
	*list = (unsigned)size + STEPS / 2 * (shift - UNIT_BITS) - 1;
	return size << shift;
}

/* That of a block in use. */
static size_t
size_of(const char *block)
{
	size_t size = word_of(block) ^ IN_USE;
	unsigned list;

	if (!size || size_for(size - (size > LARGE ? UNIT : WORD), &list) != size)
		__builtin_trap();
	return size;
}

static char *
map(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at + UNIT;
}

static char *
cut_off(size_t size)
{
	char *block;

	if (size > (size_t)(chunk_end - cut)) {
		block = map(CHUNK);
		if (!block)
			return NULL;
		cut = block;
		chunk_end = block + CHUNK - UNIT;
	}
	block = cut;
	cut += size;
	return block;
}

static char *
take_free(unsigned list, size_t size)
{
	char *block = lists[list];

	if (word_of(block) != (size | IS_FREE))
		__builtin_trap();
	memcpy(&lists[list], block, sizeof *lists);
	return block;
}

/* Zero is what is in it, but for *used bytes. */
static void *
allocate(size_t n, size_t *used)
{
	unsigned list = 0;
	size_t size = size_for(n, &list);
	char *block;

	if (!secret)
		memcpy(&secret, (const char *)getauxval(AT_RANDOM) + WORD, sizeof secret);
	*used = 0;
	if (!size) {
		errno = ENOMEM;
		return NULL;
	}
	if (size <= LARGE && lists[list]) {
		*used = n;
		block = take_free(list, size);
	} else {
		block = size > LARGE ? map(size) : cut_off(size);
	}
	if (block)
		set_word(block, size, IN_USE);
	return block;
}

void *
malloc(size_t n)
{
	size_t used;

	return allocate(n, &used);
}

void *
calloc(size_t n, size_t size)
{
	size_t used;
	void *block;

	if (__builtin_mul_overflow(n, size, &n))
		n = SIZE_MAX;
	block = allocate(n, &used);
	return block ? memset(block, 0, used) : NULL;
}

void
free(void *block)
{
	unsigned list;
	size_t size;

	if (!block)
		return;
	size = size_of(block);
	if (size > LARGE) {
		munmap((char *)block - UNIT, size);
		return;
	}
	size_for(size - WORD, &list);
	set_word(block, size, IS_FREE);
	memcpy(block, &lists[list], sizeof *lists);
	lists[list] = block;
}

/* From a large one to a large one. */
static void *
remap(char *old, size_t size, size_t wanted)
{
	char *at = mremap(old - UNIT, size, wanted, MREMAP_MAYMOVE);

	if (at == MAP_FAILED)
		return NULL;
	set_word(at + UNIT, wanted, IN_USE);
	return at + UNIT;
}

void *
realloc(void *old, size_t n)
{
	size_t size, wanted;
	unsigned list;
	void *block;

	if (!old)
		return malloc(n);
	size = size_of(old);
	wanted = size_for(n, &list);
	if (wanted == size)
		return old;
	if (size > LARGE && wanted > LARGE)
		return remap(old, size, wanted);
	block = malloc(n);
	if (!block)
		return NULL;
	memcpy(block, old, n < size - WORD ? n : size - WORD);
	free(old);
	return block;
}
