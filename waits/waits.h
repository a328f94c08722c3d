/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WAITS_H
#define WAITS_H

/* What threads of a process wait for, by what the kernel knows.  Nothing is stopped for it. */

struct buf;
struct process;
struct task;
struct waits;

#ifdef WITHOUT_waits

/* This build knows nothing of waits. */
enum { HAS_WAITS = 0 };

static inline void
waits_prepare(void)
{
}

static inline struct waits *
waits_new(const struct process *p, unsigned word)
{
	(void)p;
	(void)word;
	return NULL;
}

static inline void
waits_free(struct waits *w)
{
	(void)w;
}

static inline void
waits_note(struct waits *w, struct task *t)
{
	(void)w;
	(void)t;
}

static inline int
waits_are_frozen(struct waits *w)
{
	(void)w;
	return 0;
}

static inline int
waits_describe(struct waits *w, struct task *t, int plain, struct buf *out)
{
	(void)w;
	(void)t;
	(void)plain;
	(void)out;
	return 0;
}

#else

enum { HAS_WAITS = 1 };

/* To be called before the sandbox, if it may be asked: else less is known of unix sockets. */
void waits_prepare(void);

/* word: the bytes of a pointer in the process.  Things that several threads wait for are looked
 * up once, so this is for one look at all of them.  To be ended with waits_free(), for which NULL
 * is none. */
struct waits *waits_new(const struct process *, unsigned word);
void waits_free(struct waits *);

/* Has another thread counted among those that may wait for the same as others. */
void waits_note(struct waits *, struct task *);

/* Whether all of them do, as their control group is frozen, as far as that may be known. */
int waits_are_frozen(struct waits *);

/* Appends what a thread does not run for: "waits: " with the system call and what it is about,
 * or that it is frozen, or traced, and by whom; 0 if it runs, or is stopped, or that may not be
 * known.  plain: without what differs from time to time, such as what is left of a sleep. */
int waits_describe(struct waits *, struct task *, int plain, struct buf *);

#endif

#endif
