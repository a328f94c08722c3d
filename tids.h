/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIDS_H
#define TIDS_H

/* Which task of the kernel a thread state is. */

struct target;
struct thread;
struct tids;

struct tids *tids_new(const struct target *);
void tids_free(struct tids *);

/*
 * Decides that for all thread states that are listed, again for those of which it may
 * have changed: sets their task and `dead`.  Whether any of them is another one now.
 */
int tids_place(struct tids *, struct thread *const *, size_t n);

/* Whether it runs, with that _PyCFrame, on the stack by which it was placed; always, if it was
 * placed by something else. */
int tids_is_on_stack(const struct thread *, raddr cframe);

#endif
