/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMING_H
#define NAMING_H

/* From the frames of a walk to those of the profile. */

struct codes;
struct layout;
struct mem;
struct namer;
struct snap;
struct walk;

struct named { /* a stack in words, root first; all zero is an empty one */
	uint32_t *frames; /* of the profile */
	size_t n, cap;
	raddr *codes;     /* the code objects named last */
	size_t n_codes, cap_codes;
};

struct namer *namer_new(struct mem *, const struct layout *, struct codes *);
void namer_free(struct namer *);

/*
 * Adds to a snapshot that will be read what tells whether the code objects
 * named last are still themselves; interp is the interpreter of that thread.
 * 0, or -1 if there is no room.
 */
int naming_plan(struct namer *, const struct named *, raddr interp, struct snap *);

/* The same for several stacks at once, into a snapshot that is to be read after
 * all of theirs.  naming_shared() begins that. */
struct snap *naming_shared(struct namer *);
int naming_plan_shared(struct namer *, const struct named *, raddr interp);

/*
 * Makes sure that the cache speaks of the code objects of the walk's fresh
 * frames as they are, by what was read into the snapshot, and, if `shared`, into
 * that of several stacks together with it.  AGAIN: one had to be read anew, which
 * proves nothing if the thread moves.
 */
enum why naming_check(struct namer *, struct named *, const struct walk *, struct snap *, int shared);

/*
 * Puts the walk's fresh frames into words, behind the first `depth` that are
 * there; every visit gets the depth up to it.  certain: the thread stands, so
 * what looks impossible is not for lack of proof.
 */
enum why naming_name(struct namer *, struct named *, struct walk *, size_t depth, int certain);

void named_free(struct named *);

#endif
