/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPU time of a process leaves out what those of its threads have used that are on a CPU, since
 * the scheduler looked last: Linux v6.1 kernel/sched/cputime.c, thread_group_cputime.  So it tells
 * that none has run if none of them is on one after that time, or waits for one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "tasks/rest.h"

enum { MOST_THREADS = 12 };

struct rest {
	int pid;
	size_t n;
	struct {
		int tid, fd;
	} threads[MOST_THREADS];
	int64_t cpu_time;
};

struct rest *
rest_new(int pid)
{
	struct proc_task *tasks;
	size_t n = proc_tasks(pid, &tasks);
	struct rest *r = NULL;

	if (n && n <= MOST_THREADS) {
		r = xcalloc(1, sizeof *r);
		r->pid = pid;
		for (r->n = 0; r->n < n; r->n++) {
			r->threads[r->n].tid = tasks[r->n].tid;
			r->threads[r->n].fd = -1;
		}
	}
	free(tasks);
	return r;
}

void
rest_free(struct rest *r)
{
	for (size_t i = 0; r && i < r->n; i++)
		if (r->threads[i].fd >= 0)
			close(r->threads[i].fd);
	free(r);
}

void
rest_begin(struct rest *r)
{
	if (r)
		r->cpu_time = proc_cpu_time(r->pid);
}

/* How many threads it has by the number of the links to their folder, two of which are others. */
static size_t
count_threads(int pid)
{
	char path[32];
	struct stat s;

	text_format(path, sizeof path, "/proc/%d/task", pid);
	return stat(path, &s) || s.st_nlink < 2 ? 0 : (size_t)s.st_nlink - 2;
}

int
rest_holds(struct rest *r)
{
	char state;

	if (!r || r->cpu_time < 0 || count_threads(r->pid) != r->n)
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		state = proc_state(r->pid, r->threads[i].tid, &r->threads[i].fd);
		if (!state || state == 'R')
			return 0;
	}
	return proc_cpu_time(r->pid) == r->cpu_time;
}
