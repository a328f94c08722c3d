/* SPDX-License-Identifier: Apache-2.0 */
/* Values, from outside; see values.h, and show.h for what bounds them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/pages.h"
#include "values/secrets.h"
#include "values/types.h"
#include "values/locals.h"
#include "values/show.h"
#include "values/scalars.h"
#include "values/containers.h"
#include "values/named.h"
#include "values/values.h"

enum { MOST_OBJECTS = 400, MOST_SLOTS = 1 << 14 };

struct values {
	struct pages *pages;
	struct mem *mem;
	const struct layout *l;
	struct shape shape;
	unsigned unicode;
};

struct values *
values_new(struct mem *mem, const struct layout *l)
{
	struct values *v = xcalloc(1, sizeof *v);

	v->l = l;
	if (shape_find(l, &v->shape)) {
		free(v);
		return NULL;
	}
	v->pages = pages_new(mem);
	v->mem = pages_mem(v->pages);
	return v;
}

void
values_free(struct values *v)
{
	if (!v)
		return;
	pages_free(v->pages);
	free(v);
}

struct mem *
values_mem(const struct values *v)
{
	return v->mem;
}

const struct layout *
values_layout(const struct values *v)
{
	return v->l;
}

void
values_forget(struct values *v)
{
	pages_forget(v->pages);
}

/* ---- kinds ---- */

static enum why
show_word_of_it(struct show *s, raddr object, const struct type *t)
{
	(void)object;
	buf_str(s->out, t->kind == TYPE_NONE ? "None" : t->kind == TYPE_ELLIPSIS ? "Ellipsis" :
	                "NotImplemented");
	return OK;
}

/* Who shows what, and what stands where such an object is in itself. */
static const struct {
	uint8_t kind, alike; /* enum type_kind; alike: so are objects of types derived from it */
	char again[6];
	show_kind *show;
} kinds[] = {
	{ TYPE_NONE, 1, "", show_word_of_it }, { TYPE_ELLIPSIS, 1, "", show_word_of_it },
	{ TYPE_NOT_IMPLEMENTED, 1, "", show_word_of_it }, { TYPE_BOOL, 1, "", scalar_bool },
	{ TYPE_INT, 0, "", scalar_int }, { TYPE_LONG, 0, "", scalar_int },
	{ TYPE_FLOAT, 0, "", scalar_float }, { TYPE_COMPLEX, 0, "", scalar_complex },
	{ TYPE_STR, 0, "", scalar_text }, { TYPE_UNICODE, 0, "", scalar_text },
	{ TYPE_BYTES, 0, "", scalar_text }, { TYPE_BYTEARRAY, 0, "", scalar_text },
	{ TYPE_LIST, 0, "[...]", container_list }, { TYPE_TUPLE, 0, "(...)", container_tuple },
	{ TYPE_DICT, 0, "{...}", container_dict }, { TYPE_SET, 0, "", container_set },
	{ TYPE_FROZENSET, 0, "", container_set }, { TYPE_DEQUE, 0, "[...]", container_deque },
	{ TYPE_RANGE, 1, "", container_range }, { TYPE_SLICE, 1, "", container_range },
	{ TYPE_EXCEPTION, 1, "", container_exception }, { TYPE_ARRAY, 1, "", container_array },
	{ TYPE_MODULE, 1, "", named_module }, { TYPE_TYPE, 1, "", named_type },
	{ TYPE_FUNCTION, 1, "", named_function }, { TYPE_BUILTIN, 1, "", named_function },
	{ TYPE_METHOD, 1, "", named_function }, { TYPE_GENERATOR, 1, "", named_function },
};

/* A member of an enumeration, as `enum` has it. */
static int
show_enum(struct show *s, raddr object)
{
	raddr name, value;

	if (object_attribute(s->mem, s->l, object, "_name_", &name) != OK ||
	    object_attribute(s->mem, s->l, object, "_value_", &value) != OK)
		return 0;
	buf_str(s->out, ".");
	if (show_name(s, name) != OK)
		buf_str(s->out, "<?>");
	buf_str(s->out, ": ");
	s->object(s, value);
	return 1;
}

/* Its class; what it is if that is derived from something built in; and, but for those within
 * another one, its attributes. */
static enum why
show_instance(struct show *s, raddr object, const struct type *t, show_kind *as)
{
	enum why why;

	buf_str(s->out, "<");
	why = type_add_name(s->mem, s->l, s->shape, t, s->out);
	if (why == OK && !s->instances++ && !(t->heap && show_enum(s, object))) {
		buf_str(s->out, as ? " " : "");
		why = as ? as(s, object, t) : OK;
		s->several = as != NULL;
		if (why == OK && !show_is_full(s))
			why = container_attributes(s, object);
	}
	s->instances--;
	buf_str(s->out, ">");
	return why;
}

/* Writes an object that is not open already, as whatever it is. */
static enum why
show_kind_of(struct show *s, raddr object)
{
	struct type t;
	size_t i = 0;
	enum why why = type_of(s->mem, s->l, s->shape, object, &t);

	if (why != OK)
		return why;
	while (i < LEN(kinds) && kinds[i].kind != t.kind)
		i++;
	if (i < LEN(kinds) && (t.exact || kinds[i].alike))
		return kinds[i].show(s, object, &t);
	return show_instance(s, object, &t, i < LEN(kinds) ? kinds[i].show : NULL);
}

static int
is_open(struct show *s, raddr object)
{
	struct type t;

	for (size_t i = 0; i < s->depth; i++) {
		if (s->open[i] != object)
			continue;
		if (type_of(s->mem, s->l, s->shape, object, &t) == OK)
			for (size_t k = 0; k < LEN(kinds); k++)
				if (kinds[k].kind == t.kind && *kinds[k].again)
					return buf_str(s->out, kinds[k].again), 1;
		return buf_str(s->out, "..."), 1;
	}
	return 0;
}

static void
show_object(struct show *s, raddr object)
{
	int64_t number;

	if (show_is_full(s) || s->depth == SHOW_DEEPEST || !s->objects) {
		s->over = 1;
		return;
	}
	s->objects--;
	if (locals_number(s->l, object, &number)) {
		buf_printf(s->out, "%lld", (long long)number);
		return;
	}
	if (is_open(s, object))
		return;
	s->open[s->depth++] = object;
	if (show_kind_of(s, object) != OK)
		buf_str(s->out, "<?>");
	s->depth--;
}

/* ---- the whole ---- */

/* Where it is to be cut to have room for the mark; its end, if it need not be. */
static size_t
find_cut(const struct buf *text, int over)
{
	size_t n = 0, cut = text->len;

	for (size_t i = 0; i < text->len; i++) {
		if ((text->data[i] & 0xc0) == 0x80)
			continue;
		if (n++ == VALUES_MOST - 1)
			cut = i;
	}
	return over || n > VALUES_MOST ? cut : text->len;
}

void
values_show(struct values *v, raddr object, struct buf *out)
{
	struct buf text = { 0 }, visible = { 0 };
	struct show s = { .mem = v->mem, .l = v->l, .shape = &v->shape, .object = show_object,
	                  .out = &text, .objects = MOST_OBJECTS, .slots = MOST_SLOTS,
	                  .unicode = &v->unicode };
	size_t cut;

	show_object(&s, object);
	buf_visible(&visible, text.len ? text.data : "", text.len);
	cut = find_cut(&visible, s.over);
	buf_add(out, visible.len ? visible.data : "", cut);
	if (s.over || cut < visible.len)
		buf_str(out, ELLIPSIS);
	buf_free(&text);
	buf_free(&visible);
}

int
values_is_definition(struct values *v, raddr object)
{
	struct type t;

	return type_of(v->mem, v->l, &v->shape, object, &t) == OK &&
	       (t.kind == TYPE_MODULE || t.kind == TYPE_FUNCTION || t.kind == TYPE_BUILTIN ||
	        t.kind == TYPE_TYPE);
}
