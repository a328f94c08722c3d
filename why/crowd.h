/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CROWD_H
#define CROWD_H

/* What the tasks of asyncio do that a process has. */

struct buf;
struct look;
struct profile;

/* Fills in the look's crowd, after the last look.  The profile is that of the look. */
void crowd_read(struct look *, struct profile *);
void crowd_free(struct look *);

/* Appends what the most that wait alike wait for, if they are many. */
void crowd_add_alike(const struct look *, struct buf *);

#endif
