/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_H
#define PROCESS_H

/*
 * A process that is looked at: its memory, what is known of it and of its threads, and
 * stopping one of these.  Where all that comes from is chosen when it is opened; what
 * stands on this file does not know, and asks by these functions only.
 */

struct buf;
struct mem;
struct proc_call;
struct proc_maps;
struct proc_stat;
struct proc_task;
struct proc_times;
struct process;

/* A thread as the kernel numbers it; all that it keeps is ended by task_close. */
struct task {
	int tid; /* 0: not known, and then nothing is known of it */
	int state_fd, times_fd, call_fd; /* kept open from question to question; -1: not open */
};
#define TASK_UNKNOWN { 0, -1, -1, -1 }

/* Opens a live process.  Never fails: errors come with the questions. */
struct process *process_open(int pid);
void process_close(struct process *);

/* How to get at another kind of process; each function does what the one below that is
 * called like it does. */
struct process_source {
	enum why (*maps)(const struct process *, struct proc_maps *);
	int (*exe)(const struct process *, char *buf, size_t size);
	int (*stat)(const struct process *, struct proc_stat *);
	int (*lender)(const struct process *);
	int64_t (*cpu_time)(const struct process *);
	void (*name)(const struct process *, struct buf *);
	size_t (*tasks)(const struct process *, struct proc_task **);
	int (*task_name)(const struct process *, int tid, char *buf, size_t size);
	char (*state)(const struct process *, struct task *);
	int (*cpu)(const struct process *, struct task *);
	int (*times)(const struct process *, struct task *, struct proc_times *);
	int (*call)(const struct process *, struct task *, struct proc_call *);
	enum why (*stop)(const struct process *, struct task *);
	void (*resume)(const struct process *, struct task *);
	int (*is_stopping)(const struct process *, struct task *);
	int (*explain)(const struct process *, enum why, struct buf *);
	/* for native/ alone: */
	size_t (*registers)(const struct process *, struct task *, void *set, size_t size);
	int (*open)(const struct process *, const char *path, uint64_t inode);
};

/* Opens one of that kind, which takes its memory over.  pid: what it is called by. */
struct process *process_from(const struct process_source *, struct mem *, int pid);

/* What people and profiles call it by; when it started, as in proc_stat. */
int process_pid(const struct process *);
uint64_t process_start_time(const struct process *);

struct mem *process_mem(const struct process *);

/* See proc.h: proc_maps_read, proc_exe, proc_process_stat, proc_lender, proc_cpu_time,
 * proc_tasks, proc_task_name. */
enum why process_maps(const struct process *, struct proc_maps *);
int process_exe(const struct process *, char *buf, size_t size);
int process_stat(const struct process *, struct proc_stat *);
int process_lender(const struct process *);
int64_t process_cpu_time(const struct process *);
size_t process_tasks(const struct process *, struct proc_task **);
int process_task_name(const struct process *, int tid, char *buf, size_t size);

/* Appends its command line, cut to a length that can be shown; and with "process PID "
 * before that. */
void process_name(const struct process *, struct buf *);
void process_title(const struct process *, struct buf *);

/* Appends what forbids reading it and what to do about it, after a read said `why`; 0 if
 * nothing does: there is no such process. */
int process_explain(const struct process *, enum why why, struct buf *);

/* See proc.h: proc_state, proc_cpu, proc_times, proc_call; what they say of an unknown task if
 * the thread is not known.  And the address of the futex that it waits for, 0: for none. */
char task_state(const struct process *, struct task *);
int task_cpu(const struct process *, struct task *);
int task_times(const struct process *, struct task *, struct proc_times *);
int task_call(const struct process *, struct task *, struct proc_call *);
uint64_t task_futex(const struct process *, struct task *);
void task_close(struct task *);

/* See proc.h: proc_open. */
int process_open_file(const struct process *, const char *path, uint64_t inode);

/* See ptrace.h: ptrace_stop, ptrace_resume, ptrace_is_stopping, ptrace_registers. */
enum why task_stop(const struct process *, struct task *);
void task_resume(const struct process *, struct task *);
int task_is_stopping(const struct process *, struct task *);
size_t task_registers(const struct process *, struct task *, void *set, size_t size);

#endif
