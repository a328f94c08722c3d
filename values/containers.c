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
	if (type_of(s->mem, s->l, s->shape, key, &t) == OK &&
	    (t.kind == TYPE_STR || t.kind == TYPE_BYTES || t.kind == TYPE_UNICODE) &&
	    scalar_text(&quiet, key, &t) == OK && name.len) {
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
		buf_str(s->out, ELLIPSIS);
	else
		s->object(s, value);
	s->several = 1;
}

/* ---- sequences ---- */

/* n pointers at an address, the second of two not if the first is the name of a secret. */
static enum why
show_items(struct show *s, raddr at, uint64_t n)
{
	raddr p = (raddr)s->l->ptr, name, value;

	s->several = 0;
	if (n != 2 || object_read_pointer(s->mem, s->l, at, &name) != OK || !name ||
	    object_read_pointer(s->mem, s->l, at + p, &value) != OK || !is_secret(s, name))
		return show_members(s, at, n);
	show_member(s, name);
	buf_str(s->out, ", " ELLIPSIS);
	return OK;
}

enum why
container_tuple(struct show *s, raddr object, const struct type *t)
{
	raddr n;
	enum why why = show_word(s, object, 0, &n);

	(void)t;
	if (why != OK)
		return why;
	buf_str(s->out, "(");
	why = show_items(s, object + (raddr)s->shape->items, n);
	buf_str(s->out, n == 1 ? ",)" : ")");
	return why;
}

enum why
container_list(struct show *s, raddr object, const struct type *t)
{
	raddr n, items;
	enum why why = show_word(s, object, 0, &n);

	(void)t;
	if (why == OK)
		why = show_word(s, object, 1, &items);
	if (why != OK)
		return why;
	buf_str(s->out, "[");
	why = show_items(s, items, n);
	buf_str(s->out, "]");
	return why;
}

/* CPython v3.6.0 Modules/_collectionsmodule.c: the size, the first block, the last, and where in
 * these it begins and ends; then a count and the greatest size.  A block is a link, 64 objects
 * and a link. */
static enum why
show_blocks(struct show *s, raddr object, uint64_t n)
{
	enum { IN_BLOCK = 64 };
	raddr block, at, p = (raddr)s->l->ptr;
	enum why why = show_word(s, object, 1, &block);

	if (why == OK)
		why = show_word(s, object, 3, &at);
	if (why == OK && at >= IN_BLOCK)
		return BROKEN;
	s->several = 0;
	while (why == OK && n && !show_is_full(s)) {
		uint64_t here = IN_BLOCK - at < n ? IN_BLOCK - at : n;

		why = show_members(s, block + (1 + at) * p, here);
		n -= here;
		at = 0;
		if (why == OK && n)
			why = object_read_pointer(s->mem, s->l, block + (1 + IN_BLOCK) * p, &block);
	}
	return why;
}

enum why
container_deque(struct show *s, raddr object, const struct type *t)
{
	raddr n, most = 0;
	enum why why = show_word(s, object, 0, &n);

	(void)t;
	if (why == OK)
		why = s->l->text == TEXT_BYTES ? BROKEN : show_word(s, object, 6, &most);
	if (why != OK)
		return why;
	buf_str(s->out, "deque([");
	why = show_blocks(s, object, n);
	buf_str(s->out, "]");
	if (!(most >> (s->l->ptr * 8 - 1))) /* -1: there is none */
		buf_printf(s->out, ", maxlen=%llu", (unsigned long long)most);
	buf_str(s->out, ")");
	return why;
}

/* CPython Objects/rangeobject.c, Objects/sliceobject.c: start, stop, step. */
enum why
container_range(struct show *s, raddr object, const struct type *t)
{
	int is_range = t->kind == TYPE_RANGE;
	raddr step;
	enum why why = show_word(s, object, 2, &step);

	if (why != OK)
		return why;
	buf_str(s->out, is_range ? "range(" : "slice(");
	s->several = 0;
	why = show_members(s, object + (raddr)s->l->object.head,
	                   is_range && scalar_is_one(s, step) ? 2 : 3);
	buf_str(s->out, ")");
	return why;
}

/* BaseException_repr: the class without its module, and args, after the dict. */
enum why
container_exception(struct show *s, raddr object, const struct type *t)
{
	const char *dot = strrchr(t->name, '.');
	raddr args, n;
	enum why why = show_word(s, object, 1, &args);

	if (why == OK)
		why = show_word(s, args, 0, &n);
	if (why != OK)
		return why;
	buf_printf(s->out, "%s(", dot ? dot + 1 : t->name);
	why = show_items(s, args + (raddr)s->shape->items, n);
	buf_str(s->out, n == 1 && s->shape->lone_comma ? ",)" : ")");
	return why;
}

/* ---- dicts and sets ---- */

static int
show_item(void *context, raddr key, raddr value)
{
	struct show *s = context;

	show_member(s, key);
	buf_str(s->out, ": ");
	show_unless_secret(s, key, value);
	return show_is_full(s);
}

enum why
container_dict(struct show *s, raddr object, const struct type *t)
{
	enum why why;

	(void)t;
	buf_str(s->out, "{");
	s->several = 0;
	why = object_dict_each(s->mem, s->l, object, show_item, s);
	buf_str(s->out, "}");
	s->over |= why == DEEP;
	return why == DEEP ? OK : why;
}

/* CPython Include/cpython/setobject.h: fill, used, mask, table; an entry is the key and its
 * hash, in 2.7 the other way round.  -1 is the hash of what was removed; 2.7 has a certain str
 * in its place (CPython v2.7.18 Objects/setobject.c, dummy). */
static int
is_removed(struct show *s, raddr object, raddr hash)
{
	struct buf text = { 0 };
	struct type t;
	int dummy;

	if (s->l->text != TEXT_BYTES)
		return hash == (s->l->ptr == 8 ? UINT64_MAX : UINT32_MAX);
	dummy = type_of(s->mem, s->l, s->shape, object, &t) == OK && t.kind == TYPE_STR &&
	        object_text(s->mem, s->l, object, &text) == OK &&
	        !strcmp(buf_terminate(&text), "<dummy key>");
	buf_free(&text);
	return dummy;
}

static enum why
show_entries(struct show *s, raddr table, uint64_t n)
{
	size_t p = (size_t)s->l->ptr, key = s->l->text == TEXT_BYTES ? p : 0;
	raddr object;
	unsigned char entry[16];

	s->several = 0;
	for (uint64_t i = 0; i < n && !show_is_full(s); i++) {
		enum why why = mem_read(s->mem, table + i * 2 * p, entry, 2 * p);

		if (why != OK)
			return why;
		object = object_pointer(s->l, entry + key);
		if (object && !is_removed(s, object, object_pointer(s->l, entry + (p - key))))
			show_member(s, object);
		else if (!s->slots--)
			s->over = 1;
	}
	return OK;
}

enum why
container_set(struct show *s, raddr object, const struct type *t)
{
	int older = s->l->text == TEXT_BYTES;
	raddr used, mask = 0, table = 0;
	enum why why = show_word(s, object, 1, &used);
	int named = older || t->kind == TYPE_FROZENSET || !used;

	if (why == OK)
		why = show_word(s, object, 2, &mask);
	if (why == OK)
		why = show_word(s, object, 3, &table);
	if (why != OK)
		return why;
	if (named)
		buf_str(s->out, t->kind == TYPE_SET ? "set(" : "frozenset(");
	buf_str(s->out, older ? "[" : used ? "{" : "");
	why = used ? show_entries(s, table, mask + 1) : OK;
	buf_str(s->out, older ? "]" : used ? "}" : "");
	buf_str(s->out, named ? ")" : "");
	return why;
}

/* ---- arrays ---- */

/*
 * numpy/ndarraytypes.h, PyArrayObject_fields: the data, how many dimensions, their sizes, the
 * strides, the base, and the descriptor of what it holds, which begins with that's type.
 */
static enum why
find_array(const struct show *s, raddr object, int32_t *n, raddr *sizes, struct type *of)
{
	enum { MOST = 64 };
	raddr type = 0;
	enum why why = mem_read(s->mem, object + (raddr)(s->l->object.head + s->l->ptr), n, sizeof *n);

	if (why == OK)
		why = show_word(s, object, 2, sizes);
	if (why == OK)
		why = show_word(s, object, 5, &type);
	if (why == OK)
		why = show_word(s, type, 0, &type);
	if (why == OK)
		why = type_at(s->mem, s->l, s->shape, type, of);
	return why == OK && (*n < 0 || *n > MOST) ? BROKEN : why;
}

enum why
container_array(struct show *s, raddr object, const struct type *t)
{
	struct type of;
	raddr sizes, size = 0;
	int32_t n;
	enum why why = find_array(s, object, &n, &sizes, &of);

	if (why != OK)
		return why;
	buf_str(s->out, "<");
	type_add_name(s->mem, s->l, s->shape, t, s->out);
	buf_printf(s->out, " %s (", strrchr(of.name, '.') ? strrchr(of.name, '.') + 1 : of.name);
	for (int32_t i = 0; i < n && why == OK; i++) {
		why = object_read_pointer(s->mem, s->l, sizes + (raddr)i * (raddr)s->l->ptr, &size);
		buf_printf(s->out, i ? ", %lld" : "%lld", (long long)size);
	}
	buf_str(s->out, n == 1 ? ",)>" : ")>");
	return why;
}

/* ---- attributes ---- */

static int
show_attribute(void *context, raddr name, raddr value)
{
	struct show *s = context;
	struct type t;

	buf_str(s->out, s->several ? ", " : " ");
	if (type_of(s->mem, s->l, s->shape, name, &t) != OK || t.kind != TYPE_STR ||
	    show_name(s, name) != OK)
		buf_str(s->out, "<?>");
	buf_str(s->out, "=");
	show_unless_secret(s, name, value);
	return show_is_full(s);
}

enum why
container_attributes(struct show *s, raddr object)
{
	return object_attribute_each(s->mem, s->l, object, show_attribute, s);
}
