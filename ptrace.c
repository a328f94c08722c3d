/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping threads and running commands.
 *
 * A stop is SEIZE, INTERRUPT, wait, and later DETACH.  What the wait reports
 * may be the stop that was asked for, a group stop (the thread was stopped
 * anyway, and stays so after DETACH), or a signal on its way to the thread:
 * that one is handed on with the DETACH.
 *
 * From SEIZE on a thread is in a table, until it was detached or waited for,
 * because of what may come in between.
 * - It can't stop (frozen, or in an uninterruptible sleep), and what has not
 *   stopped can't be detached either.  It is let go when it does stop.
 * - It is killed while it stands.  Then DETACH fails, and until the tracer has
 *   waited for it, it is kept from its parent; and an execve() of another
 *   thread, which ends all others first, waits as long.
 * - It executes a program: then it has its process's id, instead of its own.
 * SEIZE waits for an execve() that is under way in the process, so none is made
 * of a process that has a thread in the table: they would wait for each other.
 * SIGCHLD announces all of it; it is blocked everywhere but in sigtimedwait and
 * while results are written, when its handler does what there is to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "proc.h"
#include "ptrace.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128 /* linux/ptrace.h */
#endif

enum {
	MAX_TRACEES = 64,
	PATIENCE_MS = 100, /* how long a thread may take to stop */
	SPINS = 40,       /* a running thread stops within microseconds */
};

static sigset_t sigchld, signals_before;
static struct sigaction sigchld_before;
static int child, child_ended, child_status;
static int64_t child_cpu;
static struct rusage usage; /* of what was waited for last */
static struct tracee {
	int tid, pid; /* the thread, its process */
	int signal;   /* on its way to it when it stopped */
	int stands;   /* it has stopped, and is not to be let go yet */
} tracees[MAX_TRACEES];
static int n_tracees;
static int yields;

static void
on_sigchld(int signal)
{
	int error = errno;

	(void)signal;
	ptrace_service();
	errno = error;
}

void
ptrace_init(void)
{
	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &sigchld, &signals_before);
	/* Somebody who ignored it would have us lose our children's status. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_sigchld, .sa_flags = SA_RESTART },
	          &sigchld_before);
}

void
ptrace_forget(void)
{
	n_tracees = 0;
}

void
ptrace_serve_by_signal(int on)
{
	sigprocmask(on ? SIG_UNBLOCK : SIG_BLOCK, &sigchld, NULL);
}

static void
note_child(int pid, int status)
{
	if (pid != child || WIFSTOPPED(status))
		return;
	child_cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
	            (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
	child_ended = 1;
	child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The signal that a stop was about to deliver; 0 if it was another stop. */
static int
pending_signal(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
}

static void
forget(struct tracee *t)
{
	*t = tracees[--n_tracees];
}

/* If that fails it is about to end, and is waited for. */
static void
let_go(struct tracee *t)
{
	t->stands = 0;
	if (!ptrace(PTRACE_DETACH, t->tid, 0, (void *)(intptr_t)t->signal))
		forget(t);
}

/* Looks what became of one: OK, it has stopped; TORN, nothing yet; GONE, it ended, or
 * goes by another id. */
static enum why
look_at(struct tracee *t)
{
	int status, pid = wait4(t->tid, &status, __WALL | WNOHANG, &usage);

	if (pid == 0 || (pid < 0 && errno == EINTR))
		return TORN;
	if (pid < 0 && t->tid != t->pid) {
		t->tid = t->pid;
		return GONE;
	}
	if (pid > 0)
		note_child(pid, status);
	if (pid > 0 && WIFSTOPPED(status)) {
		t->signal = pending_signal(status);
		return OK;
	}
	forget(t);
	return GONE;
}

/* Waits for one thread to stop.  OK, GONE, or TORN after a while. */
static enum why
wait_stop(struct tracee *t)
{
	/* Where many can't stop, all of a frozen group of processes, don't wait for each. */
	int64_t deadline = now_ns() + PATIENCE_MS * MS / n_tracees;

	for (int i = 0;; i++) {
		enum why why = look_at(t);
		int64_t left;

		if (why != TORN)
			return why;
		if (i < SPINS && !yields)
			continue;
		left = deadline - now_ns();
		if (left <= 0)
			return TORN;
		sigtimedwait(&sigchld, NULL, &(struct timespec){ 0, left });
	}
}

void
ptrace_service(void)
{
	/* From the end, as those that are forgotten are replaced by the last. */
	for (int i = n_tracees; i-- > 0;)
		if (!tracees[i].stands && look_at(&tracees[i]) == OK)
			let_go(&tracees[i]);
}

int
ptrace_is_busy(void)
{
	return n_tracees > 0;
}

int
ptrace_is_stopping(int tid)
{
	for (int i = 0; i < n_tracees; i++)
		if (tracees[i].tid == tid && !tracees[i].stands)
			return 1;
	return 0;
}

void
ptrace_yield(int on)
{
	yields = on;
}

static int
has_tracee(int pid)
{
	for (int i = 0; i < n_tracees; i++)
		if (tracees[i].pid == pid)
			return 1;
	return 0;
}

enum why
ptrace_stop(int pid, int tid)
{
	struct tracee *t;
	enum why why;

	ptrace_service();
	if (n_tracees == MAX_TRACEES || has_tracee(pid))
		return TORN;
	if (watch_seize(tid)) {
		struct proc_stat stat;

		if (errno == ETIMEDOUT)
			return TORN;

		/* A thread that is ending is refused, too. */
		return errno == ESRCH || proc_stat(tid, &stat) || !stat.image ? GONE : DENIED;
	}
	t = &tracees[n_tracees++];
	*t = (struct tracee){ .tid = tid, .pid = pid };
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	why = wait_stop(t);
	t->stands = why == OK;
	return why;
}

void
ptrace_resume(int tid)
{
	for (int i = n_tracees; i-- > 0;)
		if (tracees[i].stands && tracees[i].tid == tid)
			let_go(&tracees[i]);
}

size_t
ptrace_registers(int tid, void *set, size_t size)
{
	enum { GENERAL = 1 }; /* NT_PRSTATUS */
	struct iovec to = { set, size };

	return ptrace(PTRACE_GETREGSET, tid, (void *)GENERAL, &to) ? 0 : to.iov_len;
}

static void
run(char *const argv[], int report)
{
	int error;

	sigaction(SIGCHLD, &sigchld_before, NULL);
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
	execvp(argv[0], argv);
	error = errno;
	while (write(report, &error, sizeof error) < 0 && errno == EINTR)
		;
	_exit(NOT_FOUND);
}

int
launch(char *const argv[], int *error)
{
	int report[2];
	ssize_t n;

	if (syscall(SYS_pipe2, report, O_CLOEXEC)) { /* the C library's knows of older kernels */
		*error = errno;
		return -1;
	}
	child = fork_process();
	if (child == 0)
		run(argv, report[1]);
	close(report[1]);
	if (child < 0) {
		*error = errno;
		close(report[0]);
		return -1;
	}
	/* exec closes the pipe; anything read from it is the reason it failed. */
	while ((n = read(report[0], error, sizeof *error)) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (n == 0)
		return child;
	waitpid(child, NULL, 0);
	return -1;
}

int
launch_ended(int *status)
{
	/* While it is traced that would take its stops away from look_at, which sees its end. */
	if (!child_ended && !has_tracee(child))
		launch_reap();
	*status = child_status;
	return child_ended;
}

int64_t
launch_cpu_time(void)
{
	return child_cpu;
}

int
launch_reap(void)
{
	int status;

	if (!child || child_ended || wait4(child, &status, WNOHANG, &usage) != child)
		return 0;
	note_child(child, status);
	return child_ended;
}
