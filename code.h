/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODE_H
#define CODE_H

/*
 * Code objects: what a frame's code pointer and instruction mean in words.
 *
 * A code object is decoded once and known by its address from then on.  But
 * addresses are used again, so a known one is believed only as long as its
 * identity, read together with the sample, is what it was.
 */

struct mem;
struct layout;
struct profile;
struct snap;
struct codes;
struct code;

/* The cache.  with_lines: whether frames are told apart by line. */
struct codes *codes_new(struct mem *, const struct layout *, struct profile *, int with_lines);
void codes_free(struct codes *);

/* The code object known at addr, or NULL. */
struct code *codes_find(struct codes *, raddr addr);

/* Decodes the one at addr, now, and forgets what was known there.  BROKEN: it
 * is not a code object.  A name that can't be read becomes "<unreadable>". */
enum why codes_learn(struct codes *, raddr addr, struct code **out);

/* Decoding may cost only so much for one stack, which begins here, and its results
 * take only so much memory over all: then codes_learn says DEEP. */
void codes_begin(struct codes *);
int codes_exhausted(const struct codes *);

/* A number that changes whenever one that was known is forgotten, so that
 * pointers to them may be stale. */
uint32_t codes_epoch(const struct codes *);

/* Marks it with a number; 0 if it bears that already. */
int code_mark(struct code *, uint32_t serial);

/* Adds the regions that tell this code object from any other to a snapshot
 * that will be read; later, says whether they are in it and are the same. */
enum code_identity { IDENTITY_UNREAD, IDENTITY_SAME, IDENTITY_OTHER };
int code_add_identity(const struct codes *, const struct code *, struct snap *);
enum code_identity code_check_identity(const struct codes *, const struct code *, struct snap *);

/* The interpreter's count of code objects freed, at which this one was last
 * seen to be itself (0: never, or not counted by this version). */
uint64_t code_generation(const struct code *);
void code_set_generation(struct code *, uint64_t);

/* Where instructions begin: of the code object itself, or of a thread's copy
 * (free-threaded builds).  0 if that copy can't be found. */
raddr code_instructions(struct codes *, struct code *, uint32_t copy);

/* Whether `offset` (bytes, from there) is one that a frame can be at; whether
 * a frame there has not begun yet, so that Python would not show it. */
int code_offset_valid(const struct code *, int64_t offset);
int code_not_begun(const struct code *, int64_t offset);

/* How many local variables it has, cells included; 0 if not known. */
int code_locals(const struct code *);

/* The profile's number for a frame of this code object at that offset. */
uint32_t code_frame(struct codes *, struct code *, int64_t offset);

#endif
