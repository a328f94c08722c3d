/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WAITING_H
#define WAITING_H

/* Tasks and greenlets that wait, as stacks: on those that await or spawned them, and with what they
 * wait for on top. */

struct greencalls;
struct mem;
struct profile;
struct tasks;
struct waiting;

/* What tasks were found there: so many, or one that stands for so many. */
struct waiting_stack {
	uint32_t stack, n;
};

/* The profile must outlive it. */
struct waiting *waiting_new(struct profile *);
void waiting_free(struct waiting *);

/* Begins to look for them anew; looks for those of one interpreter, in a time that is bounded; and
 * says how many were looked at so far.  base: the stack that those of an event loop (0: greenlets)
 * with that name, a frame, stand on, which is told how many there are. */
typedef uint32_t waiting_base(void *context, raddr loop, uint32_t name, uint32_t n);
void waiting_begin(struct waiting *);
void waiting_look(struct waiting *, struct tasks *, raddr interp, waiting_base *, void *context);
void waiting_look_at_greenlets(struct waiting *, struct greencalls *, struct mem *, waiting_base *,
                               void *context);
uint64_t waiting_looked(const struct waiting *);

/* What was found, and how many could not be read, by the reason. */
const struct waiting_stack *waiting_stacks(const struct waiting *, size_t *n);
const uint64_t *waiting_failed(const struct waiting *);

#endif
