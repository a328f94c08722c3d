/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping threads and running commands.
 *
 * A stop is SEIZE, INTERRUPT, wait, and later DETACH.  What the wait reports
 * may be the stop that was asked for, a group stop (the thread was stopped
 * anyway, and stays so after DETACH), or a signal on its way to the thread:
 * that one is handed on with the DETACH.
 *
 * The wait is bounded, because there are threads that cannot stop (frozen, or
 * in an uninterruptible sleep).  Such a thread can't be detached either; it is
 * remembered and let go when it stops.  SIGCHLD announces that: it is blocked
 * everywhere but in sigtimedwait here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "ptrace.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128 /* linux/ptrace.h */
#endif

enum {
	MAX_OVERDUE = 64,
	PATIENCE_MS = 100, /* how long a thread may take to stop */
	SPINS = 40,       /* a running thread stops within microseconds */
};

static sigset_t sigchld, signals_before;
static struct sigaction sigchld_before;
static int child, child_ended, child_status;
static int overdue[MAX_OVERDUE], n_overdue; /* threads that are to stop, and have not */
static int stopped_tid, stopped_signal;

void
ptrace_init(void)
{
	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &sigchld, &signals_before);
	/* Somebody who ignored it would have us lose our children's status. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, &sigchld_before);
}

static void
note_child(int pid, int status)
{
	if (pid != child || WIFSTOPPED(status))
		return;
	child_ended = 1;
	child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The signal that a stop was about to deliver; 0 if it was another stop. */
static int
pending_signal(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
}

/* Waits for one thread to stop.  OK, GONE, or TORN after a while. */
static enum why
wait_stop(int tid)
{
	/* Where many can't stop, all of a frozen group of processes, don't wait for each. */
	int64_t deadline = now_ns() + PATIENCE_MS * INT64_C(1000000) / (1 + n_overdue);
	int status;

	for (int i = 0;; i++) {
		int pid = waitpid(tid, &status, __WALL | WNOHANG);
		int64_t left;

		if (pid == tid) {
			note_child(tid, status);
			if (!WIFSTOPPED(status))
				return GONE;
			stopped_signal = pending_signal(status);
			return OK;
		}
		if (pid < 0 && errno != EINTR)
			return GONE;
		if (i < SPINS)
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
	int status;

	for (int i = 0; i < n_overdue; i++) {
		int pid = waitpid(overdue[i], &status, __WALL | WNOHANG);

		if (pid == 0)
			continue;
		if (pid == overdue[i])
			note_child(pid, status);
		if (pid == overdue[i] && WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, pid, 0, (void *)(intptr_t)pending_signal(status));
		overdue[i--] = overdue[--n_overdue];
	}
}

int
ptrace_is_stopping(int tid)
{
	for (int i = 0; i < n_overdue; i++)
		if (overdue[i] == tid)
			return 1;
	return 0;
}

/* Whoever makes another wait should not be made to wait: as root, pyflame goes
 * before others from now on. */
static void
hurry(void)
{
	static int done;

	if (!done++)
		setpriority(PRIO_PROCESS, 0, -20);
}

enum why
ptrace_stop(int tid)
{
	enum why why;

	hurry();
	ptrace_service();
	if (n_overdue == MAX_OVERDUE || ptrace_is_stopping(tid))
		return TORN;
	if (ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		struct proc_stat stat;

		/* A thread that is ending is refused, too. */
		return errno == ESRCH || proc_stat(tid, &stat) || !stat.image ? GONE : DENIED;
	}
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	why = wait_stop(tid);
	if (why == TORN)
		overdue[n_overdue++] = tid;
	stopped_tid = why == OK ? tid : 0;
	return why;
}

void
ptrace_resume(int tid)
{
	if (tid != stopped_tid)
		return;
	ptrace(PTRACE_DETACH, tid, 0, (void *)(intptr_t)stopped_signal);
	stopped_tid = 0;
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

	if (pipe2(report, O_CLOEXEC)) {
		*error = errno;
		return -1;
	}
	child = fork();
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
	int s;

	if (!child_ended && waitpid(child, &s, WNOHANG) == child)
		note_child(child, s);
	*status = child_status;
	return child_ended;
}
