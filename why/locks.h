/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHY_LOCKS_H
#define WHY_LOCKS_H

/* Which lock object a thread waits for, and who has it. */

struct look;
struct member;

/* Finds the lock that a thread waits for in a futex call: it is one if its own memory says so.
 * Fills the thread's need, if there is one. */
void locks_find(const struct look *, struct member *);

/* Finds who is in a `with` of a lock that has no owner: the member, NOBODY if none is or more
 * than one seem to be, which *several gets; *seems gets whether that is not sure. */
int locks_holder(const struct look *, const struct member *waiter, int *seems, int *several);

/* Whether a thread other than that has the lock as a local variable; its member or NOBODY, *name
 * gets the variable's, cut to size. */
int locks_user(const struct look *, const struct member *waiter, char *name, size_t size);

#endif
