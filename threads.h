/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREADS_H
#define THREADS_H

/* The interpreters of a target, their GILs and their threads: who there is. */

struct buf;
struct gil;
struct snap;
struct target;
struct thread;
struct threads;

/* ended() is called for each thread that is listed no more, to free what others keep
 * of it. */
struct threads *threads_new(const struct target *, void (*ended)(struct thread *));
void threads_free(struct threads *);

/*
 * Lists interpreters and threads again: one call to the kernel if nothing has
 * changed.  After a failure the old list stands.  No thread may be `planned`.
 */
enum why threads_refresh(struct threads *);

/*
 * The same in steps, to have more read in the same call: threads_snap() is to be read
 * first of all, since what says who ran has to be older than the threads' stacks.
 * threads_plan() says what to read into it, less what the snapshots of `planned`
 * threads hold; and when that has been read, as `why` says, threads_conclude() makes
 * the new list.
 *
 * In a build with a GIL nobody may have run but the one that had it last.  Where
 * threads_may_stand() says that this is likely, `quick` has only the places read that
 * would show anything else.  The answer is OK if the list is as it was, and so is every
 * thread of which threads_is_still() says so; else AGAIN, to be done not quick.
 */
int threads_may_stand(const struct threads *);
struct snap *threads_snap(struct threads *);
void threads_plan(struct threads *, int quick);
enum why threads_conclude(struct threads *, enum why, int quick);

/* Whether the thread can't have run Python since its stack was proven: its still_since
 * is to be set to threads_spell() each time that it is.  Known in builds with a GIL
 * from 3.7 on. */
int threads_is_still(const struct threads *, const struct thread *);
uint64_t threads_spell(const struct threads *);

/* How many bytes of a thread state, from its start, are needed for the list. */
size_t threads_head(const struct threads *);

/* The threads, oldest first.  The array is good until the next listing. */
struct thread *const *threads_all(const struct threads *, size_t *n);

/* The one with that thread state, NULL if it is not listed. */
struct thread *threads_find(const struct threads *, raddr tstate);

/* Whether it is of the same thread now, as far as its state says, as when it was listed; to be
 * asked after its stack was read.  Of one that has its task alone, that is taken for granted. */
int threads_is_as_listed(const struct threads *, const struct thread *);

/* Whether there is more than one interpreter; the number of a thread's, as Python has it (up to
 * 3.6: by age), that of the main one being 0. */
int threads_has_interpreters(const struct threads *);
int64_t threads_interpreter(const struct threads *, const struct thread *);

/* The GILs to be asked; several if interpreters have their own.  None in a
 * free-threaded build, and where the version does not say who holds it. */
const struct gil *threads_gils(const struct threads *, size_t *n);

/* Appends a thread's name: Python's own, in any interpreter, else the kernel's. */
void threads_name(struct threads *, const struct thread *, struct buf *);

#endif
