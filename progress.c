/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line.  A timer's signal comes between ticks, where all signals
 * are handled, so that nothing is done for it at a tick. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include "util.h"
#include "progress.h"

enum { EVERY_US = 250000 };

static int active, drawn;

static void
set_timer(int us)
{
	struct itimerval every = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	setitimer(ITIMER_REAL, &every, NULL);
}

void
progress_begin(sigset_t *set)
{
	active = isatty(STDERR_FILENO);
	if (!active)
		return;
	sigaddset(set, SIGALRM);
	sigprocmask(SIG_BLOCK, set, NULL);
	set_timer(EVERY_US);
}

int
progress_is_due(int signal)
{
	return active && signal == SIGALRM;
}

void
progress_draw(int64_t elapsed, int64_t total, uint64_t ticks, uint64_t samples)
{
	struct pollfd terminal = { .fd = STDERR_FILENO, .events = POLLOUT };
	int64_t tenths = elapsed / 100000000, of = total / 100000000;
	struct buf text = { 0 };

	if (tcgetpgrp(STDERR_FILENO) != getpgrp() || poll(&terminal, 1, 0) != 1 || !tenths)
		return;
	buf_printf(&text, "\rpyflame: %" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
	if (total)
		buf_printf(&text, " of %" PRId64 ".%" PRId64, of / 10, of % 10);
	buf_printf(&text, " s, %" PRIu64 " samples, %" PRIu64 " ticks a second\033[K", samples,
	           ticks * 1000000 / (uint64_t)(elapsed / 1000));
	drawn = !write_all(STDERR_FILENO, text.data, text.len);
	buf_free(&text);
}

void
progress_end(void)
{
	if (active)
		set_timer(0);
	if (drawn)
		write_all(STDERR_FILENO, "\r\033[K", 4);
	active = drawn = 0;
}
