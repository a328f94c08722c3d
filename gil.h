/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TURNS_H
#define TURNS_H

/*
 * Who can have run: a GIL counts how often it went from one thread to another,
 * and only the one that has it runs Python.  So while that count stays, all
 * threads but the last to have it are where they were.
 */

struct gil;
struct layout;
struct mem;

/* Zeros: nothing is known. */
struct turns {
	raddr addr;          /* of last_holder, locked and switch_number; 0: not known */
	int noted;
	raddr holder;        /* the last, as noted; it may have ended */
	uint64_t number;
	uint64_t generation; /* more each time that another holder or number is noted;
	                      * never 0 while addr is known */
	int tries;
};

/* Whether there is a thread state. */
typedef int is_thread(const void *context, raddr);

/* Finds where the gil counts, whose last holder should be a thread.  Nothing is
 * found up to 3.6 and in free-threaded builds. */
void turns_find(struct turns *, struct mem *, const struct layout *, const struct gil *,
                is_thread *, const void *context);

/* The GIL is another one, or not the only one any more. */
void turns_forget(struct turns *);

/* How many bytes there are to read at addr. */
size_t turns_size(const struct layout *);

/* Takes in what was read there.  Whether nobody but the holder has run since it
 * did so last. */
int turns_note(struct turns *, const struct layout *, const void *bytes);

#endif
