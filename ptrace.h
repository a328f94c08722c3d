/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PTRACE_H
#define PTRACE_H

/*
 * What needs ptrace(2) or makes processes: holding a thread for an instant,
 * and running a command.  A thread is only ever seized, never attached in the
 * old way, so that it runs on by itself should pyflame be killed; and no
 * signal of its own is lost.
 */

/* To be called once, before anything else here: prepares for waiting. */
void ptrace_init(void);

/*
 * Stops a thread of a process, of which none is stopped.  OK: it stands still until
 * ptrace_resume, which must follow soon.  GONE, DENIED (also: another tracer has
 * it), or TORN: it did not stop in time, as in a frozen cgroup, or another thread of
 * the process did not; it is let go as soon as it does.
 */
enum why ptrace_stop(int pid, int tid);
void ptrace_resume(int tid);

/* Whether a thread was asked to stop, and neither has nor was let go since: whatever keeps
 * it, from then on it executes nothing of its own. */
int ptrace_is_stopping(int tid);

/* Whether a thread that is to stop may need our CPU for that: else we use that time to look
 * whether it has. */
void ptrace_yield(int);

/* Copies the general registers of a thread that stands still, as the kernel has them for such
 * threads (NT_PRSTATUS); how many bytes that are, 0: they can't be had. */
size_t ptrace_registers(int tid, void *set, size_t size);

/* Whether there is any thread that was stopped, or asked to, and is not let go yet. */
int ptrace_is_busy(void);

/* Lets go of threads that stopped too late, and waits for those that ended meanwhile, so
 * that nobody else has to.  To be called now and then, or, where that can't be, done by
 * a signal's handler while that is on. */
void ptrace_service(void);
void ptrace_serve_by_signal(int on);

/* For a process that has no threads yet to let go of. */
void ptrace_forget(void);

/*
 * Runs a command, found by PATH.  Returns its pid; -1 if it could not be
 * executed, *error says why.  Its standard files, signals and terminal are
 * those that pyflame was given.
 */
int launch(char *const argv[], int *error);

/* Whether the command has ended; *status gets its exit status, or 128 and the
 * number of the signal that killed it. */
int launch_ended(int *status);

/* The CPU time that it has used when it has ended, and the processes that it has waited for, and
 * so on; nanoseconds.  0 before. */
int64_t launch_cpu_time(void);

/* For the parent, if another process asks that: whether it has ended just now. */
int launch_reap(void);

#endif
