/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODES_H
#define CODES_H

/*
 * Which code object is which.  A code object is decoded once and known by its address
 * from then on.  But addresses are used again, so a known one is believed only as long
 * as its identity, read with a sample or after it, is what it was.
 */

struct code;
struct codes;
struct kernel_chain;
struct layout;
struct mem;
struct profile;
struct snap;

/* The code objects of one target.  with_lines: whether frames are told apart by line. */
struct codes *codes_new(struct mem *, const struct layout *, struct profile *, int with_lines);
void codes_free(struct codes *);

/* The code object known at addr, or NULL. */
struct code *codes_find(struct codes *, raddr addr);

/* The profile's number for a frame of that one at that offset. */
uint32_t codes_frame(struct codes *, struct code *, int64_t offset);

/* Whether no more can be decoded: that may cost only so much for one stack. */
int codes_exhausted(const struct codes *);

/* A number that changes whenever one that was known is forgotten, so that
 * pointers to them may be stale. */
uint32_t codes_epoch(const struct codes *);

/* Distinct code objects, in no order.  All zero is an empty list. */
struct code_list {
	raddr *addrs;
	size_t n, cap;
};

/*
 * Adds to a snapshot that will be read what shows whether those are still themselves;
 * interp is the interpreter that has them.  0, or -1 if there is no room.
 */
int codes_plan(struct codes *, const struct code_list *, raddr interp, struct snap *);

/* The same for several stacks at once, into a snapshot that is to be read after all of
 * theirs; codes_begin_shared() begins and returns that. */
struct snap *codes_begin_shared(struct codes *);
int codes_plan_shared(struct codes *, const struct code_list *, raddr interp);

/* Has the kernel copy, with a frame, the identity of a code object that is not known. */
void codes_ask(const struct layout *, struct kernel_chain *);

/*
 * To be called for each stack: begins the list of its code objects; lists one; and makes
 * sure that all of them are known as they are, by what was read into the snapshot, and,
 * if CODES_SHARED, into that of several stacks together with it.  AGAIN: one had to be
 * decoded, which proves nothing if the thread moves, unless the snapshot is of one moment
 * (CODES_COPIED), that of `time`, and shows that it was there; else OK, or why not.  *list gets
 * those that the next sample should be planned with.
 */
enum codes_how { CODES_SHARED = 1, CODES_COPIED };
void codes_begin(struct codes *);
void codes_add(struct codes *, raddr addr);
enum why codes_check(struct codes *, raddr interp, struct snap *, int how, int64_t time,
                     struct code_list *list);

/* The same for what no snapshot is of: makes sure that all of the list are known as they are
 * now, in so many tries.  TORN: they keep changing. */
enum why codes_settle(struct codes *, int tries);

#endif
