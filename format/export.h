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

/* Whether a stack is neither a thread's root nor that of all. */
int export_has_frame(const struct profile *, uint32_t stack);

/* To be freed: of every stack the number of its thread (UINT32_MAX: none); of
 * every frame the number of its function, whatever the line, and how many
 * functions there are. */
uint32_t *export_owners(const struct profile *);
uint32_t *export_functions(const struct profile *, uint32_t *n);

/* Each thread's id, or another number if that is not known or not the only one. */
int *export_thread_ids(const struct profile *);

/* The title, else the command, else something. */
const char *export_title(const struct profile *);

/* Whether a stack is one of those that export_prepare makes. */
enum export_kind { EXPORT_STACK, EXPORT_IDLE, EXPORT_FAILED };
enum export_kind export_kind(const struct profile *, uint32_t stack);

/* Tells what is known of how the samples were taken: "command", say, and its value, not
 * yet escaped. */
typedef void export_note(void *context, const char *name, const char *value);
void export_notes(const struct profile *, export_note *, void *context);

/* Appends one of these to the object of JSON that a struct buf ends with. */
void export_note_json(void *out, const char *name, const char *value);

/* Appends to an object of JSON a frame's name, the text, its file and its line. */
void export_frame(struct buf *, const struct profile *, uint32_t frame, const char *text);

/*
 * A split profile as what each thread did when: by its log, or if it has none,
 * with what was counted laid out one after another.
 */

struct span {
	int64_t start, end; /* microseconds from the beginning */
	uint64_t count;     /* samples */
	uint32_t thread, stack;
	uint32_t idle;      /* enum profile_wait */
};

/* All spans, by thread and time, to be freed; those of one thread do not
 * overlap.  merge: samples of one stack in a row are one span.  A sample lasts until the
 * next tick of the run.  Where ticks are missing, or failed, it does so if the next one found
 * the same; else each has half of what lies between.  The first has all that lies before. */
struct span *timeline(const struct profile *, int merge, size_t *n);

/* Whether these times are times; if not, each sample has so many microseconds. */
enum { TIMELINE_UNKNOWN = 1000 };
int timeline_is_known(const struct profile *);

/* When that beginning was, microseconds since the epoch: that of the run, else the first
 * tick; 0: not known. */
int64_t timeline_start(const struct profile *);

/* How many of the n spans belong to the first one's thread. */
size_t timeline_thread(const struct span *, size_t n);

/* A frame that was there for some time; or several between its neighbours, of which there
 * were so many.  wait: of the innermost one. */
struct slice {
	int64_t start, end;
	uint32_t frame, wait;
	uint32_t least, most; /* 0: it is a frame */
};

/* How many of them nest at most; the middle of deeper stacks is folded.  Perfetto drops
 * what is nested deeper than 512 (its kMaxDepth, slice_tracker.h), and all that a deep
 * recursion does would be megabytes. */
enum { TIMELINE_LEVELS = 500 };

/* The slices of one thread's spans, which are good until the next thread's: by their
 * beginnings, outer ones first.  levels: TIMELINE_LEVELS. */
struct slicer *slicer_new(const struct profile *, size_t levels);
const struct slice *slicer_cut(struct slicer *, const struct span *, size_t n, size_t *n_slices);
void slicer_free(struct slicer *);

/* Appends the name of one that is several. */
void timeline_folded(struct buf *, const struct slice *);

#endif
