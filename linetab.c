/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three formats of line tables.
 *
 * CPython v3.9.0 Objects/lnotab_notes.txt, v3.10.0 Objects/lnotab_notes.txt,
 * v3.11.0 Objects/locations.md.  The bytes come from the target and may be
 * anything: lines are added up as unsigned numbers, which may wrap.
 */
#include <stddef.h>
#include <stdint.h>

#include "linetab.h"

int
linetab_lnotab(const unsigned char *table, size_t len, int firstline, long offset,
               int signed_deltas)
{
	unsigned line = (unsigned)firstline;
	long addr = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		addr += table[i];
		if (addr > offset)
			break;
		line += (unsigned)(signed_deltas ? (int8_t)table[i + 1] : table[i + 1]);
	}
	return (int)line;
}

int
linetab_ranges(const unsigned char *table, size_t len, int firstline, long offset)
{
	enum { NO_LINE = -128 };
	unsigned line = (unsigned)firstline;
	long addr = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		int delta = (int8_t)table[i + 1];

		addr += table[i];
		if (delta != NO_LINE)
			line += (unsigned)delta;
		if (offset < addr)
			return delta == NO_LINE || offset < 0 ? firstline : (int)line;
	}
	return firstline;
}

struct cursor {
	const unsigned char *p, *end;
};

static unsigned
next_varint(struct cursor *c)
{
	unsigned value = 0;

	for (unsigned shift = 0; c->p < c->end; shift += 6) {
		unsigned byte = *c->p++;

		if (shift < 32)
			value |= (byte & 63) << shift;
		if (!(byte & 64))
			break;
	}
	return value;
}

static unsigned
next_signed_varint(struct cursor *c)
{
	unsigned value = next_varint(c);

	return value & 1 ? 0u - (value >> 1) : value >> 1;
}

int
linetab_locations(const unsigned char *table, size_t len, int firstline, long offset)
{
	enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NO_LINE = 15 };
	struct cursor c = { table, len ? table + len : table };
	unsigned line = (unsigned)firstline;
	long addr = 0;

	if (offset < 0)
		return firstline;
	while (c.p < c.end) {
		unsigned head = *c.p++, code = head >> 3 & 15;

		if (code == NO_COLUMNS || code == LONG)
			line += next_signed_varint(&c);
		else if (code >= ONE_LINE_0 && code <= ONE_LINE_2)
			line += code - ONE_LINE_0;
		addr += ((head & 7) + 1) * 2;
		if (offset < addr)
			return code == NO_LINE ? firstline : (int)line;
		/* The rest of the entry is columns.  Only the first byte of an
		 * entry has its top bit set. */
		while (c.p < c.end && !(*c.p & 128))
			c.p++;
	}
	return firstline;
}
