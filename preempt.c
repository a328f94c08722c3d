/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that is told to stop goes on until another CPU's interrupt reaches it, which takes its
 * time in a virtual machine, or until it leaves the kernel: what it does just then is seen too
 * often.  A timer of its own CPU interrupts it at any instruction, and one that is told to stop
 * while it is interrupted so goes on no more.
 *
 * That it does not run while it is read follows from what the scheduler says of it.  It counts how
 * often a thread was given a CPU: Linux v6.1 kernel/sched/stats.h, sched_info_arrive, in
 * /proc/PID/task/TID/schedstat.  What that count was is read first; then which CPU it has, and if
 * that is ours, it does not run; and if the count is the same at the end, it did not run meanwhile.
 *
 * One that was stopped is woken on another CPU, as we are on its own, so we follow it there; and
 * where we come to a CPU with a thread on it while ours falls idle, it may be moved to that one.
 */
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "ptrace.h"
#include "process.h"
#include "preempt.h"

enum {
	MOST_CPUS = 8192,
	BITS = 8 * sizeof(long),
	KEPT = 64,          /* ticks at which none asked for it, before it is left */
	AROUND_NS = 8000,   /* that a thread loses besides: to come and go, and by cold caches */
	MOST_STAY_NS = 60000, /* after a thread was read: to go and to come back costs it, too */
	LATE_NS = 200000,
	LATE_AT = 8,        /* of 64 ticks */
	SLOWLY = 8,
	REST_MS = 1000,
	MOST_REST_MS = 64000,
};

static unsigned long before[MOST_CPUS / BITS], mask[MOST_CPUS / BITS];
static size_t size; /* of these, as the kernel has them; 0: we are where we were before */
static int on;      /* our CPU plus one, 0: any */
static struct place {
	int cpu;      /* the same, for the next tick, */
	int pid, tid; /* and who is there */
} wanted;
static unsigned n_wanted, unwanted;
static int took;    /* a thread's time, at this tick, */
static int64_t began, lost; /* which began then; and how much before that is counted */
static int64_t read_at; /* when it was read; and how long ticks may last after that */
static int64_t remains = 1000000;
static uint32_t random_state = 1;
static uint64_t late; /* of the last 64 ticks, 1: late */
static int64_t rests, rest = REST_MS * MS;

int
preempt_is_on(void)
{
	return on;
}

int
preempt_begin(const struct process *p, struct task *t, uint64_t *turns)
{
	struct proc_times times;

	if (!on || task_times(p, t, &times) || !times.turns || task_cpu(p, t) != on - 1)
		return 0;
	*turns = times.turns;
	return 1;
}

int
preempt_held(const struct process *p, struct task *t, uint64_t turns)
{
	struct proc_times times;

	return !task_times(p, t, &times) && times.turns == turns;
}

/* Whether it is this one of all that ask for it at this tick. */
static int
is_chosen(void)
{
	/* G. Marsaglia, "Xorshift RNGs" */
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % ++n_wanted == 0;
}

void
preempt_want(const struct process *p, struct task *t)
{
	int cpu = task_cpu(p, t);

	if (cpu >= 0 && cpu < MOST_CPUS && is_chosen())
		wanted = (struct place){ cpu + 1, process_pid(p), t->tid };
}

void
preempt_unwant(void)
{
	n_wanted = 0;
	unwanted = KEPT;
}

int
preempt_pid(void)
{
	return on ? wanted.pid : 0;
}

int
preempt_tid(void)
{
	return on ? wanted.tid : 0;
}

void
preempt_leave(void)
{
	if (size)
		syscall(SYS_sched_setaffinity, 0, size, before);
	on = 0;
	size = 0;
	ptrace_yield(0);
}

/* For a while, and the next time longer. */
static void
be_elsewhere(void)
{
	preempt_leave();
	rests = now_ns() + rest;
	if (rest < MOST_REST_MS * MS)
		rest *= 2;
}

/* Where we may be is asked each time that we begin, as that may change. */
static void
go(int cpu)
{
	long bytes = size ? (long)size : syscall(SYS_sched_getaffinity, 0, sizeof before, before);

	if (bytes <= 0)
		return;
	size = (size_t)bytes;
	memset(mask, 0, size);
	mask[cpu / BITS] = 1UL << cpu % BITS;
	if (syscall(SYS_sched_setaffinity, 0, size, mask)) {
		be_elsewhere();
		return;
	}
	on = cpu + 1;
	ptrace_yield(1);
}

/* Anywhere but where we are. */
static void
go_elsewhere(void)
{
	memcpy(mask, before, size);
	mask[(on - 1) / BITS] &= ~(1UL << (on - 1) % BITS);
	syscall(SYS_sched_setaffinity, 0, size, mask);
	on = 0;
}

static void
count_time(void)
{
	if (took)
		lost += now_ns() - began + AROUND_NS;
	took = 0;
}

void
preempt_stops(void)
{
	if (on && !lost)
		lost = now_ns() - began;
}

void
preempt_step_aside(void)
{
	if (!took)
		return;
	go_elsewhere();
	count_time();
	lost += AROUND_NS; /* to come back */
}

void
preempt_stay(const struct process *p, const struct task *t)
{
	took = 1;
	read_at = now_ns();
	if (is_chosen())
		wanted = (struct place){ on, process_pid(p), t->tid };
	if (remains > MOST_STAY_NS)
		preempt_step_aside();
}

/* A thread's CPU, -1: not known. */
static int
where_is(int pid, int tid)
{
	static struct {
		int pid, tid, fd;
	} last = { .fd = -1 };

	if (last.fd >= 0 && (last.pid != pid || last.tid != tid)) {
		close(last.fd);
		last.fd = -1;
	}
	last.pid = pid;
	last.tid = tid;
	return proc_cpu(pid, tid, &last.fd);
}

/* Goes to where a thread is.  As we come it may be moved to where we were. */
static void
go_after(struct place to)
{
	enum { TRIES = 3 };

	for (int i = 0; i < TRIES && to.cpu > 0 && to.cpu != on && now_ns() >= rests; i++) {
		go(to.cpu - 1);
		to.cpu = 1 + where_is(to.pid, to.tid);
	}
}

/* Goes to where we are wanted, and stays there for a while when we are not any more. */
static void
settle(void)
{
	if (!n_wanted && ++unwanted >= KEPT)
		preempt_leave();
	else if (n_wanted)
		go_after(wanted);
	unwanted = n_wanted ? 0 : unwanted;
	n_wanted = 0;
}

/* Ticks that take long are to be expected for a while. */
static void
note_rest(int64_t took_now)
{
	remains -= remains / SLOWLY;
	if (remains < took_now)
		remains = took_now;
}

int64_t
preempt_end_tick(void)
{
	int64_t all;

	if (read_at)
		note_rest(now_ns() - read_at);
	read_at = 0;
	settle();
	count_time();
	all = lost;
	lost = 0;
	return all;
}

void
preempt_begin_tick(int64_t ns)
{
	began = now_ns();
	if (!on)
		return;
	late = late << 1 | (ns > LATE_NS);
	if (__builtin_popcountll(late) < LATE_AT)
		return;
	late = 0;
	be_elsewhere();
}
