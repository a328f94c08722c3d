/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the target's memory with process_vm_readv(2), or, where that call is
 * missing or filtered, through /proc/PID/mem.  Both need the right to trace
 * the target and neither disturbs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"
#include "memory.h"

struct mem {
	int pid;
	int fd; /* of /proc/PID/mem; -1: process_vm_readv is used */
	struct mem_counts counts;
};

struct mem *
mem_open(int pid)
{
	struct mem *m = xcalloc(1, sizeof *m);

	m->pid = pid;
	m->fd = -1;
	return m;
}

void
mem_close(struct mem *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

struct mem_counts
mem_counts(const struct mem *m)
{
	return m->counts;
}

static enum why
why_errno(int error)
{
	switch (error) {
	case ESRCH:
		return GONE;
	case EPERM:
	case EACCES:
		return DENIED;
	default:
		return FAULT;
	}
}

/* A seccomp filter answers EPERM (Docker's default) or ENOSYS to
 * process_vm_readv; /proc/PID/mem may be open to us all the same. */
static int
fall_back(struct mem *m)
{
	char path[40];

	text_format(path, sizeof path, "/proc/%d/mem", m->pid);
	m->fd = open(path, O_RDONLY | O_CLOEXEC);
	return m->fd >= 0;
}

/* Where the next bytes go. */
struct cursor {
	const struct mem_part *part;
	size_t used; /* bytes of it */
};

/* Claims `len` bytes' worth of places from the parts; returns how many. */
static size_t
claim_places(struct cursor *c, size_t len, struct iovec *out)
{
	size_t n = 0;

	while (len) {
		size_t left = c->part->len - c->used, some = left < len ? left : len;

		if (some)
			out[n++] = (struct iovec){ (char *)c->part->buf + c->used, some };
		len -= some;
		c->used += some;
		if (c->used == c->part->len && len)
			*c = (struct cursor){ c->part + 1, 0 };
	}
	return n;
}

static enum why
read_piece(struct mem *m, raddr addr, char *buf, size_t len, size_t *done)
{
	while (len) {
		ssize_t r = pread(m->fd, buf, len, (off_t)addr);

		m->counts.calls++;
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
		m->counts.bytes += (uint64_t)r;
	}
	return OK;
}

static enum why
read_file(struct mem *m, const struct mem_vec *v, size_t n, struct cursor *to, size_t *done)
{
	enum why why = OK;

	for (size_t i = 0; i < n; i++) {
		for (size_t got = 0; got < v[i].len && why == OK;) {
			struct iovec place;
			size_t left = to->part->len - to->used, some = v[i].len - got;

			if (!left) {
				*to = (struct cursor){ to->part + 1, 0 };
				continue;
			}
			claim_places(to, some < left ? some : left, &place);
			why = read_piece(m, v[i].addr + got, place.iov_base, place.iov_len, done);
			got += place.iov_len;
		}
	}
	return why;
}

static enum why
read_batch(struct mem *m, const struct mem_vec *v, size_t n, struct cursor *to, size_t *done)
{
	struct iovec local[MEM_MAX_VECS], remote[MEM_MAX_VECS];
	struct cursor from = *to;
	size_t want = 0;
	ssize_t got;

	for (size_t i = 0; i < n; i++) {
		/* Where pyflame has 32 bits, nothing is mapped above those. */
		void *at = (uintptr_t)v[i].addr == v[i].addr ? (void *)(uintptr_t)v[i].addr : NULL;

		remote[i] = (struct iovec){ at, v[i].len };
		want += v[i].len;
	}
	got = process_vm_readv(m->pid, local, claim_places(to, want, local), remote, n, 0);
	m->counts.calls++;
	if (got < 0) {
		if ((errno == ENOSYS || errno == EPERM) && fall_back(m))
			return read_file(m, v, n, &from, done);
		return why_errno(errno == ENOSYS ? EPERM : errno);
	}
	*done += (size_t)got;
	m->counts.bytes += (uint64_t)got;
	return (size_t)got == want ? OK : FAULT;
}

/* As no region is empty and no part ends within one, there are no more places
 * in a batch than regions. */
enum why
mem_scatter(struct mem *m, const struct mem_vec *v, size_t n, const struct mem_part *parts,
            size_t n_parts, size_t *done)
{
	struct cursor to = { parts, 0 };
	enum why why = OK;

	*done = 0;
	while (n && n_parts && why == OK) {
		size_t batch = n < MEM_MAX_VECS ? n : MEM_MAX_VECS;

		why = (m->fd >= 0 ? read_file : read_batch)(m, v, batch, &to, done);
		v += batch;
		n -= batch;
	}
	return why;
}

enum why
mem_readv(struct mem *m, const struct mem_vec *v, size_t n, void *buf, size_t *done)
{
	struct mem_part all = { buf, 0 };

	for (size_t i = 0; i < n; i++)
		all.len += v[i].len;
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
