/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WAITS_H
#define WAITS_H

/* What threads of a process wait for, by what the kernel knows.  Nothing is stopped for it. */

struct buf;
struct process;
struct task;
struct waits;

/* word: the bytes of a pointer in the process.  Things that several threads wait for are looked
 * up once, so this is for one look at all of them.  To be ended with waits_free(). */
struct waits *waits_new(const struct process *, unsigned word);
void waits_free(struct waits *);

/* Has another thread counted among those that may wait for the same as others. */
void waits_note(struct waits *, struct task *);

/* Appends what a thread does not run for: "waits: " with the system call and what it is about,
 * or that it is frozen, or traced, and by whom; 0 if it runs, or is stopped, or that may not be
 * known.  plain: without what differs from time to time, such as what is left of a sleep. */
int waits_describe(struct waits *, struct task *, int plain, struct buf *);

#endif
