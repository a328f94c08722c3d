/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, memory, byte buffers, the clock: what has no better home. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

const char *
why_word(enum why why)
{
	static const char *const words[WHY_COUNT] = {
		"ok", "gone", "denied", "fault", "torn", "broken", "cycle", "deep",
	};

	return words[why];
}

static void
vwarn(const char *format, va_list ap)
{
	int saved = errno;
	size_t len = strlen(format);
	char line[4096];
	int n = vsnprintf(line, sizeof line, format, ap);

	if (n < 0)
		return;
	/* One write, so that lines of several writers do not mix. */
	if (len && format[len - 1] == ':')
		fprintf(stderr, "pyflame: %s %s\n", line, strerror(saved));
	else
		fprintf(stderr, "pyflame: %s\n", line);
}

void
warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap);
	va_end(ap);
}

void
die(enum status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap);
	va_end(ap);
	exit(status);
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die(FAILURE, "out of memory");
	return p;
}

void *
xrealloc(void *old, size_t n, size_t size)
{
	void *p = NULL;

	if (!size || n <= SIZE_MAX / size)
		p = realloc(old, n && size ? n * size : 1);
	if (!p)
		die(FAILURE, "out of memory");
	return p;
}

char *
xstrdup(const char *s)
{
	size_t len = strlen(s) + 1;

	return memcpy(xcalloc(len, 1), s, len);
}

void *
grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap + *cap / 2 : 16;
	return xrealloc(array, *cap, size);
}

static void
buf_reserve(struct buf *b, size_t more)
{
	if (more > SIZE_MAX / 2 - b->len)
		die(FAILURE, "out of memory");
	if (b->len + more <= b->cap)
		return;
	b->cap = b->len + more + b->cap / 2 + 64;
	b->data = xrealloc(b->data, b->cap, 1);
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_reserve(b, (size_t)n + 1);
	va_start(ap, format);
	vsnprintf(b->data + b->len, (size_t)n + 1, format, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

uint32_t
hash_bytes(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *p++) * 16777619u;
	return h ^ h >> 15;
}

uint32_t
hash_words(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;

	h ^= h >> 32;
	return (uint32_t)(h * 0xc4ceb9fe1a85ec53u >> 32);
}
