/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in quotes; see quoted.h.
 *
 * CPython v3.12.0 Objects/unicodeobject.c, unicode_repr; Objects/bytesobject.c, PyBytes_Repr;
 * v2.7.18 Objects/unicodeobject.c, unicodeescape_string.  What is printable is by Unicode's
 * categories; here that are the blocks of it in which no version has anything to be seen, but
 * not all that are not assigned.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "values/quoted.h"

enum { PIECE = 128, MOST_SCANNED = 1 << 14 /* characters, for quotes */ };

/* Controls, formats, separators, surrogates and private ones: first and last. */
static const uint32_t unprintable[][2] = {
	{ 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x378, 0x379 }, { 0x600, 0x605 }, { 0x61c, 0x61c },
	{ 0x6dd, 0x6dd }, { 0x70f, 0x70f }, { 0x8e2, 0x8e2 }, { 0x1680, 0x1680 },
	{ 0x180e, 0x180e }, { 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
	{ 0x3000, 0x3000 }, { 0xd800, 0xf8ff }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
	{ 0xfffe, 0xffff }, { 0x110bd, 0x110bd }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0x1fffe, 0x1ffff }, { 0xe0000, 0xe00ff }, { 0xe01f0, 0x10ffff },
};

static int
is_printable(uint32_t c)
{
	if (c < ' ')
		return 0;
	for (size_t i = 0; i < LEN(unprintable); i++)
		if (c >= unprintable[i][0] && c <= unprintable[i][1])
			return 0;
	return 1;
}

static uint32_t
character(const unsigned char *bytes, unsigned width)
{
	uint16_t two;
	uint32_t four;

	if (width == 1)
		return *bytes;
	if (width == 2)
		return memcpy(&two, bytes, sizeof two), two;
	return memcpy(&four, bytes, sizeof four), four;
}

/* Reads up to PIECE characters from number `at` on: how many, 0: none or an error. */
static size_t
read_piece(struct mem *mem, const struct quoted *q, uint64_t at, uint32_t out[PIECE], enum why *why)
{
	unsigned char bytes[PIECE * 4];
	size_t n = q->length - at < PIECE ? (size_t)(q->length - at) : PIECE;

	if (!n || (*why = mem_read(mem, q->addr + at * q->width, bytes, n * q->width)) != OK)
		return 0;
	for (size_t i = 0; i < n; i++)
		out[i] = character(bytes + i * q->width, q->width);
	return n;
}

/* Single quotes, unless only these are in it. */
static char
choose_quote(struct mem *mem, const struct quoted *q, enum why *why)
{
	uint32_t piece[PIECE];
	int single = 0;
	size_t n;

	for (uint64_t at = 0; at < MOST_SCANNED && (n = read_piece(mem, q, at, piece, why)); at += n)
		for (size_t i = 0; i < n; i++) {
			if (piece[i] == '"')
				return '\'';
			single |= piece[i] == '\'';
		}
	return single ? '"' : '\'';
}

static void
add_escape(struct buf *out, uint32_t c)
{
	if (c == '\t' || c == '\n' || c == '\r')
		buf_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
	else if (c < 0x100)
		buf_printf(out, "\\x%02x", c);
	else if (c < 0x10000)
		buf_printf(out, "\\u%04x", c);
	else
		buf_printf(out, "\\U%08x", c);
}

static void
add_character(struct buf *out, uint32_t c, enum quoting how, char quote)
{
	if (c == (unsigned char)quote || c == '\\' || (c == '\'' && how == QUOTED_TWICE))
		buf_printf(out, "\\%c", (int)c);
	else if (how == QUOTED_TEXT ? !is_printable(c) : c < ' ' || c >= 0x7f)
		add_escape(out, c);
	else
		buf_utf8(out, c);
}

/* Where a character takes two of two bytes, 2.7 shows the one that they stand for. */
static uint32_t
joined(const uint32_t *c, size_t left, enum quoting how)
{
	if (how != QUOTED_ASCII || left < 2 || c[0] >> 10 != 0xd800 >> 10 || c[1] >> 10 != 0xdc00 >> 10)
		return *c;
	return 0x10000 + ((c[0] & 0x3ff) << 10) + (c[1] & 0x3ff);
}

enum why
quoted_add(struct mem *mem, const struct quoted *q, size_t most, struct buf *out)
{
	uint32_t piece[PIECE];
	enum why why = OK;
	char quote = choose_quote(mem, q, &why);
	size_t n = why == OK ? read_piece(mem, q, 0, piece, &why) : 0;

	if (why != OK)
		return why;
	buf_add(out, &quote, 1);
	for (size_t i = 0; i < n && i < most; i++) {
		uint32_t c = joined(piece + i, n - i, q->how);

		add_character(out, c, q->how, quote);
		i += c != piece[i];
	}
	if (q->length <= n && n <= most)
		buf_add(out, &quote, 1);
	return OK;
}
