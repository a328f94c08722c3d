/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENWORDS_H
#define GREENWORDS_H

/* What a greenlet is called and does, in words. */

struct buf;
struct files;
struct greenlet;
struct greenlets;

/* "waits" or "suspended", "runs", "not begun", "dead", "failed". */
const char *greenwords_state(const struct greenlet *, int waits);

/* Appends its name, if it has one: gevent's, or that of the function that it is to run. */
void greenwords_name(const struct greenlets *, const struct greenlet *, struct buf *);

/* Appends what it waits for, nothing where that is not known.  files: what its descriptors are;
 * NULL: without what may differ between greenlets that are at the same place. */
void greenwords_wait(const struct greenlets *, const struct greenlet *, struct files *,
                     struct buf *);

#endif
