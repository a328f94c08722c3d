/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MERGE_H
#define MERGE_H

/* Puts Python frames where they belong among C frames. */

struct copy;
struct merger;
struct profile;

/* An eval loop, that of a Python frame or of several that called each other. */
struct native_entry {
	uint64_t addr;  /* what is in the eval loop's own part of the C stack; or the frame object of
	                 * the one frame that it runs */
	uint32_t depth; /* how many of the thread's Python frames lie below its first one */
};

/* A C frame, its part of the stack being [sp, end), empty where that is not known. */
struct c_frame {
	uint64_t sp, end;
	uint64_t module; /* where it begins, 0: none; */
	uint32_t frame;  /* of the profile */
	unsigned flags;  /* enum place_flags */
	int32_t entry;   /* the eval loop that it is, -1: none */
};

struct c_stack { /* the innermost first */
	struct c_frame *frames;
	size_t n, cap;
	int whole; /* from the thread's start on */
};

struct merge { /* see native_merge() */
	struct c_stack *stack;
	const struct copy *copy;
	unsigned word;
	const uint32_t *python;
	size_t n_python;
	const struct native_entry *entries;
	size_t n_entries;
};

struct merger *merger_new(struct profile *, int all);
void merger_free(struct merger *);

/* The result is good until the next call. */
const uint32_t *merge_frames(struct merger *, struct merge *, int objects, size_t *count);

#endif
