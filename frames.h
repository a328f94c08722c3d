/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FRAMES_H
#define FRAMES_H

/* The frames of one thread, walked in a local copy of its memory. */

struct layout;
struct regions;
struct snap;

struct visit { /* one frame, shims (entries from C) included */
	raddr frame, back, code;
	uint64_t instr;     /* a pointer into the code, or f_lasti */
	uint32_t copy;      /* which copy of the code (free-threaded) */
	short owner;
	unsigned char shim; /* not Python's */
	unsigned char executes, gone, entry; /* see layouts.h, enum live_kind */
	raddr entered;      /* the frame that the eval loop which runs it was entered from */
	uint32_t depth;     /* for the walk's user */
	uint32_t shape;     /* a hash of which frames these are, from the root to this */
};

/* A stack that was proven, the root first.  All zero is an empty one. */
struct frames {
	struct visit *visits;
	size_t n, cap;
	uint32_t *runs; /* the visits at which addresses do not simply go on */
	size_t n_runs, cap_runs;
};

/* How many of them, from the root, are known by the pointer to them, so that
 * nothing of them is read: see layouts.h, base_shims. */
size_t frames_base(const struct layout *, const struct frames *);

/* What a walk has found: frames that may be new, on top of some of a stack that
 * was proven before. */
struct walk {
	struct visit *fresh; /* the executing frame first */
	size_t n, cap;
	size_t kept;    /* how many of the proven ones, from the root, lie below */
	raddr interp;
	raddr cframe;   /* where the executing frame is told, 0: in the thread state */
	raddr previous; /* the _PyCFrame before that one */
	uint32_t shape; /* of all of them */
	int covered;    /* all that is fresh was copied twice */
	int still;      /* and nothing of it moved meanwhile */
};

enum walk_flags {
	WALK_STOPPED = 1, /* the thread cannot move: nothing needs copying twice */
	WALK_ANYWHERE = 2, /* it may be between two frames, where a running thread is
	                    * for an instant only */
	WALK_NOTE = 4,    /* find out anew which regions are needed */
};

/* How many bytes of a thread state a walk looks at, and of a _PyCFrame. */
size_t frames_thread_size(const struct layout *);
size_t frames_cframe_size(const struct layout *);

/*
 * Walks the stack of the thread at tstate, whose first frames_thread_size()
 * bytes have to be in the snapshot; what else is missing there is fetched.
 * Where it comes to a frame of those proven, and all of them from there to the
 * root are, byte for byte, what they were in the copy that the snapshot keeps,
 * it ends.  What it looked at is noted in the regions, if there is something new to
 * note.
 *
 * OK with *walk filled, which is a stack that stood so at one moment only if
 * `covered` and `still` are set and the snapshot had to fetch nothing; or why it
 * cannot be one.
 */
enum why frames_walk(const struct layout *, struct snap *, struct regions *, raddr tstate,
                     unsigned flags, const struct frames *proven, struct walk *);

/* Whether two visits are of the same frame at the same instruction. */
int frames_equal(const struct visit *, const struct visit *);

/* Makes what was walked the proven stack. */
void frames_commit(const struct layout *, struct frames *, const struct walk *);

/* Forgets all proven frames but the first n. */
void frames_truncate(struct frames *, size_t n);
void frames_free(struct frames *);

#endif
