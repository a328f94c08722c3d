/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

/* When samples are due. */

struct clock {
	int64_t period;      /* nanoseconds between ticks */
	int64_t ticks;       /* how many; -1: no end */
	uint64_t random;     /* of the jitter; what it is at first is the seed */
	int64_t start, next; /* when tick 0 was, and which is due */
	int64_t ended;       /* when the last one had been taken */
	int64_t part;        /* the target may be stopped for 1/part of the time */
	int64_t stride, debt; /* how far apart ticks have to be for that, see leave_out() */
	int64_t window_ticks, window_stopped; /* since that was last decided */
	int hurries;         /* it goes before others, */
	int64_t hurried_at, used; /* since then, and what CPU time it had used; last looked at */
	uint64_t missed;     /* over before they could be taken, */
	uint64_t stood_for;  /* and of those, others are to stand for these: not among missed */
	uint64_t left_out;   /* to stop the target less */
};

/* A clock that starts when it is first asked for a tick.  seed 0: another one
 * each time. */
struct clock clock_new(int64_t period, int64_t ticks, uint64_t seed, int64_t part);

/* When the next tick is due, on CLOCK_MONOTONIC; -1: there are no more. */
int64_t clock_due(struct clock *);

/*
 * To be called when a tick is about to be taken: if later ones are due by now, too, it is
 * the last of these that is taken, and those before it are missed.  Which ones are missed
 * depends on what the target does, so others have to stand for them: for how many the last
 * tick that was taken, and for how many the one that comes.  `after`: that found something; else
 * nothing stands for them.
 */
struct missed {
	int64_t last, next;
};
struct missed clock_count_missed(struct clock *, int after);

/* Has sleeps end to the microsecond, where the default slack is 50 of them, and has the scheduler
 * not keep us waiting while others use up their turn.  For the calling process. */
void clock_be_precise(void);

/*
 * pyflame has to be on time: where ticks wait for a CPU, they come when the target does not
 * need it, and threads that are stopped wait for us.  As root, and unless asked to be nice, it
 * goes before others from clock_hurry() to clock_relax(), or until it takes too much.
 */
void clock_hurry(struct clock *);
void clock_relax(struct clock *);

/* After a tick, for which the target had to stand still for stopped_ns: goes
 * on to the next one to be taken. */
void clock_advance(struct clock *, int64_t stopped_ns);

#endif
