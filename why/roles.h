/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ROLES_H
#define ROLES_H

/* What frames of Python's own library say of the thread that has them. */

struct look;
struct member;

/* Fills a thread's need from what it calls, after locks_find(); and which signal's handler it is
 * in. */
void roles_find(const struct look *, struct member *);

/* The member that runs a Future, and NOBODY. */
int roles_runner(const struct look *, raddr future);

/* The queue that a worker of a pool of threads takes its work from; 0: it is none. */
raddr roles_pool(const struct look *, const struct member *);

/* Whether what a Future is the result of stands near the front of such a queue. */
int roles_queued(const struct look *, raddr queue, raddr future);

#endif
