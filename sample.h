/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLE_H
#define SAMPLE_H

/* Taking samples of one target. */

struct buf;
struct codes;
struct profile;
struct sampler;
struct target;
struct thread;
struct threads;
struct waits;

enum mode { MODE_WALL, MODE_CPU, MODE_GIL };

struct sample_options {
	int64_t period;   /* nanoseconds between ticks */
	enum mode mode;
	int pausing;      /* enum pausing of capture.h */
	int all_threads;  /* else those that hold the GIL or are on a CPU */
	int by_process;   /* a root frame for the process */
	int by_thread;    /* a root frame for every thread */
	int tell_threads; /* to profile_thread, instead of both */
	int idle_apart;   /* with that: moments at which none runs are of the process */
	int tell_idle;    /* which samples found the thread waiting */
	int exclude_idle;
	int log;          /* keep every sample's time */
	int with_lines;
	int waits;       /* frames that say what threads wait for */
	int count_waits; /* find out which threads wait for the GIL */
	int native;      /* enum native_frames of native/native.h */
	int newborn;     /* it was forked just now, and may end soon */
	int tasks;       /* asyncio's that run, on those that await them; 2: and those that wait */
};

struct sample_counts {
	uint64_t ticks;
	uint64_t samples, idle;   /* stacks, and ticks at which nothing ran */
	uint64_t asked, waits;    /* samples of which it was asked whether the thread
	                           * waits for the GIL, and of which it did */
	uint64_t retried;         /* not proven at the first try */
	uint64_t stopped;         /* taken with the thread stopped */
	uint64_t preempted;       /* taken from the thread's own CPU */
	uint64_t copied, uncopied; /* taken by the kernel, and not though that was asked for */
	uint64_t failed[WHY_COUNT];
	uint64_t unfit;           /* of those that failed: of stacks new to a full profile */
	uint64_t unplaced;        /* samples of threads whose id is not known */
	int64_t cpu;              /* CPU time that the process used meanwhile, as far as known, */
	int64_t cpu_sampled;      /* and with -m cpu how much of it samples stand for; ns */
	uint64_t calls, bytes;    /* reads from the target while sampling */
	uint64_t tasks[3 + 2 * WHY_COUNT]; /* see tasks/logical.h */
	int may_not_stop;         /* ptrace was refused where it was needed, most of the time */
};

/* The sampler owns nothing of the target, which must outlive it. */
struct sampler *sampler_new(const struct target *, struct profile *,
                            const struct sample_options *);
void sampler_free(struct sampler *);

/* Looks whether the process has given itself another name, which then is that of
 * its frame, or its threads, from the beginning. */
void sampler_rename(struct sampler *);

/*
 * Takes the samples of one tick.  OK, whatever became of them; GONE: the target
 * is; BROKEN: for some ticks now it does not look like the same interpreter any
 * more.  They also stand for that many ticks before it, which were missed.
 */
enum why sampler_tick(struct sampler *, int64_t before);

/* Counts what the last tick found for that many missed ones after it, too. */
void sampler_stand_in(struct sampler *, int64_t ticks);

/* Counts a tick, and those before it, as failed that is not taken, as others have taken too
 * long. */
void sampler_leave_out(struct sampler *, int64_t before);

/* Appends a line for each thread that has waited for the GIL; see contention.h. */
void sampler_say_gil(const struct sampler *, struct buf *);

/* Whether the last tick was a step towards BROKEN. */
int sampler_is_troubled(const struct sampler *);

struct sample_counts sampler_counts(struct sampler *);

/* For how long threads were stopped so far, about, nanoseconds. */
int64_t sampler_stopped_ns(const struct sampler *);

/* For writers that show threads: whose, their list, and one thread's stack. */
const struct target *sampler_target(const struct sampler *);
struct threads *sampler_threads(struct sampler *);
struct codes *sampler_codes(struct sampler *);
enum why sampler_stack(struct sampler *, struct thread *, const uint32_t **frames, size_t *n);

/* The same with the thread stopped, and then() called before it goes on.  DENIED: it may not be
 * stopped. */
enum why sampler_stack_stopped(struct sampler *, struct thread *, void (*then)(void *context),
                               void *context);

/* The frames that were read last, with those of C where these are asked for. */
const uint32_t *sampler_frames(struct sampler *, const struct thread *, size_t *n);

/* Forgets what was read of a thread's stack: its frames are not to be used any more. */
void sampler_forget_stack(struct thread *);

/* Lists the threads again.  Whether there is a GIL to be held, as last listed; whether
 * the thread waits for one, as far as that can be known. */
enum why sampler_list(struct sampler *);
int sampler_has_gil(const struct sampler *);
int sampler_wants_gil(const struct sampler *, struct thread *);

/* Lists the threads for a look at all of them, notes who has a GIL (see thread_holds_gil()), and
 * begins to know what they wait for: *waits is to be ended with waits_free(). */
enum why sampler_look(struct sampler *, struct waits **waits);

#endif
