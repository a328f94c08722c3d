/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNOWN_H
#define KNOWN_H

/* What is known of tasks and greenlets, to be believed as long as all that decides is the same. */

struct known {
	raddr what, frame, code; /* a task or greenlet; of one that runs, with its outermost frame */
	struct callers callers;
	uint32_t on, base;    /* the stack of those, on top of that one, plus one; of one that waits
	                       * with its leaf: */
	uint32_t leaf;        /* what it waits for */
	raddr alive;          /* of a greenlet: the word that is 0 once it is over; */
	int waits;            /* it is a hub, and waits for all others */
	raddr loop;           /* of a task: its event loop; */
	uint32_t checked;     /* what is below it is no other one; a hash of that */
};

/* A number of them by addresses, which are those of the outermost frames of what runs, and its own
 * of what waits.  All stay where they are until knowns_free(). */
struct knowns {
	struct known *all;
	size_t n, most;
	struct index by_addr;
};
struct knowns knowns_new(size_t most);
void knowns_free(struct knowns *);

/* What is known at that address, NULL: nothing. */
struct known *knowns_find(const struct knowns *, raddr);

/* The same, or room for that, all zero.  With `most` of them all others are forgotten. */
struct known *knowns_at(struct knowns *, raddr);

#endif
