/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of any kind; see process.h.  The live kind is here, as what memory.c,
 * proc.c, ptrace.c and explain.c say of the process with that pid: the pid stays below.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "ptrace.h"
#include "explain.h"
#include "process.h"

struct process {
	const struct process_source *source;
	struct mem *mem;
	int pid;
	uint64_t start_time;
};

/* ---- live ones ---- */

static enum why
live_maps(const struct process *p, struct proc_maps *maps)
{
	return proc_maps_read(p->pid, maps);
}

static int
live_exe(const struct process *p, char *buf, size_t size)
{
	return proc_exe(p->pid, buf, size);
}

static int
live_stat(const struct process *p, struct proc_stat *stat)
{
	return proc_process_stat(p->pid, stat);
}

static int
live_lender(const struct process *p)
{
	return proc_lender(p->pid);
}

static int64_t
live_cpu_time(const struct process *p)
{
	return proc_cpu_time(p->pid);
}

static void
live_name(const struct process *p, struct buf *out)
{
	proc_short_command(p->pid, out);
}

static size_t
live_tasks(const struct process *p, struct proc_task **tasks)
{
	return proc_tasks(p->pid, tasks);
}

static int
live_task_name(const struct process *p, int tid, char *buf, size_t size)
{
	return proc_task_name(p->pid, tid, buf, size);
}

static char
live_state(const struct process *p, struct task *t)
{
	return proc_state(p->pid, t->tid, &t->state_fd);
}

static int
live_cpu(const struct process *p, struct task *t)
{
	return proc_cpu(p->pid, t->tid, &t->state_fd);
}

static int
live_times(const struct process *p, struct task *t, struct proc_times *times)
{
	return proc_times(p->pid, t->tid, &t->times_fd, times);
}

static int
live_call(const struct process *p, struct task *t, struct proc_call *call)
{
	return proc_call(p->pid, t->tid, &t->call_fd, call);
}

static enum why
live_stop(const struct process *p, struct task *t)
{
	return ptrace_stop(p->pid, t->tid);
}

static void
live_resume(const struct process *p, struct task *t)
{
	(void)p;
	ptrace_resume(t->tid);
}

static int
live_is_stopping(const struct process *p, struct task *t)
{
	(void)p;
	return ptrace_is_stopping(t->tid);
}

#ifndef WITHOUT_native

static size_t
live_registers(const struct process *p, struct task *t, void *set, size_t size)
{
	(void)p;
	return ptrace_registers(t->tid, set, size);
}

static int
live_open(const struct process *p, const char *path, uint64_t inode)
{
	return proc_open(p->pid, path, inode);
}

#endif

static int
live_explain(const struct process *p, enum why why, struct buf *out)
{
	if (why == GONE)
		return explain_hidden(p->pid, out);
	explain_denied(p->pid, out);
	return 1;
}

static const struct process_source live = {
	.maps = live_maps, .exe = live_exe, .stat = live_stat, .lender = live_lender,
	.cpu_time = live_cpu_time, .name = live_name,
	.tasks = live_tasks, .task_name = live_task_name, .state = live_state, .cpu = live_cpu,
	.times = live_times, .call = live_call, .stop = live_stop, .resume = live_resume,
	.is_stopping = live_is_stopping, .explain = live_explain,
#ifndef WITHOUT_native
	.registers = live_registers, .open = live_open,
#endif
};

struct process *
process_open(int pid)
{
	return process_from(&live, mem_open(pid), pid);
}

/* ---- of any kind ---- */

struct process *
process_from(const struct process_source *source, struct mem *mem, int pid)
{
	struct process *p = xcalloc(1, sizeof *p);
	struct proc_stat stat;

	*p = (struct process){ .source = source, .mem = mem, .pid = pid };
	p->start_time = source->stat(p, &stat) ? 0 : stat.start_time;
	return p;
}

void
process_close(struct process *p)
{
	if (!p)
		return;
	mem_close(p->mem);
	free(p);
}

int
process_pid(const struct process *p)
{
	return p->pid;
}

uint64_t
process_start_time(const struct process *p)
{
	return p->start_time;
}

struct mem *
process_mem(const struct process *p)
{
	return p->mem;
}

enum why
process_maps(const struct process *p, struct proc_maps *maps)
{
	return p->source->maps(p, maps);
}

int
process_exe(const struct process *p, char *buf, size_t size)
{
	return p->source->exe(p, buf, size);
}

int
process_stat(const struct process *p, struct proc_stat *stat)
{
	return p->source->stat(p, stat);
}

int
process_lender(const struct process *p)
{
	return p->source->lender(p);
}

int64_t
process_cpu_time(const struct process *p)
{
	return p->source->cpu_time(p);
}

size_t
process_tasks(const struct process *p, struct proc_task **tasks)
{
	return p->source->tasks(p, tasks);
}

int
process_task_name(const struct process *p, int tid, char *buf, size_t size)
{
	return p->source->task_name(p, tid, buf, size);
}

int
process_open_file(const struct process *p, const char *path, uint64_t inode)
{
	return p->source->open(p, path, inode);
}

void
process_name(const struct process *p, struct buf *out)
{
	p->source->name(p, out);
}

void
process_title(const struct process *p, struct buf *out)
{
	buf_printf(out, "process %d ", p->pid);
	process_name(p, out);
}

int
process_explain(const struct process *p, enum why why, struct buf *out)
{
	return p->source->explain(p, why, out);
}

/* ---- threads ---- */

char
task_state(const struct process *p, struct task *t)
{
	return t->tid ? p->source->state(p, t) : 0;
}

int
task_cpu(const struct process *p, struct task *t)
{
	return t->tid ? p->source->cpu(p, t) : -1;
}

int
task_times(const struct process *p, struct task *t, struct proc_times *times)
{
	return t->tid ? p->source->times(p, t, times) : -1;
}

int
task_call(const struct process *p, struct task *t, struct proc_call *call)
{
	return t->tid ? p->source->call(p, t, call) : -1;
}

/* Its number on 32-bit machines is that of nothing else that has such an address. */
uint64_t
task_futex(const struct process *p, struct task *t)
{
	enum { FUTEX_32 = 240, FUTEX_TIME64 = 422 };
	struct proc_call call;

	if (task_call(p, t, &call) || (call.number != SYS_futex && call.number != FUTEX_32 &&
	                               call.number != FUTEX_TIME64))
		return 0;
	return call.args[0];
}

void
task_close(struct task *t)
{
	int *fds[] = { &t->state_fd, &t->times_fd, &t->call_fd };

	for (size_t i = 0; i < LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

enum why
task_stop(const struct process *p, struct task *t)
{
	return t->tid ? p->source->stop(p, t) : DENIED;
}

void
task_resume(const struct process *p, struct task *t)
{
	p->source->resume(p, t);
}

int
task_is_stopping(const struct process *p, struct task *t)
{
	return t->tid && p->source->is_stopping(p, t);
}

size_t
task_registers(const struct process *p, struct task *t, void *set, size_t size)
{
	return p->source->registers(p, t, set, size);
}
