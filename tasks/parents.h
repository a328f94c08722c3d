/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARENTS_H
#define PARENTS_H

/* Who awaits whom: of each task which others wait for it, and for which others it waits. */

struct tasks;

/* The numbers of tasks: those of task i are at[first[i]] up to at[first[i + 1]]. */
struct kin {
	uint32_t *at;
	size_t *first;
	size_t n, cap;
};

struct parents {
	struct kin parents, children;
};

/* Sets `unknown` of those tasks, too, that somebody waits for of whom nothing is found. */
void parents_find(const struct tasks *, struct parents *);
void parents_free(struct parents *);

/* Who awaits one task, by what it says itself, with no need to know any other. */
struct awaiters {
	struct async_task tasks[2]; /* of those the first two: addr, python; waiter: the future that
	                             * it has to wait for, 0: no matter */
	size_t n;                   /* how many there are */
	struct via {                /* futures that led there, and what was to be called then */
		raddr future, callback, callbacks;
	} via[16];
	size_t n_via;
};
void parents_ask(const struct tasks *, const struct async_task *, struct awaiters *);

#endif
