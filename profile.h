/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILE_H
#define PROFILE_H

/*
 * What was sampled: strings and frames, each kept once, the tree of calls
 * with its counts, and, where the output needs them, a tree for each thread,
 * and the samples in order.  Knows nothing of processes.  Numbers stand for
 * strings, frames, stacks and threads; they are small, dense and stay valid.
 */

struct buf;
struct profile;

struct profile_frame {
	uint32_t file, function; /* strings; file may be PROFILE_NO_FILE */
	int line;                /* 0 for none */
};

enum profile_wait { PROFILE_RUNS, PROFILE_WAITS, PROFILE_WAITS_FOR_GIL };

struct profile_sample {
	uint32_t tick; /* of the log's */
	uint32_t stack;
	uint32_t idle; /* enum profile_wait: whether the thread waited */
};

/* Whatever of it is not known is 0 or NULL. */
struct profile_thread {
	int pid, tid;
	char *name, *process; /* the process's command */
};

/* How the samples were taken; what is not known is 0 or NULL, and all of the
 * numbers and flags if it is not `known`.  The strings that are not const go
 * with the profile. */
struct profile_run {
	char *title, *command, *host, *python;
	char *gil;               /* a line for each thread that waited for it */
	const char *mode;        /* one of profile_modes */
	int pid;
	int64_t start, duration; /* microseconds, start since the epoch */
	int64_t period;          /* between ticks, nanoseconds */
	int runs;                /* that were read from files */
	int known;
	int all_threads, lines;
	int by_thread, by_process; /* a root frame for each; see profile_thread */
	uint64_t ticks, missed, left_out, failures[WHY_COUNT];
	int saturated; /* something that was read would have been counted beyond PROFILE_MOST */
};

/* By enum mode. */
extern const char *const profile_modes[3];

enum { PROFILE_ROOT = 0 };
#define PROFILE_NO_FILE UINT32_MAX
#define PROFILE_FAILED UINT32_MAX

struct profile *profile_new(void);
void profile_free(struct profile *);

/* To be filled in and to be read. */
struct profile_run *profile_run(struct profile *);
const struct profile_run *profile_run_get(const struct profile *);

/* The time that so many samples stand for, nanoseconds; 0: not known.  It is the run's
 * time, shared out over the ticks that were taken, as the samples stand for those too
 * that were missed or left out. */
int64_t profile_ns(const struct profile *, uint64_t samples);

/* From now on every thread has a tree of its own.  To be called first. */
void profile_split(struct profile *);

/*
 * How many bytes new names, frames, stacks and threads may take, about; at first that is
 * SIZE_MAX.  Returns what was left of it.  Where there is no room for one, "(left out)"
 * takes its place: as a string, as a frame, and for a stack with such a frame PROFILE_FAILED.
 */
size_t profile_room(struct profile *, size_t bytes);

/*
 * The stack below all stacks of a thread (0 and NULL for what is not known).
 * Where the profile is split that is the root of the thread's own tree.  Else
 * it is PROFILE_ROOT, or if the run has by_process or by_thread, a frame for
 * the process, for the thread.
 */
uint32_t profile_thread(struct profile *, int pid, int tid, const char *name,
                        const char *process);

/* Gives all threads of that process another name for it. */
void profile_rename_process(struct profile *, int pid, const char *from, const char *to);

/* Such a root has instead of a frame the thread's number and this bit. */
#define PROFILE_THREAD 0x80000000u

/* For walks, the innermost first, through frames of which some others lie between: whether this one
 * is the last of the first *left that are listed, of which then one less is left. */
int profile_is_next(const uint32_t *listed, uint32_t frame, size_t *left);

/* The number of a string, of a frame: the old one if it is known. */
uint32_t profile_string(struct profile *, const char *bytes, size_t len);
uint32_t profile_frame(struct profile *, struct profile_frame);

/* The number of a frame that is no code, but a text. */
uint32_t profile_text(struct profile *, const char *text, size_t len);

/* Gives a frame another name, in all stacks that have it. */
void profile_rename(struct profile *, uint32_t frame, uint32_t function);

/* The stack that has frame on top of stack parent (PROFILE_ROOT: none). */
uint32_t profile_stack(struct profile *, uint32_t parent, uint32_t frame);

/* Counts a sample of that stack; PROFILE_ROOT counts as idle. */
void profile_count(struct profile *, uint32_t stack);
void profile_count_failed(struct profile *);

/* The counts of a stack that is a leaf: its samples; those of them during
 * which the thread waited; of these, those for the GIL; the samples of an earlier
 * profile. */
enum profile_column { PROFILE_SAMPLES, PROFILE_IDLE, PROFILE_GIL, PROFILE_BEFORE,
                      PROFILE_COLUMNS };

/* The most that a column adds up to: what every reader of JSON can count. */
#define PROFILE_MOST (UINT64_C(1) << 53)

/* Adds to, sets and gets a count; PROFILE_ROOT is what was idle, PROFILE_FAILED what
 * failed.  What does not fit is not added, and the run is `saturated`; nor is more idle
 * than there are samples, or for the GIL than is idle.  The sum of a column. */
void profile_add(struct profile *, enum profile_column, uint32_t stack, uint64_t n);
void profile_set(struct profile *, enum profile_column, uint32_t stack, uint64_t n);
uint64_t profile_get(const struct profile *, enum profile_column, uint32_t stack);
uint64_t profile_total(const struct profile *, enum profile_column);

/* Says that there are earlier counts, even if all of them are 0. */
void profile_compare(struct profile *);
int profile_compared(const struct profile *);

/* The log, of when what was sampled.  A tick of the run, at that time, microseconds since
 * the epoch and later than the one before; and a sample of the last one, of one that failed:
 * PROFILE_FAILED. */
void profile_tick(struct profile *, int64_t time);
void profile_log(struct profile *, uint32_t stack, enum profile_wait);

/* Makes the log's samples of one stack, or of PROFILE_FAILED, samples of another. */
void profile_log_move(struct profile *, uint32_t from, uint32_t to);

/* For writers.  A string's bytes may hold anything; they are good until the
 * next new string.  A stack's parent has a lower number. */
const char *profile_string_get(const struct profile *, uint32_t string, size_t *len);
uint32_t profile_string_count(const struct profile *);
struct profile_frame profile_frame_get(const struct profile *, uint32_t frame);
uint32_t profile_frame_count(const struct profile *);
uint32_t profile_stack_count(const struct profile *);
uint32_t profile_stack_parent(const struct profile *, uint32_t stack);
uint32_t profile_stack_frame(const struct profile *, uint32_t stack);
uint32_t profile_thread_count(const struct profile *);
struct profile_thread profile_thread_get(const struct profile *, uint32_t thread);
size_t profile_log_count(const struct profile *);
struct profile_sample profile_log_get(const struct profile *, size_t i);
uint32_t profile_tick_count(const struct profile *);
int64_t profile_tick_get(const struct profile *, uint32_t tick);

/* Appends "app.py:hog:12", without the file's folder: its bytes, not escaped. */
void profile_add_place(const struct profile *, struct profile_frame, struct buf *);

#endif
