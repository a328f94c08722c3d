/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There are three processes that share all memory.  The one that was started, the
 * watcher, has made another, the string, which has made the third, the worker.  A process
 * can ask to be killed when its parent ends (PR_SET_PDEATHSIG in prctl(2)): so the
 * string ends to have the worker killed, for which nobody needs a right to kill, and none
 * of them outlives the watcher.  That comes through where no other signal does: what
 * waits for a page, or for a lock of execve(), waits killably.
 *
 * A call begins by noting where it is (setjmp), and that it is under way.  Whoever
 * changes that first, the call that comes back or the watcher that gives it up, has
 * decided; so a worker never dies while it changes anything.  It is dead, and nothing
 * of its call is written any more, before the next one goes on from there (longjmp).
 * Some calls hold even the dead: a file system's that has begun to answer, without
 * FUSE_ASYNC_READ.  Such a worker is abandoned, and what it was reading into as well.
 *
 * Workers use the stack that the program began with, below what the watcher needs of it,
 * and a new one what is below the call of the one before.
 *
 * All of them share what a thread has of its own, such as errno.  While a worker runs,
 * watcher and string make only calls that can't fail, and
 * allocate nothing: see libc/alloc.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"

enum {
	LOOK_MS = 40,      /* between two looks at the worker */
	PATIENCE_MS = 500, /* with a call */
	HASTY_LOOK_MS = 10, /* both of them if a signal waits */
	HASTY_PATIENCE_MS = 30,
	DEATH_MS = 80,     /* what dying may take */
	MAX_SIGNALS = 64,
	MAX_ABANDONED = 16,
	MAX_FILES = 1024,  /* which an abandoned one does not keep open */
	ROOM = 1 << 16,    /* on the stack, between one user of it and the next */
};

enum state { AT_WORK, CALLING, GIVEN_UP };

static struct {
	int on;
	struct watched job;
	int fd;                /* signalfd */
	int priority;          /* that pyflame was given */
	int watcher, string;   /* their pids */
	int (*first)(void *);  /* what the next worker begins with */
	char *stack;           /* and where, its upper end */
	int worker;            /* its pid, -1: there could be none */
	char stat[32];         /* what /proc has of it, by name */
	int alive[MAX_ABANDONED + 2]; /* the last of these workers, until the kernel clears that */
	int ended, status;     /* it did by itself, so */
	int cut;               /* the string is to end */
	int abandoned;         /* workers that did not die */
	int state;
	unsigned calls, given_up;
	char *depth;           /* of the stack at the last call */
	jmp_buf call;          /* where that began */
	struct { int signal, code; } queue[MAX_SIGNALS];
	unsigned put, taken;
	int kills;             /* the next urgent signal does */
	int stop;              /* by this signal */
} watch;

static char string_stack[ROOM] __attribute__((aligned(64)));

int
watch_is_on(void)
{
	return watch.on;
}

static void
sleep_ms(int ms)
{
	ppoll(NULL, 0, &(struct timespec){ 0, ms * 1000000L }, NULL);
}

/* Lets a signal do to this process what it does by itself. */
static void
take(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the worker ---- */

unsigned
watch_given_up(void)
{
	return watch.given_up;
}

static void
enter(void)
{
	if (!watch.on)
		return;
	watch.depth = __builtin_frame_address(0);
	__atomic_store_n(&watch.calls, watch.calls + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&watch.state, CALLING, __ATOMIC_SEQ_CST);
}

static void
leave(void)
{
	if (!watch.on || __atomic_exchange_n(&watch.state, AT_WORK, __ATOMIC_SEQ_CST) == CALLING)
		return;
	__atomic_store_n(&watch.state, GIVEN_UP, __ATOMIC_SEQ_CST);
	for (;;) /* it won't be long */
		sleep_ms(LOOK_MS);
}

static int
fail(void)
{
	errno = ETIMEDOUT;
	return -1;
}

ssize_t
watch_vm_readv(int pid, const struct iovec *to, size_t n_to, const struct iovec *from,
               size_t n_from)
{
	ssize_t n;

	if (_setjmp(watch.call))
		return fail();
	enter();
	n = process_vm_readv(pid, to, n_to, from, n_from, 0);
	leave();
	return n;
}

ssize_t
watch_pread(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	if (_setjmp(watch.call))
		return fail();
	enter();
	n = pread(fd, buf, len, at);
	leave();
	return n;
}

ssize_t
watch_read(int fd, void *buf, size_t len)
{
	ssize_t n;

	if (_setjmp(watch.call))
		return fail();
	enter();
	n = read(fd, buf, len);
	leave();
	return n;
}

int
watch_openat(int folder, const char *name, int flags)
{
	int fd;

	if (_setjmp(watch.call))
		return fail();
	enter();
	fd = openat(folder, name, flags);
	leave();
	return fd;
}

int
watch_open(const char *path, int flags)
{
	return watch_openat(AT_FDCWD, path, flags);
}

int
watch_fstat(int fd, struct stat *st)
{
	int result;

	if (_setjmp(watch.call))
		return fail();
	enter();
	result = fstat(fd, st);
	leave();
	return result;
}

int
watch_seize(int tid)
{
	int result;

	if (_setjmp(watch.call))
		return fail();
	enter();
	result = (int)ptrace(PTRACE_SEIZE, tid, 0, 0);
	leave();
	return result;
}

long
watch_kcmp(int a, int b, int type)
{
	long result;

	if (_setjmp(watch.call))
		return fail();
	enter();
	result = syscall(SYS_kcmp, a, b, type, 0UL, 0UL);
	leave();
	return result;
}

static int
is_urgent(int signal)
{
	return sigismember(&watch.job.urgent, signal) == 1;
}

static int
has_signal(void)
{
	return __atomic_load_n(&watch.put, __ATOMIC_ACQUIRE) != watch.taken;
}

int
watch_has_urgent(void)
{
	unsigned put = __atomic_load_n(&watch.put, __ATOMIC_ACQUIRE);

	for (unsigned i = watch.taken; i != put; i++)
		if (is_urgent(watch.queue[i % MAX_SIGNALS].signal))
			return 1;
	return 0;
}

int
watch_signal(int *code)
{
	int signal;

	if (!has_signal())
		return 0;
	signal = watch.queue[watch.taken % MAX_SIGNALS].signal;
	*code = watch.queue[watch.taken % MAX_SIGNALS].code;
	__atomic_store_n(&watch.taken, watch.taken + 1, __ATOMIC_RELEASE);
	return signal;
}

void
watch_let_kill(const sigset_t *set)
{
	if (!watch.on)
		sigprocmask(SIG_UNBLOCK, set, NULL);
	watch.job.urgent = *set;
	__atomic_store_n(&watch.kills, 1, __ATOMIC_SEQ_CST);
}

void
watch_stop(int signal)
{
	if (!watch.on) {
		take(signal);
		return;
	}
	__atomic_store_n(&watch.stop, signal, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&watch.stop, __ATOMIC_SEQ_CST))
		sleep_ms(LOOK_MS);
}

/* 0 if the parent is not there any more. */
static int
die_with(int parent)
{
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	return getppid() == parent;
}

static void
begin(void)
{
	int *alive = &watch.alive[watch.abandoned];

	text_format(watch.stat, sizeof watch.stat, "/proc/%d/stat", getpid());
	*alive = 1;
	syscall(SYS_set_tid_address, alive);
	if (!die_with(watch.string))
		_exit(FAILURE);
	setpriority(PRIO_PROCESS, 0, watch.priority);
}

static int
work(void *unused)
{
	(void)unused;
	begin();
	exit(watch.job.work(watch.job.context));
}

static int
work_on(void *unused)
{
	(void)unused;
	begin();
	watch.job.begin(watch.job.context);
	longjmp(watch.call, 1);
}

static int
go_on(void *unused)
{
	(void)unused;
	begin();
	watch.job.begin(watch.job.context);
	exit(watch.job.go_on(watch.job.context));
}

/* ---- the string ---- */

static int
worker_has_ended(void)
{
	if (waitpid(watch.worker, &watch.status, __WALL | WNOHANG) != watch.worker)
		return 0;
	watch.ended = 1;
	return 1;
}

/* Waits for a signal for so long; < 0: for ever.  0 if none came. */
static int
next_signal(struct signalfd_siginfo *info, int ms)
{
	struct pollfd poll = { .fd = watch.fd, .events = POLLIN };
	struct timespec timeout = { 0, ms * 1000000L };

	return ppoll(&poll, 1, ms < 0 ? NULL : &timeout, NULL) == 1 &&
	       read(watch.fd, info, sizeof *info) == sizeof *info;
}

static int
string(void *unused)
{
	struct signalfd_siginfo info;

	(void)unused;
	if (!die_with(watch.watcher))
		return 0;
	watch.string = getpid();
	__atomic_store_n(&watch.worker, clone(watch.first, watch.stack, WATCH_CLONE, NULL),
	                 __ATOMIC_SEQ_CST);
	while (watch.worker > 0 && !__atomic_load_n(&watch.cut, __ATOMIC_SEQ_CST) &&
	       !worker_has_ended())
		next_signal(&info, -1);
	return 0;
}

/* ---- the watcher ---- */

/* depth: of the stack that is in use.  -1 if there can be no more processes. */
static int
start(int (*first)(void *), char *depth)
{
	int string_pid;

	watch.worker = watch.cut = 0;
	watch.first = first;
	watch.state = AT_WORK;
	watch.stack = (char *)((uintptr_t)(depth - ROOM) & ~(uintptr_t)63);
	string_pid = clone(string, string_stack + sizeof string_stack, WATCH_CLONE, NULL);
	while (string_pid > 0 && !__atomic_load_n(&watch.worker, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	return string_pid < 0 || watch.worker < 0 ? -1 : 0;
}

/* What the worker's end means for us. */
static _Noreturn void
follow_suit(int status)
{
	sigset_t set;

	/* Files stay open as long as it does, pipes that others read from. */
	for (int fd = 0; watch.abandoned && fd < MAX_FILES; fd++)
		close(fd);
	if (WIFSIGNALED(status)) {
		sigfillset(&set);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		kill(getpid(), WTERMSIG(status));
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Follows the string, which follows the worker. */
static void
look_after_string(void)
{
	int status;

	if (waitpid(watch.string, &status, __WALL | WNOHANG) == watch.string)
		follow_suit(watch.ended ? watch.status : status);
}

static void
hand_on(const struct signalfd_siginfo *info)
{
	unsigned at = watch.put % MAX_SIGNALS;

	if (__atomic_load_n(&watch.kills, __ATOMIC_SEQ_CST) && is_urgent((int)info->ssi_signo)) {
		take((int)info->ssi_signo);
		return;
	}
	if (watch.put - __atomic_load_n(&watch.taken, __ATOMIC_ACQUIRE) == MAX_SIGNALS)
		return;
	watch.queue[at].signal = (int)info->ssi_signo;
	watch.queue[at].code = info->ssi_code;
	__atomic_store_n(&watch.put, watch.put + 1, __ATOMIC_RELEASE);
	kill(watch.worker, SIGCHLD); /* wakes it */
}

/* Those which came in before the worker ceased to ask for any. */
static void
take_those_handed_on(void)
{
	int signal, code;

	while ((signal = watch_signal(&code)))
		if (is_urgent(signal))
			take(signal);
}

/* Waits for signals for a while. */
static void
look_after_signals(int ms)
{
	struct signalfd_siginfo info;

	if (next_signal(&info, ms)) {
		if (info.ssi_signo != SIGCHLD)
			hand_on(&info);
		else if (watch.job.reap())
			kill(watch.worker, SIGCHLD);
	}
	if (__atomic_load_n(&watch.kills, __ATOMIC_SEQ_CST))
		take_those_handed_on();
	if (__atomic_load_n(&watch.stop, __ATOMIC_SEQ_CST)) {
		take(watch.stop);
		__atomic_store_n(&watch.stop, 0, __ATOMIC_SEQ_CST);
	}
}

static int
is_calling(void)
{
	return __atomic_load_n(&watch.state, __ATOMIC_SEQ_CST) == CALLING;
}

/* Has the string end, and waits for the worker's death.  0 if that takes too long. */
static int
cut_string(void)
{
	const int *alive = &watch.alive[watch.abandoned];

	__atomic_store_n(&watch.cut, 1, __ATOMIC_SEQ_CST);
	kill(watch.string, SIGCHLD); /* wakes it */
	waitpid(watch.string, NULL, __WALL);
	for (int i = 0; i < DEATH_MS && __atomic_load_n(alive, __ATOMIC_SEQ_CST); i++)
		sleep_ms(1);
	return !__atomic_load_n(alive, __ATOMIC_SEQ_CST);
}

/* Has the worker die, if it is still in that call, and another take its place. */
static void
replace(void)
{
	int calling = CALLING, dead;

	if (!__atomic_compare_exchange_n(&watch.state, &calling, GIVEN_UP, 0, __ATOMIC_SEQ_CST,
	                                 __ATOMIC_SEQ_CST))
		return;
	watch.given_up++;
	dead = cut_string();
	if (!dead && watch.abandoned++ == MAX_ABANDONED)
		follow_suit(FAILURE << 8);
	if (start(dead ? work_on : go_on, watch.depth))
		die(FAILURE, "cannot make a process:");
}

/* Whether it waits in the kernel, and not just for its turn, on a busy machine. */
static int
is_waiting(void)
{
	char text[256];
	int error = errno, fd;
	const char *p;
	ssize_t n = 0;

	fd = open(watch.stat, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	errno = error;
	p = strrchr(text, ')');
	return !p || p[1] != ' ' || p[2] != 'R';
}

static _Noreturn void
watch_worker(void)
{
	unsigned call = 0;
	int in_call = 0; /* for how long, milliseconds */

	for (;;) {
		int hasty = watch_has_urgent(), look = hasty ? HASTY_LOOK_MS : LOOK_MS;
		int64_t since = now_ns();

		look_after_signals(look);
		look_after_string();
		if (!is_calling() || watch.calls != call) {
			call = watch.calls;
			in_call = 0;
		} else if (now_ns() - since >= look * MS) {
			in_call += look;
		}
		if (in_call >= (hasty ? HASTY_PATIENCE_MS : PATIENCE_MS)) {
			in_call = 0;
			if (hasty || is_waiting())
				replace();
		}
	}
}

void
watch_run(const struct watched *job)
{
	watch.job = *job;
	watch.watcher = getpid();
	watch.priority = getpriority(PRIO_PROCESS, 0);
	sigaddset(&watch.job.signals, SIGCHLD);
	watch.fd = signalfd(-1, &watch.job.signals, SFD_CLOEXEC);
	watch.on = watch.fd >= 0;
	/* It has little to do, and that at once. */
	setpriority(PRIO_PROCESS, 0, -20);
	if (watch.on && !start(work, __builtin_frame_address(0)))
		watch_worker();
	watch.on = 0;
	setpriority(PRIO_PROCESS, 0, watch.priority);
	exit(job->work(job->context));
}
