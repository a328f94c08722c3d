/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, memory, byte buffers, the clock: what has no better home. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

const char *
why_word(enum why why)
{
	static const char *const words[WHY_COUNT] = {
		"ok", "gone", "denied", "fault", "torn", "broken", "cycle", "deep",
	};

	return words[why];
}

/* To say so takes none of it. */
void
die_out_of_memory(void)
{
	static const char text[] = "pyflame: out of memory\n";
	static int ending;

	if (ending) /* what is done at the end wants some, too */
		_exit(FAILURE);
	ending = 1;
	write_all(STDERR_FILENO, text, sizeof text - 1);
	exit(FAILURE);
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die_out_of_memory();
	return p;
}

void *
xrealloc(void *old, size_t n, size_t size)
{
	void *p = NULL;

	if (!size || n <= SIZE_MAX / size)
		p = realloc(old, n && size ? n * size : 1);
	if (!p)
		die_out_of_memory();
	return p;
}

void *
grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap + *cap / 2 : 16;
	return xrealloc(array, *cap, size);
}

char *
copy_text(const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;

	return text ? memcpy(xcalloc(size, 1), text, size) : NULL;
}

static void
buf_reserve(struct buf *b, size_t more)
{
	if (more > SIZE_MAX / 2 - b->len)
		die_out_of_memory();
	if (b->len + more <= b->cap)
		return;
	b->cap = b->len + more + b->cap / 2 + 64;
	b->data = xrealloc(b->data, b->cap, 1);
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (b->drain && b->len > BUF_FULL) {
		b->drain(b->data, b->len - 1);
		b->data[0] = b->data[b->len - 1];
		b->len = 1;
	}
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

/* Each further byte has 6 bits; the first one a 1 for each byte, and the rest. */
void
buf_utf8(struct buf *b, uint32_t code)
{
	unsigned char bytes[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n; --i > 0; code >>= 6)
		bytes[i] = 0x80 | (code & 0x3f);
	bytes[0] = (unsigned char)(n == 1 ? code : n == 4 ? 0xf0 | (code & 7) : 0xf00 >> n | code);
	buf_add(b, bytes, n);
}

char *
buf_terminate(struct buf *b)
{
	buf_reserve(b, 1);
	b->data[b->len] = 0;
	return b->data;
}

/* An argument of the width that the length modifiers say: 0: int, 1: long or
 * size_t, which are of one width, 2: long long. */
static uint64_t
next_unsigned(va_list *ap, int longs)
{
	return longs > 1 ? va_arg(*ap, unsigned long long) :
	       longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned);
}

static int64_t
next_signed(va_list *ap, int longs)
{
	return longs > 1 ? va_arg(*ap, long long) : longs ? va_arg(*ap, long) : va_arg(*ap, int);
}

static void
add_number(struct buf *b, uint64_t value, unsigned base, size_t width)
{
	char digits[24], *p = digits + sizeof digits;
	size_t len;

	do
		*--p = "0123456789abcdef"[value % base];
	while (value /= base);
	for (len = (size_t)(digits + sizeof digits - p); width > len; width--)
		buf_add(b, "0", 1);
	buf_add(b, p, len);
}

/* What comes after a '%'.  Returns the rest of the format. */
static const char *
add_conversion(struct buf *b, const char *f, va_list *ap)
{
	size_t width = 0, most = SIZE_MAX;
	int64_t value;
	const char *s;
	int longs = 0;

	if (f[0] == '.' && f[1] == '*') {
		most = (size_t)va_arg(*ap, int);
		f += 2;
	}
	while (*f >= '0' && *f <= '9')
		width = width * 10 + (size_t)(*f++ - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		longs++;
	switch (*f) {
	case 's':
		s = va_arg(*ap, const char *);
		buf_add(b, s, most ? strnlen(s, most) : 0);
		break;
	case 'c':
		buf_add(b, &(char){ (char)va_arg(*ap, int) }, 1);
		break;
	case 'd':
		value = next_signed(ap, longs);
		if (value < 0)
			buf_add(b, "-", 1);
		add_number(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, width);
		break;
	case 'u':
	case 'x':
		add_number(b, next_unsigned(ap, longs), *f == 'x' ? 16 : 10, width);
		break;
	case '%':
		buf_add(b, "%", 1);
		break;
	}
	return f + 1;
}

static void
buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	va_list args;

	va_copy(args, ap);
	while (*format) {
		size_t plain = strcspn(format, "%");

		buf_add(b, format, plain);
		format += plain;
		if (*format)
			format = add_conversion(b, format + 1, &args);
	}
	va_end(args);
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(b, format, ap);
	va_end(ap);
}

void
buf_seconds(struct buf *b, int64_t ns)
{
	int64_t tenths = (ns + 50 * MS) / (100 * MS);

	buf_printf(b, "%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
}

void
text_format(char *out, size_t size, const char *format, ...)
{
	struct buf text = { 0 };
	va_list ap;
	size_t len;

	va_start(ap, format);
	buf_vprintf(&text, format, ap);
	va_end(ap);
	len = text.len < size ? text.len : size - 1;
	if (len)
		memcpy(out, text.data, len);
	out[len] = 0;
	buf_free(&text);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

/* The Unicode Standard, table 3-7: no overlong forms, no surrogates. */
size_t
utf8_read(const char *bytes, size_t left, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)bytes;
	unsigned low = 0x80, high = 0xbf;
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (*p == 0xe0)
		low = 0xa0;
	else if (*p == 0xed)
		high = 0x9f;
	else if (*p == 0xf0)
		low = 0x90;
	else if (*p == 0xf4)
		high = 0x8f;
	if (n > left)
		return 0;
	*code = n < 2 ? *p : *p & 0x7fu >> n;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf) {
		if (p[i] < low || p[i] > high)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	return n;
}

/* Their category is Cc, Zl or Zp, or they have the property Bidi_Control. */
int
is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t
buf_escape(struct buf *b, const char *bytes, size_t n)
{
	n += !n;
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "\\x%02x", (unsigned char)bytes[i]);
	return n;
}

void
buf_visible(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t code;

		n = utf8_read(text + i, len - i, &code);
		if (!n || is_control(code))
			n = buf_escape(b, text + i, n);
		else
			buf_add(b, text + i, n);
	}
}

int
write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Messages may name files, which others chose: no terminal is to obey them. */
static void
vwarn(const char *format, va_list ap, const char *advice)
{
	int saved = errno;
	size_t len = strlen(format);
	struct buf text = { 0 }, line = { 0 };

	buf_vprintf(&text, format, ap);
	if (len && format[len - 1] == ':')
		buf_printf(&text, " %s", strerror(saved));
	buf_str(&line, "pyflame: ");
	buf_visible(&line, text.data, text.len);
	buf_printf(&line, "%s\n", advice);
	/* One write, so that lines of several writers do not mix. */
	write_all(STDERR_FILENO, line.data, line.len);
	buf_free(&text);
	buf_free(&line);
}

void
warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap, "");
	va_end(ap);
}

void
die(enum status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(format, ap, status == USAGE ? "; try pyflame --help" : "");
	va_end(ap);
	exit(status);
}

int
fork_process(void)
{
#ifdef __s390x__
	return (int)syscall(SYS_clone, 0L, (long)SIGCHLD);
#else
	return (int)syscall(SYS_clone, (long)SIGCHLD, 0L);
#endif
}

int
parse_digits(const char **p, unsigned base, uint64_t *value)
{
	const char *start = *p;
	uint64_t sum = 0;

	for (;; (*p)++) {
		unsigned c = (unsigned char)**p, digit = c - '0';

		if (digit > 9)
			digit = (c | 32) >= 'a' ? (c | 32) - 'a' + 10 : base;
		if (digit >= base)
			break;
		if (sum > (UINT64_MAX - digit) / base)
			return -1;
		sum = sum * base + digit;
	}
	*value = sum;
	return *p == start ? -1 : 0;
}

/* The "e-3" of a number: scales it. */
static int
parse_exponent(const char **p, double *value)
{
	enum { MOST = 30 };
	uint64_t exponent;
	int negative = (*p)[1] == '-';

	*p += 1 + (negative || (*p)[1] == '+');
	if (parse_digits(p, 10, &exponent) || exponent > MOST)
		return -1;
	while (exponent--)
		*value = negative ? *value / 10 : *value * 10;
	return 0;
}

int
parse_decimal(const char *text, double *value, const char **rest)
{
	uint64_t whole = 0, part = 0;
	const char *p = text, *point;
	double scale = 1;

	if (*p != '.' && parse_digits(&p, 10, &whole))
		return -1;
	if (*p == '.') {
		point = ++p;
		if (*p >= '0' && *p <= '9' ? parse_digits(&p, 10, &part) : point == text + 1)
			return -1;
		for (; point < p; point++)
			scale *= 10;
	}
	*value = (double)whole + (double)part / scale;
	*rest = p;
	return *p == 'e' || *p == 'E' ? parse_exponent(rest, value) : 0;
}

int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
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

const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *
text_find(const char *text, const char *part)
{
	for (size_t len = strlen(part); *text; text++)
		if (!strncmp(text, part, len))
			return (char *)text;
	return NULL;
}

static void
swap(char *a, char *b, size_t size)
{
	while (size--) {
		char c = a[size];

		a[size] = b[size];
		b[size] = c;
	}
}

/* A heap: no stack, and no input for which it is slow. */
void
sort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *members = base;
	size_t first = n / 2;

	while (n > 1) {
		size_t at, child;

		if (first) {
			first--;
		} else {
			n--;
			swap(members, members + n * size, size);
		}
		for (at = first; (child = 2 * at + 1) < n; at = child) {
			if (child + 1 < n && compare(members + child * size, members + (child + 1) * size) < 0)
				child++;
			if (compare(members + at * size, members + child * size) >= 0)
				break;
			swap(members + at * size, members + child * size, size);
		}
	}
}
