/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types by their names and their bases.
 *
 * A type that a program made itself has a name that it chose, and is none of those below; what
 * is made so by the interpreter has its module in tp_name (CPython v3.12.0
 * Objects/typeobject.c, type_repr and PyType_FromMetaclass).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/types.h"

enum { MOST_BASES = 64, HEAP = 1 << 9 /* Py_TPFLAGS_HEAPTYPE */ };

static const struct {
	char name[28];
	uint8_t kind; /* enum type_kind */
} known[] = {
	{ "NoneType", TYPE_NONE }, { "bool", TYPE_BOOL }, { "int", TYPE_INT },
	{ "long", TYPE_LONG }, { "float", TYPE_FLOAT }, { "complex", TYPE_COMPLEX },
	{ "str", TYPE_STR }, { "unicode", TYPE_UNICODE }, { "bytes", TYPE_BYTES },
	{ "bytearray", TYPE_BYTEARRAY }, { "list", TYPE_LIST }, { "tuple", TYPE_TUPLE },
	{ "dict", TYPE_DICT }, { "set", TYPE_SET }, { "frozenset", TYPE_FROZENSET },
	{ "range", TYPE_RANGE }, { "slice", TYPE_SLICE }, { "ellipsis", TYPE_ELLIPSIS },
	{ "NotImplementedType", TYPE_NOT_IMPLEMENTED }, { "module", TYPE_MODULE },
	{ "function", TYPE_FUNCTION }, { "builtin_function_or_method", TYPE_BUILTIN },
	{ "method", TYPE_METHOD }, { "instancemethod", TYPE_METHOD }, { "type", TYPE_TYPE },
	{ "BaseException", TYPE_EXCEPTION }, { "exceptions.BaseException", TYPE_EXCEPTION },
	{ "generator", TYPE_GENERATOR }, { "coroutine", TYPE_GENERATOR },
	{ "async_generator", TYPE_GENERATOR }, { "collections.deque", TYPE_DEQUE },
	{ "numpy.ndarray", TYPE_ARRAY },
};

static enum type_kind
find_kind(const char *name)
{
	for (size_t i = 0; i < LEN(known); i++)
		if (!strcmp(name, known[i].name))
			return (enum type_kind)known[i].kind;
	return TYPE_OTHER;
}

/* What the type is by itself. */
static enum why
look_at(struct mem *mem, const struct layout *l, raddr type, struct type *t)
{
	raddr name, flags;
	enum why why = object_read_pointer(mem, l, type + (raddr)l->type.name, &name);

	if (why == OK)
		why = object_read_pointer(mem, l, type + (raddr)l->type.flags, &flags);
	if (why == OK)
		why = mem_read_string(mem, name, t->name, sizeof t->name);
	if (why == DEEP) { /* none of those known */
		t->name[sizeof t->name - 1] = 0;
		why = OK;
	}
	if (why != OK)
		return why;
	t->addr = type;
	t->heap = (flags & HEAP) && !strchr(t->name, '.');
	t->kind = t->heap ? TYPE_OTHER : find_kind(t->name);
	t->exact = 1;
	return OK;
}

enum why
type_at(struct mem *mem, const struct layout *l, const struct shape *s, raddr addr, struct type *t)
{
	struct type base;
	raddr at = addr;
	enum why why = look_at(mem, l, addr, t);

	for (int i = 0; i < MOST_BASES && why == OK && !t->kind; i++) {
		why = object_read_pointer(mem, l, at + (raddr)s->type_base, &at);
		if (why != OK || !at)
			return why;
		why = look_at(mem, l, at, &base);
		t->kind = base.kind;
		t->exact = 0;
	}
	return why;
}

enum why
type_of(struct mem *mem, const struct layout *l, const struct shape *s, raddr object,
        struct type *t)
{
	raddr type;
	enum why why = object_read_pointer(mem, l, object + (raddr)l->object.type, &type);

	return why == OK ? type_at(mem, l, s, type, t) : why;
}

/* The module of a class, from its dict, if that is a str. */
static void
add_module(struct mem *mem, const struct layout *l, const struct shape *s, raddr type,
           struct buf *out)
{
	raddr dict, module;
	size_t before = out->len;
	struct type t;

	if (object_read_pointer(mem, l, type + (raddr)s->type_dict, &dict) == OK && dict &&
	    object_dict_get(mem, l, dict, "__module__", &module) == OK &&
	    type_of(mem, l, s, module, &t) == OK && t.kind == TYPE_STR &&
	    object_text(mem, l, module, out) == OK && out->len > before)
		buf_str(out, ".");
	else
		out->len = before;
}

enum why
type_add_name(struct mem *mem, const struct layout *l, const struct shape *s, const struct type *t,
              struct buf *out)
{
	raddr name;
	enum why why;

	if (!t->heap) {
		buf_str(out, t->name);
		return OK;
	}
	add_module(mem, l, s, t->addr, out);
	why = object_read_pointer(mem, l, t->addr + (raddr)s->type_name, &name);
	if (why == OK)
		why = object_text(mem, l, name, out);
	return why;
}
