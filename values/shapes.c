/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What layouts.c does not say, since profiles do without.  Most of it lies at the same distance
 * from what a layout has, in pointers and in ints, whatever their sizes; what differs from
 * release to release is a row.  "make check-layouts" compares all of it with headers.
 *
 * CPython Include/cpython/code.h, Include/cpython/frameobject.h (up to 3.8 Include/code.h and
 * Include/frameobject.h), Include/internal/pycore_frame.h, Include/cpython/funcobject.h,
 * Include/cpython/genobject.h, Include/cpython/object.h of the releases in the table.
 */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "layouts.h"
#include "values/shapes.h"

/* Distances in pointers, but for counts and flags: in ints. */
static const struct row {
	int16_t release;   /* as the upper half of PY_VERSION_HEX */
	int8_t counts;     /* -3.10: of arguments, which come before co_nlocals; 3.11: 0 */
	int8_t flags;      /* co_flags: -3.10 after co_nlocals, 3.11: before co_firstlineno */
	int8_t space;      /* f_locals after f_code */
	int8_t items;      /* ob_item after the head */
	int8_t function, generator; /* their names, likewise */
	int8_t type_name;  /* after tp_name; 0: right before ht_cached_keys */
	int8_t collecting; /* gc.collecting after the list of threads; 0: it is elsewhere */
} rows[] = {
	{ 0x207, 1, 2, 3, 1, 5, 2, 104, 0 },
	{ 0x306, 2, 2, 3, 1, 11, 5, 103, 0 },
	{ 0x307, 2, 2, 3, 1, 11, 5, 103, 0 },
	{ 0x308, 3, 2, 3, 1, 11, 5, 105, 0 },
	{ 0x309, 3, 2, 3, 1, 11, 5, 104, 101 },
	{ 0x30a, 3, 2, 3, 1, 3, 4, 105, 101 },
	{ 0x30b, 0, 6, -1, 1, 3, 3, 0, 104 },
	{ 0x30c, 0, 5, 5, 1, 3, 2, 0, 30 },
	{ 0x30d, 0, 5, 5, 1, 3, 2, 0, 32 },
	{ 0x30e, 0, 5, 5, 2, 3, 2, 0, 32 },
	{ 0x30f, 0, 5, 5, 2, 3, 2, 0, 22 },
};

/* Releases.  BEFORE_WITH of CPython v3.11.0 and v3.12.0 Python/bytecodes.c. */
enum { LONE_COMMA_TO = 0x306, KEEPS_FROM = 0x30c, KEEPS_TO = 0x30d, ARRAY_QUOTES_TO = 0x30e };
enum { INT = 4, BLOCKS = 20 * 3 * INT /* f_blockstack */ };

/* The code and frames of 3.10 and before. */
static void
place_heap(const struct layout *l, const struct row *row, struct shape *s)
{
	int p = l->ptr, head = l->object.head, blocks = l->frame.size + INT;

	s->code.argcount = head;
	s->code.kwonly = row->counts > 1 ? head + (row->counts - 1) * INT : ABSENT;
	s->code.nlocals = head + row->counts * INT;
	s->code.stacksize = s->code.nlocals + INT;
	s->code.flags = s->code.nlocals + row->flags * INT;
	/* From 3.0 to 3.10 co_cell2arg is between them and the file's name. */
	s->code.cells = l->code.filename - (l->text == TEXT_BYTES ? 1 : 2) * p;
	s->code.frees = s->code.cells - p;
	s->code.names = s->code.frees - p;
	s->code.kinds = ABSENT;
	s->frame.stack = l->frame.code + 4 * p;
	s->frame.top = l->frame.code + (l->instr == INSTR_UNITS ? 6 : 5) * p;
	s->frame.top_is_depth = l->instr == INSTR_UNITS;
	/* After the line come f_iblock and, from 3.0 on, one more; then the blocks. */
	s->frame.locals = blocks + (l->text == TEXT_BYTES ? 0 : INT) + BLOCKS;
	s->frame.locals += (p - s->frame.locals % p) % p;
}

static void
place_code(const struct layout *l, const struct row *row, struct shape *s)
{
	s->code.argcount = l->code.firstlineno - 4 * INT;
	s->code.kwonly = l->code.firstlineno - 2 * INT;
	s->code.stacksize = l->code.firstlineno - INT;
	s->code.nlocals = l->code.firstlineno + INT;
	s->code.flags = l->code.firstlineno - row->flags * INT;
	s->code.names = l->code.filename - 2 * l->ptr;
	s->code.kinds = l->code.filename - l->ptr;
	s->code.cells = s->code.frees = ABSENT;
	s->frame.stack = s->frame.top = ABSENT;
	s->frame.top_is_depth = 0;
	s->frame.locals = l->frame.locals;
}

int
shape_find(const struct layout *l, struct shape *s)
{
	int p = l->ptr, head = l->object.head;
	const struct row *row = rows;

	/* The release as two bytes: 3.12 is 0x30c. */
	while (row->release != (int)(l->since >> 24 << 8 | (l->since >> 16 & 0xff)))
		if (++row == rows + LEN(rows))
			return -1;
	if (row->counts)
		place_heap(l, row, s);
	else
		place_code(l, row, s);
	s->frame.space = l->frame.code + row->space * p;
	s->items = head + row->items * p;
	s->function = head + row->function * p;
	s->generator = head + row->generator * p;
	s->type_base = l->type.name + 29 * p;
	s->type_dict = l->type.name + 30 * p;
	s->type_name = row->type_name ? l->type.name + row->type_name * p : l->type.cached_keys - p;
	s->collecting = p == 8 && row->collecting ? l->interp.threads + row->collecting * p : ABSENT;
	s->lone_comma = row->release <= LONE_COMMA_TO;
	s->with_keeps = row->release >= KEEPS_FROM && row->release <= KEEPS_TO;
	s->array_quotes = row->release <= ARRAY_QUOTES_TO;
	return 0;
}
