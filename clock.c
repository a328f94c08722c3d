/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks are at absolute times; one that is over before it could be taken is
 * counted and not made up for.
 */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "clock.h"

enum {
	STOPPED_PART = 50, /* the target may be stopped for one part in so many */
	WINDOW = 64,       /* ticks after which that is looked at again */
	STRIDE_1 = 256,    /* a stride of one tick */
};

struct clock
clock_new(int64_t period, int64_t ticks, uint64_t seed)
{
	return (struct clock){ .period = period, .ticks = ticks, .random = seed,
	                       .stride = STRIDE_1 };
}

/*
 * How long after its time a tick is taken: up to half a period, at random, so
 * that no program's own rhythm is in step with the samples.  (xorshift64*,
 * S. Vigna, "An experimental exploration of Marsaglia's xorshift generators".)
 */
static int64_t
jitter(struct clock *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (int64_t)((c->random * 0x2545f4914f6cdd1du >> 33) % (uint64_t)(c->period / 2));
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
	return c->start + c->next * c->period + jitter(c);
}

/* The last tick of all is taken however late. */
void
clock_skip_missed(struct clock *c)
{
	int64_t due = (now_ns() - c->start) / c->period, last = c->ticks - 1;

	if (c->ticks >= 0 && due > last)
		due = last;
	if (due <= c->next)
		return;
	c->missed += (uint64_t)(due - c->next);
	c->next = due;
}

/*
 * If samples take so much stopping that the target would stand still for more
 * than one part in fifty, ticks are left out: evenly, whatever the target does
 * at the time, since to leave out only where stopping was needed would favour
 * code that holds still.
 */
static void
spare(struct clock *c)
{
	int64_t left = c->ticks - 1 - c->next, skip;

	if (++c->window_ticks == WINDOW) {
		int64_t allowed = c->period * WINDOW / STOPPED_PART;

		c->stride = c->window_stopped * STRIDE_1 / allowed;
		if (c->stride < STRIDE_1)
			c->stride = STRIDE_1;
		c->window_ticks = c->window_stopped = 0;
	}
	c->debt += c->stride - STRIDE_1;
	skip = c->debt / STRIDE_1;
	c->debt -= skip * STRIDE_1;
	if (c->ticks >= 0 && skip > left)
		skip = left > 0 ? left : 0;
	c->next += skip;
	c->spared += (uint64_t)skip;
}

void
clock_advance(struct clock *c, int64_t stopped_ns)
{
	c->window_stopped += stopped_ns;
	spare(c);
	c->next++;
}
