/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENCALLS_H
#define GREENCALLS_H

/* Which greenlet a thread runs, and what its frames stand on: those of who spawned it, or of its
 * parent, and so on. */

struct codes;
struct greencalls;
struct known;
struct profile;
struct stacked;
struct tasks;
struct thread;

/* All must outlive it.  stacks: where those of tasks are numbered.  To be ended with
 * greencalls_free(), for which NULL is none. */
struct greencalls *greencalls_new(struct tasks *, struct profile *, struct profile *stacks,
                                  struct codes *);
void greencalls_free(struct greencalls *);

/* Of a thread whose stack was just captured.  AGAIN: it has no greenlets, as far as is known; OK:
 * what it runs, of which nothing is known but that where that is what it began with, or waits
 * for all others; or why it is not known. */
enum why greencalls_find(struct greencalls *, const struct thread *, const struct stacked *,
                         struct known **);

#endif
