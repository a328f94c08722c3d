/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression: RFC 1951 (deflate) and 1952 (gzip), in few bytes rather than fast.  It is for
 * what the build packed, so nothing is checked.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "packed/inflate.h"

enum {
	HEADER = 10,     /* of a member without a name */
	MAX_LENGTH = 15, /* bits in a code */
	SYMBOLS = 288,
	LITERALS = 257,  /* and the end of a block, below the symbols of lengths */
	END = 256,
};

struct bits {
	const unsigned char *next;
	unsigned hold, left; /* bits of the byte before next */
};

/* A Huffman code: how many words of each length there are, and what they stand
 * for, in their order. */
struct code {
	uint16_t n[MAX_LENGTH + 1], symbols[SYMBOLS];
};

static unsigned
take_bits(struct bits *b, unsigned n)
{
	unsigned value = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!b->left) {
			b->hold = *b->next++;
			b->left = 8;
		}
		value |= (b->hold & 1) << i;
		b->hold >>= 1;
		b->left--;
	}
	return value;
}

static void
make_code(struct code *c, const unsigned char *lengths, unsigned n)
{
	unsigned at = 0, before = 0;

	*c = (struct code){ 0 };
	for (unsigned length = 1; length <= MAX_LENGTH; length++) {
		for (unsigned i = 0; i < n; i++)
			if (lengths[i] == length)
				c->symbols[at++] = (uint16_t)i;
		c->n[length] = (uint16_t)(at - before);
		before = at;
	}
}

/* Words of one length are consecutive numbers, which begin after the last shorter
 * one's, with a bit more. */
static unsigned
decode(struct bits *b, const struct code *c)
{
	unsigned word = 0, first = 0, at = 0;

	for (unsigned length = 1; length <= MAX_LENGTH; length++) {
		word = word << 1 | take_bits(b, 1);
		first <<= 1;
		if (word - first < c->n[length])
			return c->symbols[at + word - first];
		first += c->n[length];
		at += c->n[length];
	}
	return END;
}

/* Reads one length, or what stands for several.  How many these are. */
static unsigned
read_lengths(struct bits *b, const struct code *packed, unsigned char *lengths)
{
	unsigned symbol = decode(b, packed), value = symbol, n = 1;

	if (symbol == 16) {
		value = lengths[-1];
		n = 3 + take_bits(b, 2);
	} else if (symbol > 16) {
		value = 0;
		n = symbol == 17 ? 3 + take_bits(b, 3) : 11 + take_bits(b, 7);
	}
	memset(lengths, (int)value, n);
	return n;
}

/* The codes of a block that brings its own: lengths of their words, packed with a
 * code whose lengths come first. */
static void
read_codes(struct bits *b, struct code *literals, struct code *distances)
{
	static const unsigned char order[] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
		                               11, 4,  12, 3, 13, 2, 14, 1, 15 };
	unsigned char lengths[320] = { 0 };
	unsigned n_literals = take_bits(b, 5) + LITERALS, n = n_literals + take_bits(b, 5) + 1;

	for (unsigned i = 0, known = take_bits(b, 4) + 4; i < known; i++)
		lengths[order[i]] = (unsigned char)take_bits(b, 3);
	make_code(literals, lengths, sizeof order);
	for (unsigned i = 0; i < n;)
		i += read_lengths(b, literals, lengths + i);
	make_code(literals, lengths, n_literals);
	make_code(distances, lengths + n_literals, n - n_literals);
}

/* The codes of a block that has none of its own. */
static void
fixed_codes(struct code *literals, struct code *distances)
{
	unsigned char lengths[SYMBOLS];

	for (int i = 0; i < SYMBOLS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	make_code(literals, lengths, SYMBOLS);
	for (int i = 0; i < 30; i++)
		lengths[i] = 5;
	make_code(distances, lengths, 30);
}

/* Of classes of numbers, of which 2^shift at a time have the same count of more bits: the
 * number of class i. */
static unsigned
number(struct bits *b, unsigned i, unsigned shift, unsigned least)
{
	unsigned extra = i < 2u << shift ? 0 : (i >> shift) - 1;

	return least + (extra ? ((1u << shift) + (i & ((1u << shift) - 1))) << extra : i) +
	       take_bits(b, extra);
}

/* Appends a piece of what is there already: the symbol of its length has been read,
 * that of its distance comes next. */
static void
copy_piece(struct bits *b, unsigned symbol, const struct code *distances, struct buf *out)
{
	unsigned n = symbol == SYMBOLS - 3 ? 258 : number(b, symbol - LITERALS, 2, 3);
	unsigned back = number(b, decode(b, distances), 1, 1);

	while (n--)
		buf_add(out, &(char){ out->data[out->len - back] }, 1);
}

static void
unpack(struct bits *b, const struct code *literals, const struct code *distances, struct buf *out)
{
	unsigned symbol;

	while ((symbol = decode(b, literals)) != END) {
		if (symbol < END)
			buf_add(out, &(char){ (char)symbol }, 1);
		else
			copy_piece(b, symbol, distances, out);
	}
}

/* A block that is stored as it is: 16 bits of length, these inverted, the bytes. */
static void
copy_block(struct bits *b, struct buf *out)
{
	const unsigned char *bytes = b->next + 4;
	size_t n = (size_t)(b->next[0] | b->next[1] << 8);

	buf_add(out, bytes, n);
	*b = (struct bits){ bytes + n, 0, 0 };
}

void
inflate(const unsigned char *member, struct buf *out)
{
	enum { STORED, FIXED };
	struct bits b = { member + HEADER, 0, 0 };
	struct code literals, distances;
	unsigned last, kind;

	do {
		last = take_bits(&b, 1);
		kind = take_bits(&b, 2);
		if (kind == STORED) {
			copy_block(&b, out);
			continue;
		}
		if (kind == FIXED)
			fixed_codes(&literals, &distances);
		else
			read_codes(&b, &literals, &distances);
		unpack(&b, &literals, &distances, out);
	} while (!last);
}
