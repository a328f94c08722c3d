/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROC_H
#define PROC_H

/* What the kernel says of a process in /proc. */

struct buf;

struct proc_map {
	uint64_t start, end, offset;
	uint64_t inode;
	int readable, writable, executable;
	const char *path; /* "" for none; without " (deleted)" */
};

struct proc_maps {
	struct proc_map *maps;
	size_t n;
	char *text; /* what the paths point into */
};

/* The memory map, whether or not the main thread has ended; proc_maps_free ends it.  GONE,
 * DENIED, or BROKEN if it is empty: a zombie or a kernel thread. */
enum why proc_maps_read(int pid, struct proc_maps *);
void proc_maps_free(struct proc_maps *);

/* Append the whole of a file in /proc/PID, of another one that the kernel makes up, to a bound:
 * 0, or -1 with errno set. */
int proc_read(int pid, const char *name, struct buf *);
int proc_read_path(const char *path, struct buf *);

/* The path of the executable as the kernel prints it, without " (deleted)". */
int proc_exe(int pid, char *buf, size_t size);

/* Appends the command line, arguments parted by blanks, control characters
 * replaced; the name in brackets where there is none. */
void proc_command(int pid, struct buf *);

/* The same without its folder and cut to a length that can be shown. */
void proc_short_command(int pid, struct buf *);

/* The one-letter state of a thread (the process itself: tid = pid), 0 if it is
 * gone.  With a descriptor: *fd is opened when it is -1, and kept. */
char proc_state(int pid, int tid, int *fd);

/* The CPU that it runs on, or ran on last, or is to run on next; -1 if that is not known.  *fd is
 * that of proc_state. */
int proc_cpu(int pid, int tid, int *fd);

/* How long a thread has run on a CPU, as the scheduler has counted it up to its
 * last look, and how long it was ready to and had to wait; nanoseconds.  And how often it was
 * given one.  0, or -1 if that is not known.  *fd as above. */
struct proc_times {
	int64_t ran, waited;
	uint64_t turns;
};
int proc_times(int pid, int tid, int *fd, struct proc_times *);

/* The CPU time that a process has used, all its threads together, those that have ended
 * included, nanoseconds; -1 if it is gone. */
int64_t proc_cpu_time(int pid);

/* The system call that a thread waits in; number -1: it waits elsewhere, for a page or for
 * a stop to end.  0, or -1 if it runs, the number being PROC_RUNS, or we may not know.  *fd as
 * above. */
enum { PROC_RUNS = -2 };
struct proc_call {
	int number;
	uint64_t args[6];
	uint64_t sp, pc; /* where it will go on */
};
int proc_call(int pid, int tid, int *fd, struct proc_call *);

struct proc_stat {
	char state; /* as above */
	int kernel; /* it is a thread of the kernel's */
	int ended;  /* or about to: it has no memory, or will soon have none */
	int forked; /* and has executed nothing since */
	int parent;
	uint64_t start_time; /* in clock ticks since boot; with the pid it names a
	                      * process for ever */
	unsigned image;      /* another one after an exec, where we may know that; 0:
	                      * no memory, as kernel threads and zombies */
};

/* What the kernel says of a task at a glance: 0, or -1 if it is gone. */
int proc_stat(int tid, struct proc_stat *);

/* The same of a process, which lives on when its main thread has ended and others have
 * not: then the state and the image are those of one of these. */
int proc_process_stat(int pid, struct proc_stat *);
uint64_t proc_start_time(int pid);

/* A task that a process's memory can be reached through: its main thread or, when that
 * has ended, another one.  0 if all have. */
int proc_living_task(int pid);

/* Whether a process has no memory of its own but still that of its parent, as a child of
 * vfork(2) does until it executes something: the parent's pid, else 0. */
int proc_lender(int pid);

/* The process that a task belongs to, a process's own number for itself; the number that
 * was given where that is not known. */
int proc_owner(int tid);

/* How long ago that start time was, nanoseconds. */
int64_t proc_age(uint64_t start_time);

/* Opens a file that a process has mapped, of that inode as its maps have it, for reading: the
 * descriptor, or -1.  Another one has to be regular as well, and for everybody to read. */
int proc_open(int pid, const char *path, uint64_t inode);

/* A line "NAME:\tVALUE" of the status file: VALUE without the newline.  -1 if
 * there is none. */
int proc_status(int pid, const char *name, char *value, size_t size);

/* A thread, as numbered here and as numbered in its own pid namespace. */
struct proc_task {
	int tid, inner;
};

/* All threads of a process that have not ended; *tasks is to be freed.  Their number, 0 if
 * none. */
size_t proc_tasks(int pid, struct proc_task **tasks);

/* The name of a thread as the kernel knows it, at most 15 bytes; -1 if gone. */
int proc_task_name(int pid, int tid, char *buf, size_t size);

/* All processes there are; *pids is to be freed.  Their number. */
size_t proc_list(int **pids);

#endif
