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

/* What clone(2) is asked for, and nothing else. */
#define WATCH_CLONE (CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD)

/*
 * Has work(context) done so, and ends with the status that it returns, or exit()s with.
 * Signals of the set, which have to be blocked, are handed to the child, see
 * watch_signal.  begin(context) is called in each child after the first one: what a
 * process does not have from its parent is to be done again, and no thread is traced
 * any more.  Some calls do not even end by death, and what they were to fill may be
 * written to at any time: then the work is done anew by go_on(context), which must not
 * use or free anything that was being read into.  It is not called more than a few times.
 * reap() is called in the process itself when a child of that may have ended; if not 0
 * the child that works is woken.
 */
struct watched {
	int (*work)(void *context);
	void (*begin)(void *context);
	int (*go_on)(void *context);
	int (*reap)(void);
	void *context;
};
_Noreturn void watch_run(const struct watched *, const sigset_t *signals);

/* Whether there is a watcher.  All of the below does what the call does by itself if not. */
int watch_is_on(void);

/* The next signal that came in, or 0; *code gets its si_code.  Whether there is one. */
int watch_signal(int *code);
int watch_has_signal(void);

/* From here on the next signal kills; has the process stopped by that signal, for long. */
void watch_let_signals_kill(void);
void watch_stop(int signal);

/* How often a call was given up: it failed with ETIMEDOUT. */
unsigned watch_given_up(void);

/* The calls. */
ssize_t watch_vm_readv(int pid, const struct iovec *to, size_t n_to, const struct iovec *from,
                       size_t n_from);
ssize_t watch_pread(int fd, void *buf, size_t len, off_t at);
ssize_t watch_read(int fd, void *buf, size_t len);
int watch_open(const char *path, int flags);
int watch_seize(int tid);
long watch_kcmp(int pid, int other, int type);

#endif
