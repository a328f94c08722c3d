/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHOW_H
#define SHOW_H

/*
 * A value that is being written, and what all kinds of values need for that.
 *
 * Whatever writes an object appends at least one character before it goes into another object,
 * and nothing is looked at once the line is full: so that, and a number of objects and of empty
 * slots for each value, bound how deep and how far it goes.
 *
 * What cannot be read is 0 here, and `failed` is set: who has called it for an object then says
 * so in its place, so that only loops have to look at it.
 */

struct buf;
struct objects;
struct show;
struct type;

enum { SHOW_MOST = 80 /* characters */, SHOW_DEEPEST = SHOW_MOST + 2 };

struct show {
	const struct objects *o;
	void (*object)(struct show *, raddr); /* writes any object */
	struct buf *out;
	unsigned objects, slots; /* how many more may be looked at */
	raddr open[SHOW_DEEPEST]; /* what we are in */
	size_t depth;
	unsigned instances; /* how many of these are instances */
	int over;           /* it was cut short */
	int failed;         /* the object at hand cannot be read */
	int several;        /* there is something before the next member */
	unsigned *unicode;  /* bytes of a character of 2.7's unicode; 0: not known yet */
};

/* Whether no more can be seen of it, or of the object at hand; that it is cut is set then. */
int show_is_full(struct show *);

/* Notes whether something could be read. */
void show_check(struct show *, enum why);

/* The pointer at an address, and the one that comes n after an object's head. */
raddr show_pointer(struct show *, raddr addr);
raddr show_word(struct show *, raddr object, unsigned n);

void show_text(struct show *, const char *);

/* Writes the text of a str, as a part of something else. */
void show_name(struct show *, raddr str);

/* Writes a member of something, after the comma that it needs; all n that there are pointers
 * to at an address. */
void show_member(struct show *, raddr object);
void show_members(struct show *, raddr at, uint64_t n);

/* Likewise what it ends with, unless it was cut short. */
void show_end(struct show *, const char *);

#endif
