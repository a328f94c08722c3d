/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHAPES_H
#define SHAPES_H

/*
 * Where CPython keeps what only values and local variables need: byte offsets, by the version
 * and relative to what a target's layout has.
 */

struct layout;

/* After each member: the member of CPython's structure that it is.  "3.11: x" means from 3.11
 * on, "-3.10: x" up to 3.10; where none is given it is ABSENT. */
struct shape {
	struct {               /* PyCodeObject */
		int argcount;  /* co_argcount */
		int kwonly;    /* 3.6: co_kwonlyargcount */
		int nlocals;   /* -3.10: co_nlocals, 3.11: co_nlocalsplus */
		int stacksize; /* co_stacksize */
		int flags;     /* co_flags */
		int names;     /* -3.10: co_varnames, 3.11: co_localsplusnames */
		int kinds;     /* 3.11: co_localspluskinds */
		int cells;     /* -3.10: co_cellvars */
		int frees;     /* -3.10: co_freevars */
	} code;

	struct {              /* -3.10: PyFrameObject, 3.11: _PyInterpreterFrame */
		int space;    /* f_locals */
		int locals;   /* -3.10: f_localsplus, 3.11: localsplus */
		int top;      /* -3.9: f_stacktop, a pointer; 3.10: f_stackdepth, a number */
		int stack;    /* -3.10: f_valuestack */
		int top_is_depth;
	} frame;

	int items;        /* PyTupleObject.ob_item */
	int function;     /* PyFunctionObject: -2.7: func_name, 3.6: func_qualname */
	int generator;    /* PyGenObject: 2.7: gi_code, 3.6: gi_qualname */
	int type_dict;    /* PyTypeObject: tp_dict */
	int type_base;    /* tp_base */
	int type_name;    /* PyHeapTypeObject: 2.7: ht_name, 3.6: ht_qualname */
	int collecting;   /* PyInterpreterState: 3.9: gc.collecting, of 64 bits */
	int lone_comma;   /* -3.6: an exception's single argument is followed by a comma */
	int with_keeps;   /* 3.12 to 3.13: what a `with` is of is on the stack while it begins */
	int array_quotes; /* -3.14: a bytearray's quotes are always escaped */
};

/* Fills *out for a target of that layout.  0, or -1 if its release is not known here. */
int shape_find(const struct layout *, struct shape *out);

#endif
