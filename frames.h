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
	uint32_t depth;     /* for the walk's user */
};

struct frames {
	struct visit *visits; /* the executing frame first */
	size_t n, cap;
	raddr interp;
	uint64_t shape; /* a hash of which frames they are */
	int still;      /* nothing moved while the memory was copied */
};

/* How many bytes of a thread state a walk looks at. */
size_t frames_thread_size(const struct layout *);

/*
 * Walks the stack of the thread at tstate, whose first frames_thread_size()
 * bytes have to be in the snapshot; what else is missing there is fetched, and
 * all that was looked at is noted in the regions.  stopped: the thread cannot
 * move, so that nothing needs to have been copied twice.  anywhere: it may be
 * standing between two frames, where a running thread is for an instant only.
 *
 * OK with *frames filled, which is a stack that stood so at one moment only if
 * `still` is set and the snapshot had to fetch nothing; or why it cannot be one.
 */
enum why frames_walk(const struct layout *, struct snap *, struct regions *, raddr tstate,
                     int stopped, int anywhere, struct frames *);

#endif
