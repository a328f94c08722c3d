/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUPS_H
#define GROUPS_H

/* Things of which those that are equal are written once. */

struct buf;

struct group { /* of equal ones: the first, the last, and how many */
	uint32_t first, last;
	size_t n, order;
};

struct groups {
	struct group *groups; /* the larger ones first, those found first of those as large */
	size_t n, cap;
	uint32_t *next;       /* by member: another of its group */
};

/* Groups n things by the numbers that stand for what is to be seen of them.  To be ended with
 * groups_free(). */
void groups_make(struct groups *, const uint64_t *numbers, size_t n);
void groups_free(struct groups *);

/* Appends so many blanks. */
void groups_indent(struct buf *, int blanks);

/* Appends "task a (", or "5 tasks a, b, c, ... (": what is "task", and so many blanks before it. */
typedef void groups_name(void *context, uint32_t member, struct buf *);
void groups_write(const struct groups *, const struct group *, const char *what, int blanks,
                  groups_name *, void *context, struct buf *);

/* Appends the frames of a stack, the innermost one first, in lines of their own. */
void groups_frames(const struct profile *, uint32_t stack, int blanks, struct buf *);

#endif
