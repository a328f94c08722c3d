/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_event_open(2), linux/perf_event.h: an event of the CPU's clock counts while its
 * thread is on a CPU, and interrupts it there.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "kernel/events.h"

enum { SOFTWARE = 1, CLOSE_ON_EXEC = 8 };
enum { ENABLE = 0x2400, DISABLE = 0x2401, PERIOD = 0x40082404, SET_PROGRAM = 0x40042408 };

static struct {
	struct event_tasks tasks;
	int fds[MOST_EVENT_TASKS];
	size_t varied;
} events;

/* The bits of flags are the first of their word where the lowest byte is the first. */
static uint64_t
flags_of(uint64_t flags)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	uint64_t word = 0;

	for (int i = 0; i < 32; i++)
		word |= (flags >> i & 1) << (63 - i);
	return word;
#else
	return flags;
#endif
}

int
event_open(struct event *what, int tid, int cpu)
{
	what->type = SOFTWARE;
	what->size = sizeof *what;
	what->flags = flags_of(what->flags);
	return (int)syscall(SYS_perf_event_open, what, tid, cpu, -1, (long)CLOSE_ON_EXEC);
}

int
event_cpus(int (*open)(int tid, int cpu, void *context), int tid, void *context)
{
	int error = 0;

	for (int cpu = 0; cpu < MOST_EVENT_CPUS && !error; cpu++) {
		error = open(tid, cpu, context);
		if (error == ENODEV)
			error = 0;
	}
	return error;
}

/* ---- of all threads ---- */

static int
is_open(const struct event_tasks *opened, int tid)
{
	for (size_t i = 0; i < opened->n; i++)
		if (opened->tids[i] == tid)
			return 1;
	return 0;
}

/* Whether there was any that was not open. */
static int
open_missing(struct event_tasks *opened, int pid, int (*open)(int, void *), void *context)
{
	struct proc_task *tasks;
	size_t n = proc_tasks(pid, &tasks), before = opened->n;

	for (size_t i = 0; i < n && opened->n < MOST_EVENT_TASKS; i++)
		if (!is_open(opened, tasks[i].tid) && !open(tasks[i].tid, context))
			opened->tids[opened->n++] = tasks[i].tid;
	free(tasks);
	return opened->n > before;
}

void
event_tasks(struct event_tasks *opened, int pid, int (*open)(int, void *), void *context)
{
	enum { LOOKS = 8 };

	for (int i = 0; i < LOOKS && open_missing(opened, pid, open, context); i++)
		;
}

/* ---- that run a program ---- */

struct running {
	int64_t period;
	int program;
};

static int
open_one(int tid, int cpu, void *context)
{
	const struct running *running = context;
	struct event what = { .config = EVENT_CPU_CLOCK, .period = (uint64_t)running->period,
	                      .flags = EVENT_DISABLED | EVENT_INHERIT | EVENT_NO_IDLE };
	int fd = event_open(&what, tid, cpu);

	if (fd < 0)
		return errno;
	if (ioctl(fd, SET_PROGRAM, running->program)) {
		close(fd);
		return EPERM;
	}
	events.fds[events.tasks.n] = fd;
	events.tasks.n += cpu >= 0; /* else that is counted with its tid */
	return 0;
}

static int
open_of_task(int tid, void *context)
{
	return open_one(tid, -1, context);
}

size_t
events_open(int pid, int64_t period, int program)
{
	struct running running = { period, program };

	if (pid < 0)
		event_cpus(open_one, pid, &running);
	else
		event_tasks(&events.tasks, pid, open_of_task, &running);
	return events.tasks.n;
}

void
events_switch(int on)
{
	for (size_t i = 0; i < events.tasks.n; i++)
		ioctl(events.fds[i], on ? ENABLE : DISABLE, 0);
}

void
events_vary(int64_t period)
{
	if (events.tasks.n)
		ioctl(events.fds[events.varied++ % events.tasks.n], PERIOD, &period);
}
