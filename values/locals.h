/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCALS_H
#define LOCALS_H

/*
 * The local variables of a frame.  A frame is given by its address, as stack_addresses() has
 * it; that it still is one, and stands, is for the caller to see to.
 */

struct layout;
struct mem;

enum local_kind { LOCAL_ARGUMENT, LOCAL_PLAIN, LOCAL_CELL, LOCAL_FREE };

struct local {
	const char *name; /* UTF-8, good while it is told */
	enum local_kind kind;
	raddr object;     /* what it is bound to (but see locals_number()), not the cell around it */
};

/* "argument", "local", "cell" (an inner function uses it) or "free" (an outer one's). */
const char *local_kind_word(enum local_kind);

/*
 * Calls each() with every variable that is bound until that returns non-zero: arguments first.
 * Of a frame of a module or of a class's body these are the names in its namespace, but for
 * __dunder__ names.  OK, or why not all could be read; BROKEN: that release is not known, or
 * it is no frame.
 */
typedef int local_each(void *context, const struct local *);
enum why locals_each(struct mem *, const struct layout *, raddr frame, local_each *, void *context);

/* Whether the frame is one of a module or a class's body. */
int locals_are_names(struct mem *, const struct layout *, raddr frame);

/* What the variable of that name is bound to; BROKEN if there is none. */
enum why locals_get(struct mem *, const struct layout *, raddr frame, const char *name,
                    raddr *object);

/*
 * Calls each() with what is on the frame's evaluation stack, the top first, until that returns
 * non-zero.  *certain gets whether it is known where the stack ends; else (a frame of 3.13 or
 * before that executes, or has called something in C) it is told all that the stack has room
 * for, and some of that may be left from before: each object is to be checked.
 */
typedef int local_stack_each(void *context, raddr object);
enum why locals_stack_each(struct mem *, const struct layout *, raddr frame, local_stack_each *,
                           void *context, int *certain);

/* Whether an object of a frame is a small integer that is its own address (3.15 may have
 * these on evaluation stacks): 1 with *value set, else 0. */
int locals_number(const struct layout *, raddr object, int64_t *value);

#endif
