/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANKS_H
#define RANKS_H

/* What the samples of threads that ran add up to: functions, their lines and paths. */

struct profile;

struct ranks {
	const struct profile *p;
	/* The same with all threads together, functions instead of lines, and only what ran:
	 * its frames are functions. */
	struct profile *merged;
	uint32_t *function; /* of each frame of p */
	uint32_t *stack;    /* of each stack of p */
	uint64_t busy;      /* all of its samples */
	uint64_t *below;    /* of each of its stacks, and what stands on that */
	uint64_t *self, *total; /* of each function: where it is the innermost, anywhere */
};

/* To be ended with ranks_free(). */
struct ranks ranks_of(const struct profile *);
void ranks_free(struct ranks *);

/* Sets the first of these, most first, less than `n` if fewer are not 0; returns how many:
 * functions by self, or by total; frames of a function by the samples that end in them. */
size_t ranks_functions(const struct ranks *, int by_total, uint32_t *functions, size_t n);
size_t ranks_lines(const struct ranks *, uint32_t function, uint32_t *frames,
                   uint64_t *samples, size_t n);

/* The stacks of `merged` that have as much below them, by parent and then most first, to be
 * freed, and how many. */
uint32_t *ranks_paths(const struct ranks *, uint64_t least, size_t *n);

#endif
