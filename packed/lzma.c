/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression: LZMA, as `xz --format=raw` writes it with the parameters of packed/squeeze, in
 * few bytes rather than fast.  It is for what the build packed, so nothing is checked.
 *
 * LZMA SDK 9.35 lzma-specification.txt.  Every bit is coded by how probable it has been to be 0
 * in the same place so far.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "packed/lzma.h"

enum {
	CERTAIN_BITS = 11, /* what a probability is a fraction of */
	ADAPT_BITS = 5,
	LEAST_RANGE = 1 << 24,
	CONTEXT_BITS = 3,  /* of the byte before a literal: lc */
	STATES = 12,
	REPEATS = 4,       /* distances that are remembered */
	LEAST_LENGTH = 2,
	LENGTH_STATES = 4,
	SLOT_BITS = 6,
	FIRST_DIRECT = 14, /* slot: from this on most bits of distances are equally probable, */
	ALIGN_BITS = 4,    /* but the last ones */
};

struct lengths {
	uint16_t more, most, low[1 << 3], middle[1 << 3], high[1 << 8];
};

struct reader {
	const unsigned char *next;
	uint32_t range, code;
};

/* Probabilities, by what is coded. */
struct model {
	uint16_t is_match[STATES], is_repeat[STATES], is_older[STATES], is_second[STATES],
	         is_last[STATES], is_long[STATES];
	uint16_t slots[LENGTH_STATES][1 << SLOT_BITS], distances[1 << 7], align[1 << ALIGN_BITS];
	struct lengths lengths, repeat_lengths;
	uint16_t literals[1 << CONTEXT_BITS][3 << 8];
};

/* ---- bits ---- */

static void
normalize(struct reader *r)
{
	if (r->range < LEAST_RANGE) {
		r->range <<= 8;
		r->code = r->code << 8 | *r->next++;
	}
}

static unsigned
take_bit(struct reader *r, uint16_t *zero)
{
	uint32_t bound;

	normalize(r);
	bound = (r->range >> CERTAIN_BITS) * *zero;
	if (r->code < bound) {
		r->range = bound;
		*zero = (uint16_t)(*zero + (((1 << CERTAIN_BITS) - *zero) >> ADAPT_BITS));
		return 0;
	}
	r->range -= bound;
	r->code -= bound;
	*zero = (uint16_t)(*zero - (*zero >> ADAPT_BITS));
	return 1;
}

static uint32_t
take_direct(struct reader *r, unsigned n)
{
	uint32_t value = 0;

	while (n--) {
		normalize(r);
		r->range >>= 1;
		value <<= 1;
		if (r->code >= r->range) {
			r->code -= r->range;
			value |= 1;
		}
	}
	return value;
}

/* Bits that each have a place of their own by those before, the highest first, */
static unsigned
take_tree(struct reader *r, uint16_t *tree, unsigned n)
{
	unsigned at = 1;

	for (unsigned i = 0; i < n; i++)
		at = at << 1 | take_bit(r, &tree[at]);
	return at - (1u << n);
}

/* or the lowest first. */
static uint32_t
take_reverse(struct reader *r, uint16_t *tree, unsigned n)
{
	unsigned at = 1, bit;
	uint32_t value = 0;

	for (unsigned i = 0; i < n; i++) {
		bit = take_bit(r, &tree[at]);
		at = at << 1 | bit;
		value |= bit << i;
	}
	return value;
}

/* ---- what they say ---- */

static unsigned
take_length(struct reader *r, struct lengths *l)
{
	if (!take_bit(r, &l->more))
		return take_tree(r, l->low, 3);
	if (!take_bit(r, &l->most))
		return (1 << 3) + take_tree(r, l->middle, 3);
	return (2 << 3) + take_tree(r, l->high, 8);
}

static uint32_t
take_distance(struct reader *r, struct model *m, unsigned length)
{
	unsigned state = length < LENGTH_STATES ? length : LENGTH_STATES - 1;
	unsigned slot = take_tree(r, m->slots[state], SLOT_BITS), n = (slot >> 1) - 1;
	uint32_t distance;

	if (slot < 4)
		return slot;
	distance = (2 | (slot & 1)) << n;
	if (slot < FIRST_DIRECT)
		return distance + take_reverse(r, m->distances + distance - slot, n);
	distance += take_direct(r, n - ALIGN_BITS) << ALIGN_BITS;
	return distance + take_reverse(r, m->align, ALIGN_BITS);
}

/* The one after a match is probably not the byte that would have gone on with it, `guess`; -1:
 * it follows another literal. */
static char
take_literal(struct reader *r, struct model *m, unsigned before, int guess)
{
	uint16_t *tree = m->literals[before >> (8 - CONTEXT_BITS)];
	unsigned at = 1, same = guess >= 0 ? 1 << 8 : 0;

	while (at < 1 << 8) {
		unsigned bit, guessed;

		guess *= 2;
		guessed = (unsigned)guess & same;
		bit = take_bit(r, &tree[same + guessed + at]);
		at = at << 1 | bit;
		same &= bit ? guessed : ~guessed;
	}
	return (char)at;
}

/* Which of the distances that are remembered it is, which becomes the first. */
static void
take_older(struct reader *r, struct model *m, unsigned state, uint32_t distances[REPEATS])
{
	unsigned which = 1;
	uint32_t distance;

	if (take_bit(r, &m->is_second[state]))
		which = 2 + take_bit(r, &m->is_last[state]);
	distance = distances[which];
	memmove(distances + 1, distances, which * sizeof *distances);
	distances[0] = distance;
}

/* A match at a distance that is remembered.  Its length less LEAST_LENGTH; -1: it is of one
 * byte. */
static int
take_repeat(struct reader *r, struct model *m, unsigned state, uint32_t distances[REPEATS])
{
	if (take_bit(r, &m->is_older[state]))
		take_older(r, m, state, distances);
	else if (!take_bit(r, &m->is_long[state]))
		return -1;
	return (int)take_length(r, &m->repeat_lengths);
}

static int
take_match(struct reader *r, struct model *m, uint32_t distances[REPEATS])
{
	int length = (int)take_length(r, &m->lengths);

	memmove(distances + 1, distances, (REPEATS - 1) * sizeof *distances);
	distances[0] = take_distance(r, m, (unsigned)length);
	return length;
}

/* A piece of what there is already.  Where it ends. */
static char *
copy(struct reader *r, struct model *m, unsigned *state, uint32_t distances[REPEATS], char *to)
{
	int repeat = (int)take_bit(r, &m->is_repeat[*state]);
	int length = repeat ? take_repeat(r, m, *state, distances) : take_match(r, m, distances);

	if (distances[0] == UINT32_MAX) /* the end of all */
		return to;
	*state = (*state > 6 ? 10 : 7) + (unsigned)(repeat + (length < 0));
	if (*state >= STATES)
		*state = STATES - 1;
	for (length += LEAST_LENGTH; length > 0; length--, to++)
		*to = to[-(ptrdiff_t)distances[0] - 1];
	return to;
}

/* ---- all ---- */

static void
begin(struct reader *r, struct model *m, const unsigned char *packed)
{
	uint16_t *at = (uint16_t *)m;

	for (size_t i = 0; i < sizeof *m / sizeof *at; i++)
		at[i] = 1 << (CERTAIN_BITS - 1);
	*r = (struct reader){ packed + 5, UINT32_MAX, 0 };
	for (int i = 1; i < 5; i++)
		r->code = r->code << 8 | packed[i];
}

/* The distance is one less than how far back it is.  States up to 6 follow literals: see the
 * specification. */
void
lzma_unpack(const unsigned char *packed, char *out)
{
	struct reader r;
	struct model m;
	uint32_t distances[REPEATS] = { 0 };
	unsigned state = 0;
	char *to = out;

	for (begin(&r, &m, packed); distances[0] != UINT32_MAX;) {
		if (take_bit(&r, &m.is_match[state])) {
			to = copy(&r, &m, &state, distances, to);
			continue;
		}
		*to = take_literal(&r, &m, to == out ? 0 : (unsigned char)to[-1],
		                   state > 6 ? (unsigned char)to[-(ptrdiff_t)distances[0] - 1] : -1);
		to++;
		state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
	}
}
