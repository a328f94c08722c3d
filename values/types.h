/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TYPES_H
#define TYPES_H

/* What kind of thing an object is: by the built-in type that it is of, or of a subclass. */

struct buf;
struct layout;
struct mem;
struct shape;

/* Where objects are read from. */
struct objects {
	struct mem *mem;
	const struct layout *l;
	const struct shape *shape;
};

enum type_kind {
	TYPE_OTHER, TYPE_NONE, TYPE_BOOL, TYPE_INT, TYPE_LONG, TYPE_FLOAT, TYPE_COMPLEX, TYPE_STR,
	TYPE_UNICODE, TYPE_BYTES, TYPE_BYTEARRAY, TYPE_LIST, TYPE_TUPLE, TYPE_DICT, TYPE_SET,
	TYPE_FROZENSET, TYPE_RANGE, TYPE_SLICE, TYPE_ELLIPSIS, TYPE_NOT_IMPLEMENTED, TYPE_MODULE,
	TYPE_FUNCTION, TYPE_BUILTIN, TYPE_METHOD, TYPE_TYPE, TYPE_EXCEPTION, TYPE_GENERATOR,
	TYPE_DEQUE, TYPE_ARRAY, TYPE_COUNT
};

struct type {
	raddr addr;
	enum type_kind kind;
	int exact;     /* it is that very type, none derived from it */
	int heap;      /* it was made while running, by a class statement or alike */
	char name[64]; /* tp_name, cut: of those without a module */
};

/* The type of an object, the type at an address: OK, or why it can't be read. */
enum why type_of(const struct objects *, raddr object, struct type *);
enum why type_at(const struct objects *, raddr type, struct type *);

/* Appends what it is called: "package.module.Class", and what is built in without a module. */
enum why type_add_name(const struct objects *, const struct type *, struct buf *);

#endif
