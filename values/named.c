/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are told by a name; see show.h.  As repr() has them, but for addresses. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/types.h"
#include "values/show.h"
#include "values/named.h"

void
named_module(struct show *s, raddr object, const struct type *t)
{
	raddr dict = show_word(s, object, 0), name = 0;

	(void)t;
	show_text(s, "<module '");
	show_check(s, object_dict_get(s->o->mem, s->o->l, dict, "__name__", &name));
	show_name(s, name);
	show_text(s, "'>");
}

/* 2.7 calls only those classes that a program made itself so. */
void
named_type(struct show *s, raddr object, const struct type *t)
{
	struct type named = *t;

	show_check(s, type_at(s->o, object, &named));
	show_text(s, s->o->l->text == TEXT_BYTES && !named.heap ? "<type '" : "<class '");
	show_check(s, type_add_name(s->o, &named, s->out));
	show_text(s, "'>");
}

/* CPython Include/methodobject.h: m_ml, which begins with a name. */
static void
add_builtin(struct show *s, raddr object)
{
	char name[64] = "";

	show_check(s, mem_read_string(s->o->mem, show_pointer(s, show_word(s, object, 0)), name,
	                              sizeof name));
	show_text(s, s->failed ? "" : name);
}

/* Of a function, or of a generator, which in 2.7 has only the code of one. */
static void
add_name(struct show *s, raddr object, enum type_kind kind)
{
	const struct shape *shape = s->o->shape;
	raddr name;

	if (kind == TYPE_BUILTIN) {
		add_builtin(s, object);
		return;
	}
	s->failed |= kind != TYPE_GENERATOR && kind != TYPE_FUNCTION;
	name = show_pointer(s, object + (raddr)(kind == TYPE_GENERATOR ? shape->generator :
	                                                                 shape->function));
	if (kind == TYPE_GENERATOR && s->o->l->text == TEXT_BYTES)
		name = show_pointer(s, name + (raddr)s->o->l->code.name);
	show_name(s, name);
}

void
named_function(struct show *s, raddr object, const struct type *t)
{
	raddr function = object;
	struct type inner = *t;

	/* CPython Include/classobject.h: im_func. */
	if (t->kind == TYPE_METHOD) {
		function = show_word(s, object, 0);
		show_check(s, type_of(s->o, function, &inner));
	}
	show_text(s, "<");
	show_text(s, t->kind == TYPE_METHOD ? "bound method" :
	             t->kind == TYPE_BUILTIN ? "built-in function" : t->name);
	show_text(s, " ");
	add_name(s, function, inner.kind);
	show_text(s, ">");
}
