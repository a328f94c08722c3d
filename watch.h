/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WATCH_H
#define WATCH_H

/*
 * Calls that may never come back.  A read of another process's memory waits for
 * whoever has to provide the page, which may be a program that does not, and nothing
 * but its death wakes who waits.  So what pyflame does is done by a child, which
 * shares all its memory, and the process itself only watches: when a call has taken
 * too long it has that child die, and another one goes on in its place, right there,
 * as if the call had failed.
 */

struct iovec;
struct stat;

/* What clone(2) is asked for, and nothing else. */
#define WATCH_CLONE (CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD)

/*
 * Has work(context) done so, and ends with the status that it returns, or exit()s with.
 * `signals`, which have to be blocked, are handed to the child, see watch_signal; while an
 * urgent one is there no call is waited for long.  begin(context) is called in each child
 * after the first one: what a process does not have from its parent is to be done again,
 * and no thread is traced any more.  Some calls do not even end by death, and what they
 * were to fill may be written to at any time: then the work is done anew by
 * go_on(context), which must not use or free anything that was being read into.  It is
 * not called more than a few times.  reap() is called in the process itself when a child
 * of that may have ended; if not 0 the child that works is woken.
 */
struct watched {
	int (*work)(void *context);
	void (*begin)(void *context);
	int (*go_on)(void *context);
	int (*reap)(void);
	void *context;
	sigset_t signals, urgent;
};
_Noreturn void watch_run(const struct watched *);

/* Whether there is a watcher.  All of the below does what the call does by itself if not. */
int watch_is_on(void);

/* The next signal that came in, or 0; *code gets its si_code.  Whether an urgent one is
 * among those that are to come. */
int watch_signal(int *code);
int watch_has_urgent(void);

/* From here on these signals are the urgent ones, and do what they do by themselves, to the
 * watcher; others do nothing any more. */
void watch_let_kill(const sigset_t *);

/* Has the process that was started stop by that signal, and waits until it goes on. */
void watch_stop(int signal);

/* How often a call was given up: it failed with ETIMEDOUT. */
unsigned watch_given_up(void);

/* The calls. */
ssize_t watch_vm_readv(int pid, const struct iovec *to, size_t n_to, const struct iovec *from,
                       size_t n_from);
ssize_t watch_pread(int fd, void *buf, size_t len, off_t at);
ssize_t watch_read(int fd, void *buf, size_t len);
int watch_open(const char *path, int flags);
int watch_openat(int folder, const char *name, int flags);
int watch_fstat(int fd, struct stat *);
int watch_seize(int tid);
long watch_kcmp(int pid, int other, int type);

#endif
