/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENLET_H
#define GREENLET_H

/*
 * One greenlet: what it is doing, and its frames.  It is believed if all that decides was the
 * same when it was read again.
 */

struct buf;
struct codes;
struct layout;
struct mem;
struct mem_vec;
struct profile;

enum greenlet_state {
	GREENLET_SUSPENDED,
	GREENLET_RUNS, /* it is what its thread's stack has */
	GREENLET_NEW,  /* not begun */
	GREENLET_DEAD,
};

enum greenlet_kind {
	GREENLET_PLAIN,
	GREENLET_MAIN, /* what a thread begins with */
	GREENLET_HUB,  /* of gevent or eventlet: waits for all others */
};

enum { GREENLET_TOP = 4 };

/* Words from the one that is 0 once it is over to the one that is 0 while it runs. */
enum { GREENLET_RUNNING = 6 };

struct greenlet {
	raddr addr, type;
	raddr parent, spawner;  /* greenlets, 0: not known, or none */
	raddr run;              /* the function of one that is not begun, 0: not known */
	raddr on;               /* an address on its thread's C stack, 0: not known */
	raddr top[GREENLET_TOP]; /* its innermost frames, 0: no more */
	uint32_t named;         /* its name, a string of the profile, plus one; 0: it has none, or */
	unsigned char asked;    /* that was not asked yet */
	uint32_t stack;         /* in the profile, the innermost frame being the leaf */
	int tid;                /* its thread, 0: not known */
	unsigned char state, kind, why;
	unsigned char gevents;  /* it is a gevent.Greenlet */
};

typedef void green_note(void *context, const struct mem_vec *, size_t n, const struct buf *bytes);

/* What they are read with; all must outlive it. */
struct green_reader {
	struct mem *mem;
	const struct layout *l;
	struct profile *profile;
	struct codes *codes;
	int direct; /* up to 1.x the object itself has it all */
	/* Gets the regions that decide, of what could be read, and what they held; NULL: nothing is
	 * to. */
	green_note *note;
	void *context;
};

/* Fills in one whose addr and type are set, but for what others are needed for: parent, spawner,
 * run, tid.  BROKEN: it is no greenlet, or one of an unknown release. */
void green_read(const struct green_reader *, struct greenlet *);

/* Where its own words begin, or those of what it points to, and how many of these come before
 * those that say where its stack is; 0: it is none. */
raddr green_words(const struct green_reader *, raddr greenlet, int *before);

#endif
