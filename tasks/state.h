/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATE_H
#define STATE_H

/* What a task does, in words. */

/* Bytes, after which no more is said of any. */
enum { STATE_MOST_TEXT = 256 << 20 };

struct async_task;
struct buf;
struct files;
struct tasks;

/* "waits", "ready", "not begun", "runs", "failed". */
const char *state_name(const struct async_task *);

/* Appends its name, with all escaped that would not stay in its place. */
void state_add_name(const struct tasks *, const struct async_task *, struct buf *);

/* Appends what a task waits for, nothing where it does not.  files: what its descriptors are;
 * NULL: without what may differ between tasks that are at the same place. */
void state_wait(const struct tasks *, const struct async_task *, struct files *, struct buf *);

#endif
