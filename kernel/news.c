/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_event_open(2), linux/perf_event.h: an event that counts nothing, and is inherited, has
 * all that its threads make, execute and end as written into a ring.  There has to be one for
 * each CPU, as a ring is not shared by several; a thread's events for the same CPU are.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "kernel/events.h"
#include "kernel/news.h"

enum { SET_OUTPUT = 0x2405 };
enum { COMM = 3, EXIT = 4, FORK = 7, LOST = 2, BY_EXEC = 1 << 13 };
enum { PAGES = 8 }; /* a power of two */
enum { HEAD = 1024 / 8, TAIL };      /* words of a ring's first page */

struct ring {
	int fd; /* of the event that has it */
	uint64_t *page;
	unsigned char *bytes;
};

/* The kernel's, as far as it is of interest; the time comes last. */
struct record {
	uint32_t type;
	uint16_t flags, size;
	uint32_t pid, parent, tid;
};

static struct {
	struct ring rings[MOST_EVENT_CPUS]; /* by CPU; without a page: there is none */
	size_t n;
	size_t size; /* of each, bytes */
	int failed;
	struct event_tasks tasks;
} news;

/* ---- opening ---- */

static int
map_ring(struct ring *r, int fd)
{
	size_t page = (size_t)getauxval(AT_PAGESZ);
	void *at = mmap(NULL, page + news.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -1;
	*r = (struct ring){ fd, at, (unsigned char *)at + page };
	return 0;
}

/* Has the kernel write what becomes of that thread while it is on that CPU.  Whoever has a ring's
 * event is told by a signal. */
static int
open_on(int tid, int cpu, void *unused)
{
	struct event what = {
		.config = EVENT_NOTHING, .sample = EVENT_TIME, .wakeup = 1, .clock = CLOCK_MONOTONIC,
		.flags = EVENT_INHERIT | EVENT_NO_KERNEL | EVENT_COMM | EVENT_TASK | EVENT_WATERMARK |
		         EVENT_IDS | EVENT_EXEC | EVENT_CLOCK,
	};
	int fd = event_open(&what, tid, cpu);
	struct ring *r = &news.rings[cpu];

	(void)unused;
	if (fd < 0)
		return errno;
	if (r->page ? ioctl(fd, SET_OUTPUT, r->fd) : map_ring(r, fd)) {
		close(fd);
		return ENOMEM;
	}
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, SIGCHLD);
	fcntl(fd, F_SETFL, O_ASYNC);
	if ((size_t)cpu >= news.n)
		news.n = (size_t)cpu + 1;
	return 0;
}

static int
open_task(int tid, void *unused)
{
	int error = event_cpus(open_on, tid, unused);

	if (error != EINVAL && error != ESRCH)
		news.failed = 1;
	return error == EINVAL && news.n ? 0 : -1;
}

void
news_open(const int *pids, size_t n)
{
	news.size = PAGES * (size_t)getauxval(AT_PAGESZ);
	for (size_t i = 0; i < n; i++)
		event_tasks(&news.tasks, pids[i], open_task, NULL);
	if (!n)
		open_task(-1, NULL);
	if (news.failed)
		news.n = 0;
}

int
news_is_open(void)
{
	return news.n > 0;
}

void
news_end(void)
{
	news.n = 0;
}

/* ---- reading ---- */

static int
has_any(const struct ring *r)
{
	return r->page && __atomic_load_n(&r->page[HEAD], __ATOMIC_ACQUIRE) != r->page[TAIL];
}

int
news_any(void)
{
	for (size_t i = 0; i < news.n; i++)
		if (has_any(&news.rings[i]))
			return 1;
	return 0;
}

/* It may go round the ring's end. */
static void
copy(const struct ring *r, uint64_t at, void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((unsigned char *)to)[i] = r->bytes[(at + i) & (news.size - 1)];
}

static int64_t
peek(const struct ring *r, struct record *record)
{
	int64_t time;

	copy(r, r->page[TAIL], record, sizeof *record);
	copy(r, r->page[TAIL] + record->size - sizeof time, &time, sizeof time);
	return time;
}

/* 0 if it is of no interest. */
static int
read_record(const struct record *r, struct news *n)
{
	*n = (struct news){ NEWS_LOST, (int)r->pid, (int)r->parent, n->time };
	switch (r->type) {
	case FORK:
		n->kind = NEWS_FORKED;
		return r->pid != r->parent; /* else it is a thread */
	case EXIT:
		n->kind = NEWS_ENDED;
		return r->pid == r->tid;
	case COMM:
		n->kind = NEWS_EXECUTED;
		return r->flags & BY_EXEC;
	}
	return r->type == LOST;
}

/* The oldest one of all rings. */
static struct ring *
find_oldest(struct record *oldest, int64_t *time)
{
	struct ring *found = NULL;

	for (size_t i = 0; i < news.n; i++) {
		struct record record;
		int64_t when;

		if (!has_any(&news.rings[i]))
			continue;
		when = peek(&news.rings[i], &record);
		if (found && when >= *time)
			continue;
		found = &news.rings[i];
		*oldest = record;
		*time = when;
	}
	return found;
}

int
news_next(struct news *n)
{
	struct record record = { 0 };
	struct ring *r;

	while ((r = find_oldest(&record, &n->time))) {
		__atomic_store_n(&r->page[TAIL], r->page[TAIL] + record.size, __ATOMIC_RELEASE);
		if (read_record(&record, n))
			return 1;
	}
	return 0;
}
