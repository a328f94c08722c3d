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
	WINDOW = 64,       /* ticks after which the stride is decided again */
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
clock_count_missed(struct clock *c)
{
	int64_t due = (now_ns() - c->start) / c->period, last = c->ticks - 1;

	if (c->ticks >= 0 && due > last)
		due = last;
	if (due <= c->next)
		return;
	c->missed += (uint64_t)(due - c->next);
	c->next = due;
}

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

	if (++c->window_ticks == WINDOW)
		choose_stride(c);
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
}
