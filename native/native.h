/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_H
#define NATIVE_H

/* C frames: a thread's C stack, unwound from a copy, and merged with its Python frames. */

struct native;
struct native_entry; /* see native/merge.h */
struct process;
struct profile;
struct task;

/* Which C frames are shown: none, those that are not the interpreter's own, which stand for its
 * running Python; or all. */
enum native_frames { NATIVE_NONE, NATIVE_OTHERS, NATIVE_ALL };

#ifdef WITHOUT_native

/* This build knows no C stacks. */
enum { HAS_NATIVE = 0 };

static inline struct native *
native_new(const struct process *p, struct profile *profile, unsigned word, int all)
{
	(void)p;
	(void)profile;
	(void)word;
	(void)all;
	return 0;
}

static inline void
native_free(struct native *n)
{
	(void)n;
}

static inline int64_t
native_begin(struct native *n, struct task *t)
{
	(void)n;
	(void)t;
	return 0;
}

static inline int
native_runs(const struct native *n)
{
	(void)n;
	return 0;
}

static inline int
native_lacks(const struct native *n)
{
	(void)n;
	return 0;
}

static inline void
native_take(struct native *n, struct task *t, uint32_t *room)
{
	(void)n;
	(void)t;
	(void)room;
}

static inline enum why
native_end(struct native *n, struct task *t, uint32_t *room)
{
	(void)n;
	(void)t;
	(void)room;
	return OK;
}

static inline uint32_t
native_room(const struct native *n, uint32_t *room)
{
	(void)n;
	(void)room;
	return 0;
}

static inline int
native_adopt(struct native *n, uint32_t *room)
{
	(void)n;
	(void)room;
	return -1;
}

static inline int
native_word(const struct native *n, uint64_t addr, uint64_t *value)
{
	(void)n;
	(void)addr;
	(void)value;
	return -1;
}

static inline const uint32_t *
native_merge(struct native *n, const uint32_t *python, size_t n_python,
             const struct native_entry *entries, size_t n_entries, int objects, size_t *count)
{
	(void)n;
	(void)entries;
	(void)n_entries;
	(void)objects;
	*count = n_python;
	return python;
}

#else

/* Whether C stacks of programs for this machine can be read. */
#if defined __x86_64__ || defined __aarch64__ || defined __i386__
enum { HAS_NATIVE = 1 };
#else
enum { HAS_NATIVE = 0 };
#endif

/* word: the bytes of a pointer in the process.  all: NATIVE_ALL, else NATIVE_OTHERS.  What it gives
 * to the profile are frames; it owns nothing of what is given. */
struct native *native_new(const struct process *, struct profile *, unsigned word, int all);
void native_free(struct native *);

/*
 * A thread's C stack is read along with its Python frames, and both are of one moment: what
 * waits in the kernel before the frames are read and after that, and has used no time
 * meanwhile, has not moved; what runs is stopped, or copied by the kernel where it is interrupted.
 *
 * native_begin() says how long a thread that waits had run, and waited for a CPU, nanoseconds; 0:
 * it does not wait.  native_runs(): it is known to run.  native_lacks(): it waits in the midst of
 * anything, as what a signal has stopped, so that all its registers are needed.  Where it has been
 * stopped, native_take() copies its registers and its stack; where the kernel has copied these
 * while it ran, native_adopt() takes them.  After that, native_end() says what came of it:
 * OK; TORN, it has moved, or nothing was copied; or AGAIN, more of the stack has to be copied:
 * all of it is to be done again then.  room: how many bytes to copy of that thread's, to be kept
 * from time to time, 0 at first.
 */
int64_t native_begin(struct native *, struct task *);
int native_runs(const struct native *);
int native_lacks(const struct native *);
void native_take(struct native *, struct task *, uint32_t *room);
enum why native_end(struct native *, struct task *, uint32_t *room);

/* How many bytes of the stack to have the kernel copy, see kernel/kernel.h; 0: it can't.  And
 * takes what it copied last: 0, or -1 if that is not enough. */
uint32_t native_room(const struct native *, uint32_t *room);
int native_adopt(struct native *, uint32_t *room);

/* A word of the stack's copy: 0, or -1 if it is not there. */
int native_word(const struct native *, uint64_t addr, uint64_t *value);

/*
 * All frames of the thread that was read last, the root first, their number in *count: of the
 * Python frames each goes onto the C frame that runs it, by the entries, the oldest first.
 * objects: what these have are the addresses of frame objects, one for each Python frame.  What
 * can't be merged is marked.  The result is good until the next call.
 */
const uint32_t *native_merge(struct native *, const uint32_t *python, size_t n_python,
                             const struct native_entry *entries, size_t n_entries, int objects,
                             size_t *count);

#endif

#endif
