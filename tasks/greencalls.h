/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENCALLS_H
#define GREENCALLS_H

/* Which greenlet a thread runs, and what its frames stand on: those of who spawned it, or of its
 * parent, and so on. */

struct callers;
struct codes;
struct greencalls;
struct greenlet;
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

/* Those that may wait, found anew; and what one stands on, with its own frames, and a frame that
 * says what it waits for.  AGAIN: it does not wait. */
const struct greenlet *greencalls_list(struct greencalls *, size_t *n);
enum why greencalls_read_waiting(struct greencalls *, raddr, struct callers *, uint32_t *leaf);

#endif
