/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are made of others; see show.h.  Their forms are those of CPython's Objects, and
 * as these repeat nothing that they are in, so does this: see values.c. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/secrets.h"
#include "values/types.h"
#include "values/show.h"
#include "values/scalars.h"
#include "values/containers.h"

/* ---- names of secrets ---- */

/* Whether what a value stands under is text, and looks like a secret's name. */
static int
is_secret(const struct show *s, raddr key)
{
	struct buf name = { 0 };
	struct show quiet = *s;
	struct type t;
	int secret = 0;

	quiet.out = &name;
	if (type_of(s->o, key, &t) == OK &&
	    (t.kind == TYPE_STR || t.kind == TYPE_BYTES || t.kind == TYPE_UNICODE))
		scalar_text(&quiet, key, &t);
	if (name.len) {
		name.len--; /* the quote at the end, before which words end */
		secret = secrets_is_named(buf_terminate(&name));
	}
	buf_free(&name);
	return secret;
}

static void
show_unless_secret(struct show *s, raddr key, raddr value)
{
	if (is_secret(s, key))
		show_text(s, ELLIPSIS);
	else
		s->object(s, value);
	s->several = 1;
}

/* ---- sequences ---- */

/* n pointers at an address, the second of two not if the first is the name of a secret. */
static void
show_items(struct show *s, raddr at, uint64_t n)
{
	raddr name = n == 2 ? show_pointer(s, at) : 0;

	s->several = 0;
	if (name && is_secret(s, name)) {
		show_member(s, name);
		show_text(s, ", " ELLIPSIS);
	} else {
		show_members(s, at, n);
	}
}

/* The names of a named tuple's items, a tuple of its class; 0: it is none. */
static raddr
names_of(const struct show *s, raddr type)
{
	enum { BASES = 4 };
	const struct objects *o = s->o;
	raddr dict, names;

	for (int i = 0; i < BASES && type; i++)
		if (object_read_pointer(o->mem, o->l, type + (raddr)o->shape->type_dict, &dict) == OK &&
		    object_dict_get(o->mem, o->l, dict, "_fields", &names) == OK)
			return names;
		else if (object_read_pointer(o->mem, o->l, type + (raddr)o->shape->type_base, &type) != OK)
			break;
	return 0;
}

static void
show_named_items(struct show *s, raddr at, raddr n, raddr names)
{
	s->several = 0;
	names += (raddr)s->o->shape->items;
	for (raddr end = n * (raddr)s->o->l->ptr, i = 0; i < end && !show_is_full(s);
	     i += (raddr)s->o->l->ptr) {
		if (s->several)
			show_text(s, ", ");
		show_unless_secret(s, show_pointer(s, names + i), show_pointer(s, at + i));
	}
}

static void
show_tuple(struct show *s, raddr object, raddr names, const char *open, int lone_comma)
{
	raddr n = show_word(s, object, 0), at = object + (raddr)s->o->shape->items;

	show_text(s, open);
	if (names)
		show_named_items(s, at, n, names);
	else
		show_items(s, at, n);
	show_end(s, n == 1 && lone_comma ? ",)" : ")");
}

void
container_tuple(struct show *s, raddr object, const struct type *t)
{
	show_tuple(s, object, t->exact ? 0 : names_of(s, t->addr), "(", 1);
}

void
container_list(struct show *s, raddr object, const struct type *t)
{
	raddr n = show_word(s, object, 0);

	(void)t;
	show_text(s, "[");
	show_items(s, show_word(s, object, 1), n);
	show_end(s, "]");
}

/* CPython v3.6.0 Modules/_collectionsmodule.c: the size, the first block, the last, and where in
 * these it begins and ends; then a count and the greatest size.  A block is a link, 64 objects
 * and a link. */
static void
show_blocks(struct show *s, raddr object)
{
	enum { IN_BLOCK = 64 };
	raddr n = show_word(s, object, 0), block = show_word(s, object, 1);
	raddr at = show_word(s, object, 3), p = (raddr)s->o->l->ptr;

	s->several = 0;
	s->failed |= at >= IN_BLOCK;
	while (n && !show_is_full(s)) {
		uint64_t here = IN_BLOCK - at < n ? IN_BLOCK - at : n;

		show_members(s, block + (1 + at) * p, here);
		n -= here;
		at = 0;
		if (n)
			block = show_pointer(s, block + (1 + IN_BLOCK) * p);
	}
}

/* That of 2.7 is another one. */
void
container_deque(struct show *s, raddr object, const struct type *t)
{
	raddr most = show_word(s, object, 6);

	(void)t;
	if ((s->failed |= s->o->l->text == TEXT_BYTES))
		return;
	show_text(s, "deque([");
	show_blocks(s, object);
	show_end(s, "]");
	if (!(most >> (s->o->l->ptr * 8 - 1)) && !s->over) /* -1: there is none */
		buf_printf(s->out, ", maxlen=%llu", (unsigned long long)most);
	show_end(s, ")");
}

/* CPython Objects/rangeobject.c, Objects/sliceobject.c: start, stop, step. */
void
container_range(struct show *s, raddr object, const struct type *t)
{
	int is_range = t->kind == TYPE_RANGE;
	raddr step = show_word(s, object, 2);

	show_text(s, is_range ? "range(" : "slice(");
	s->several = 0;
	show_members(s, object + (raddr)s->o->l->object.head,
	             is_range && scalar_is_one(s, step) ? 2 : 3);
	show_end(s, ")");
}

/* BaseException_repr: the class without its module, and args, after the dict. */
void
container_exception(struct show *s, raddr object, const struct type *t)
{
	const char *dot = strrchr(t->name, '.');

	show_text(s, dot ? dot + 1 : t->name);
	show_tuple(s, show_word(s, object, 1), 0, "(", s->o->shape->lone_comma);
}

/* ---- dicts and sets ---- */

static int
show_item(void *context, raddr key, raddr value)
{
	struct show *s = context;

	show_member(s, key);
	show_text(s, ": ");
	show_unless_secret(s, key, value);
	return show_is_full(s);
}

void
container_dict(struct show *s, raddr object, const struct type *t)
{
	enum why why;

	(void)t;
	show_text(s, "{");
	s->several = 0;
	why = object_dict_each(s->o->mem, s->o->l, object, show_item, s);
	s->over |= why == DEEP;
	s->failed |= why != DEEP && why != OK;
	show_end(s, "}");
}

/* -1 is the hash of what was removed; 2.7 has a certain str in its place (CPython v2.7.18
 * Objects/setobject.c, dummy). */
static int
is_removed(struct show *s, raddr object, raddr hash)
{
	struct buf text = { 0 };
	struct type t;
	int dummy;

	if (s->o->l->text != TEXT_BYTES)
		return hash == (s->o->l->ptr == 8 ? UINT64_MAX : UINT32_MAX);
	dummy = type_of(s->o, object, &t) == OK && t.kind == TYPE_STR &&
	        object_text(s->o->mem, s->o->l, object, &text) == OK &&
	        !strcmp(buf_terminate(&text), "<dummy key>");
	buf_free(&text);
	return dummy;
}

/* An entry is the key and its hash, in 2.7 the other way round. */
static void
show_entries(struct show *s, raddr table, uint64_t n)
{
	raddr p = (raddr)s->o->l->ptr, key = s->o->l->text == TEXT_BYTES ? p : 0;

	s->several = 0;
	for (uint64_t i = 0; i < n && !show_is_full(s); i++) {
		raddr entry = table + i * 2 * p, object = show_pointer(s, entry + key);

		if (object && !is_removed(s, object, show_pointer(s, entry + p - key)))
			show_member(s, object);
		else if (!s->slots--)
			s->over = 1;
	}
}

/* CPython Include/cpython/setobject.h: fill, used, mask, table. */
void
container_set(struct show *s, raddr object, const struct type *t)
{
	int older = s->o->l->text == TEXT_BYTES;
	raddr used = show_word(s, object, 1);
	int named = older || t->kind == TYPE_FROZENSET || !used;

	if (named)
		show_text(s, t->kind == TYPE_SET ? "set(" : "frozenset(");
	show_text(s, older ? "[" : used ? "{" : "");
	if (used)
		show_entries(s, show_word(s, object, 3), show_word(s, object, 2) + 1);
	show_end(s, older ? "]" : used ? "}" : "");
	show_end(s, named ? ")" : "");
}

/* ---- arrays ---- */

/*
 * numpy/ndarraytypes.h, PyArrayObject_fields: the data, how many dimensions, their sizes, the
 * strides, the base, and the descriptor of what it holds, which begins with that's type.
 */
void
container_array(struct show *s, raddr object, const struct type *t)
{
	enum { MOST = 64 };
	raddr sizes = show_word(s, object, 2), type = show_word(s, show_word(s, object, 5), 0);
	uint32_t n = MOST;
	struct type of;

	show_check(s, mem_read(s->o->mem, object + (raddr)(s->o->l->object.head + s->o->l->ptr), &n,
	                       sizeof n));
	show_check(s, type_at(s->o, type, &of));
	if ((s->failed |= n >= MOST))
		return;
	show_text(s, "<");
	show_check(s, type_add_name(s->o, t, s->out));
	buf_printf(s->out, " %s (", strrchr(of.name, '.') ? strrchr(of.name, '.') + 1 : of.name);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(s->out, i ? ", %llu" : "%llu", (unsigned long long)
		           show_pointer(s, sizes + i * (raddr)s->o->l->ptr));
	show_text(s, n == 1 ? ",)>" : ")>");
}

/* ---- attributes ---- */

static int
show_attribute(void *context, raddr name, raddr value)
{
	struct show *s = context;
	struct type t;

	show_text(s, s->several ? ", " : " ");
	if (type_of(s->o, name, &t) == OK && t.kind == TYPE_STR)
		show_name(s, name);
	show_text(s, "=");
	show_unless_secret(s, name, value);
	return show_is_full(s);
}

void
container_attributes(struct show *s, raddr object)
{
	show_check(s, object_attribute_each(s->o->mem, s->o->l, object, show_attribute, s));
}
