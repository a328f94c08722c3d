/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHOW_H
#define SHOW_H

/*
 * A value that is being written, and what all kinds of values need for that.
 *
 * Whatever writes an object appends at least one character before it goes into another object,
 * and nothing is looked at once the line is full: so that, and a number of objects and of empty
 * slots for each value, bound how deep and how far it goes.
 */

struct buf;
struct layout;
struct mem;
struct show;
struct type;

enum { SHOW_MOST = 80 /* characters */, SHOW_DEEPEST = SHOW_MOST + 2 };

typedef enum why show_kind(struct show *, raddr object, const struct type *);

struct show {
	struct mem *mem;
	const struct layout *l;
	const struct shape *shape;
	void (*object)(struct show *, raddr); /* writes any object */
	struct buf *out;
	unsigned objects, slots; /* how many more may be looked at */
	raddr open[SHOW_DEEPEST]; /* what we are in */
	size_t depth;
	unsigned instances; /* how many of these are instances */
	int over;           /* it was cut short */
	int several;        /* there is something before the next member */
	unsigned *unicode;  /* bytes of a character of 2.7's unicode; 0: not known yet */
};

/* Whether no more can be seen of it; that it is cut is set then. */
int show_is_full(struct show *);

/* The word of an object that comes n words after its head. */
enum why show_word(const struct show *, raddr object, unsigned n, raddr *out);

/* Writes a member of something, after the comma that it needs; all n that there are pointers
 * to at an address. */
void show_member(struct show *, raddr object);
enum why show_members(struct show *, raddr at, uint64_t n);

/* Writes the text of a str, as a part of something else. */
enum why show_name(struct show *, raddr str);

#endif
