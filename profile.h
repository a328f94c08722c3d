/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILE_H
#define PROFILE_H

/*
 * What was sampled: strings and frames, each kept once, the tree of calls
 * with its counts, and, where the output needs them, the samples in order.
 * Knows nothing of processes.  Numbers stand for strings, frames and stacks;
 * they are small, dense and stay valid.
 */

struct profile;

struct profile_frame {
	uint32_t file, function; /* strings; file may be PROFILE_NO_FILE */
	int line;                /* 0 for none */
};

struct profile_sample {
	int64_t time; /* microseconds since the epoch */
	uint32_t stack;
};

enum { PROFILE_ROOT = 0 };
#define PROFILE_NO_FILE UINT32_MAX

struct profile *profile_new(void);
void profile_free(struct profile *);

/* The number of a string, of a frame: the old one if it is known. */
uint32_t profile_string(struct profile *, const char *bytes, size_t len);
uint32_t profile_frame(struct profile *, struct profile_frame);

/* Gives a frame another name, in all stacks that have it. */
void profile_rename(struct profile *, uint32_t frame, uint32_t function);

/* The stack that has frame on top of stack parent (PROFILE_ROOT: none). */
uint32_t profile_stack(struct profile *, uint32_t parent, uint32_t frame);

/* Counts a sample of that stack; PROFILE_ROOT counts as idle. */
void profile_count(struct profile *, uint32_t stack);
void profile_count_failed(struct profile *);

/* Keeps the sample's time as well; of one that failed: PROFILE_FAILED. */
#define PROFILE_FAILED UINT32_MAX
void profile_log(struct profile *, uint32_t stack, int64_t time);

/* For writers.  A string's bytes may hold anything; they are good until the
 * next new string. */
const char *profile_string_get(const struct profile *, uint32_t string, size_t *len);
struct profile_frame profile_frame_get(const struct profile *, uint32_t frame);
uint32_t profile_frame_count(const struct profile *);
uint32_t profile_stack_count(const struct profile *);
uint32_t profile_stack_parent(const struct profile *, uint32_t stack);
uint32_t profile_stack_frame(const struct profile *, uint32_t stack);
uint64_t profile_stack_samples(const struct profile *, uint32_t stack);
uint64_t profile_failed(const struct profile *);
size_t profile_log_count(const struct profile *);
struct profile_sample profile_log_get(const struct profile *, size_t i);

#endif
