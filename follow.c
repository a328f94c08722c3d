/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding processes.  /proc is listed; of pids that were not in the list
 * before, the parent is looked up.  Only the listing takes time, and most of that is
 * saved by /proc/loadavg, which has the pid given out last.  (A process's children can
 * be listed, too, but one thread at a time, and only where the kernel was built for that.)
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "follow.h"

enum {
	IDLE_NS = 100000000,  /* look even if nothing seems to have started */
	SHARE = 50,           /* looking may take 1/SHARE of the time */
};

struct seen { /* a process that is known: nothing about it needs looking up */
	int pid;
	int followed;
};

struct follow {
	int all, loadavg, told;
	char last[128];  /* what loadavg said */
	int64_t last_look, due; /* when that was, and not again before */
	struct seen *seen; /* by pid */
	size_t n_seen, cap_seen;
	struct followed *fresh;
	size_t n_fresh, cap_fresh;
};

struct follow *
follow_new(int all)
{
	struct follow *f = xcalloc(1, sizeof *f);

	f->all = all;
	f->loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	return f;
}

void
follow_free(struct follow *f)
{
	if (!f)
		return;
	if (f->loadavg >= 0)
		close(f->loadavg);
	free(f->seen);
	free(f->fresh);
	free(f);
}

/* Where in seen that pid is, or has to be. */
static size_t
place(const struct follow *f, int pid)
{
	size_t low = 0, high = f->n_seen;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (f->seen[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct seen *
find(const struct follow *f, int pid)
{
	size_t i = place(f, pid);

	return i < f->n_seen && f->seen[i].pid == pid ? &f->seen[i] : NULL;
}

void
follow_root(struct follow *f, int pid)
{
	size_t i = place(f, pid);

	if (!find(f, pid)) {
		f->seen = grow(f->seen, f->n_seen, &f->cap_seen, sizeof *f->seen);
		memmove(f->seen + i + 1, f->seen + i, (f->n_seen - i) * sizeof *f->seen);
		f->n_seen++;
	}
	f->seen[i] = (struct seen){ pid, 1 };
}

void
follow_forget(struct follow *f, int pid)
{
	struct seen *s = find(f, pid);

	if (!s)
		return;
	f->n_seen--;
	memmove(s, s + 1, (size_t)(f->seen + f->n_seen - s) * sizeof *s);
}

int
follow_birth(struct follow *f, int pid, int parent)
{
	const struct seen *s = find(f, parent);

	if (pid == getpid() || !(f->all || (s && s->followed)))
		return 0;
	follow_root(f, pid);
	return 1;
}

void
follow_is_told(struct follow *f)
{
	f->told = 1;
}

/* Whether a process or thread may have started since this was last asked. */
static int
has_changed(struct follow *f)
{
	char text[sizeof f->last] = "", *last;

	if (f->loadavg < 0 || pread(f->loadavg, text, sizeof text - 1, 0) <= 0 ||
	    !(last = strrchr(text, ' ')) || !strcmp(last, f->last))
		return 0;
	memcpy(f->last, last, strlen(last) + 1);
	return 1;
}

static int
compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

/* A process that was not there the last time. */
static void
add_fresh(struct follow *f, int pid)
{
	struct proc_stat stat;

	if (pid == getpid() || proc_process_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
		return;
	f->fresh = grow(f->fresh, f->n_fresh, &f->cap_fresh, sizeof *f->fresh);
	f->fresh[f->n_fresh++] = (struct followed){ pid, stat.parent, stat.start_time };
}

/* Makes the list of what is there the one of what has been seen. */
static void
replace_seen(struct follow *f, const int *pids, size_t n)
{
	struct seen *now = xcalloc(n + 1, sizeof *now);

	f->n_fresh = 0;
	for (size_t i = 0; i < n; i++) {
		const struct seen *known = find(f, pids[i]);

		now[i] = known ? *known : (struct seen){ pids[i], 0 };
		if (!known)
			add_fresh(f, pids[i]);
	}
	free(f->seen);
	f->seen = now;
	f->n_seen = f->cap_seen = n;
}

/* Moves those fresh ones to the front that are to be followed.  A child may
 * have a smaller pid than its parent: looks until none is new. */
static size_t
choose(struct follow *f)
{
	size_t chosen = 0;

	for (size_t i = 0; i < f->n_fresh; i++) {
		struct followed candidate = f->fresh[i];
		const struct seen *parent = find(f, candidate.parent);
		struct seen *self = find(f, candidate.pid);

		if (!self || !(f->all || (parent && parent->followed)))
			continue;
		self->followed = 1;
		f->fresh[i] = f->fresh[chosen];
		f->fresh[chosen++] = candidate;
		i = chosen - 1; /* again from the first that is not */
	}
	return chosen;
}

const struct followed *
follow_look(struct follow *f, size_t *n)
{
	int64_t now = now_ns();
	int *pids;

	*n = 0;
	if (now < f->due || ((f->told || !has_changed(f)) && now - f->last_look < IDLE_NS))
		return NULL;
	*n = proc_list(&pids);
	sort(pids, *n, sizeof *pids, compare);
	replace_seen(f, pids, *n);
	free(pids);
	*n = choose(f);
	f->last_look = now_ns();
	f->due = f->last_look + (f->last_look - now) * SHARE;
	if (f->due > f->last_look + IDLE_NS)
		f->due = f->last_look + IDLE_NS;
	return f->fresh;
}
