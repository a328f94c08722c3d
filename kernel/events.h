/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_EVENTS_H
#define KERNEL_EVENTS_H

/* Events of the kernel's; and those that have a program run each time that a thread has used so
 * much CPU time. */

/* linux/perf_event.h, struct perf_event_attr, of software events */
struct event {
	uint32_t type, size;
	uint64_t config, period, sample, read;
	uint64_t flags; /* below, the lowest bits first */
	uint32_t wakeup, breakpoint;
	uint64_t unused[4];
	uint32_t unused_too;
	int32_t clock;
};
enum { EVENT_CPU_CLOCK = 0, EVENT_NOTHING = 9 }; /* config */
enum { EVENT_TIME = 1 << 2 }; /* sample */
enum {
	EVENT_DISABLED = 1, EVENT_INHERIT = 1 << 1, EVENT_NO_KERNEL = 1 << 5,
	EVENT_NO_IDLE = 1 << 7,
	EVENT_COMM = 1 << 9, EVENT_TASK = 1 << 13, EVENT_WATERMARK = 1 << 14, EVENT_IDS = 1 << 18,
	EVENT_EXEC = 1 << 24, EVENT_CLOCK = 1 << 25,
};

/* Its descriptor, or -1; cpu is -1: on any. */
int event_open(struct event *, int tid, int cpu);

/* Calls open() for each CPU that is there, from 0 on, until it answers another errno than 0 and
 * ENODEV (that CPU is off), and returns that: EINVAL, there are no more. */
int event_cpus(int (*open)(int tid, int cpu, void *context), int tid, void *context);

/*
 * Calls open() for each thread of a process, and for those that have come meanwhile: one that is
 * made before its maker has the event does not inherit it.  It answers 0 if it has opened one.
 */
enum { MOST_EVENT_TASKS = 512, MOST_EVENT_CPUS = 256 };
struct event_tasks {
	int tids[MOST_EVENT_TASKS];
	size_t n;
};
void event_tasks(struct event_tasks *, int pid, int (*open)(int tid, void *context),
                 void *context);

/*
 * Opens one for every thread of a process; those that begin later, and processes that it
 * makes, inherit it.  Nothing happens before events_switch.  How many that are.  pid is -1: one
 * for every CPU, whatever runs there.
 */
size_t events_open(int pid, int64_t period, int program);

/* Has all of them happen, or not. */
void events_switch(int on);

/* Gives the next one, by turns, another period; those that inherit it from then on have it. */
void events_vary(int64_t period);

#endif
