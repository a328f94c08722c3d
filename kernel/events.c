/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_event_open(2), linux/perf_event.h: an event of the CPU's clock counts while its
 * thread is on a CPU, and interrupts it there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "kernel/events.h"

enum { SOFTWARE = 1, CPU_CLOCK = 0, CLOSE_ON_EXEC = 8 };
enum { DISABLED = 1, INHERIT = 2 }; /* flags, the lowest bits first */
enum { ENABLE = 0x2400, DISABLE = 0x2401, PERIOD = 0x40082404, SET_PROGRAM = 0x40042408 };
enum { MOST_EVENTS = 512 }; /* descriptors */

static struct {
	int fds[MOST_EVENTS], tids[MOST_EVENTS];
	size_t n, varied;
} events;

static int
is_open(int tid)
{
	for (size_t i = 0; i < events.n; i++)
		if (events.tids[i] == tid)
			return 1;
	return 0;
}

/* The bits of flags are the first of their word where the lowest byte is the first. */
static uint64_t
flags_of(unsigned flags)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	uint64_t word = 0;

	for (int i = 0; i < 2; i++)
		word |= (uint64_t)(flags >> i & 1) << (63 - i);
	return word;
#else
	return flags;
#endif
}

static void
open_one(int tid, int64_t period, int program)
{
	struct {
		uint32_t type, size;
		uint64_t config, period, sample, read, flags;
		uint32_t wakeup, breakpoint;
		uint64_t address;
	} what = { .type = SOFTWARE, .size = sizeof what, .config = CPU_CLOCK,
	           .period = (uint64_t)period, .flags = flags_of(DISABLED | INHERIT) };
	int fd = (int)syscall(SYS_perf_event_open, &what, tid, -1, -1, (long)CLOSE_ON_EXEC);

	if (fd >= 0 && ioctl(fd, SET_PROGRAM, program)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		return;
	events.fds[events.n] = fd;
	events.tids[events.n++] = tid;
}

/* Whether there was any that was not open. */
static int
open_missing(int pid, int64_t period, int program)
{
	struct proc_task *tasks;
	size_t n = proc_tasks(pid, &tasks), before = events.n;

	for (size_t i = 0; i < n && events.n < MOST_EVENTS; i++)
		if (!is_open(tasks[i].tid))
			open_one(tasks[i].tid, period, program);
	free(tasks);
	return events.n > before;
}

/* One that is made before its maker has the event does not inherit it. */
size_t
events_open(int pid, int64_t period, int program)
{
	enum { LOOKS = 8 };

	for (int i = 0; i < LOOKS && open_missing(pid, period, program); i++)
		;
	return events.n;
}

void
events_switch(int on)
{
	for (size_t i = 0; i < events.n; i++)
		ioctl(events.fds[i], on ? ENABLE : DISABLE, 0);
}

void
events_vary(int64_t period)
{
	if (events.n)
		ioctl(events.fds[events.varied++ % events.n], PERIOD, &period);
}
