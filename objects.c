/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python objects, read from outside.
 *
 * CPython Include/cpython/unicodeobject.h, Include/internal/pycore_dict.h and
 * Objects/dictobject.c, Objects/longobject.c, Objects/typeobject.c of the
 * versions that layouts.c lists.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"

enum { MAX_TEXT = 1 << 12 /* characters, of a name */, MAX_ENTRIES = 1 << 16 /* of a dict; */,
	PIECE = 64 /* at a time */ };

raddr
object_pointer(const struct layout *l, const void *p)
{
	uint64_t wide;
	uint32_t narrow;

	if (l->ptr == 8)
		return memcpy(&wide, p, sizeof wide), wide;
	return memcpy(&narrow, p, sizeof narrow), narrow;
}

enum why
object_read_pointer(struct mem *mem, const struct layout *l, raddr addr, raddr *out)
{
	unsigned char word[8];
	enum why why = mem_read(mem, addr, word, (size_t)l->ptr);

	if (why == OK)
		*out = object_pointer(l, word);
	return why;
}

/* Appends n characters of kind bytes each that lie at addr. */
static enum why
add_characters(struct mem *mem, raddr addr, size_t n, unsigned kind, struct buf *out)
{
	unsigned char *bytes;
	size_t shown = n < MAX_TEXT ? n : MAX_TEXT;
	enum why why;

	bytes = xcalloc(shown, kind);
	why = mem_read(mem, addr, bytes, shown * kind);
	for (size_t i = 0; why == OK && i < shown; i++) {
		uint32_t c = bytes[i * kind];

		for (unsigned b = 1; b < kind; b++) {
			uint16_t two;

			if (kind == 2)
				memcpy(&two, bytes + i * 2, 2), c = two;
			else
				memcpy(&c, bytes + i * 4, 4);
		}
		buf_utf8(out, c);
	}
	if (why == OK && shown < n)
		buf_str(out, "...");
	free(bytes);
	return why;
}

static enum why
add_raw(struct mem *mem, raddr addr, size_t n, struct buf *out)
{
	size_t shown = n < MAX_TEXT ? n : MAX_TEXT;
	char *bytes = xcalloc(shown, 1);
	enum why why = mem_read(mem, addr, bytes, shown);

	if (why == OK)
		buf_add(out, bytes, shown);
	if (why == OK && shown < n)
		buf_str(out, "...");
	free(bytes);
	return why;
}

/* C's bit-fields begin at the lowest bit, or, big-endian, at the highest. */
static unsigned
bit_field(uint32_t word, unsigned at, unsigned width)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		at = 32 - at - width;
	return word >> at & ((1u << width) - 1);
}

/* PEP 393: the state says how wide a character is and where they lie. */
static enum why
unicode_extent(struct mem *mem, const struct layout *l, raddr str, struct object_text *t)
{
	unsigned char head[96];
	uint32_t state;
	enum why why = mem_read(mem, str, head, (size_t)l->unicode.ascii);

	if (why != OK)
		return why;
	memcpy(&state, head + l->unicode.state, sizeof state);

	unsigned first = (unsigned)l->unicode.kind_at;
	unsigned compact = bit_field(state, first + 3, 1), ascii = bit_field(state, first + 4, 1);

	t->kind = bit_field(state, first, 3);
	t->length = object_pointer(l, head + l->unicode.length);
	t->addr = str + (raddr)(ascii ? l->unicode.ascii : l->unicode.compact);
	if ((t->kind != 1 && t->kind != 2 && t->kind != 4) || t->length > SIZE_MAX / 8)
		return BROKEN;
	/* That of a subclass is elsewhere: PyUnicodeObject.data comes next. */
	return compact ? OK : object_read_pointer(mem, l, str + (raddr)l->unicode.compact, &t->addr);
}

enum why
object_text_extent(struct mem *mem, const struct layout *l, raddr str, struct object_text *t)
{
	if (l->text != TEXT_BYTES)
		return unicode_extent(mem, l, str, t);
	t->kind = 1;
	t->addr = str + (raddr)l->bytes.data;
	return object_read_pointer(mem, l, str + (raddr)l->bytes.length, &t->length);
}

enum why
object_text(struct mem *mem, const struct layout *l, raddr str, struct buf *out)
{
	struct object_text t;
	enum why why = object_text_extent(mem, l, str, &t);

	if (why != OK)
		return why;
	return l->text == TEXT_BYTES ? add_raw(mem, t.addr, t.length, out) :
	                               add_characters(mem, t.addr, t.length, t.kind, out);
}

enum why
object_bytes(struct mem *mem, const struct layout *l, raddr bytes, size_t max, struct buf *out)
{
	raddr length;
	char *copy;
	enum why why = object_read_pointer(mem, l, bytes + (raddr)l->bytes.length, &length);

	if (why != OK)
		return why;
	if (length > max)
		return DEEP;
	copy = xcalloc(length, 1);
	why = mem_read(mem, bytes + (raddr)l->bytes.data, copy, length);
	if (why == OK)
		buf_add(out, copy, length);
	free(copy);
	return why;
}

enum why
object_type_name(struct mem *mem, const struct layout *l, raddr object, char *buf, size_t size)
{
	raddr type, name;
	enum why why = object_read_pointer(mem, l, object + (raddr)l->object.type, &type);

	if (why == OK)
		why = object_read_pointer(mem, l, type + (raddr)l->type.name, &name);
	return why == OK ? mem_read_string(mem, name, buf, size) : why;
}

/* One kind of dictionary's entries, wherever they lie. */
struct table {
	raddr entries;
	size_t n, stride; /* stride in words */
	unsigned key;     /* the word of an entry that is the key; the value is next */
	raddr values;     /* of a split table, or 0 */
};

static enum why
table_2(struct mem *mem, const struct layout *l, raddr dict, struct table *t)
{
	raddr mask, entries;
	enum why why = object_read_pointer(mem, l, dict + (raddr)l->dict.keys, &mask);

	if (why == OK)
		why = object_read_pointer(mem, l, dict + (raddr)l->dict.values, &entries);
	if (why == OK)
		*t = (struct table){ entries, mask + 1, 3, 1, 0 };
	return why;
}

/* keys: the PyDictKeysObject; its head, then indices, then entries. */
static enum why
table_3(struct mem *mem, const struct layout *l, raddr keys, raddr values, struct table *t)
{
	unsigned char head[40];
	size_t word = (size_t)l->ptr;
	enum why why = mem_read(mem, keys, head, sizeof head);

	if (why != OK)
		return why;
	if (l->dicts == DICT_COMPACT) { /* refcnt, size, lookup, usable, nentries */
		raddr size = object_pointer(l, head + word);
		raddr index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;

		*t = (struct table){ keys + 5 * word + size * index,
		                     object_pointer(l, head + 4 * word), 3, 1, values };
	} else { /* refcnt, 8 bytes: log2_size, log2_index_bytes, kind, version; usable, nentries */
		unsigned log2_bytes = head[word + 1], general = head[word + 2] == 0;

		if (log2_bytes > 40)
			return BROKEN;
		*t = (struct table){ keys + 3 * word + 8 + (UINT64_C(1) << log2_bytes),
		                     object_pointer(l, head + 2 * word + 8),
		                     general ? 3 : 2, general, values };
	}
	return OK;
}

/* Tells of n entries from the one at `at` on; *enough gets what each() says. */
static enum why
piece_each(struct mem *mem, const struct layout *l, const struct table *t, size_t at, size_t n,
           object_dict_item *each, void *context, int *enough)
{
	size_t word = (size_t)l->ptr, size = t->stride * word;
	unsigned char entries[PIECE * 3 * 8], values[PIECE * 8];
	enum why why = mem_read(mem, t->entries + at * size, entries, n * size);

	if (why == OK && t->values)
		why = mem_read(mem, t->values + at * word, values, n * word);
	for (size_t i = 0; why == OK && i < n && !*enough; i++) {
		const unsigned char *entry = entries + i * size + t->key * word;
		raddr key = object_pointer(l, entry);
		raddr value = object_pointer(l, t->values ? values + i * word : entry + word);

		*enough = key && value && each(context, key, value);
	}
	return why;
}

static enum why
table_each(struct mem *mem, const struct layout *l, const struct table *t,
           object_dict_item *each, void *context)
{
	size_t most = t->n < MAX_ENTRIES ? t->n : MAX_ENTRIES;
	enum why why = OK;
	int enough = 0;

	for (size_t at = 0; at < most && !enough && why == OK; at += PIECE)
		why = piece_each(mem, l, t, at, most - at < PIECE ? most - at : PIECE, each, context,
		                 &enough);
	return why == OK && !enough && t->n > most ? DEEP : why;
}

enum why
object_dict_each(struct mem *mem, const struct layout *l, raddr dict, object_dict_item *each,
                 void *context)
{
	struct table t;
	raddr keys, values;
	enum why why;

	if (l->dicts == DICT_TABLE) {
		why = table_2(mem, l, dict, &t);
	} else {
		why = object_read_pointer(mem, l, dict + (raddr)l->dict.keys, &keys);
		if (why == OK)
			why = object_read_pointer(mem, l, dict + (raddr)l->dict.values, &values);
		if (why == OK)
			why = table_3(mem, l, keys,
			              values ? values + (raddr)l->dict.first_value : 0, &t);
	}
	return why == OK ? table_each(mem, l, &t, each, context) : why;
}

struct search {
	struct mem *mem;
	const struct layout *l;
	const char *name;
	raddr value;
};

static int
match_name(void *context, raddr key, raddr value)
{
	struct search *s = context;
	struct buf text = { 0 };
	struct object_text t;
	/* Names are ASCII; of those of another length nothing more is read. */
	int same = object_text_extent(s->mem, s->l, key, &t) == OK && t.length == strlen(s->name) &&
	           object_text(s->mem, s->l, key, &text) == OK && text.len == strlen(s->name) &&
	           !memcmp(text.data, s->name, text.len);

	if (same)
		s->value = value;
	buf_free(&text);
	return same;
}

enum why
object_dict_get(struct mem *mem, const struct layout *l, raddr dict, const char *key, raddr *value)
{
	struct search s = { mem, l, key, 0 };
	enum why why = object_dict_each(mem, l, dict, match_name, &s);

	if (why != OK)
		return why;
	*value = s.value;
	return s.value ? OK : BROKEN;
}

/* The attributes that a class's instances share keys for. */
static enum why
split_each(struct mem *mem, const struct layout *l, raddr type, raddr values,
           object_dict_item *each, void *context)
{
	struct table t;
	raddr keys;
	enum why why = object_read_pointer(mem, l, type + (raddr)l->type.cached_keys, &keys);

	if (why == OK)
		why = table_3(mem, l, keys, values + (raddr)l->dict.first_value, &t);
	return why == OK ? table_each(mem, l, &t, each, context) : why;
}

enum why
object_attribute_each(struct mem *mem, const struct layout *l, raddr object,
                      object_dict_item *each, void *context)
{
	raddr type, flags, basicsize, dictoffset, dict = 0, word = 0, p = (raddr)l->ptr;
	enum why why = object_read_pointer(mem, l, object + (raddr)l->object.type, &type);

	if (why == OK)
		why = object_read_pointer(mem, l, type + (raddr)l->type.flags, &flags);
	if (why == OK)
		why = object_read_pointer(mem, l, type + (raddr)l->type.basicsize, &basicsize);
	if (why == OK)
		why = object_read_pointer(mem, l, type + (raddr)l->type.dictoffset, &dictoffset);
	if (why != OK)
		return why;

	if (l->attrs == ATTRS_DICT || !(flags & l->type.managed_dict)) {
		/* A negative one, from the end of an object without a fixed size, is not followed. */
		if (dictoffset && dictoffset < basicsize)
			why = object_read_pointer(mem, l, object + dictoffset, &dict);
	} else if (l->attrs == ATTRS_PAIR) {
		why = object_read_pointer(mem, l, object - (raddr)l->object.dict_before - p, &word);
		if (why == OK && word)
			return split_each(mem, l, type, word, each, context);
		why = object_read_pointer(mem, l, object - (raddr)l->object.dict_before, &dict);
	} else if (l->attrs == ATTRS_TAGGED) {
		why = object_read_pointer(mem, l, object - (raddr)l->object.dict_before, &word);
		if (why == OK && word & 1)
			return split_each(mem, l, type, word + 1, each, context);
		dict = word;
	} else {
		why = object_read_pointer(mem, l, object - (raddr)l->object.dict_before, &dict);
		if (why == OK && !dict && flags & l->type.inline_values)
			return split_each(mem, l, type, object + basicsize, each, context);
	}
	return why == OK && dict ? object_dict_each(mem, l, dict, each, context) : why;
}

enum why
object_attribute(struct mem *mem, const struct layout *l, raddr object, const char *name,
                 raddr *value)
{
	struct search s = { mem, l, name, 0 };
	enum why why = object_attribute_each(mem, l, object, match_name, &s);

	if (why != OK)
		return why;
	*value = s.value;
	return s.value ? OK : BROKEN;
}

/* Its dictionary comes right after a module's head. */
enum why
object_module(struct mem *mem, const struct layout *l, raddr interp, const char *name,
              raddr *dict)
{
	raddr at;
	enum why why = object_read_pointer(mem, l, interp + (raddr)l->interp.modules, &at);

	if (why == OK)
		why = object_dict_get(mem, l, at, name, &at);
	return why == OK ? object_read_pointer(mem, l, at + (raddr)l->object.head, dict) : why;
}

enum { MAX_BITS = 90, MAX_BYTES = 12 }; /* of an integer that is read */

size_t
object_integer_size(const struct layout *l)
{
	return (size_t)l->integer.digits + MAX_BYTES;
}

enum why
object_integer_of(const struct layout *l, const void *object, uint64_t *value)
{
	const unsigned char *p = object;
	size_t digits = (size_t)l->integer.digits, size = l->integer.bits == 15 ? 2 : 4;
	uint64_t n, sum = 0;

	if (l->integer.count_shift == ABSENT) {
		*value = object_pointer(l, p + digits);
		return OK;
	}
	/* Up to 3.11 ob_size counts the digits; from 3.12 on the word before the
	 * digits has the sign in its lowest bits and the count above them. */
	n = object_pointer(l, p + l->object.head) >> l->integer.count_shift;
	if (n > (uint64_t)(MAX_BITS / l->integer.bits))
		return BROKEN;
	while (n--) {
		uint16_t narrow;
		uint32_t digit = 0;

		memcpy(&narrow, p + digits + size * n, sizeof narrow);
		if (size == 4)
			memcpy(&digit, p + digits + size * n, sizeof digit);
		sum = sum << l->integer.bits | (size == 2 ? narrow : digit);
	}
	*value = sum;
	return OK;
}

enum why
object_integer(struct mem *mem, const struct layout *l, raddr object, uint64_t *value)
{
	unsigned char bytes[64];
	enum why why = mem_read(mem, object, bytes, object_integer_size(l));

	return why == OK ? object_integer_of(l, bytes, value) : why;
}
