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

static void
machine_integer(struct show *s, raddr object)
{
	raddr value = show_pointer(s, object + (raddr)s->o->l->integer.digits);

	buf_printf(s->out, "%lld", s->o->l->ptr == 8 ? (long long)value : (long long)(int32_t)value);
}

/* How many digits an integer has, and whether it is negative: see object_integer_of().  2.7's
 * long is as 3.6's int. */
static uint64_t
read_size(struct show *s, raddr object, int *negative)
{
	enum { SIGN = 3, NEGATIVE = 2 };
	int shift = s->o->l->integer.count_shift;
	raddr word = show_word(s, object, 0);
	int64_t size = s->o->l->ptr == 8 ? (int64_t)word : (int32_t)word;

	*negative = shift > 0 ? (word & SIGN) == NEGATIVE : size < 0;
	return shift > 0 ? word >> shift : size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
}

/* CPython v2.7.18 Include/longintrepr.h: 30 bits where pointers have 64. */
static unsigned
bits_of_digits(const struct layout *l)
{
	return l->integer.bits != ABSENT ? (unsigned)l->integer.bits : l->ptr == 8 ? 30 : 15;
}

static void
read_digits(struct show *s, raddr object, uint64_t first, size_t n, uint32_t *out)
{
	const struct layout *l = s->o->l;
	int at = l->integer.count_shift == ABSENT ? l->object.head + l->ptr : l->integer.digits;
	size_t size = bits_of_digits(l) == 15 ? 2 : 4;
	uint16_t two;

	memset(out, 0, n * 4);
	if (n)
		show_check(s, mem_read(s->o->mem, object + (raddr)at + first * size, out, n * size));
	while (size == 2 && n-- > 0) { /* the last first, as they are in the same place */
		memcpy(&two, (const char *)out + n * size, size);
		out[n] = two;
	}
}

/* What takes too long to be written in decimal is told by its size. */
static void
large_integer(struct show *s, raddr object, uint64_t n)
{
	unsigned bits = bits_of_digits(s->o->l);
	uint32_t top;

	read_digits(s, object, n - 1, 1, &top);
	for (n *= bits; bits && !(top >> (bits - 1) & 1); bits--)
		n--;
	buf_printf(s->out, "<int of %llu bits>", (unsigned long long)n);
}

void
scalar_int(struct show *s, raddr object, const struct type *t)
{
	uint32_t digits[MOST_DIGITS];
	unsigned bits = bits_of_digits(s->o->l);
	int negative;
	uint64_t n;

	if (s->o->l->integer.count_shift == ABSENT && t->kind == TYPE_INT) {
		machine_integer(s, object);
		return;
	}
	n = read_size(s, object, &negative);
	if (n > MOST_BITS / bits) {
		large_integer(s, object, n);
		return;
	}
	read_digits(s, object, 0, (size_t)n, digits);
	if (!s->failed)
		number_integer(s->out, digits, (size_t)n, bits, negative);
	show_text(s, t->kind == TYPE_LONG ? "L" : "");
}

int
scalar_is_one(struct show *s, raddr object)
{
	uint32_t digit = 0;
	int negative;

	if (read_size(s, object, &negative) == 1)
		read_digits(s, object, 0, 1, &digit);
	return digit == 1 && !negative;
}

void
scalar_bool(struct show *s, raddr object, const struct type *t)
{
	int shift = s->o->l->integer.count_shift;

	(void)t;
	show_text(s, show_word(s, object, 0) >> (shift > 0 ? shift : 0) ? "True" : "False");
}

static uint64_t
read_double(struct show *s, raddr object, unsigned index)
{
	uint64_t bits = 0;

	show_check(s, mem_read(s->o->mem, object + (raddr)s->o->l->object.head + index * sizeof bits,
	                       &bits, sizeof bits));
	return bits;
}

void
scalar_float(struct show *s, raddr object, const struct type *t)
{
	(void)t;
	number_float(s->out, read_double(s, object, 0), 1);
}

/* A real part of 0.0, but not of -0.0, is left out. */
void
scalar_complex(struct show *s, raddr object, const struct type *t)
{
	uint64_t real = read_double(s, object, 0), imaginary = read_double(s, object, 1);
	int is_nan = imaginary << 1 > UINT64_C(0x7ff) << 53;

	(void)t;
	if (real) {
		show_text(s, "(");
		number_float(s->out, real, 0);
		show_text(s, is_nan || !(imaginary >> 63) ? "+" : "");
	}
	number_float(s->out, imaginary, 0);
	show_text(s, real ? "j)" : "j");
}

/* ---- text ---- */

/*
 * How many bytes a character of a unicode object takes is chosen when 2.7 is built.  Taken for
 * one of four bytes, two of two bytes are more than any there is, if the second is not a control.
 */
static unsigned
find_width(struct show *s, const struct quoted *q)
{
	uint32_t words[2] = { 0 };
	size_t n = q->length < 4 ? 1 : 2;

	if (!*s->unicode && q->length > 1 && mem_read(s->o->mem, q->addr, words, n * 4) == OK)
		*s->unicode = words[0] >> 16 > 2 || words[1] >> 16 > 2 ? 2 : 4;
	return *s->unicode ? *s->unicode : 4;
}

/*
 * CPython v2.7.18 Include/unicodeobject.h: the length, and where the characters are.
 * Include/cpython/bytearrayobject.h, v2.7.18 Include/bytearrayobject.h: the length, two words,
 * and where the bytes are.
 */
static void
find_text(struct show *s, raddr object, const struct type *t, struct quoted *q)
{
	int is_array = t->kind == TYPE_BYTEARRAY;
	struct object_text text = { 0 };

	if (t->kind == TYPE_STR && s->o->l->text != TEXT_BYTES) {
		show_check(s, object_text_extent(s->o->mem, s->o->l, object, &text));
		*q = (struct quoted){ text.addr, text.length, text.kind, QUOTED_TEXT };
		return;
	}
	*q = (struct quoted){ object + (raddr)s->o->l->bytes.data, show_word(s, object, 0), 1,
	                      is_array && s->o->shape->array_quotes ? QUOTED_TWICE : QUOTED_BYTES };
	if (is_array || t->kind == TYPE_UNICODE)
		q->addr = show_word(s, object, is_array ? 3 : 1);
	if (t->kind == TYPE_UNICODE) {
		q->width = find_width(s, q);
		q->how = QUOTED_ASCII;
	}
}

void
scalar_text(struct show *s, raddr object, const struct type *t)
{
	int is_array = t->kind == TYPE_BYTEARRAY;
	struct quoted q;

	find_text(s, object, t, &q);
	if (s->failed)
		return;
	show_text(s, is_array ? "bytearray(b" : t->kind == TYPE_BYTES ? "b" :
	             t->kind == TYPE_UNICODE ? "u" : "");
	show_check(s, quoted_add(s->o->mem, &q, SHOW_MOST, s->out));
	show_text(s, is_array ? ")" : "");
}
