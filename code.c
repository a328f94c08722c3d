/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of code objects.
 *
 * Identity.  From 3.12 on a code object carries a version number that is not
 * given twice (co_version; CPython v3.12.0 Objects/codeobject.c, init_code).
 * It lies among the fields from co_firstlineno to co_linetable, none of which
 * ever changes, so those bytes are the identity.  Before 3.12 a new object
 * can have the very same bytes there (its name and line table having come to
 * lie where the old ones were), so the name's hash, the end of the file's name
 * and the start of the line table belong to the identity too.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "snapshot.h"
#include "layouts.h"
#include "objects.h"
#include "linetab.h"
#include "profile.h"
#include "code.h"

enum {
	MAX_CODES = 1 << 15,    /* then all are forgotten */
	MAX_PLACES = 1 << 18,   /* (code object, offset) pairs; the same */
	MAX_TABLE = 16 << 20,   /* bytes of a line table */
	MAX_TABLES = 128 << 20, /* of all of them; then all are forgotten */
	MAX_WORK = 64 << 20,    /* bytes decoded for one stack */
	MAX_KNOWN = 1 << 22,    /* frames, stacks, strings of the profile */
	MAX_STRINGS = 256 << 20, /* bytes of names */
	MAX_COPIES = 1024,      /* of one code object's instructions */
	MAX_IDENTITY = 256,
	COMPARED = 32,          /* bytes of a file's name, of a line table */
	MAX_REGIONS = 4,
};

struct code {
	raddr addr, name, linetable;
	struct mem_vec file_end; /* the last bytes of the file's name */
	size_t table_start;      /* bytes of the line table that are compared */
	uint64_t generation;
	uint32_t file, function; /* strings of the profile */
	int firstline, locals;
	unsigned char *table;
	size_t table_len;
	int64_t size;      /* of the instructions, bytes; 0: not known */
	int64_t traceable; /* a frame before that offset has not begun */
	raddr *copies;     /* where each copy of the instructions begins */
	size_t n_copies;
	uint32_t serial;   /* see code_mark */
	uint32_t number;   /* distinct for every code object ever learned */
	unsigned char identity[MAX_IDENTITY];
};

/* One (code object, offset) and its frame. */
struct place {
	uint32_t code; /* number; 0: empty */
	uint32_t frame;
	int64_t offset;
};

struct codes {
	struct mem *mem;
	const struct layout *l;
	struct profile *profile;
	int with_lines;
	raddr type;
	struct code **slots; /* by address, open addressing */
	size_t n, cap;
	struct place *places;
	size_t n_places, cap_places;
	uint32_t last_number, epoch;
	size_t tables;  /* bytes of all line tables */
	size_t work;    /* see codes_begin() */
	size_t strings; /* bytes of names, ever */
};

struct codes *
codes_new(struct mem *mem, const struct layout *l, struct profile *profile, int with_lines)
{
	struct codes *c = xcalloc(1, sizeof *c);

	c->mem = mem;
	c->l = l;
	c->profile = profile;
	c->with_lines = with_lines;
	return c;
}

static void
code_free(struct code *code)
{
	if (!code)
		return;
	free(code->table);
	free(code->copies);
	free(code);
}

static void
forget_all(struct codes *c)
{
	for (size_t i = 0; i < c->cap; i++)
		code_free(c->slots[i]);
	free(c->slots);
	free(c->places);
	c->slots = NULL;
	c->places = NULL;
	c->n = c->cap = c->n_places = c->cap_places = c->tables = 0;
	c->epoch++;
}

void
codes_free(struct codes *c)
{
	if (!c)
		return;
	forget_all(c);
	free(c);
}

uint32_t
codes_epoch(const struct codes *c)
{
	return c->epoch;
}

int
code_mark(struct code *code, uint32_t serial)
{
	int fresh = code->serial != serial;

	code->serial = serial;
	return fresh;
}

void
codes_begin(struct codes *c)
{
	c->work = 0;
}

int
codes_exhausted(const struct codes *c)
{
	return c->work > MAX_WORK || c->strings > MAX_STRINGS ||
	       profile_frame_count(c->profile) > MAX_KNOWN ||
	       profile_stack_count(c->profile) > MAX_KNOWN;
}

static struct code **
code_slot(const struct codes *c, raddr addr)
{
	size_t i = hash_words(addr, 0) & (c->cap - 1);

	while (c->slots[i] && c->slots[i]->addr != addr)
		i = (i + 1) & (c->cap - 1);
	return &c->slots[i];
}

struct code *
codes_find(struct codes *c, raddr addr)
{
	return c->cap ? *code_slot(c, addr) : NULL;
}

static void
code_insert(struct codes *c, struct code *code)
{
	struct code **slot;

	if (c->n * 2 >= c->cap) {
		struct code **old = c->slots;
		size_t cap = c->cap;

		c->cap = cap ? cap * 2 : 64;
		c->slots = xcalloc(c->cap, sizeof *c->slots);
		for (size_t i = 0; i < cap; i++)
			if (old[i])
				*code_slot(c, old[i]->addr) = old[i];
		free(old);
	}
	slot = code_slot(c, code->addr);
	if (*slot) {
		c->tables -= (*slot)->table_len;
		code_free(*slot);
		c->epoch++;
	} else {
		c->n++;
	}
	*slot = code;
}

/* The regions that make up an identity.  Returns how many. */
static size_t
identity_regions(const struct layout *l, const struct code *code, struct mem_vec v[MAX_REGIONS])
{
	size_t bytes_head = (size_t)(l->bytes.data - l->bytes.length);

	v[0] = (struct mem_vec){ code->addr + (raddr)l->code.id_from,
	                         (size_t)(l->code.id_to - l->code.id_from) };
	if (l->code.id_unique)
		return 1;
	/* A name is interned, so its hash is there, behind its length. */
	if (l->text == TEXT_BYTES)
		v[1] = (struct mem_vec){ code->name + (raddr)l->bytes.length, bytes_head };
	else
		v[1] = (struct mem_vec){ code->name + (raddr)l->unicode.length, 16 };
	v[2] = (struct mem_vec){ code->linetable + (raddr)l->bytes.length,
	                         bytes_head + code->table_start };
	v[3] = code->file_end;
	return 4;
}

static enum why
read_identity(const struct codes *c, struct code *code)
{
	struct mem_vec v[MAX_REGIONS];
	size_t done, n = identity_regions(c->l, code, v);

	return mem_readv(c->mem, v, n, code->identity, &done);
}

int
code_add_identity(const struct codes *c, const struct code *code, struct snap *snap)
{
	struct mem_vec v[MAX_REGIONS];
	size_t n = identity_regions(c->l, code, v);

	for (size_t i = 0; i < n; i++)
		if (snap_add(snap, v[i].addr, v[i].len))
			return -1;
	return 0;
}

enum code_identity
code_check_identity(const struct codes *c, const struct code *code, struct snap *snap)
{
	struct mem_vec v[MAX_REGIONS];
	size_t at = 0, n = identity_regions(c->l, code, v);

	for (size_t i = 0; i < n; at += v[i++].len) {
		const void *now = snap_get(snap, v[i].addr, v[i].len);

		if (!now)
			return IDENTITY_UNREAD;
		if (memcmp(now, code->identity + at, v[i].len))
			return IDENTITY_OTHER;
	}
	return IDENTITY_SAME;
}

/* How much of the file's name and the line table to compare: as much as there
 * is, up to COMPARED bytes, so that no comparison reads past their ends. */
static void
choose_compared(const struct codes *c, struct code *code, raddr filename)
{
	struct object_text t;
	raddr length;

	if (object_text_extent(c->mem, c->l, filename, &t) == OK) {
		raddr len = t.length * t.kind, part = len < COMPARED ? len : COMPARED;

		code->file_end = (struct mem_vec){ t.addr + len - part, part };
	}
	if (object_read_pointer(c->mem, c->l, code->linetable + (raddr)c->l->bytes.length,
	                        &length) == OK)
		code->table_start = length < COMPARED ? length : COMPARED;
}

/* A string of the profile: what a name object says, or that it can't be read. */
static uint32_t
learn_text(struct codes *c, raddr str)
{
	struct buf text = { 0 };
	uint32_t number, n;

	if (object_text(c->mem, c->l, str, &text) != OK) {
		text.len = 0;
		buf_str(&text, "<unreadable>");
	}
	n = profile_string_count(c->profile);
	number = profile_string(c->profile, text.data ? text.data : "", text.len);
	c->strings += number == n ? text.len : 0; /* a new one */
	c->work += text.len;
	buf_free(&text);
	return number;
}

static void
learn_table(struct codes *c, struct code *code)
{
	struct buf table = { 0 };

	if (object_bytes(c->mem, c->l, code->linetable, MAX_TABLE, &table) == OK) {
		code->table = xcalloc(table.len, 1);
		code->table_len = table.len;
		c->tables += table.len;
		c->work += table.len;
		if (table.len)
			memcpy(code->table, table.data, table.len);
	}
	buf_free(&table);
}

static void
learn_instructions(struct codes *c, struct code *code)
{
	const struct layout *l = c->l;
	raddr units = 0;
	uint32_t traceable = 0;

	if (l->code.instructions == ABSENT)
		return;
	object_read_pointer(c->mem, l, code->addr + (raddr)l->object.head, &units);
	mem_read(c->mem, code->addr + (raddr)l->code.traceable, &traceable, sizeof traceable);
	if (l->code.nlocals != ABSENT)
		mem_read(c->mem, code->addr + (raddr)l->code.nlocals, &code->locals, sizeof(int32_t));
	if (units < INT_MAX && traceable < INT_MAX / 2) {
		code->size = (int64_t)units * 2;
		code->traceable = (int64_t)traceable * 2;
	}
}

/* All code objects are of one type, known by its name when first met. */
static enum why
check_type(struct codes *c, raddr addr)
{
	char name[8];
	raddr type;
	enum why why = object_read_pointer(c->mem, c->l, addr + (raddr)c->l->object.type, &type);

	if (why != OK || type == c->type)
		return why;
	if (c->type || object_type_name(c->mem, c->l, addr, name, sizeof name) != OK ||
	    strcmp(name, "code"))
		return BROKEN;
	c->type = type;
	return OK;
}

enum why
codes_learn(struct codes *c, raddr addr, struct code **out)
{
	const struct layout *l = c->l;
	unsigned char fields[256];
	struct code *code;
	raddr from = (raddr)l->code.id_from, filename, function;
	enum why why = check_type(c, addr);

	if (why == OK)
		why = mem_read(c->mem, addr + from, fields, (size_t)(l->code.id_to - l->code.id_from));
	if (why != OK)
		return why;
	if (codes_exhausted(c))
		return DEEP;
	if (c->n >= MAX_CODES || c->tables > MAX_TABLES)
		forget_all(c);

	code = xcalloc(1, sizeof *code);
	code->addr = addr;
	code->number = ++c->last_number;
	code->name = object_pointer(l, fields + l->code.name - l->code.id_from);
	code->linetable = object_pointer(l, fields + l->code.linetable - l->code.id_from);
	filename = object_pointer(l, fields + l->code.filename - l->code.id_from);
	memcpy(&code->firstline, fields + l->code.firstlineno - l->code.id_from, sizeof(int32_t));
	function = l->code.qualname == ABSENT ? code->name :
	           object_pointer(l, fields + l->code.qualname - l->code.id_from);

	/* The identity is read before the parts it stands for: if it is still
	 * the same when a sample is taken, they were its parts. */
	if (!l->code.id_unique)
		choose_compared(c, code, filename);
	why = read_identity(c, code);
	if (why == OK && memcmp(code->identity, fields, (size_t)(l->code.id_to - l->code.id_from)))
		why = TORN;
	if (why != OK) {
		code_free(code);
		return why;
	}
	code->file = learn_text(c, filename);
	code->function = learn_text(c, function);
	learn_table(c, code);
	learn_instructions(c, code);
	code_insert(c, code);
	*out = code;
	return OK;
}

uint64_t
code_generation(const struct code *code)
{
	return code->generation;
}

void
code_set_generation(struct code *code, uint64_t generation)
{
	code->generation = generation;
}

/*
 * Free-threaded builds give each thread that needs it a copy of its own
 * (CPython v3.14.0 Include/cpython/code.h, _PyCodeArray: size, then pointers;
 * entry 0 is the main copy).  A copy stays where it is while the code lives.
 */
static void
learn_copies(struct codes *c, struct code *code)
{
	raddr array, n, word = (raddr)c->l->ptr;
	unsigned char *raw;

	if (object_read_pointer(c->mem, c->l, code->addr + (raddr)c->l->code.tlbc, &array) != OK ||
	    object_read_pointer(c->mem, c->l, array, &n) != OK || n > MAX_COPIES)
		return;
	raw = xcalloc(n, word);
	if (mem_read(c->mem, array + word, raw, n * word) == OK) {
		code->copies = xrealloc(code->copies, n, sizeof *code->copies);
		code->n_copies = n;
		for (size_t i = 0; i < n; i++)
			code->copies[i] = object_pointer(c->l, raw + i * word);
	}
	free(raw);
}

raddr
code_instructions(struct codes *c, struct code *code, uint32_t copy)
{
	if (!copy || c->l->code.tlbc == ABSENT)
		return code->addr + (raddr)c->l->code.instructions;
	if (copy >= code->n_copies || !code->copies[copy])
		learn_copies(c, code);
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
code_locals(const struct code *code)
{
	return code->locals;
}

static int
line_at(const struct codes *c, const struct code *code, int64_t offset)
{
	const unsigned char *t = code->table;
	size_t len = code->table_len;
	long at = (long)offset;

	switch (c->l->lines) {
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

static struct place *
place_slot(const struct codes *c, uint32_t code, int64_t offset)
{
	size_t i = hash_words(code, (uint64_t)offset) & (c->cap_places - 1);

	while (c->places[i].code && (c->places[i].code != code || c->places[i].offset != offset))
		i = (i + 1) & (c->cap_places - 1);
	return &c->places[i];
}

static void
places_grow(struct codes *c)
{
	struct place *old = c->places;
	size_t cap = c->cap_places;

	/* Places of code objects that are gone are dropped now and then. */
	if (c->n_places >= MAX_PLACES) {
		cap = 0;
		c->n_places = 0;
		c->cap_places = 0;
	}
	c->cap_places = c->cap_places ? c->cap_places * 2 : 64;
	c->places = xcalloc(c->cap_places, sizeof *c->places);
	for (size_t i = 0; i < cap; i++)
		if (old[i].code)
			*place_slot(c, old[i].code, old[i].offset) = old[i];
	free(old);
}

uint32_t
code_frame(struct codes *c, struct code *code, int64_t offset)
{
	struct place *place;

	if (!c->with_lines)
		offset = 0;
	if (c->n_places * 2 >= c->cap_places)
		places_grow(c);
	place = place_slot(c, code->number, offset);
	if (!place->code) {
		int line = c->with_lines ? line_at(c, code, offset) : 0;

		c->work += code->table_len;
		*place = (struct place){ code->number,
		                         profile_frame(c->profile, (struct profile_frame){
		                                 code->file, code->function, line }),
		                         offset };
		c->n_places++;
	}
	return place->frame;
}
