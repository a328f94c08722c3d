/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding a code object: its names, its line table, its instructions.
 * CPython Include/cpython/code.h of the versions that layouts.c lists; for line tables
 * v3.9.0 Objects/lnotab_notes.txt, v3.10.0 Objects/lnotab_notes.txt and v3.11.0
 * Objects/locations.md.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "code.h"

enum {
	MAX_TABLE = 16 << 20, /* bytes of a line table */
	MAX_COPIES = 1024,    /* of one code object's instructions */
};

size_t
code_fields_size(const struct layout *l)
{
	return (size_t)(l->code.id_to - l->code.id_from);
}

/* A pointer of the object's, `fields` being the bytes from id_from on. */
static raddr
field(const struct layout *l, const unsigned char *fields, int offset)
{
	return object_pointer(l, fields + (offset - l->code.id_from));
}

void
code_parse(const struct layout *l, raddr addr, const unsigned char *fields, struct code *code)
{
	*code = (struct code){ .addr = addr };
	code->name = field(l, fields, l->code.name);
	code->filename = field(l, fields, l->code.filename);
	code->linetable = field(l, fields, l->code.linetable);
	code->function = l->code.qualname == ABSENT ? code->name : field(l, fields, l->code.qualname);
	memcpy(&code->firstline, fields + (l->code.firstlineno - l->code.id_from), sizeof(int32_t));
}

/* A string of the profile: what a name object says, or that it can't be read. */
static uint32_t
decode_text(struct mem *mem, const struct layout *l, struct profile *profile, raddr str,
            size_t *bytes)
{
	uint32_t number;
	struct buf text = { 0 };

	if (object_text(mem, l, str, &text) != OK) {
		text.len = 0;
		buf_str(&text, "<unreadable>");
	}
	number = profile_string(profile, text.len ? text.data : "", text.len);
	*bytes += text.len;
	buf_free(&text);
	return number;
}

static void
decode_table(struct mem *mem, const struct layout *l, struct code *code, size_t *bytes)
{
	struct buf table = { 0 };

	if (object_bytes(mem, l, code->linetable, MAX_TABLE, &table) == OK) {
		code->table = xcalloc(table.len, 1);
		code->table_len = table.len;
		*bytes += table.len;
		if (table.len)
			memcpy(code->table, table.data, table.len);
	}
	buf_free(&table);
}

static void
decode_instructions(struct mem *mem, const struct layout *l, struct code *code)
{
	raddr units = 0;
	uint32_t traceable = 0;

	if (l->code.instructions == ABSENT)
		return;
	object_read_pointer(mem, l, code->addr + (raddr)l->object.head, &units);
	mem_read(mem, code->addr + (raddr)l->code.traceable, &traceable, sizeof traceable);
	if (l->code.nlocals != ABSENT)
		mem_read(mem, code->addr + (raddr)l->code.nlocals, &code->locals, sizeof(int32_t));
	if (units < INT_MAX && traceable < INT_MAX / 2) {
		code->size = (int64_t)units * 2;
		code->traceable = (int64_t)traceable * 2;
	}
}

size_t
code_decode(struct mem *mem, const struct layout *l, struct profile *profile, struct code *code)
{
	size_t bytes = 0;

	code->file_text = decode_text(mem, l, profile, code->filename, &bytes);
	code->function_text = decode_text(mem, l, profile, code->function, &bytes);
	decode_table(mem, l, code, &bytes);
	decode_instructions(mem, l, code);
	return bytes;
}

void
code_clear(struct code *code)
{
	free(code->table);
	free(code->copies);
	*code = (struct code){ 0 };
}

/* ---- instructions ---- */

/*
 * Free-threaded builds give each thread that needs it a copy of its own
 * (CPython v3.14.0 Include/cpython/code.h, _PyCodeArray: size, then pointers;
 * entry 0 is the main copy).  A copy stays where it is while the code lives.
 */
static void
find_copies(struct mem *mem, const struct layout *l, struct code *code)
{
	raddr array, n, word = (raddr)l->ptr;
	unsigned char *raw;

	if (object_read_pointer(mem, l, code->addr + (raddr)l->code.tlbc, &array) != OK ||
	    object_read_pointer(mem, l, array, &n) != OK || n > MAX_COPIES)
		return;
	raw = xcalloc(n, word);
	if (mem_read(mem, array + word, raw, n * word) == OK) {
		code->copies = xrealloc(code->copies, n, sizeof *code->copies);
		code->n_copies = n;
		for (size_t i = 0; i < n; i++)
			code->copies[i] = object_pointer(l, raw + i * word);
	}
	free(raw);
}

raddr
code_instructions(struct mem *mem, const struct layout *l, struct code *code, uint32_t copy)
{
	if (!copy || l->code.tlbc == ABSENT)
		return code->addr + (raddr)l->code.instructions;
	if (copy >= code->n_copies || !code->copies[copy])
		find_copies(mem, l, code);
	return copy < code->n_copies ? code->copies[copy] : 0;
}

int64_t
code_offset(struct mem *mem, const struct layout *l, struct code *code, uint64_t instr,
            uint32_t copy)
{
	switch (l->instr) {
	case INSTR_UNITS:
		return (int64_t)instr * 2;
	case INSTR_PTR:
		return (int64_t)(instr - code_instructions(mem, l, code, copy));
	default:
		return (int64_t)instr;
	}
}

int
code_offset_valid(const struct code *code, int64_t offset)
{
	return offset >= -2 && (!code->size || offset < code->size) && offset <= INT_MAX;
}

int
code_not_begun(const struct code *code, int64_t offset)
{
	return code->size && offset < code->traceable;
}

/* ---- line tables ---- */

/* The bytes come from the target and may be anything: lines are added up as unsigned
 * numbers, which may wrap. */
static int
line_of_lnotab(const unsigned char *table, size_t len, int firstline, long offset,
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

/* PEP 626. */
static int
line_of_ranges(const unsigned char *table, size_t len, int firstline, long offset)
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

/* PEP 657. */
static int
line_of_locations(const unsigned char *table, size_t len, int firstline, long offset)
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

int
code_table_line(enum line_kind format, const unsigned char *table, size_t len, int firstline,
                long offset)
{
	switch (format) {
	case LINES_LNOTAB_U8:
		return line_of_lnotab(table, len, firstline, offset, 0);
	case LINES_LNOTAB:
		return line_of_lnotab(table, len, firstline, offset, 1);
	case LINES_RANGES:
		return line_of_ranges(table, len, firstline, offset);
	case LINES_LOCATIONS:
		return line_of_locations(table, len, firstline, offset);
	}
	return firstline;
}

int
code_line(const struct layout *l, const struct code *code, int64_t offset)
{
	return code_table_line(l->lines, code->table, code->table_len, code->firstline, (long)offset);
}
