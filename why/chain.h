/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_H
#define CHAIN_H

/* Who waits for whom. */

struct look;

/* Sets everybody's need and blocker. */
void chain_link(struct look *);

/* The last member of the chain that begins with that one; *length gets how many wait for it in
 * turn.  If it comes back to itself: NOBODY. */
int chain_end(const struct look *, size_t member, size_t *length);

/* A member of a chain that comes back to itself, NOBODY if there is none. */
int chain_cycle(const struct look *);

/* A worker of a pool of threads that waits for what is in the queue of that pool, as all workers
 * of it do; NOBODY. */
int chain_starved(const struct look *);

/* How many wait for that one, themselves or by others. */
size_t chain_waiters(const struct look *, size_t member);

/* How many others wait for the same as that one. */
size_t chain_rivals(const struct look *, size_t member);

/* Sets everybody's group: the first of those that do the same at the same place. */
void chain_group(struct look *);

#endif
