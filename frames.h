/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FRAMES_H
#define FRAMES_H

/* Frames, from the innermost to the outermost, walked in a local copy of the memory. */

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
	unsigned char linked; /* it does not run: something is thrown into what it delegates to; */
	unsigned char delegates; /* and that runs Python, in frames on top of this */
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

/* Where a walk begins, and where it has to end: of a thread by frames_of_thread(), or of
 * anything else that has frames, which then fills in `top`, and `base` where that is
 * known. */
struct walk_from {
	raddr top;      /* the innermost frame, 0: there is none */
	raddr base;     /* the outermost one, 0: where a thread's frames begin is marked there */
	raddr interp;   /* the thread's interpreter */
	raddr cframe;   /* of a thread the _PyCFrame that says which frame is the innermost, 0:
	                 * the thread state does; */
	raddr previous; /* the _PyCFrame before that one; */
	raddr root;     /* the first one, which is a part of the thread state; */
	raddr unused, limit; /* and the part of the data stack in which no frame is */
	int covered;    /* what says so was copied twice */
	int still;      /* and did not change meanwhile */
};

/* What a walk has found: frames that may be new, on top of some of a stack that
 * was proven before. */
struct walk {
	struct visit *fresh; /* the executing frame first */
	size_t n, cap;
	size_t kept;    /* how many of the proven ones, from the root, lie below */
	uint32_t shape; /* of all of them */
	int covered;    /* all that is fresh was copied twice */
	int still;      /* and nothing of it moved meanwhile */
	int doubtful;   /* it may be what is left of one: see frames.c, is_doubtful() */
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

/* Where the walk of a thread begins, the first frames_thread_size() bytes of whose state
 * have to be in the snapshot; what else is missing there is fetched.  OK, or why not. */
enum why frames_of_thread(const struct layout *, struct snap *, raddr tstate, unsigned flags,
                          struct walk_from *);

/*
 * Walks the frames in the snapshot; what is missing there is fetched.  Where it comes to
 * a frame of those proven, and all of them from there to the root are, byte for byte,
 * what they were in the copy that the snapshot keeps, it ends.  What it looked at is
 * noted in the regions, if there is something new to note.
 *
 * OK with *walk filled, which is a stack that stood so at one moment only if
 * `covered` and `still` are set and the snapshot had to fetch nothing, and, if it is
 * `doubtful`, it is found again; or why it cannot be one.
 */
enum why frames_walk(const struct layout *, struct snap *, struct regions *,
                     const struct walk_from *, unsigned flags, const struct frames *proven,
                     struct walk *);

/* Whether two visits are of the same frame at the same instruction. */
int frames_equal(const struct visit *, const struct visit *);

/* Makes what was walked the proven stack. */
void frames_commit(const struct layout *, struct frames *, const struct walk *);

/* Forgets all proven frames but the first n. */
void frames_truncate(struct frames *, size_t n);
void frames_free(struct frames *);

#endif
