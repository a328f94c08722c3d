/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOGICAL_H
#define LOGICAL_H

/*
 * Stacks by who awaits whom: the part of a thread's stack that a task of asyncio runs stands on
 * those that await the task, and not on the event loop that happened to go on with it.
 */

struct buf;
struct codes;
struct logical;
struct profile;
struct target;
struct thread;
struct threads;

/* All must outlive it. */
struct logical_options {
	const struct target *target;
	struct threads *threads;
	struct profile *profile;
	struct codes *codes;
	const struct buf *command; /* the name of the process, terminated */
	enum {
		LOGICAL_TOGETHER,  /* tasks are with the thread that runs their loop, */
		LOGICAL_ON_NAMES,  /* on a frame of their name, */
		LOGICAL_AS_THREADS, /* or as threads of the profile by that name */
	} apart;
	uint32_t root; /* what stacks of the process stand on */
	int waits;     /* those that wait are counted, too: and as idle; in the log */
	int tell_idle, log;
};

/* What has been counted: samples of tasks that run, on those that await them; those that are left
 * as they are as that was not proven, by the reason; samples of tasks that wait, how often one was
 * looked at, and those that failed. */
enum {
	LOGICAL_FOUND, LOGICAL_WAITING, LOGICAL_LOOKED, LOGICAL_UNKNOWN,
	LOGICAL_FAILED = LOGICAL_UNKNOWN + WHY_COUNT, LOGICAL_COUNTS = LOGICAL_FAILED + WHY_COUNT,
};

#ifdef WITHOUT_tasks

enum { HAS_LOGICAL = 0 };

#else

enum { HAS_LOGICAL = 1 };

#endif

/* Where that is 0 none of these may be called.  NULL: that release's tasks are not known. */
struct logical *logical_new(const struct logical_options *);
void logical_free(struct logical *);

/* Finds out, while a thread is stopped whose stack was read just now, what logical_number() is to
 * know of it.  OK, or TORN: it is just switching from one greenlet to another. */
enum why logical_look(void *logical, struct thread *);

/* Whether the thread, whose stack was just captured, runs a task, and that is proven; *number gets
 * that of its stack in the profile then.  frames: n of them, those of C included; else it would
 * stand on the stack `root`. */
int logical_number(struct logical *, const struct thread *, const uint32_t *frames, size_t n,
                   uint32_t root, uint32_t *number);

/* Looks for all tasks that wait, if that is due: each tenth period, or less often as it takes no
 * more than a fiftieth of the time.  And counts them as they were found last, for so many ticks. */
void logical_look_for_waits(struct logical *, int64_t period);
void logical_count_waits(struct logical *, uint64_t ticks);

/* Whether a thread, whose stack was numbered just now, waits for the events of an event loop of
 * which tasks that wait were found. */
int logical_is_represented(struct logical *, struct thread *);

/* Of how many samples so far the task was not known, as the thread had gone on. */
uint64_t logical_unknown(const struct logical *);

/* LOGICAL_COUNTS of them. */
const uint64_t *logical_counts(const struct logical *);

#endif
