/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VALUES_H
#define VALUES_H

/*
 * Objects in the target as text: what repr() says of what is built in, and of other objects
 * their class and their attributes.  Nothing of the target is run.
 */

struct buf;
struct layout;
struct mem;
struct values;

enum { VALUES_MOST = 80 /* characters of a value */ };

/* Both must outlive it.  NULL: that release's objects are not known.  To be ended with
 * values_free(), for which NULL is none. */
struct values *values_new(struct mem *, const struct layout *);
void values_free(struct values *);

/* The memory as values are read from it, by pages that are kept until values_forget(), and the
 * layout; for locals_each() and the like. */
struct mem *values_mem(const struct values *);
const struct layout *values_layout(const struct values *);
void values_forget(struct values *);

/*
 * Appends an object, in one line of UTF-8 that can do no harm.  It ends in an ellipsis where it
 * would be longer, or reading it would take too long; "<?>" is in place of what cannot be read.
 * Values under names of secrets are an ellipsis.
 */
void values_show(struct values *, raddr object, struct buf *);

/* Whether it is a module, a function or a class: what most names of modules stand for. */
int values_is_definition(struct values *, raddr object);

#endif
