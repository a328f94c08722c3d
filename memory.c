/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live process's memory is read with process_vm_readv(2), or, where that call is
 * missing or filtered, through /proc/PID/mem.  Both need the right to trace
 * the process and neither disturbs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "proc.h"
#include "memory.h"

struct mem {
	const struct mem_source *source;
	void *context;
	struct mem_counts counts;
};

struct mem *
mem_from(const struct mem_source *source, void *context)
{
	struct mem *m = xcalloc(1, sizeof *m);

	m->source = source;
	m->context = context;
	return m;
}

void
mem_close(struct mem *m)
{
	if (!m)
		return;
	m->source->close(m->context);
	free(m);
}

struct mem_counts
mem_counts(const struct mem *m)
{
	return m->counts;
}

/* Where the next bytes go. */
struct cursor {
	const struct iovec *place;
	size_t used; /* bytes of it */
};

/* The next piece of room for at most that many bytes, of which there are enough. */
static struct iovec
next_place(struct cursor *c, size_t most)
{
	struct iovec piece;

	for (; c->used == c->place->iov_len; c->place++)
		c->used = 0;
	piece.iov_base = (char *)c->place->iov_base + c->used;
	piece.iov_len = c->place->iov_len - c->used;
	if (piece.iov_len > most)
		piece.iov_len = most;
	c->used += piece.iov_len;
	return piece;
}

/* ---- a live process ---- */

struct live {
	int pid;
	int task; /* one of its own that lives: the pid until the main thread has ended */
	int fd;   /* of /proc/PID/mem; -1: process_vm_readv is used */
};

static enum why
why_errno(int error)
{
	switch (error) {
	case ESRCH:
		return GONE;
	case EPERM:
	case EACCES:
		return DENIED;
	case ETIMEDOUT:
		return DEEP;
	default:
		return FAULT;
	}
}

/* A seccomp filter answers EPERM (Docker's default) or ENOSYS to
 * process_vm_readv; /proc/PID/mem may be open to us all the same. */
static int
fall_back(struct live *live)
{
	char path[40];

	text_format(path, sizeof path, "/proc/%d/mem", proc_living_task(live->pid));
	live->fd = watch_open(path, O_RDONLY | O_CLOEXEC);
	return live->fd >= 0;
}

static enum why
read_piece(const struct live *live, raddr addr, char *buf, size_t len, size_t *done,
           uint64_t *calls)
{
	while (len) {
		ssize_t r = watch_pread(live->fd, buf, len, (off_t)addr);

		++*calls;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return why_errno(errno);
		if (r == 0) /* the address space is gone: exit or exec */
			return GONE;
		addr += (raddr)r;
		buf += r;
		len -= (size_t)r;
		*done += (size_t)r;
	}
	return OK;
}

static enum why
read_region(const struct live *live, struct mem_vec v, struct cursor *to, size_t *done,
            uint64_t *calls)
{
	enum why why = OK;

	while (v.len && why == OK) {
		struct iovec place = next_place(to, v.len);

		why = read_piece(live, v.addr, place.iov_base, place.iov_len, done, calls);
		v.addr += place.iov_len;
		v.len -= place.iov_len;
	}
	return why;
}

static enum why
read_file(const struct live *live, const struct mem_vec *v, size_t n, const struct iovec *places,
          size_t *done, uint64_t *calls)
{
	struct cursor to = { places, 0 };
	enum why why = OK;

	for (size_t i = 0; i < n && why == OK; i++)
		why = read_region(live, v[i], &to, done, calls);
	return why;
}

/* Chooses another task to read through; 0 if there is none. */
static int
choose_task(struct live *live)
{
	int task = proc_living_task(live->pid);

	if (!task || task == live->task)
		return 0;
	live->task = task;
	return 1;
}

/* The number of a thread that ended may be another process's by now; a pid is not used
 * again while any thread is there. */
static int
is_foreign(const struct live *live)
{
	return live->task != live->pid && syscall(SYS_tgkill, live->pid, live->task, 0) &&
	       errno == ESRCH;
}

/* process_vm_readv(2), through a task that lives. */
static ssize_t
read_through(struct live *live, const struct iovec *to, size_t n_to, const struct iovec *from,
             size_t n, uint64_t *calls)
{
	enum { TRIES = 4 };
	ssize_t got;
	int error;

	for (int i = 0; i < TRIES; i++) {
		++*calls;
		got = watch_vm_readv(live->task, to, n_to, from, n);
		error = errno;
		if (is_foreign(live)) {
			got = -1;
			error = ESRCH;
		}
		if (got >= 0 || error != ESRCH || !choose_task(live))
			break;
	}
	errno = error;
	return got;
}

static enum why
read_live(void *context, const struct mem_vec *v, size_t n, const struct iovec *to, size_t n_to,
          size_t *done, uint64_t *calls)
{
	struct iovec from[MEM_MAX_VECS];
	struct live *live = context;
	ssize_t got;

	if (live->fd >= 0)
		return read_file(live, v, n, to, done, calls);
	for (size_t i = 0; i < n; i++) {
		/* Where pyflame has 32 bits, nothing is mapped above those. */
		void *at = (uintptr_t)v[i].addr == v[i].addr ? (void *)(uintptr_t)v[i].addr : NULL;

		from[i] = (struct iovec){ at, v[i].len };
	}
	got = read_through(live, to, n_to, from, n, calls);
	if (got >= 0) {
		*done = (size_t)got;
		return OK;
	}
	if ((errno == ENOSYS || errno == EPERM) && fall_back(live))
		return read_file(live, v, n, to, done, calls);
	return why_errno(errno == ENOSYS ? EPERM : errno);
}

static void
close_live(void *context)
{
	struct live *live = context;

	if (live->fd >= 0)
		close(live->fd);
	free(live);
}

struct mem *
mem_open(int pid)
{
	static const struct mem_source source = { read_live, close_live };
	struct live *live = xcalloc(1, sizeof *live);

	*live = (struct live){ .pid = pid, .task = pid, .fd = -1 };
	return mem_from(&source, live);
}

/* ---- how long that may take ---- */

enum { LOOK_EACH = 16 /* reads */, ASK_EACH_NS = 30000000, STARVED = 4 /* times as long */ };

static struct {
	int64_t from, most; /* when it began, and how long it is */
	int64_t ask;        /* when to ask whether it is over */
	int64_t cpu;        /* that had been used when that was first looked at; < 0: not yet */
	int (*is_asked)(void *);
	void *context;
	unsigned reads, given_up;
	int over;
} limit = { .most = INT64_MAX };

void
mem_heed(int (*is_asked)(void *), void *context)
{
	limit.is_asked = is_asked;
	limit.context = context;
}

void
mem_limit(int64_t most)
{
	int64_t now = now_ns();

	limit.from = now;
	limit.most = most;
	limit.cpu = -1;
	limit.ask = now + ASK_EACH_NS;
	limit.given_up = watch_given_up();
	/* If somebody waits for all of it to end, so does what would have been read next. */
	limit.over = limit.over && limit.is_asked && limit.is_asked(limit.context);
}

int
mem_is_over(void)
{
	return limit.over;
}

/* Whether that much time has been used, or been waited for. */
static int
is_used_up(int64_t now)
{
	if (limit.cpu < 0)
		limit.cpu = cpu_ns();
	if (now - limit.from < limit.most)
		return 0;
	return (now - limit.from) / STARVED >= limit.most || cpu_ns() - limit.cpu >= limit.most;
}

/* Whether there is to be no further read. */
static int
count_read(void)
{
	int64_t now;

	limit.over |= limit.given_up != watch_given_up();
	if (limit.over || ++limit.reads % LOOK_EACH)
		return limit.over;
	now = now_ns();
	limit.over = is_used_up(now);
	if (now >= limit.ask && limit.is_asked) {
		limit.over |= limit.is_asked(limit.context);
		limit.ask = now + ASK_EACH_NS;
	}
	return limit.over;
}

/* ---- reading ---- */

/* As no region is empty and no place ends within one, there are no more places in a
 * batch than regions. */
static enum why
read_batch(struct mem *m, const struct mem_vec *v, size_t n, struct cursor *to, size_t *done)
{
	struct iovec places[MEM_MAX_VECS];
	size_t want = 0, got = 0, n_places = 0;
	enum why why;

	if (count_read())
		return DEEP;
	for (size_t i = 0; i < n; i++)
		want += v[i].len;
	for (size_t left = want; left; left -= places[n_places++].iov_len)
		places[n_places] = next_place(to, left);
	why = m->source->read(m->context, v, n, places, n_places, &got, &m->counts.calls);
	*done += got;
	m->counts.bytes += got;
	return why == OK && got < want ? FAULT : why;
}

enum why
mem_scatter(struct mem *m, const struct mem_vec *v, size_t n, const struct iovec *places,
            size_t n_places, size_t *done)
{
	struct cursor to = { places, 0 };
	enum why why = OK;

	*done = 0;
	while (n && n_places && why == OK) {
		size_t batch = n < MEM_MAX_VECS ? n : MEM_MAX_VECS;

		why = read_batch(m, v, batch, &to, done);
		v += batch;
		n -= batch;
	}
	return why;
}

enum why
mem_readv(struct mem *m, const struct mem_vec *v, size_t n, void *buf, size_t *done)
{
	struct iovec all = { buf, 0 };

	for (size_t i = 0; i < n; i++)
		all.iov_len += v[i].len;
	return mem_scatter(m, v, n, &all, 1, done);
}

enum why
mem_read(struct mem *m, raddr addr, void *buf, size_t len)
{
	struct mem_vec v = { addr, len };
	size_t done;

	return mem_readv(m, &v, 1, buf, &done);
}

enum why
mem_read_string(struct mem *m, raddr addr, char *buf, size_t size)
{
	enum { PIECE = 64 };
	size_t len = 0;

	while (len < size) {
		size_t want = PIECE - (addr + len) % PIECE;
		enum why why;

		if (want > size - len)
			want = size - len;
		why = mem_read(m, addr + len, buf + len, want);
		if (why != OK)
			return why;
		if (memchr(buf + len, 0, want))
			return OK;
		len += want;
	}
	return DEEP;
}
