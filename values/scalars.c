/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and text; see show.h.  Their forms are those of CPython's Objects/longobject.c,
 * complexobject.c, bytesobject.c, bytearrayobject.c and unicodeobject.c. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/numbers.h"
#include "values/quoted.h"
#include "values/types.h"
#include "values/show.h"
#include "values/scalars.h"

/* More than the 4300 decimal digits that Python itself may be asked for; of 15 bits at least. */
enum { MOST_BITS = 14400, MOST_DIGITS = MOST_BITS / 15 };

static enum why
machine_integer(struct show *s, raddr object)
{
	raddr value;
	enum why why = object_read_pointer(s->mem, s->l, object + (raddr)s->l->integer.digits, &value);

	if (why == OK)
		buf_printf(s->out, "%lld", s->l->ptr == 8 ? (long long)value : (long long)(int32_t)value);
	return why;
}

/* How many digits an integer has, and whether it is negative: see object_integer_of().  2.7's
 * long is as 3.6's int. */
static enum why
read_size(const struct show *s, raddr object, uint64_t *n, int *negative)
{
	enum { SIGN = 3, NEGATIVE = 2 };
	raddr word;
	enum why why = show_word(s, object, 0, &word);
	int64_t size = s->l->ptr == 8 ? (int64_t)word : (int32_t)word;

	if (why != OK)
		return why;
	if (s->l->integer.count_shift > 0) {
		*n = word >> s->l->integer.count_shift;
		*negative = (word & SIGN) == NEGATIVE;
	} else {
		*negative = size < 0;
		*n = size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
	}
	return OK;
}

/* CPython v2.7.18 Include/longintrepr.h: 30 bits where pointers have 64. */
static unsigned
bits_of_digits(const struct layout *l)
{
	return l->integer.bits != ABSENT ? (unsigned)l->integer.bits : l->ptr == 8 ? 30 : 15;
}

static enum why
read_digits(const struct show *s, raddr object, uint64_t first, size_t n, uint32_t *out)
{
	const struct layout *l = s->l;
	int at = l->integer.count_shift == ABSENT ? l->object.head + l->ptr : l->integer.digits;
	size_t size = bits_of_digits(l) == 15 ? 2 : 4;
	unsigned char bytes[MOST_DIGITS * 4];
	enum why why = n ? mem_read(s->mem, object + (raddr)at + first * size, bytes, n * size) : OK;

	for (size_t i = 0; why == OK && i < n; i++) {
		uint16_t two;

		memcpy(&two, bytes + i * size, sizeof two);
		out[i] = two;
		if (size == 4)
			memcpy(&out[i], bytes + i * 4, sizeof out[i]);
	}
	return why;
}

/* What takes too long to be written in decimal is told by its size. */
static enum why
large_integer(struct show *s, raddr object, uint64_t n)
{
	unsigned bits = bits_of_digits(s->l);
	uint32_t top;
	enum why why = n < UINT32_MAX ? read_digits(s, object, n - 1, 1, &top) : BROKEN;

	if (why != OK)
		return why;
	for (n *= bits; bits && !(top >> (bits - 1) & 1); bits--)
		n--;
	buf_printf(s->out, "<int of %llu bits>", (unsigned long long)n);
	return OK;
}

enum why
scalar_int(struct show *s, raddr object, const struct type *t)
{
	uint32_t digits[MOST_DIGITS];
	int negative = 0;
	uint64_t n = 0;
	enum why why;

	if (s->l->integer.count_shift == ABSENT && t->kind == TYPE_INT)
		return machine_integer(s, object);
	why = read_size(s, object, &n, &negative);
	if (why == OK && n > MOST_BITS / bits_of_digits(s->l))
		return large_integer(s, object, n);
	if (why == OK)
		why = read_digits(s, object, 0, (size_t)n, digits);
	if (why == OK)
		number_integer(s->out, digits, (size_t)n, bits_of_digits(s->l), negative);
	if (why == OK && t->kind == TYPE_LONG)
		buf_str(s->out, "L");
	return why;
}

int
scalar_is_one(struct show *s, raddr object)
{
	uint32_t digit;
	uint64_t n = 0;
	int negative;

	return read_size(s, object, &n, &negative) == OK && n == 1 && !negative &&
	       read_digits(s, object, 0, 1, &digit) == OK && digit == 1;
}

enum why
scalar_bool(struct show *s, raddr object, const struct type *t)
{
	raddr word;
	enum why why = show_word(s, object, 0, &word);

	(void)t;
	if (why != OK)
		return why;
	if (s->l->integer.count_shift > 0)
		word >>= s->l->integer.count_shift;
	buf_str(s->out, word ? "True" : "False");
	return OK;
}

static enum why
read_double(const struct show *s, raddr object, unsigned index, uint64_t *bits)
{
	return mem_read(s->mem, object + (raddr)s->l->object.head + index * sizeof *bits, bits,
	                sizeof *bits);
}

enum why
scalar_float(struct show *s, raddr object, const struct type *t)
{
	uint64_t bits;
	enum why why = read_double(s, object, 0, &bits);

	(void)t;
	if (why == OK)
		number_float(s->out, bits, 1);
	return why;
}

/* A real part of 0.0, but not of -0.0, is left out. */
enum why
scalar_complex(struct show *s, raddr object, const struct type *t)
{
	uint64_t real, imaginary;
	enum why why = read_double(s, object, 0, &real);
	int is_nan;

	(void)t;
	if (why == OK)
		why = read_double(s, object, 1, &imaginary);
	if (why != OK)
		return why;
	is_nan = imaginary << 1 > UINT64_C(0x7ff) << 53;
	if (real) {
		buf_str(s->out, "(");
		number_float(s->out, real, 0);
		buf_str(s->out, is_nan || !(imaginary >> 63) ? "+" : "");
	}
	number_float(s->out, imaginary, 0);
	buf_str(s->out, real ? "j)" : "j");
	return OK;
}

/* ---- text ---- */

static enum why
find_bytes(const struct show *s, raddr object, struct quoted *q)
{
	*q = (struct quoted){ object + (raddr)s->l->bytes.data, 0, 1, QUOTED_BYTES };
	return show_word(s, object, 0, &q->length);
}

/* CPython Include/cpython/bytearrayobject.h, v2.7.18 Include/bytearrayobject.h: the size, two
 * words, and where the bytes are. */
static enum why
find_bytearray(const struct show *s, raddr object, struct quoted *q)
{
	enum why why = find_bytes(s, object, q);

	q->how = s->shape->array_quotes ? QUOTED_TWICE : QUOTED_BYTES;
	return why == OK ? show_word(s, object, 3, &q->addr) : why;
}

/*
 * How many bytes a character of a unicode object takes is chosen when 2.7 is built.  Taken for
 * one of four bytes, two of two bytes are more than any there is, if the second is not a control.
 */
static void
find_width(const struct show *s, const struct quoted *q)
{
	uint32_t words[2];
	size_t n = q->length < 4 ? 1 : 2;

	if (*s->unicode || q->length < 2 || mem_read(s->mem, q->addr, words, n * 4) != OK)
		return;
	*s->unicode = words[0] >> 16 > 2 || (n == 2 && words[1] >> 16 > 2) ? 2 : 4;
}

/* CPython v2.7.18 Include/unicodeobject.h: the length, and where the characters are. */
static enum why
find_unicode(const struct show *s, raddr object, struct quoted *q)
{
	enum why why = show_word(s, object, 0, &q->length);

	if (why == OK)
		why = show_word(s, object, 1, &q->addr);
	if (why != OK)
		return why;
	find_width(s, q);
	q->width = *s->unicode ? *s->unicode : 4;
	q->how = QUOTED_ASCII;
	return OK;
}

static enum why
find_text(const struct show *s, raddr object, struct quoted *q)
{
	struct object_text t;
	enum why why = object_text_extent(s->mem, s->l, object, &t);

	if (why == OK)
		*q = (struct quoted){ t.addr, t.length, t.kind, QUOTED_TEXT };
	return why;
}

enum why
scalar_text(struct show *s, raddr object, const struct type *t)
{
	int is_array = t->kind == TYPE_BYTEARRAY;
	struct quoted q;
	enum why why = t->kind == TYPE_UNICODE ? find_unicode(s, object, &q) :
	               is_array ? find_bytearray(s, object, &q) :
	               t->kind == TYPE_BYTES || s->l->text == TEXT_BYTES ? find_bytes(s, object, &q) :
	               find_text(s, object, &q);

	if (why != OK)
		return why;
	buf_str(s->out, is_array ? "bytearray(b" : t->kind == TYPE_BYTES ? "b" :
	                t->kind == TYPE_UNICODE ? "u" : "");
	why = quoted_add(s->mem, &q, SHOW_MOST, s->out);
	buf_str(s->out, is_array ? ")" : "");
	return why;
}
