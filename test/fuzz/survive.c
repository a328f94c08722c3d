/* SPDX-License-Identifier: Apache-2.0 */
/* An end that is none; see survive.h. */
#undef exit
#undef read
#undef write
#undef calloc
#undef realloc
#undef free
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "survive.h"

struct block {
	struct block *before, *after;
	size_t size;
	max_align_t bytes[];
};

_Noreturn void fuzz_exit(int);
ssize_t fuzz_read(int, void *, size_t);
ssize_t fuzz_write(int, const void *, size_t);
void *fuzz_calloc(size_t, size_t);
void *fuzz_realloc(void *, size_t);
void fuzz_free(void *);

static struct block all = { &all, &all, 0 };
static jmp_buf end;
static const char *input;
static size_t input_len;

_Noreturn void
fuzz_exit(int status)
{
	(void)status;
	longjmp(end, 1);
}

ssize_t
fuzz_read(int fd, void *buf, size_t len)
{
	size_t n = len < input_len ? len : input_len;

	(void)fd;
	memcpy(buf, input, n);
	input += n;
	input_len -= n;
	return (ssize_t)n;
}

ssize_t
fuzz_write(int fd, const void *buf, size_t len)
{
	volatile unsigned sum = 0;

	(void)fd;
	for (size_t i = 0; i < len; i++) /* so that it has to be there */
		sum = sum + ((const unsigned char *)buf)[i];
	return sum == UINT32_MAX ? 0 : (ssize_t)len;
}

static struct block *
block_of(void *p)
{
	return (struct block *)((char *)p - offsetof(struct block, bytes));
}

void
fuzz_free(void *p)
{
	struct block *b = p ? block_of(p) : NULL;

	if (!b)
		return;
	b->before->after = b->after;
	b->after->before = b->before;
	free(b);
}

void *
fuzz_calloc(size_t n, size_t size)
{
	struct block *b = size && n > (1u << 30) / size ? NULL : calloc(1, sizeof *b + n * size);

	if (!b)
		return NULL;
	*b = (struct block){ &all, all.after, n * size };
	all.after->before = b;
	all.after = b;
	return b->bytes;
}

void *
fuzz_realloc(void *p, size_t size)
{
	void *new = fuzz_calloc(size, 1);

	if (new && p) {
		memcpy(new, p, block_of(p)->size < size ? block_of(p)->size : size);
		fuzz_free(p);
	}
	return new;
}

int
survive(void (*f)(void), const void *bytes, size_t len)
{
	int ended = 1;

	input = bytes;
	input_len = len;
	if (!setjmp(end)) {
		f();
		if (all.after != &all)
			abort(); /* a leak */
		ended = 0;
	}
	while (all.after != &all)
		fuzz_free(all.after->bytes);
	return ended;
}
