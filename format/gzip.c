/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) of one deflated block with the fixed code (RFC 1951, 3.2.6), which is
 * enough for stacks, as they repeat each other; quick, rather than as small as can be.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "format/gzip.h"

enum {
	WINDOW = 32768,           /* how far back a piece may lie */
	SHORTEST = 4, LONGEST = 258, /* pieces; 3 would be allowed */
	PLACES = 1 << 15,         /* of the table of pieces */
	END = 256,
	LENGTHS = 257,            /* the first symbol of these */
};

struct bits {
	struct buf *out;
	uint32_t hold, n; /* bits that are not a byte yet */
};

static void
put_bits(struct bits *b, uint32_t value, unsigned n)
{
	b->hold |= value << b->n;
	for (b->n += n; b->n >= 8; b->n -= 8, b->hold >>= 8)
		buf_add(b->out, &(char){ (char)b->hold }, 1);
}

/* Words of the code come with their highest bit first. */
static void
put_word(struct bits *b, uint32_t word, unsigned n)
{
	uint32_t turned = 0;

	for (unsigned i = 0; i < n; i++)
		turned |= (word >> i & 1) << (n - 1 - i);
	put_bits(b, turned, n);
}

/* A byte, the end, or a class of lengths. */
static void
put_symbol(struct bits *b, uint32_t symbol)
{
	if (symbol < 144)
		put_word(b, 0x30 + symbol, 8);
	else if (symbol < END)
		put_word(b, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_word(b, symbol - END, 7);
	else
		put_word(b, 0xc0 + symbol - 280, 8);
}

/* A number as its class, of which 2^shift at a time have the same count of more bits, and
 * these; see number() in page.c, which reads them. */
static uint32_t
find_class(uint32_t n, unsigned shift, unsigned *extra)
{
	for (*extra = 0; n >> *extra >= 2u << shift; ++*extra)
		;
	return (*extra << shift) + (n >> *extra);
}

static void
put_piece(struct bits *b, uint32_t len, uint32_t back)
{
	uint32_t n = len - 3;
	unsigned extra = 0;

	put_symbol(b, LENGTHS + (len == LONGEST ? 28 : find_class(n, 2, &extra)));
	put_bits(b, n & ((1u << extra) - 1), extra);
	n = back - 1;
	put_word(b, find_class(n, 1, &extra), 5);
	put_bits(b, n & ((1u << extra) - 1), extra);
}

/* How many bytes at a are the same at b, of which a has left so many. */
static size_t
common(const char *a, const char *b, size_t left)
{
	size_t n = 0, most = left < LONGEST ? left : LONGEST;

	while (n < most && a[n] == b[n])
		n++;
	return n;
}

/* The last piece that began alike, and which is no longer further back than may be; NULL:
 * there is none.  Notes that one begins at `at`. */
static const char *
find_piece(size_t *places, const char *bytes, size_t at)
{
	uint32_t word;
	size_t *place, before;

	memcpy(&word, bytes + at, sizeof word);
	place = &places[word * 2654435761u >> 17];
	before = *place;
	*place = at + 1;
	return before && at + 1 - before <= WINDOW ? bytes + before - 1 : NULL;
}

static void
deflate(struct buf *out, const char *bytes, size_t len)
{
	size_t *places = xcalloc(PLACES, sizeof *places); /* where a piece was, plus one */
	struct bits b = { out, 0, 0 };

	put_bits(&b, 1, 1); /* the last block, */
	put_bits(&b, 1, 2); /* with the fixed code */
	for (size_t at = 0, n; at < len; at += n) {
		const char *piece = len - at >= SHORTEST ? find_piece(places, bytes, at) : NULL;

		n = piece ? common(bytes + at, piece, len - at) : 0;
		if (n >= SHORTEST) {
			put_piece(&b, (uint32_t)n, (uint32_t)(bytes + at - piece));
			continue;
		}
		put_symbol(&b, (unsigned char)bytes[at]);
		n = 1;
	}
	put_symbol(&b, END);
	put_bits(&b, 0, 7); /* what is left */
	free(places);
}

static uint32_t
crc32(const char *data, size_t len)
{
	uint32_t table[256], crc = UINT32_MAX;

	for (uint32_t i = 0; i < LEN(table); i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)*data++) & 255];
	return ~crc;
}

static void
little_endian(struct buf *out, uint32_t n)
{
	for (int i = 0; i < 4; i++, n >>= 8)
		buf_add(out, &(char){ (char)n }, 1);
}

void
gzip_add(struct buf *out, const char *bytes, size_t len)
{
	buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	deflate(out, bytes, len);
	little_endian(out, crc32(bytes, len));
	little_endian(out, (uint32_t)len);
}
