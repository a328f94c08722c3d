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
	WINDOW = 64,       /* ticks after which that is looked at again */
	STRIDE_1 = 256,    /* a stride of one tick */
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
 * than its part, ticks are left out: evenly, whatever the target does at the
 * time, since to leave out only where stopping was needed would favour code that
 * holds still.  From half as many on to half as many more, again for the sake of
 * rhythms.
 */
static void
spare(struct clock *c)
{
	int64_t left = c->ticks - 1 - c->next, skip;

	if (++c->window_ticks == WINDOW) {
		int64_t allowed = c->period * WINDOW / c->part;

		c->stride = c->window_stopped * STRIDE_1 / allowed;
		if (c->stride < STRIDE_1)
			c->stride = STRIDE_1;
		c->window_ticks = c->window_stopped = 0;
	}
	c->debt += c->stride - STRIDE_1;
	skip = c->debt / STRIDE_1;
	skip = skip > 0 ? skip / 2 + random_below(c, skip + 1) : 0;
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
