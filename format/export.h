/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXPORT_H
#define EXPORT_H

/* What writers of others' formats share. */

struct buf;
struct profile;

/* Makes stacks of a thread of their own of what was idle and what failed, in the
 * counts and in the log, as those formats know nothing else; to be called again when
 * there is more. */
void export_prepare(struct profile *);

/* To be freed: of every stack the number of its thread (UINT32_MAX: none); of
 * every frame the number of its function, whatever the line, and how many
 * functions there are. */
uint32_t *export_owners(const struct profile *);
uint32_t *export_functions(const struct profile *, uint32_t *n);

/* Each thread's id, or another number if that is not known or not the only one. */
int *export_thread_ids(const struct profile *);

/* The title, else the command, else something. */
const char *export_title(const struct profile *);

/* Appends to an object of JSON a frame's name, the text, its file and its line. */
void export_frame(struct buf *, const struct profile *, uint32_t frame, const char *text);

/*
 * A split profile as what each thread did when: by its log, or if it has none,
 * with what was counted laid out one after another, as if each sample had been
 * one period.
 */

struct span {
	int64_t start, end; /* microseconds from the beginning */
	uint64_t count;     /* samples */
	uint32_t thread, stack, idle;
};

/* All spans, by thread and time, to be freed; those of one thread do not
 * overlap.  merge: samples of one stack in a row are one span.  A sample lasts
 * until the next one was taken, but two periods at most. */
struct span *timeline(const struct profile *, int merge, size_t *n);

/* When that beginning was, microseconds since the epoch; 0: not known. */
int64_t timeline_start(const struct profile *);

/* How many of the n spans belong to the first one's thread. */
size_t timeline_thread(const struct span *, size_t n);

/* Tells when frames begin (open) and end.  Frames nest. */
typedef void timeline_event(void *context, int open, uint32_t frame, int64_t time);
void timeline_walk(const struct profile *, const struct span *, size_t n, timeline_event *,
                   void *context);

/* A stack's numbers from its root to itself, without the thread's root, in an
 * array that grows.  Their number. */
size_t timeline_path(const struct profile *, uint32_t stack, uint32_t **path, size_t *cap);

#endif
