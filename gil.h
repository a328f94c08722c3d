/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GIL_H
#define GIL_H

/* The global interpreter lock: who holds it, who waits for it, and who can have run. */

struct layout;
struct mem;

/* Where a GIL says who holds it. */
struct gil {
	raddr addr;
	size_t len;
	int holder; /* offset in those len bytes of a pointer to a thread state */
	int locked; /* of an int; ABSENT: the pointer is NULL when nobody holds it */
	int enabled; /* of an int; ABSENT: it can't be turned off */
};

/* Who holds it, 0 for nobody, by the bytes read at gil->addr. */
raddr gil_holder(const struct layout *, const struct gil *, const void *bytes);

/* The same, read now: OK, or why not. */
enum why gil_read_holder(struct mem *, const struct layout *, const struct gil *, raddr *holder);

/* Whether a thread that waits for the futex at that address waits for this GIL, as far as
 * that can be known. */
int gil_has_futex(const struct gil *, uint64_t futex);

/*
 * A GIL counts how often it goes from one thread to another, and only the one that has
 * it runs Python.  So while that count stays, all threads but the last to have it are
 * where they were.  Zeros: nothing is known.
 */
struct gil_switches {
	raddr addr;      /* of last_holder, locked and switch_number; 0: not known */
	int noted;
	raddr holder;    /* the last, as noted; it may have ended */
	uint64_t number;
	uint64_t spell;  /* one more each time that another holder or number is noted; never
	                  * 0 while addr is known */
	int tries;
};

/* Whether there is a thread state. */
typedef int gil_is_thread(const void *context, raddr);

/* Finds where the GIL counts, whose last holder should be a thread.  Nothing is found
 * up to 3.6 and in free-threaded builds. */
void gil_find_switches(struct gil_switches *, struct mem *, const struct layout *,
                       const struct gil *, gil_is_thread *, const void *context);

/* The GIL is another one, or not the only one any more. */
void gil_forget_switches(struct gil_switches *);

/* How many bytes there are to read at addr. */
size_t gil_switches_size(const struct layout *);

/* Notes what was read there.  Whether nobody but the holder has run since it did so
 * last. */
int gil_note_switches(struct gil_switches *, const struct layout *, const void *bytes);

#endif
