/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLE_H
#define SAMPLE_H

/* Taking samples of one target by the clock. */

struct profile;
struct sampler;
struct target;
struct threads;

enum mode { MODE_WALL, MODE_CPU, MODE_GIL };

enum pausing { PAUSE_IF_NEEDED, PAUSE_ALWAYS, PAUSE_NEVER };

struct sample_options {
	int64_t period;   /* nanoseconds between ticks */
	int64_t ticks;    /* how many; -1: until the target is gone */
	uint64_t seed;    /* of the ticks' jitter; 0: another one each time */
	enum mode mode;
	enum pausing pausing;
	int all_threads;  /* else those that hold the GIL or run */
	int by_thread;    /* threads have root frames, which are stacks of their own */
	int tell_threads; /* to profile_thread */
	int tell_idle;    /* which samples found the thread waiting */
	int exclude_idle;
	int log;          /* keep every sample's time */
	int with_lines;
};

struct sample_counts {
	uint64_t ticks, missed;   /* taken, and skipped because one took too long */
	uint64_t spared;          /* left out, to stop the target less */
	uint64_t samples, idle;   /* stacks, and ticks at which nothing ran */
	uint64_t retried;         /* not proven at the first try */
	uint64_t stopped;         /* taken with the thread stopped */
	uint64_t failed[WHY_COUNT];
	uint64_t calls, bytes;    /* reads from the target while sampling */
	int may_not_stop;         /* ptrace was refused where it was needed */
};

/* The sampler owns nothing of the target, which must outlive it. */
struct sampler *sampler_new(const struct target *, struct profile *,
                            const struct sample_options *);
void sampler_free(struct sampler *);

/* Moves on to another image of the same process, as after an exec. */
void sampler_retarget(struct sampler *, const struct target *);

/* What happens between ticks: a signal that came in (siginfo_t), or NULL.
 * Returns non-zero to end the sampling. */
typedef int sample_event(void *context, const void *siginfo);

/*
 * Samples until the ticks are over, an event ends it, or the target is gone or
 * cannot be read any more.  The signals in `set` have to be blocked; they are
 * handed to event().  OK, GONE, or BROKEN: it does not look like the same
 * interpreter any more.
 */
enum why sampler_run(struct sampler *, const void *sigset, sample_event *, void *context);

/* Waits for at most `ns`, or until one of the signals comes; event() as above. */
int sample_wait(int64_t ns, const void *sigset, sample_event *, void *context);

struct sample_counts sampler_counts(const struct sampler *);

/* For writers that show threads: their list, and one thread's stack. */
struct thread;
struct threads *sampler_threads(struct sampler *);
enum why sampler_stack(struct sampler *, struct thread *, const uint32_t **frames, size_t *n);

/* Whether there is a GIL to be held; whether that thread holds it now. */
int sampler_has_gil(struct sampler *);
int sampler_holds_gil(struct sampler *, const struct thread *);

#endif
