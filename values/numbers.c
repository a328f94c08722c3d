/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in decimal; see numbers.h.
 *
 * Floats by the algorithm of Steele and White in the form of Burger and Dybvig, "Printing
 * Floating-Point Numbers Quickly and Accurately" (1996): exact, in integers of any size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "values/numbers.h"

enum { NINE = 1000000000 };

void
number_integer(struct buf *out, const uint32_t *digits, size_t n, unsigned bits, int negative)
{
	size_t most = n * bits / 29 + 1, used = 0;
	uint32_t *nines = xcalloc(most, sizeof *nines); /* of nine decimal digits, the lowest first */

	while (n-- > 0) {
		uint64_t carry = digits[n];

		for (size_t i = 0; i < used; i++) {
			carry += (uint64_t)nines[i] << bits;
			nines[i] = (uint32_t)(carry % NINE);
			carry /= NINE;
		}
		for (; carry && used < most; carry /= NINE)
			nines[used++] = (uint32_t)(carry % NINE);
	}
	buf_str(out, negative ? "-" : "");
	buf_printf(out, "%u", used ? nines[used - 1] : 0);
	for (; used > 1; used--)
		buf_printf(out, "%09u", nines[used - 2]);
	free(nines);
}

/* ---- large integers ---- */

enum { LIMBS = 40 }; /* of 32 bits: 2^1077 * 10 * 4 and less */

struct big {
	uint32_t limbs[LIMBS];
};

static void
big_set(struct big *b, uint64_t value, unsigned shift)
{
	memset(b, 0, sizeof *b);
	for (unsigned i = 0; i < 64; i++)
		if (value >> i & 1)
			b->limbs[(i + shift) / 32] |= UINT32_C(1) << (i + shift) % 32;
}

static void
big_times(struct big *b, uint32_t factor)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < LIMBS; i++) {
		carry += (uint64_t)b->limbs[i] * factor;
		b->limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

/* a + b, or a - b, which is not negative. */
static struct big
big_sum(const struct big *a, const struct big *b, int minus)
{
	struct big sum;
	uint64_t carry = (uint64_t)minus;

	for (size_t i = 0; i < LIMBS; i++) {
		carry += a->limbs[i] + (uint64_t)(minus ? ~b->limbs[i] : b->limbs[i]);
		sum.limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
	return sum;
}

static int
big_compare(const struct big *a, const struct big *b)
{
	for (size_t i = LIMBS; i-- > 0;)
		if (a->limbs[i] != b->limbs[i])
			return a->limbs[i] < b->limbs[i] ? -1 : 1;
	return 0;
}

/* ---- floats ---- */

enum { MOST_DIGITS = 20 };

/* The number is r / s; what is closer to it than up and down, or as close if `even`, is read
 * as the same. */
struct ratio {
	struct big r, s, up, down;
	int even;
};

/* Whether r + up is not below s any more. */
static int
is_high(const struct ratio *q)
{
	struct big sum = big_sum(&q->r, &q->up, 0);

	return big_compare(&sum, &q->s) >= !q->even;
}

static void
times_ten(struct ratio *q)
{
	big_times(&q->r, 10);
	big_times(&q->up, 10);
	big_times(&q->down, 10);
}

static void
set_ratio(struct ratio *q, uint64_t mantissa, int exponent)
{
	/* The next number below a power of two is half as far away. */
	unsigned uneven = mantissa == UINT64_C(1) << 52 && exponent > -1074;
	unsigned up = exponent > 0 ? (unsigned)exponent : 0;
	unsigned down = exponent < 0 ? (unsigned)-exponent : 0;

	big_set(&q->r, mantissa, up + 1 + uneven);
	big_set(&q->s, 1, down + 1 + uneven);
	big_set(&q->up, 1, up + uneven);
	big_set(&q->down, 1, up);
	q->even = !(mantissa & 1);
}

/* Makes it less than one, and not less than a tenth; returns by which power of ten. */
static int
scale(struct ratio *q)
{
	struct ratio next;
	int power = 0;

	for (; is_high(q); power++)
		big_times(&q->s, 10);
	for (;; power--) {
		next = *q;
		times_ten(&next);
		if (is_high(&next))
			return power;
		*q = next;
	}
}

/* The shortest digits of it; their number. */
static size_t
find_digits(struct ratio *q, char digits[MOST_DIGITS])
{
	for (size_t n = 0;; n++) {
		struct big twice;
		int digit = 0, low, high;

		times_ten(q);
		for (; big_compare(&q->r, &q->s) >= 0; digit++)
			q->r = big_sum(&q->r, &q->s, 1);
		low = big_compare(&q->r, &q->down) < q->even;
		high = is_high(q);
		if (low && high) {
			twice = big_sum(&q->r, &q->r, 0);
			high = big_compare(&twice, &q->s) >= !(digit & 1);
		}
		digits[n] = (char)('0' + digit + (low || high ? high : 0));
		if (low || high || n + 1 == MOST_DIGITS)
			return n + 1;
	}
}

/* Python/pystrtod.c, format 'r': an exponent is for what is small or large. */
static void
add_decimal(struct buf *out, const char *digits, size_t n, int point, int whole)
{
	enum { LEAST = -4, MOST = 16 };

	if (point <= LEAST || point > MOST) {
		buf_add(out, digits, 1);
		buf_str(out, n > 1 ? "." : "");
		buf_add(out, digits + 1, n - 1);
		buf_printf(out, "e%c%02u", point > 0 ? '+' : '-', (unsigned)abs(point - 1));
		return;
	}
	if (point <= 0)
		buf_str(out, "0.");
	for (int i = point; i < 0; i++)
		buf_str(out, "0");
	for (int i = 0; i < (int)n || i < point; i++) {
		if (i && i == point)
			buf_str(out, ".");
		buf_add(out, i < (int)n ? digits + i : "0", 1);
	}
	if (point >= (int)n && whole)
		buf_str(out, ".0");
}

void
number_float(struct buf *out, uint64_t bits, int whole)
{
	uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
	int exponent = (int)(bits >> 52 & 0x7ff), point;
	char digits[MOST_DIGITS];
	struct ratio q;

	if (exponent == 0x7ff && mantissa) {
		buf_str(out, "nan");
		return;
	}
	buf_str(out, bits >> 63 ? "-" : "");
	if (exponent == 0x7ff) {
		buf_str(out, "inf");
	} else if (!exponent && !mantissa) {
		buf_str(out, whole ? "0.0" : "0");
	} else {
		if (exponent)
			mantissa |= UINT64_C(1) << 52;
		set_ratio(&q, mantissa, (exponent ? exponent : 1) - 1075);
		point = scale(&q);
		add_decimal(out, digits, find_digits(&q, digits), point, whole);
	}
}
