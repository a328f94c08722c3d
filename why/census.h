/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CENSUS_H
#define CENSUS_H

/* What many processes do: most of them alike, and the odd ones. */

struct buf;
struct finding;
struct look;

struct one { /* process */
	struct look *look;
	struct finding *finding;
	char rank[48]; /* "RANK=17", "" if it has none */
	size_t group;  /* the first that does the same */
	size_t n;      /* how many do, if it is that one */
};

/* Sets ranks and groups. */
void census_take(struct one *, size_t n);

/* Appends who does what, the odd ones first. */
void census_write(const struct one *, size_t n, struct buf *);

/* The process that is to be told of after `done` others: the first of each group, the smallest
 * groups first; n: no more. */
size_t census_next(const struct one *, size_t n, size_t done);

#endif
