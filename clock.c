/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks are at absolute times; one that is over before it could be taken is counted as
 * missed, and the ticks next to it stand for it.
 */
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "clock.h"

enum {
	WINDOW = 64,       /* ticks after which the stride is decided again */
	STRIDE_1 = 256,    /* a stride of one tick */
	MOST_USED = 4,     /* pyflame may use 1/4 of a CPU and go before others */
	MOST_STOOD_FOR_NS = 100000000, /* of missed ticks on either side of one */
};

struct clock
clock_new(int64_t period, int64_t ticks, uint64_t seed, int64_t part)
{
	return (struct clock){ .period = period, .ticks = ticks, .random = seed, .part = part,
	                       .stride = STRIDE_1 };
}

/* Below n.  (xorshift64*, S. Vigna, "An experimental exploration of Marsaglia's
 * xorshift generators".) */
static int64_t
random_below(struct clock *c, int64_t n)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (int64_t)((c->random * 0x2545f4914f6cdd1du >> 33) % (uint64_t)n);
}

int64_t
clock_due(struct clock *c)
{
	if (!c->start) {
		c->start = now_ns();
		if (!c->random)
			c->random = (uint64_t)c->start;
	}
	if (c->ticks >= 0 && c->next >= c->ticks)
		return -1;
	/* Late by up to half a period, so that no program's own rhythm is in step. */
	return c->start + c->next * c->period + random_below(c, c->period / 2);
}

/* The last tick that is due at that time; the last of all is taken however late. */
static int64_t
due_at(const struct clock *c, int64_t time)
{
	int64_t due = (time - c->start) / c->period;

	return c->ticks >= 0 && due > c->ticks - 1 ? c->ticks - 1 : due;
}

/* How many taken ticks missed ones would have been: of those many are left out.  What was
 * long ago tells nothing. */
static int64_t
would_be_taken(struct clock *c, int64_t missed)
{
	int64_t most = MOST_STOOD_FOR_NS / c->period;

	if (missed > most)
		missed = most;
	return (missed * STRIDE_1 + random_below(c, c->stride)) / c->stride;
}

/* Those that became due while the one before was taken are that one's: it had to wait for
 * a thread to stop, which meanwhile did nothing.  The rest, for which pyflame had no CPU, are
 * shared. */
struct missed
clock_count_missed(struct clock *c, int after)
{
	int64_t n = due_at(c, now_ns()) - c->next, during, since;

	if (n <= 0)
		return (struct missed){ 0, 0 };
	c->next += n;
	c->missed += (uint64_t)n;
	if (!after)
		return (struct missed){ 0, 0 };
	during = due_at(c, c->ended) + 1 - (c->next - n);
	if (during < 0)
		during = 0;
	if (during > n)
		during = n;
	since = would_be_taken(c, n - during);
	during = would_be_taken(c, during);
	c->stood_for += (uint64_t)(during + since);
	c->missed -= (uint64_t)(during + since);
	return (struct missed){ during + since / 2, since - since / 2 };
}

/* ---- being on time ---- */

/* The C library does not have it, as it can't do it for all threads.  Nothing that is started
 * is to inherit it. */
static int
set_policy(int policy, int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return (int)syscall(SYS_sched_setscheduler, 0, policy | SCHED_RESET_ON_FORK, &p);
}

/* Short turns come soon: Linux v6.12 kernel/sched/syscalls.c, __setparam_fair.  Older kernels take
 * no notice of what is asked for here, or do not know the call. */
static void
ask_for_short_turns(void)
{
	enum { SHORTEST_NS = 100000, RESET_ON_FORK = 1 };
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} wanted = { .size = sizeof wanted, .nice = getpriority(PRIO_PROCESS, 0),
	             .runtime = SHORTEST_NS };
	long policy = syscall(SYS_sched_getscheduler, 0);

	wanted.flags = policy > 0 && policy & SCHED_RESET_ON_FORK ? RESET_ON_FORK : 0;
	if ((policy & ~SCHED_RESET_ON_FORK) == SCHED_OTHER)
		syscall(SYS_sched_setattr, 0, &wanted, 0);
}

void
clock_be_precise(void)
{
	prctl(PR_SET_TIMERSLACK, 1UL);
	ask_for_short_turns();
}

void
clock_hurry(struct clock *c)
{
	if (getpriority(PRIO_PROCESS, 0) || syscall(SYS_sched_getscheduler, 0) != SCHED_OTHER)
		return;
	if (set_policy(SCHED_FIFO, 1) && setpriority(PRIO_PROCESS, 0, -20))
		return;
	c->hurries = 1;
	c->hurried_at = now_ns();
	c->used = cpu_ns();
}

void
clock_relax(struct clock *c)
{
	if (!c->hurries)
		return;
	c->hurries = 0;
	set_policy(SCHED_OTHER, 0);
	setpriority(PRIO_PROCESS, 0, 0);
	ask_for_short_turns();
}

/* Whatever takes that much is not only to be on time. */
static void
relax_if_busy(struct clock *c)
{
	int64_t now = now_ns(), used = cpu_ns();

	if ((used - c->used) * MOST_USED > now - c->hurried_at)
		clock_relax(c);
	c->hurried_at = now;
	c->used = used;
}

/* ---- leaving out ---- */

/* How far apart ticks have to be, by what the last window of them cost. */
static void
choose_stride(struct clock *c)
{
	int64_t allowed = c->period * WINDOW / c->part;

	c->stride = c->window_stopped * STRIDE_1 / allowed;
	if (c->stride < STRIDE_1)
		c->stride = STRIDE_1;
	c->window_ticks = c->window_stopped = 0;
}

/*
 * If samples take so much stopping that the target would stand still for more
 * than its part, ticks are left out: evenly, whatever the target does at the
 * time, since to leave out only where stopping was needed would favour code that
 * holds still.  Each time it is between half as many as are owed and half as many more,
 * again for the sake of rhythms.
 */
static void
leave_out(struct clock *c)
{
	int64_t remaining = c->ticks - 1 - c->next, owed, n = 0;

	if (++c->window_ticks == WINDOW) {
		choose_stride(c);
		if (c->hurries)
			relax_if_busy(c);
	}
	c->debt += c->stride - STRIDE_1;
	owed = c->debt / STRIDE_1;
	if (owed > 0)
		n = owed / 2 + random_below(c, owed + 1);
	c->debt -= n * STRIDE_1;
	if (c->ticks >= 0 && n > remaining)
		n = remaining > 0 ? remaining : 0;
	c->next += n;
	c->left_out += (uint64_t)n;
}

void
clock_advance(struct clock *c, int64_t stopped_ns)
{
	c->window_stopped += stopped_ns;
	leave_out(c);
	c->next++;
	c->ended = now_ns();
}
