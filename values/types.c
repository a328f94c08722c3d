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

/* In the order of enum type_kind; after these come others for the same. */
static const char known[] =
	"NoneType\0bool\0int\0long\0float\0complex\0str\0unicode\0bytes\0bytearray\0list\0"
	"tuple\0dict\0set\0frozenset\0range\0slice\0ellipsis\0NotImplementedType\0module\0"
	"function\0builtin_function_or_method\0method\0type\0BaseException\0generator\0"
	"collections.deque\0numpy.ndarray\0"
	"instancemethod\0exceptions.BaseException\0coroutine\0async_generator\0";
static const uint8_t others[] = { TYPE_METHOD, TYPE_EXCEPTION, TYPE_GENERATOR, TYPE_GENERATOR };

static enum type_kind
find_kind(const char *name)
{
	int kind = TYPE_OTHER + 1;

	for (const char *k = known; *k; k += strlen(k) + 1, kind++)
		if (!strcmp(name, k))
			return (enum type_kind)(kind < TYPE_COUNT ? kind : others[kind - TYPE_COUNT]);
	return TYPE_OTHER;
}

/* What the type is by itself. */
static enum why
look_at(const struct objects *o, raddr type, struct type *t)
{
	raddr name, flags;
	enum why why = object_read_pointer(o->mem, o->l, type + (raddr)o->l->type.name, &name);

	if (why == OK)
		why = object_read_pointer(o->mem, o->l, type + (raddr)o->l->type.flags, &flags);
	if (why == OK)
		why = mem_read_string(o->mem, name, t->name, sizeof t->name);
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
type_at(const struct objects *o, raddr addr, struct type *t)
{
	struct type base;
	raddr at = addr;
	enum why why = look_at(o, addr, t);

	for (int i = 0; i < MOST_BASES && why == OK && !t->kind; i++) {
		why = object_read_pointer(o->mem, o->l, at + (raddr)o->shape->type_base, &at);
		if (why != OK || !at)
			return why;
		why = look_at(o, at, &base);
		t->kind = base.kind;
		t->exact = 0;
	}
	return why;
}

enum why
type_of(const struct objects *o, raddr object, struct type *t)
{
	raddr type;
	enum why why = object_read_pointer(o->mem, o->l, object + (raddr)o->l->object.type, &type);

	return why == OK ? type_at(o, type, t) : why;
}

/* The module of a class, from its dict, if that is a str. */
static void
add_module(const struct objects *o, raddr type, struct buf *out)
{
	raddr dict, module;
	size_t before = out->len;
	struct type t;

	if (object_read_pointer(o->mem, o->l, type + (raddr)o->shape->type_dict, &dict) == OK &&
	    object_dict_get(o->mem, o->l, dict, "__module__", &module) == OK &&
	    type_of(o, module, &t) == OK && t.kind == TYPE_STR &&
	    object_text(o->mem, o->l, module, out) == OK)
		buf_str(out, ".");
	else
		out->len = before;
}

enum why
type_add_name(const struct objects *o, const struct type *t, struct buf *out)
{
	raddr name;
	enum why why;

	if (!t->heap) {
		buf_str(out, t->name);
		return OK;
	}
	add_module(o, t->addr, out);
	why = object_read_pointer(o->mem, o->l, t->addr + (raddr)o->shape->type_name, &name);
	return why == OK ? object_text(o->mem, o->l, name, out) : why;
}
