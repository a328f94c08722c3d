/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libc/alloc.c by itself, under other names, held against a model: what blocks are in use, and
 * what is in each.  A line `ok NAME` or `not ok NAME` for each check; the exit status is 1 if
 * any failed.
 *
 *   alloc [SEED]
 */
#define malloc our_malloc
#define calloc our_calloc
#define realloc our_realloc
#define free our_free
#include "libc/alloc.c"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"

enum { BLOCKS = 400, ROUNDS = 20000 };

static struct model {
	unsigned char *at; /* NULL: none */
	size_t n;
	uint32_t seed;     /* of what is in it */
} blocks[BLOCKS];

static uint32_t state;

static uint32_t
draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

/* Mostly small, some around the border between small ones and large ones, a few very large. */
static size_t
draw_size(void)
{
	uint32_t kind = draw(1000);

	return kind < 600 ? draw(200) : kind < 940 ? draw(5000) : kind < 980 ? LARGE - 40 + draw(80) :
	       kind < 998 ? draw(200000) : draw(3000000);
}

static unsigned char
byte_of(const struct model *b, size_t i)
{
	return (unsigned char)(b->seed + i * 31 + (i >> 8));
}

static void
fill(struct model *b, size_t from)
{
	for (size_t i = from; i < b->n; i++)
		b->at[i] = byte_of(b, i);
}

/* Whether the first n bytes are what was put there. */
static int
holds(const struct model *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b->at[i] != byte_of(b, i))
			return 0;
	return 1;
}

static int
is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

/* Makes a block where there is none.  Whether it is as it should be. */
static int
make(struct model *b)
{
	int zeroed = draw(2) != 0, good;
	size_t n = draw_size();

	*b = (struct model){ zeroed ? calloc(1, n) : malloc(n), n, state };
	good = b->at && (uintptr_t)b->at % UNIT == 0 && (!zeroed || is_zero(b->at, n));
	if (b->at)
		fill(b, 0);
	return good;
}

/* Changes the size of one, or frees it. */
static int
change(struct model *b)
{
	size_t n = draw_size(), kept = n < b->n ? n : b->n;

	if (!holds(b, b->n))
		return 0;
	if (draw(2)) {
		free(b->at);
		b->at = NULL;
		return 1;
	}
	b->at = realloc(b->at, n);
	if (!b->at || !holds(b, kept))
		return 0;
	b->n = n;
	fill(b, kept);
	return 1;
}

static int
change_many(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct model *b = &blocks[draw(BLOCKS)];

		if (b->at ? !change(b) : !make(b))
			return 0;
	}
	return 1;
}

static int
free_all(void)
{
	for (struct model *b = blocks; b < blocks + BLOCKS; b++) {
		if (b->at && !holds(b, b->n))
			return 0;
		free(b->at);
		b->at = NULL;
	}
	return 1;
}

/* In pages, of all that is mapped. */
static long
mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = -1;

	if (file) {
		if (fscanf(file, "%ld", &pages) != 1)
			pages = -1;
		fclose(file);
	}
	return pages;
}

/* Of what was small all is used again; of what was large nothing is kept. */
static void
check_model(uint32_t seed)
{
	long before, after;
	int good = 1;

	state = seed;
	check(change_many(), "blocks keep what is in them");
	check(free_all(), "and so they do to the end");
	state = seed;
	before = mapped();
	for (int i = 0; i < 4; i++, state = seed)
		good &= change_many() && free_all();
	after = mapped();
	check(good, "the same once more, of what was freed");
	check(before > 0 && after == before, "which takes no more memory: %ld pages, then %ld", before, after);
}

static void
check_sizes(void)
{
	size_t wasteful = 0, small = 0, unordered = 0;
	unsigned list = 0, last = 0;

	for (size_t n = 0; n < 4 * LARGE; n++) {
		size_t size = size_for(n, &list);

		unordered += list < last || list >= LISTS || size % UNIT;
		small += size < n + (size > LARGE ? UNIT : WORD);
		wasteful += size > n + (n / 4 > PAGE ? n / 4 : n > LARGE - WORD ? PAGE + UNIT : n / 4 + UNIT + WORD);
		last = list;
	}
	check(!small, "blocks have room for what they are for");
	check(!wasteful, "a quarter is wasted at most");
	check(!unordered && list == LISTS - 1, "each size has its list");
}

static void
check_limits(void)
{
	static const size_t too_many[] = { SIZE_MAX, SIZE_MAX - WORD, SIZE_MAX - UNIT, SIZE_MAX - PAGE,
	                                   (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX };
	volatile size_t half = SIZE_MAX / 2, root = (size_t)1 << (4 * WORD);
	unsigned char *block = malloc(10), *large = malloc(10 * LARGE);

	memcpy(block, "unharmed", 9);
	memcpy(large, "unharmed", 9);
	for (size_t i = 0; i < sizeof too_many / sizeof *too_many; i++) {
		errno = 0;
		check(!malloc(too_many[i]) && errno == ENOMEM, "there is no block of %zu bytes", too_many[i]);
		check(!realloc(block, too_many[i]) && !realloc(large, too_many[i]), "nor can one grow to that");
	}
	check(!calloc(half, 4) && !calloc(root, root), "nor are there so many");
	check(!strcmp((char *)block, "unharmed") && !strcmp((char *)large, "unharmed"), "what there was is left");
	free(block);
	free(large);
	free(NULL);
}

/* ---- what ends the program ---- */

static void *volatile reused; /* or the compiler would see what is done to it */

static void
free_twice(void)
{
	reused = malloc(100);
	free(reused);
	free(reused);
}

static void
free_twice_later(void)
{
	reused = malloc(100);
	free(reused);
	free(malloc(3000));
	free(reused);
}

static void
free_inside(void)
{
	reused = malloc(200);
	memset(reused, 1, 200);
	free((char *)reused + 64);
}

static void
free_inside_large(void)
{
	reused = malloc(10 * LARGE);
	free((char *)reused + PAGE);
}

static void
free_other(void)
{
	static size_t other[8];

	reused = &other[4];
	free(reused);
}

/* The block behind one that is written across: both are cut off a chunk. */
static void
write_across(void)
{
	char *block = malloc(100), *next = malloc(100);

	reused = block;
	memset(reused, 0, (size_t)(next - block));
	free(next);
}

static void
grow_what_is_free(void)
{
	reused = malloc(100);
	free(reused);
	reused = realloc(reused, 5000);
}

/* What is free leads to something else. */
static void
write_to_what_is_free(void)
{
	static size_t other[8];
	size_t *to = &other[4];

	reused = malloc(100);
	free(reused);
	memcpy(reused, &to, sizeof to);
	reused = malloc(100);
	reused = malloc(100);
}

static void
check_end(void (*what)(void), const char *name)
{
	int status = 0, pid = fork();

	if (pid == 0) {
		what();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP),
	      "%s ends the program", name);
}

int
main(int argc, char *argv[])
{
	uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;

	check_sizes();
	check_limits();
	check_end(free_twice, "freeing twice");
	check_end(free_twice_later, "freeing twice with others in between");
	check_end(free_inside, "freeing the inside of a block");
	check_end(free_inside_large, "freeing the inside of a large one");
	check_end(free_other, "freeing what is no block");
	check_end(write_across, "freeing what was written across");
	check_end(grow_what_is_free, "growing what is free");
	check_end(write_to_what_is_free, "taking what a free block was made to lead to");
	for (uint32_t i = 0; i < 3; i++)
		check_model(seed + i * 7919);
	return check_status();
}
