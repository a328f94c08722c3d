/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding a code object: its names, its line table (linetab.c has the formats), its
 * instructions.  CPython Include/cpython/code.h of the versions that layouts.c lists.
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
#include "linetab.h"
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

int
code_line(const struct layout *l, const struct code *code, int64_t offset)
{
	const unsigned char *t = code->table;
	size_t len = code->table_len;
	long at = (long)offset;

	switch (l->lines) {
	case LINES_LNOTAB_U8:
		return linetab_lnotab(t, len, code->firstline, at, 0);
	case LINES_LNOTAB:
		return linetab_lnotab(t, len, code->firstline, at, 1);
	case LINES_RANGES:
		return linetab_ranges(t, len, code->firstline, at);
	case LINES_LOCATIONS:
		return linetab_locations(t, len, code->firstline, at);
	}
	return code->firstline;
}
