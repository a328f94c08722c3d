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
	struct objects objects;
	struct shape shape;
	unsigned unicode;
};

struct values *
values_new(struct mem *mem, const struct layout *l)
{
	struct values *v = xcalloc(1, sizeof *v);

	if (shape_find(l, &v->shape)) {
		free(v);
		return NULL;
	}
	v->pages = pages_new(mem);
	v->objects = (struct objects){ pages_mem(v->pages), l, &v->shape };
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
	return v->objects.mem;
}

const struct layout *
values_layout(const struct values *v)
{
	return v->objects.l;
}

void
values_forget(struct values *v)
{
	pages_forget(v->pages);
}

/* ---- kinds ---- */

static void
show_constant(struct show *s, raddr object, const struct type *t)
{
	(void)object;
	show_text(s, t->kind == TYPE_NONE ? "None" : t->kind == TYPE_ELLIPSIS ? "Ellipsis" :
	             "NotImplemented");
}

typedef void show_kind(struct show *, raddr object, const struct type *);

/* Who shows what. */
static show_kind *const kinds[TYPE_COUNT] = {
	[TYPE_NONE] = show_constant, [TYPE_ELLIPSIS] = show_constant,
	[TYPE_NOT_IMPLEMENTED] = show_constant, [TYPE_BOOL] = scalar_bool,
	[TYPE_INT] = scalar_int, [TYPE_LONG] = scalar_int, [TYPE_FLOAT] = scalar_float,
	[TYPE_COMPLEX] = scalar_complex, [TYPE_STR] = scalar_text, [TYPE_UNICODE] = scalar_text,
	[TYPE_BYTES] = scalar_text, [TYPE_BYTEARRAY] = scalar_text, [TYPE_LIST] = container_list,
	[TYPE_TUPLE] = container_tuple, [TYPE_DICT] = container_dict, [TYPE_SET] = container_set,
	[TYPE_FROZENSET] = container_set, [TYPE_DEQUE] = container_deque,
	[TYPE_RANGE] = container_range, [TYPE_SLICE] = container_range,
	[TYPE_EXCEPTION] = container_exception, [TYPE_ARRAY] = container_array,
	[TYPE_MODULE] = named_module, [TYPE_TYPE] = named_type, [TYPE_FUNCTION] = named_function,
	[TYPE_BUILTIN] = named_function, [TYPE_METHOD] = named_function,
	[TYPE_GENERATOR] = named_function,
};

/* Whether an object of a type derived from that one is shown as such alone. */
static int
is_alike(enum type_kind kind)
{
	return kind >= TYPE_MODULE && kind != TYPE_DEQUE;
}

/* A member of an enumeration, as `enum` has it. */
static int
show_enum(struct show *s, raddr object)
{
	raddr name, value;

	if (object_attribute(s->o->mem, s->o->l, object, "_name_", &name) != OK ||
	    object_attribute(s->o->mem, s->o->l, object, "_value_", &value) != OK)
		return 0;
	show_text(s, ".");
	show_name(s, name);
	show_text(s, ": ");
	s->object(s, value);
	return 1;
}

/* Its class; what it is if that is derived from something built in; and, but for those within
 * another one, its attributes. */
static void
show_instance(struct show *s, raddr object, const struct type *t)
{
	show_kind *as = kinds[t->kind];

	show_text(s, "<");
	show_check(s, type_add_name(s->o, t, s->out));
	if (!s->instances++ && !(t->heap && show_enum(s, object))) {
		if (as) {
			show_text(s, " ");
			as(s, object, t);
		}
		s->several = as != NULL;
		if (!show_is_full(s))
			container_attributes(s, object);
	}
	s->instances--;
	show_end(s, ">");
}

/* Writes an object as whatever it is. */
static void
show_as(struct show *s, raddr object, const struct type *t)
{
	if (kinds[t->kind] && (t->exact || is_alike(t->kind)))
		kinds[t->kind](s, object, t);
	else
		show_instance(s, object, t);
}

/* Writes one that is within itself, if it is. */
static int
show_again(struct show *s, raddr object, const struct type *t)
{
	size_t i = s->depth;

	while (i && s->open[i - 1] != object)
		i--;
	if (i)
		show_text(s, t->kind == TYPE_LIST || t->kind == TYPE_DEQUE ? "[...]" :
		             t->kind == TYPE_TUPLE ? "(...)" : t->kind == TYPE_DICT ? "{...}" : "...");
	return i != 0;
}

static void
show_object(struct show *s, raddr object)
{
	int64_t number;
	struct type t;

	if (show_is_full(s) || s->depth == SHOW_DEEPEST || !s->objects) {
		s->over |= !s->failed;
		return;
	}
	s->objects--;
	if (locals_number(s->o->l, object, &number)) {
		buf_printf(s->out, "%lld", (long long)number);
		return;
	}
	show_check(s, type_of(s->o, object, &t));
	if (!s->failed && !show_again(s, object, &t)) {
		s->open[s->depth++] = object;
		show_as(s, object, &t);
		s->depth--;
	}
	if (s->failed)
		show_text(s, "<?>");
	s->failed = 0;
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
	struct show s = { .o = &v->objects, .object = show_object, .out = &text,
	                  .objects = MOST_OBJECTS, .slots = MOST_SLOTS, .unicode = &v->unicode };
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

	return type_of(&v->objects, object, &t) == OK &&
	       (t.kind == TYPE_MODULE || t.kind == TYPE_FUNCTION || t.kind == TYPE_BUILTIN ||
	        t.kind == TYPE_TYPE);
}
