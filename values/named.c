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

enum why
named_module(struct show *s, raddr object, const struct type *t)
{
	raddr dict, name;
	enum why why = show_word(s, object, 0, &dict);

	(void)t;
	if (why == OK)
		why = object_dict_get(s->mem, s->l, dict, "__name__", &name);
	if (why != OK)
		return why;
	buf_str(s->out, "<module '");
	why = show_name(s, name);
	buf_str(s->out, "'>");
	return why;
}

/* 2.7 calls only those classes that a program made itself so. */
enum why
named_type(struct show *s, raddr object, const struct type *t)
{
	struct type named;
	enum why why = type_at(s->mem, s->l, s->shape, object, &named);

	(void)t;
	if (why != OK)
		return why;
	buf_str(s->out, s->l->text == TEXT_BYTES && !named.heap ? "<type '" : "<class '");
	why = type_add_name(s->mem, s->l, s->shape, &named, s->out);
	buf_str(s->out, "'>");
	return why;
}

/* CPython Include/methodobject.h: m_ml, which begins with a name. */
static enum why
add_builtin(struct show *s, raddr object)
{
	char name[64];
	raddr at;
	enum why why = show_word(s, object, 0, &at);

	if (why == OK)
		why = object_read_pointer(s->mem, s->l, at, &at);
	if (why == OK)
		why = mem_read_string(s->mem, at, name, sizeof name);
	if (why == OK)
		buf_str(s->out, name);
	return why;
}

/* Of a function, or of a generator, which in 2.7 has only the code of one. */
static enum why
add_name(struct show *s, raddr object, const struct type *t)
{
	int is_generator = t->kind == TYPE_GENERATOR;
	raddr name;
	enum why why;

	if (t->kind == TYPE_BUILTIN)
		return add_builtin(s, object);
	if (!is_generator && t->kind != TYPE_FUNCTION)
		return BROKEN;
	why = object_read_pointer(s->mem, s->l, object + (raddr)(is_generator ? s->shape->generator :
	                          s->shape->function), &name);
	if (why == OK && is_generator && s->l->text == TEXT_BYTES)
		why = object_read_pointer(s->mem, s->l, name + (raddr)s->l->code.name, &name);
	return why == OK ? show_name(s, name) : why;
}

enum why
named_function(struct show *s, raddr object, const struct type *t)
{
	raddr function = object;
	struct type inner = *t;
	enum why why = OK;

	/* CPython Include/classobject.h: im_func. */
	if (t->kind == TYPE_METHOD && (why = show_word(s, object, 0, &function)) == OK)
		why = type_of(s->mem, s->l, s->shape, function, &inner);
	if (why != OK)
		return why;
	buf_str(s->out, "<");
	buf_str(s->out, t->kind == TYPE_METHOD ? "bound method" :
	                t->kind == TYPE_BUILTIN ? "built-in function" : t->name);
	buf_str(s->out, " ");
	why = add_name(s, function, &inner);
	buf_str(s->out, ">");
	return why;
}
