/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local variables, from outside.
 *
 * Up to 3.10 a frame has its variables, then the cells of those that inner functions use, then
 * those of outer functions; the code object names them in three tuples.  From 3.11 on they are
 * one list, and bytes beside the names say which is which (CPython v3.10.0
 * Include/cpython/frameobject.h, v3.11.0 Include/internal/pycore_code.h).  From 3.14 on what a
 * frame refers to is tagged (CPython v3.14.0 Include/internal/pycore_stackref.h).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/locals.h"

enum { MOST = 1 << 12 }; /* variables, or objects on a stack */

/* CPython v3.12.0 Include/cpython/code.h; v3.11.0 Include/internal/pycore_code.h */
enum { OPTIMIZED = 1, VARARGS = 4, VARKEYWORDS = 8, KIND_CELL = 0x40, KIND_FREE = 0x80 };

struct frame {
	struct mem *mem;
	const struct layout *l;
	struct shape shape;
	raddr at, code;
	uint32_t arguments, flags, n; /* of its own variables, -3.10; 3.11: of all */
};

const char *
local_kind_word(enum local_kind kind)
{
	static const char *const words[] = { "argument", "local", "cell", "free" };

	return words[kind];
}

int
locals_number(const struct layout *l, raddr object, int64_t *value)
{
	enum { NUMBER = 3 };

	if (!l->tags || (object & l->tags) != NUMBER)
		return 0;
	*value = l->ptr == 8 ? (int64_t)object >> 2 : (int32_t)object >> 2;
	return 1;
}

/* The object that a slot of a frame refers to, 0: none.  A number is left as it is. */
static raddr
referred(const struct layout *l, raddr slot)
{
	int64_t number;

	return locals_number(l, slot, &number) ? slot : slot & ~(raddr)l->tags;
}

static enum why
read_count(const struct frame *f, int field, uint32_t *out)
{
	*out = 0;
	return field == ABSENT ? OK : mem_read(f->mem, f->code + (raddr)field, out, sizeof *out);
}

/* Looks at a frame, and at what it runs. */
static enum why
look_at(struct frame *f, struct mem *mem, const struct layout *l, raddr at)
{
	uint32_t kwonly = 0;
	enum why why;

	*f = (struct frame){ .mem = mem, .l = l, .at = at };
	if (shape_find(l, &f->shape))
		return BROKEN;
	why = object_read_pointer(mem, l, at + (raddr)l->frame.code, &f->code);
	f->code &= ~(raddr)l->tags;
	if (why == OK)
		why = read_count(f, f->shape.code.argcount, &f->arguments);
	if (why == OK)
		why = read_count(f, f->shape.code.kwonly, &kwonly);
	if (why == OK)
		why = read_count(f, f->shape.code.flags, &f->flags);
	if (why == OK)
		why = read_count(f, f->shape.code.nlocals, &f->n);
	if (why == OK && (f->n > MOST || f->arguments > MOST || kwonly > MOST))
		return BROKEN;
	f->arguments += kwonly + !!(f->flags & VARARGS) + !!(f->flags & VARKEYWORDS);
	return why;
}

/* Reads n pointers at an address; NULL, or to be freed. */
static raddr *
read_pointers(const struct frame *f, raddr at, size_t n, enum why *why)
{
	size_t p = (size_t)f->l->ptr;
	unsigned char *bytes = xcalloc(n + 1, p);
	raddr *out = NULL;

	*why = n ? mem_read(f->mem, at, bytes, n * p) : OK;
	if (*why == OK) {
		out = xcalloc(n + 1, sizeof *out);
		for (size_t i = 0; i < n; i++)
			out[i] = object_pointer(f->l, bytes + i * p);
	}
	free(bytes);
	return out;
}

/* The members of a tuple that the code object has; to be freed. */
static raddr *
read_tuple(const struct frame *f, int field, size_t *n, enum why *why)
{
	raddr tuple, length = 0;

	*n = 0;
	*why = object_read_pointer(f->mem, f->l, f->code + (raddr)field, &tuple);
	if (*why == OK)
		*why = object_read_pointer(f->mem, f->l, tuple + (raddr)f->l->object.head, &length);
	if (*why == OK && length > MOST)
		*why = BROKEN;
	if (*why != OK)
		return NULL;
	*n = (size_t)length;
	return read_pointers(f, tuple + (raddr)f->shape.items, *n, why);
}

/* ---- telling ---- */

/* Variables as they are found: names, what the frame has for them, and their kinds. */
struct list {
	const struct frame *f;
	local_each *each;
	void *context;
	int enough; /* each() has said so */
};

/* What a cell holds; the object itself if it is none. */
static raddr
held(const struct frame *f, raddr object)
{
	char type[8];
	raddr content;

	if (!object || object_type_name(f->mem, f->l, object, type, sizeof type) != OK ||
	    strcmp(type, "cell"))
		return object;
	return object_read_pointer(f->mem, f->l, object + (raddr)f->l->object.head, &content) == OK ?
	       content : 0;
}

/* Tells of one, if it is bound. */
static enum why
tell(struct list *list, raddr name, raddr object, enum local_kind kind)
{
	struct buf text = { 0 };
	enum why why;

	if (!object || list->enough)
		return OK;
	why = object_text(list->f->mem, list->f->l, name, &text);
	if (why == OK) {
		struct local local = { buf_terminate(&text), kind, object };

		list->enough = list->each(list->context, &local);
	}
	buf_free(&text);
	return why;
}

/* ---- up to 3.10 ---- */

struct tuples {
	raddr *names, *cells, *frees, *slots;
	size_t n_names, n_cells, n_frees;
};

/* What a variable is bound to.  An argument that an inner function uses as well is in a cell
 * from the first instruction on; both have the same name, the very same object. */
static raddr
heap_value(const struct frame *f, const struct tuples *t, size_t i)
{
	for (size_t c = 0; i < f->arguments && c < t->n_cells; c++)
		if (t->cells[c] == t->names[i])
			return held(f, t->slots[f->n + c]);
	return t->slots[i];
}

static int
is_argument(const struct frame *f, const struct tuples *t, raddr name)
{
	for (size_t i = 0; i < f->arguments && i < t->n_names; i++)
		if (t->names[i] == name)
			return 1;
	return 0;
}

static enum why
tell_heap(struct list *list, const struct tuples *t)
{
	const struct frame *f = list->f;
	enum why why = OK;

	for (size_t i = 0; i < f->n && i < t->n_names && why == OK; i++)
		why = tell(list, t->names[i], heap_value(f, t, i),
		           i < f->arguments ? LOCAL_ARGUMENT : LOCAL_PLAIN);
	for (size_t i = 0; i < t->n_cells && why == OK; i++)
		if (!is_argument(f, t, t->cells[i]))
			why = tell(list, t->cells[i], held(f, t->slots[f->n + i]), LOCAL_CELL);
	for (size_t i = 0; i < t->n_frees && why == OK; i++)
		why = tell(list, t->frees[i], held(f, t->slots[f->n + t->n_cells + i]), LOCAL_FREE);
	return why;
}

static enum why
each_heap(struct list *list)
{
	const struct frame *f = list->f;
	struct tuples t = { 0 };
	enum why why;

	t.names = read_tuple(f, f->shape.code.names, &t.n_names, &why);
	if (why == OK)
		t.cells = read_tuple(f, f->shape.code.cells, &t.n_cells, &why);
	if (why == OK)
		t.frees = read_tuple(f, f->shape.code.frees, &t.n_frees, &why);
	if (why == OK)
		t.slots = read_pointers(f, f->at + (raddr)f->shape.frame.locals,
		                        f->n + t.n_cells + t.n_frees, &why);
	if (why == OK)
		why = tell_heap(list, &t);
	free(t.names);
	free(t.cells);
	free(t.frees);
	free(t.slots);
	return why;
}

/* ---- 3.11 and later ---- */

static enum why
tell_plus(struct list *list, const raddr *names, const raddr *slots, const unsigned char *kinds)
{
	const struct frame *f = list->f;
	enum why why = OK;

	for (size_t i = 0; i < f->n && why == OK; i++) {
		raddr object = referred(f->l, slots[i]);
		enum local_kind kind = i < f->arguments ? LOCAL_ARGUMENT :
		                       kinds[i] & KIND_FREE ? LOCAL_FREE :
		                       kinds[i] & KIND_CELL ? LOCAL_CELL : LOCAL_PLAIN;

		if (kinds[i] & (KIND_CELL | KIND_FREE))
			object = held(f, object);
		why = tell(list, names[i], object, kind);
	}
	return why;
}

static enum why
each_plus(struct list *list)
{
	const struct frame *f = list->f;
	struct buf kinds = { 0 };
	raddr *names, *slots = NULL, bytes;
	size_t n;
	enum why why;

	names = read_tuple(f, f->shape.code.names, &n, &why);
	if (why == OK)
		why = object_read_pointer(f->mem, f->l, f->code + (raddr)f->shape.code.kinds, &bytes);
	if (why == OK)
		why = object_bytes(f->mem, f->l, bytes, MOST, &kinds);
	if (why == OK && (n != f->n || kinds.len != n))
		why = BROKEN;
	if (why == OK)
		slots = read_pointers(f, f->at + (raddr)f->shape.frame.locals, n, &why);
	if (why == OK)
		why = tell_plus(list, names, slots, (const unsigned char *)buf_terminate(&kinds));
	free(names);
	free(slots);
	buf_free(&kinds);
	return why;
}

/* ---- modules and classes ---- */

static int
tell_unless_dunder(void *context, raddr key, raddr value)
{
	struct list *list = context;
	struct buf text = { 0 };
	struct local local = { NULL, LOCAL_PLAIN, value };

	if (object_text(list->f->mem, list->f->l, key, &text) == OK) {
		local.name = buf_terminate(&text);
		if (strncmp(local.name, "__", 2))
			list->enough = list->each(list->context, &local);
	}
	buf_free(&text);
	return list->enough;
}

/* Their names are in a dict; not if a metaclass has made something else of it. */
static enum why
each_name(struct list *list)
{
	const struct frame *f = list->f;
	char type[8];
	raddr dict;
	enum why why = object_read_pointer(f->mem, f->l, f->at + (raddr)f->shape.frame.space, &dict);

	if (why != OK || !dict)
		return why;
	why = object_type_name(f->mem, f->l, dict, type, sizeof type);
	if (why != OK || strcmp(type, "dict"))
		return why == DEEP ? OK : why;
	return object_dict_each(f->mem, f->l, dict, tell_unless_dunder, list);
}

enum why
locals_each(struct mem *mem, const struct layout *l, raddr frame, local_each *each, void *context)
{
	struct frame f;
	struct list list = { &f, each, context, 0 };
	enum why why = look_at(&f, mem, l, frame);

	if (why == OK && !(f.flags & OPTIMIZED))
		why = each_name(&list);
	if (why != OK || list.enough)
		return why;
	return f.shape.code.kinds == ABSENT ? each_heap(&list) : each_plus(&list);
}

int
locals_are_names(struct mem *mem, const struct layout *l, raddr frame)
{
	struct frame f;

	return look_at(&f, mem, l, frame) == OK && !(f.flags & OPTIMIZED);
}

struct wanted {
	const char *name;
	raddr object;
};

static int
is_wanted(void *context, const struct local *local)
{
	struct wanted *w = context;

	if (strcmp(local->name, w->name))
		return 0;
	w->object = local->object;
	return 1;
}

enum why
locals_get(struct mem *mem, const struct layout *l, raddr frame, const char *name, raddr *object)
{
	struct wanted w = { name, 0 };
	enum why why = locals_each(mem, l, frame, is_wanted, &w);

	if (why == OK && !w.object)
		return BROKEN;
	if (why == OK)
		*object = w.object;
	return why;
}

/* ---- the evaluation stack ---- */

/* Where the stack begins, and how many objects are on it; -1: that is not known. */
static enum why
find_stack(const struct frame *f, raddr *from, int64_t *n)
{
	const struct layout *l = f->l;
	raddr top;
	int32_t index;
	enum why why;

	*from = f->at + (raddr)f->shape.frame.locals + (raddr)f->n * (raddr)l->ptr;
	if (l->live == LIVE_STACKTOP) {
		why = mem_read(f->mem, f->at + (raddr)l->frame.live, &index, sizeof index);
		*n = index < 0 ? -1 : (int64_t)index - f->n;
		return why;
	}
	if (l->live == LIVE_REFCOUNT)
		why = object_read_pointer(f->mem, l, f->at + (raddr)f->shape.frame.stack, from);
	else
		why = OK;
	if (why == OK && f->shape.frame.top_is_depth) {
		why = mem_read(f->mem, f->at + (raddr)f->shape.frame.top, &index, sizeof index);
		*n = index;
		return why;
	}
	if (why == OK)
		why = object_read_pointer(f->mem, l, f->at + (raddr)(l->live == LIVE_REFCOUNT ?
		                          f->shape.frame.top : l->frame.live), &top);
	if (why == OK)
		*n = top ? (int64_t)(top - *from) / l->ptr : -1;
	return why;
}

enum why
locals_stack_each(struct mem *mem, const struct layout *l, raddr frame, local_stack_each *each,
                  void *context, int *certain)
{
	struct frame f;
	uint32_t room = 0;
	raddr from = 0, *slots = NULL;
	int64_t n = 0;
	enum why why = look_at(&f, mem, l, frame);

	if (why == OK)
		why = read_count(&f, f.shape.code.stacksize, &room);
	if (why == OK)
		why = find_stack(&f, &from, &n);
	if (why != OK)
		return why;
	if (room > MOST || n > room || n < -1)
		return TORN;
	*certain = n >= 0;
	n = n < 0 ? room : n;
	slots = read_pointers(&f, from, (size_t)n, &why);
	for (int64_t i = n; why == OK && i-- > 0;) {
		raddr object = referred(l, slots[i]);

		if (object && each(context, object))
			break;
	}
	free(slots);
	return why;
}
