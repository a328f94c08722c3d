/* SPDX-License-Identifier: Apache-2.0 */
/* Waits in words; see waits.h. */
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "waits/calls.h"
#include "waits/cgroups.h"
#include "waits/names.h"
#include "waits/unix.h"
#include "waits/files.h"
#include "waits/waits.h"

#define SECOND INT64_C(1000000000)

struct waits {
	const struct process *process;
	struct files *files;
	unsigned word;
	uint64_t *futexes; /* of the threads that were noted */
	size_t n, cap;
	int asked_frozen, frozen;
	int has_namespace; /* of pids, other than ours: what the program calls them is not what we do */
};

/* A call in which a thread waits, and what is said of it. */
struct wait {
	struct waits *w;
	const struct proc_call *call;
	const char *name;
	int plain;
	struct buf *out;
};

void
waits_prepare(void)
{
	unix_prepare();
}

/* "NSpid:  4711 5", the number here first. */
static int
has_namespace(int pid)
{
	char value[64];

	return !proc_status(pid, "NSpid", value, sizeof value) && strpbrk(value, " \t") != NULL;
}

struct waits *
waits_new(const struct process *p, unsigned word)
{
	struct waits *w = xcalloc(1, sizeof *w);

	w->process = p;
	w->word = word;
	w->files = files_new(process_pid(p));
	w->has_namespace = has_namespace(process_pid(p));
	return w;
}

void
waits_free(struct waits *w)
{
	if (!w)
		return;
	files_free(w->files);
	free(w->futexes);
	free(w);
}

void
waits_note(struct waits *w, struct task *t)
{
	uint64_t futex = task_futex(w->process, t);

	if (!futex)
		return;
	w->futexes = grow(w->futexes, w->n, &w->cap, sizeof *w->futexes);
	w->futexes[w->n++] = futex;
}

/* ---- times ---- */

static void
add_length(struct buf *out, int64_t ns)
{
	if (ns < SECOND / 10) {
		buf_printf(out, "%" PRId64 " ms", ns / MS);
	} else {
		buf_seconds(out, ns);
		buf_str(out, " s");
	}
}

/* A timespec, or with `micro` a timeval, of the program.  -1: there is none. */
static int64_t
read_time(const struct wait *w, uint64_t addr, int micro)
{
	enum { TIME64_FROM = 403, TIME64_TO = 424 }; /* calls of 32-bit machines with such times */
	int wide = w->w->word == 8 ||
	           (w->call->number >= TIME64_FROM && w->call->number <= TIME64_TO);
	int64_t parts[2];
	int32_t narrow[2];

	if (!addr)
		return -1;
	if (wide) {
		if (mem_read(process_mem(w->w->process), addr, parts, sizeof parts) != OK)
			return -1;
	} else {
		if (mem_read(process_mem(w->w->process), addr, narrow, sizeof narrow) != OK)
			return -1;
		parts[0] = narrow[0];
		parts[1] = narrow[1];
	}
	if (parts[0] < 0 || parts[0] > INT64_MAX / SECOND - 1 || parts[1] < 0 || parts[1] >= SECOND)
		return -1;
	return parts[0] * SECOND + parts[1] * (micro ? 1000 : 1);
}

/* What is left until a time of that clock. */
static void
add_left(const struct wait *w, int clock, int64_t until)
{
	struct timespec now;
	int64_t left;

	if (until < 0 || w->plain || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC &&
	                              clock != CLOCK_BOOTTIME) || clock_gettime(clock, &now))
		return;
	left = until - (now.tv_sec * SECOND + now.tv_nsec);
	buf_str(w->out, ", ");
	add_length(w->out, left > 0 ? left : 0);
	buf_str(w->out, " left");
}

/* How long a wait is in all, if it ends by itself; what of it is left is not known. */
static void
add_at_most(const struct wait *w, int64_t ns)
{
	if (ns < 0 || w->plain)
		return;
	buf_str(w->out, ", for ");
	add_length(w->out, ns);
	buf_str(w->out, " at most");
}

static void
describe_sleep(const struct wait *w)
{
	enum { ABSOLUTE = 1 };
	int64_t time = read_time(w, w->call->args[2], 0);

	if (w->call->args[1] & ABSOLUTE)
		add_left(w, (int)w->call->args[0], time);
	else
		add_at_most(w, time);
}

/* ---- descriptors ---- */

static void
describe_fd(const struct wait *w, uint64_t fd)
{
	buf_str(w->out, " ");
	if (!files_describe(w->w->files, (int)fd, w->plain, w->out))
		buf_printf(w->out, "descriptor %d", (int)fd);
}

/* Milliseconds as an int; negative: no end. */
static int64_t
milliseconds(uint64_t arg)
{
	return (int32_t)arg < 0 ? -1 : (int32_t)arg * INT64_C(1000000);
}

static void
describe_fds(const struct wait *w, const int *fds, size_t n)
{
	buf_str(w->out, n ? " " : "");
	files_list(w->w->files, fds, n, w->plain, w->out);
}

static void
describe_poll(const struct wait *w)
{
	enum { MOST = 1024 };
	uint64_t n = w->call->args[1] < MOST ? w->call->args[1] : MOST;
	struct pollfd *polled = xcalloc((size_t)n, sizeof *polled);
	int *fds = xcalloc((size_t)n, sizeof *fds);
	size_t watched = 0;

	if (mem_read(process_mem(w->w->process), w->call->args[0], polled, n * sizeof *polled) == OK)
		for (size_t i = 0; i < n; i++)
			if (polled[i].fd >= 0)
				fds[watched++] = polled[i].fd;
	describe_fds(w, fds, watched);
	free(polled);
	free(fds);
}

/* The descriptors of three sets of bits, in words of the program's. */
static void
describe_select(const struct wait *w)
{
	enum { MOST = 1024, SETS = 3 };
	uint64_t n = w->call->args[0] < MOST ? w->call->args[0] : MOST;
	unsigned char bits[MOST / 8], all[MOST / 8] = { 0 };
	size_t bytes = (n + w->w->word * 8 - 1) / (w->w->word * 8) * w->w->word;
	int fds[MOST];
	size_t watched = 0;

	for (int set = 1; set <= SETS && n; set++)
		if (w->call->args[set] && mem_read(process_mem(w->w->process), w->call->args[set], bits,
		                                   bytes) == OK)
			for (size_t i = 0; i < bytes; i++)
				all[i] |= bits[i];
	for (unsigned i = 0; i < n; i++) {
		unsigned at = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i :
		              i ^ (w->w->word * 8 - 8);

		if (all[at / 8] >> (i & 7) & 1)
			fds[watched++] = (int)i;
	}
	describe_fds(w, fds, watched);
}

/* ---- locks, children ---- */

/* linux/futex.h */
enum { FUTEX_WAIT = 0, FUTEX_LOCK_PI = 6, FUTEX_WAIT_BITSET = 9, FUTEX_OPERATION = 127,
       FUTEX_CLOCK_REALTIME = 256 };

/* How many other threads wait for that futex. */
static size_t
count_others(const struct waits *w, uint64_t futex)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->futexes[i] == futex;
	return n ? n - 1 : 0;
}

/* What we call a thread that the program calls so, 0 if there is none. */
static int
find_task(const struct waits *w, int tid)
{
	struct proc_stat stat;
	struct proc_task *tasks;
	int found = 0;

	if (!w->has_namespace)
		return proc_owner(tid) == process_pid(w->process) && !proc_stat(tid, &stat) ? tid : 0;
	for (size_t n = process_tasks(w->process, &tasks); n-- > 0;)
		if (tasks[n].inner == tid)
			found = tasks[n].tid;
	free(tasks);
	return found;
}

/* A thread that joins another one waits at that one's id in memory, which the kernel clears
 * when it ends, and wakes as if another process waited: pthread_join(3) of glibc and musl.  What
 * we call that one, 0 if it does not. */
static int
find_joined(const struct wait *w)
{
	enum { FUTEX_PRIVATE = 128 };
	uint32_t there;
	int tid = (int)(uint32_t)w->call->args[2];

	if (tid <= 1 || (w->w->has_namespace && w->call->args[1] & FUTEX_PRIVATE) ||
	    mem_read(process_mem(w->w->process), w->call->args[0], &there, sizeof there) != OK ||
	    (int)there != tid)
		return 0;
	return find_task(w->w, tid);
}

static void
describe_futex(const struct wait *w)
{
	unsigned operation = (unsigned)w->call->args[1] & FUTEX_OPERATION;
	size_t others = count_others(w->w, w->call->args[0]);
	int64_t time = read_time(w, w->call->args[3], 0);
	int joined = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET ? find_joined(w) : 0;

	if (joined) {
		buf_printf(w->out, "thread %d to end", joined);
		return;
	}
	buf_str(w->out, "lock");
	if (others && !w->plain)
		buf_printf(w->out, ", %zu other%s for it too", others, others == 1 ? " waits" : "s wait");
	if (operation == FUTEX_WAIT)
		add_at_most(w, time);
	else if (operation == FUTEX_WAIT_BITSET)
		add_left(w, w->call->args[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC,
		         time);
}

/* What we call a child that the program calls so, 0 if that is not known. */
static int
find_child(const struct waits *w, int pid)
{
	struct proc_stat stat;
	char value[128];
	const char *last;
	uint64_t inner;
	int *pids, found = 0;
	size_t n;

	if (!w->has_namespace)
		return pid;
	n = proc_list(&pids);
	for (size_t i = 0; i < n && !found; i++) {
		if (proc_stat(pids[i], &stat) || stat.parent != process_pid(w->process) ||
		    proc_status(pids[i], "NSpid", value, sizeof value))
			continue;
		last = strrchr(value, '\t');
		last = last ? last + 1 : value;
		if (!parse_digits(&last, 10, &inner) && inner == (uint64_t)pid)
			found = pids[i];
	}
	free(pids);
	return found;
}

static void
add_child(const struct wait *w, int pid)
{
	buf_str(w->out, " child");
	if (w->plain || !(pid = find_child(w->w, pid)))
		return;
	buf_str(w->out, " ");
	names_process_and_state(pid, w->out);
}

/* Until a child of vfork(2), or of what is like it, executes a program or ends. */
static void
describe_fork(const struct wait *w)
{
	int *pids, child = 0;
	size_t n;

	if (w->plain)
		return;
	n = proc_list(&pids);
	for (size_t i = 0; i < n && child >= 0; i++)
		if (proc_lender(pids[i]) == process_pid(w->w->process))
			child = child ? -1 : pids[i]; /* which of several is not known */
	free(pids);
	if (child > 0) {
		buf_str(w->out, " child ");
		names_process_and_state(child, w->out);
	}
}

static void
describe_child(const struct wait *w)
{
	int pid = (int)(int32_t)w->call->args[0];

	if (pid > 0)
		add_child(w, pid);
	else
		buf_str(w->out, " any child");
}

static void
describe_waitid(const struct wait *w)
{
	enum { ALL, PID, GROUP, PIDFD };

	if (w->call->args[0] == PID)
		add_child(w, (int)(int32_t)w->call->args[1]);
	else if (w->call->args[0] == PIDFD)
		describe_fd(w, w->call->args[1]);
	else
		buf_str(w->out, w->call->args[0] == ALL ? " any child" : " child");
}

static void
describe_lock(const struct wait *w, int by_flock)
{
	describe_fd(w, w->call->args[0]);
	if (!w->plain)
		files_lock_holder(w->w->files, (int)w->call->args[0], by_flock, w->out);
}

static void
describe_fcntl(const struct wait *w)
{
	enum { SETLKW = 7, SETLKW64 = 14, OFD_SETLKW = 38 };
	uint64_t command = w->call->args[1];

	if (command == SETLKW || command == SETLKW64 || command == OFD_SETLKW)
		describe_lock(w, 0);
	else
		describe_fd(w, w->call->args[0]);
}

static void
describe_path(const struct wait *w, uint64_t addr)
{
	char path[1024];

	if (mem_read_string(process_mem(w->w->process), addr, path, sizeof path) != OK)
		return;
	buf_str(w->out, " ");
	buf_visible(w->out, path, strlen(path));
}

/* Of a unix socket that is not connected yet only the call knows to what. */
static void
describe_connect(const struct wait *w, const uint64_t *args)
{
	enum { UNIX = 1 };
	struct { uint16_t family; char path[108]; } address = { 0 };
	size_t len = args[2] < sizeof address ? args[2] : sizeof address;

	describe_fd(w, args[0]);
	if (len <= sizeof address.family ||
	    mem_read(process_mem(w->w->process), args[1], &address, len) != OK ||
	    address.family != UNIX)
		return;
	buf_str(w->out, " \xe2\x86\x92 ");
	unix_path(address.path, len - sizeof address.family, w->out);
}

static void
describe_signals(const struct wait *w)
{
	uint64_t set;

	buf_str(w->out, " a signal");
	if (mem_read(process_mem(w->w->process), w->call->args[0], &set, sizeof set) == OK && set) {
		buf_str(w->out, " of ");
		names_signals(set, w->out);
	}
	add_at_most(w, read_time(w, w->call->args[2], 0));
}

/* A word of the program's. */
static int
read_word(const struct wait *w, uint64_t addr, uint64_t *word)
{
	*word = 0;
	if (mem_read(process_mem(w->w->process), addr, word, w->w->word) != OK)
		return 0;
	if (w->w->word == 4 && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		*word >>= 32;
	return 1;
}

/* linux/net.h */
static void
describe_socketcall(const struct wait *w)
{
	static const char *const names[] = { [3] = "connect", [5] = "accept", [9] = "send",
	                                     [10] = "recv", [11] = "send", [12] = "recv",
	                                     [16] = "send", [17] = "recv", [18] = "accept" };
	enum { CONNECT = 3 };
	uint64_t which = w->call->args[0], args[3] = { 0 };

	buf_str(w->out, which < LEN(names) && names[which] ? names[which] : w->name);
	for (size_t i = 0; i < (which == CONNECT ? LEN(args) : 1); i++)
		if (!read_word(w, w->call->args[1] + i * w->w->word, &args[i]))
			return;
	if (which == CONNECT)
		describe_connect(w, args);
	else
		describe_fd(w, args[0]);
}

/* ---- all ---- */

/* What the arguments say, after the name of the call. */
static void
describe_about(const struct wait *w, enum call_about about)
{
	const uint64_t *args = w->call->args;

	switch (about) {
	case CALL_FILE: describe_fd(w, args[0]); break;
	case CALL_SPLICE:
		describe_fd(w, args[0]);
		buf_str(w->out, " to");
		describe_fd(w, args[2]);
		break;
	case CALL_POLL:
		describe_poll(w);
		add_at_most(w, milliseconds(args[2]));
		break;
	case CALL_PPOLL:
		describe_poll(w);
		add_at_most(w, read_time(w, args[2], 0));
		break;
	case CALL_SELECT:
		describe_select(w);
		add_at_most(w, read_time(w, args[4], 1));
		break;
	case CALL_PSELECT:
		describe_select(w);
		add_at_most(w, read_time(w, args[4], 0));
		break;
	case CALL_EPOLL:
		describe_fd(w, args[0]);
		add_at_most(w, milliseconds(args[3]));
		break;
	case CALL_EPOLL2:
		describe_fd(w, args[0]);
		add_at_most(w, read_time(w, args[3], 0));
		break;
	case CALL_NANOSLEEP: add_at_most(w, read_time(w, args[0], 0)); break;
	case CALL_SLEEP: describe_sleep(w); break;
	case CALL_CHILD: describe_child(w); break;
	case CALL_WAITID: describe_waitid(w); break;
	case CALL_LOCK: describe_lock(w, 1); break;
	case CALL_CONNECT: describe_connect(w, args); break;
	case CALL_FCNTL: describe_fcntl(w); break;
	case CALL_PATH: describe_path(w, args[0]); break;
	case CALL_PATH_AT: describe_path(w, args[1]); break;
	case CALL_SIGNAL: buf_str(w->out, " a signal"); break;
	case CALL_SIGNALS: describe_signals(w); break;
	case CALL_FORK: describe_fork(w); break;
	default: break;
	}
}

static void
describe_call(const struct wait *w, enum call_about about)
{
	if (about == CALL_FUTEX) {
		describe_futex(w);
	} else if (about == CALL_SOCKETCALL) {
		describe_socketcall(w);
	} else if ((about == CALL_SELECT || about == CALL_PSELECT) && !w->call->args[0]) {
		buf_str(w->out, "sleep"); /* as time.sleep() up to 3.10 does */
		add_at_most(w, read_time(w, w->call->args[4], about == CALL_SELECT));
	} else {
		buf_str(w->out, w->name);
		describe_about(w, about);
	}
}

/* Where in the kernel it waits, if that may be known. */
static void
add_kernel_place(const struct waits *w, int tid, struct buf *out)
{
	struct buf text = { 0 };
	char name[48];

	text_format(name, sizeof name, "task/%d/wchan", tid);
	if (!proc_read(process_pid(w->process), name, &text) && text.len && text.data[0] != '0') {
		buf_str(out, " in ");
		buf_visible(out, text.data, text.len);
	}
	buf_free(&text);
}

/* Whether the file of its control group says so, in a line of its own or with a word before. */
static int
group_says(int pid, const char *controller, const char *file, const char *word)
{
	struct buf text = { 0 };
	int says = !cgroups_read(pid, controller, 0, file, &text) &&
	           text_find(buf_terminate(&text), word);

	buf_free(&text);
	return says;
}

static int
is_frozen(int pid)
{
	return group_says(pid, NULL, "cgroup.events", "frozen 1") ||
	       group_says(pid, "freezer", "freezer.state", "FR");
}

int
waits_are_frozen(struct waits *w)
{
	if (!w->asked_frozen++)
		w->frozen = is_frozen(process_pid(w->process));
	return w->frozen;
}

static int
describe_tracer(int tid, struct buf *out)
{
	char value[32];
	const char *p = value;
	uint64_t tracer;

	if (proc_status(tid, "TracerPid", value, sizeof value) || parse_digits(&p, 10, &tracer) ||
	    !tracer)
		return 0;
	buf_str(out, "traced by ");
	names_process((int)tracer, out);
	return 1;
}

static void
describe_wait(struct waits *w, const struct proc_call *number, int plain, struct buf *out)
{
	struct call call;

	buf_str(out, "waits: ");
	if (number->number < 0)
		buf_str(out, "a page of memory");
	else if (call_find(w->word, number->number, &call))
		describe_call(&(struct wait){ w, number, call.name, plain, out }, call.about);
	else
		buf_printf(out, "system call %d", number->number);
}

int
waits_describe(struct waits *w, struct task *t, int plain, struct buf *out)
{
	char state = task_state(w->process, t);
	struct proc_call number;

	if (state == 't')
		return describe_tracer(t->tid, out);
	if (state != 'S' && state != 'D')
		return 0;
	if (waits_are_frozen(w)) {
		buf_str(out, "frozen by its control group");
		return 1;
	}
	if (task_call(w->process, t, &number))
		return 0;
	describe_wait(w, &number, plain, out);
	if (state == 'D' && !plain) {
		buf_str(out, ", uninterruptible");
		add_kernel_place(w, t->tid, out);
	}
	return 1;
}
