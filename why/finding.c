/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings.  What comes first here is what explains the rest: a process that is stopped cannot
 * be busy, and one whose threads wait for each other will not go on by itself, whatever else
 * some do.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "why/look.h"
#include "why/chain.h"
#include "why/finding.h"

const char *
finding_word(enum finding_kind kind)
{
	return look_string("stopped\0traced\0frozen\0deadlock\0blocked\0gil\0quota\0disk\0loop\0"
	                   "busy\0idle\0waits\0nothing", kind);
}

/* ---- one thread ---- */

/* Whether the words for its wait begin like one of these. */
static int
waits_in_any(const struct member *m, const char *calls)
{
	for (; *calls; calls += strlen(calls) + 1)
		if (look_waits_in(m, calls))
			return 1;
	return 0;
}

/* The number after the colon of the first address in a text, 0: there is none. */
static uint64_t
port_in(const char *text)
{
	const char *tcp = text_find(text, "tcp "), *p;
	uint64_t port;

	if (!tcp)
		return 0;
	p = tcp + 4 + strcspn(tcp + 4, " ");
	while (p > tcp && *p != ':')
		p--;
	p++;
	return parse_digits(&p, 10, &port) ? 0 : port;
}

/* Whether it waits for somebody who has connected to it, who owes it nothing. */
static int
is_served(const struct look *l, const struct member *m)
{
	uint64_t port = port_in(m->wait);

	for (size_t i = 0; port && i < l->n; i++)
		if (look_waits_on(&l->members[i], " LISTEN") && port_in(l->members[i].wait) == port)
			return 1;
	return 0;
}

int
finding_is_outside(const struct member *m)
{
	if (m->need.kind == NEED_WORK || m->need.kind == NEED_EVENTS)
		return 0;
	if (waits_in_any(m, "recv\0send\0connect\0wait\0flock\0fcntl\0write\0read\0"))
		return 1;
	return waits_in_any(m, "poll\0select\0") && !look_waits_on(m, " LISTEN") &&
	       (look_waits_on(m, "tcp ") || look_waits_on(m, "udp ") || look_waits_on(m, " pidfd ") ||
	        (look_waits_on(m, " pipe from ") && !look_waits_on(m, " itself")));
}

int
finding_is_lone(const struct member *m)
{
	return m->need.kind == NEED_EVENTS && look_waits_in(m, "epoll unix") &&
	       !strchr(m->wait, ',') && m->runs_loop;
}

int
finding_is_idle(const struct look *l, const struct member *m)
{
	if (m->state == 'R' || m->wants_gil || m->state == 'D' || finding_is_lone(m))
		return 0;
	if (m->need.kind)
		return m->need.kind == NEED_WORK || m->need.kind == NEED_EVENTS;
	if (finding_is_outside(m))
		return is_served(l, m);
	return !m->n || waits_in_any(m, "accept\0epoll\0poll\0select\0sleep\0rt_sig\0pause\0");
}

/* So often that there must be something about it. */
int
finding_collects(const struct look *l)
{
	return l->collected > 3 && l->collected * 5 >= l->asked * 3;
}

static int
is_lock(enum need_kind kind)
{
	return kind == NEED_LOCK || kind == NEED_RLOCK || kind == NEED_IMPORT;
}

/* ---- what it is ---- */

typedef int judge(const struct look *, struct finding *);

static int
judge_state(const struct look *l, struct finding *f)
{
	char state = l->n ? l->members[0].state : 0;

	f->member = 0;
	f->kind = l->frozen ? FINDING_FROZEN : state == 't' ? FINDING_TRACED : FINDING_STOPPED;
	return l->frozen || state == 't' || state == 'T';
}

static int
judge_deadlock(const struct look *l, struct finding *f)
{
	f->kind = FINDING_DEADLOCK;
	f->member = chain_cycle(l);
	if (f->member == NOBODY)
		f->member = chain_starved(l);
	return f->member != NOBODY || l->crowd.circle;
}

/* Where the quota is used up little is done, whatever it is. */
static int
judge_quota(const struct look *l, struct finding *f)
{
	f->kind = FINDING_QUOTA;
	for (size_t i = 0; i < l->n && l->held_back > 0 && l->used < l->elapsed / 2; i++)
		if (look_runs(&l->members[i])) {
			f->member = (int)i;
			return 1;
		}
	return 0;
}

static int
judge_gil(const struct look *l, struct finding *f)
{
	size_t waiting = 0;

	f->kind = FINDING_GIL;
	f->member = NOBODY;
	for (size_t i = 0; i < l->n; i++) {
		waiting += l->members[i].wants_gil && l->members[i].wanted_gil;
		if (l->members[i].kept_gil)
			f->member = (int)i;
	}
	return waiting && f->member != NOBODY;
}

static int
judge_loop(const struct look *l, struct finding *f)
{
	f->kind = FINDING_LOOP;
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].blocks_loop) {
			f->member = (int)i;
			return 1;
		}
	return 0;
}

/* Whether who has a lock may go on: it runs, or waits for what is not known, the GIL perhaps. */
static int
may_go_on(const struct look *l, const struct member *m)
{
	return m->state == 'R' || look_has_run(l, m) || m->wants_gil ||
	       (!m->need.kind && look_waits_in(m, "lock"));
}

/* Who waits longest in line for a lock; nobody who may go on has it. */
static int
judge_locks(const struct look *l, struct finding *f)
{
	size_t most = 0, length;

	f->kind = FINDING_BLOCKED;
	for (size_t i = 0; i < l->n; i++) {
		const struct member *m = &l->members[i];
		int end = chain_end(l, i, &length);
		size_t waiting = chain_rivals(l, i) + 1;

		if (!m->same || !(is_lock(m->need.kind) || m->need.kind == NEED_SEMLOCK) ||
		    waiting <= most || (end != (int)i && may_go_on(l, &l->members[end])))
			continue;
		most = waiting;
		f->member = (int)i;
	}
	return most > 0;
}

static int
judge_disk(const struct look *l, struct finding *f)
{
	f->kind = FINDING_DISK;
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].state == 'D' && l->members[i].same) {
			f->member = (int)i;
			return 1;
		}
	return 0;
}

/* One that is ready to run all the time, and gets no CPU, is busy, too. */
static int64_t
use_of(const struct look *l, const struct member *m)
{
	if (m->used > 0)
		return look_has_run(l, m) ? m->used : 0;
	return look_runs(m) && (m->used < 0 || m->ran_then);
}

static int
judge_busy(const struct look *l, struct finding *f)
{
	int64_t most = 0;

	f->kind = FINDING_BUSY;
	for (size_t i = 0; i < l->n; i++) {
		int64_t used = use_of(l, &l->members[i]);

		if (used <= most)
			continue;
		most = used;
		f->member = (int)i;
	}
	return most > 0;
}

/* Of those beside an idle main thread one that waits for somebody else. */
static int
find_outside(const struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].same && finding_is_outside(&l->members[i]) &&
		    !is_served(l, &l->members[i]))
			return (int)i;
	return NOBODY;
}

static int
judge_rest(const struct look *l, struct finding *f)
{
	const struct member *first = &l->members[0], *last;
	size_t length;
	int end, outside = NOBODY;

	f->kind = FINDING_NOTHING;
	f->member = NOBODY;
	if (!l->n)
		return 1;
	f->member = 0;
	end = chain_end(l, 0, &length);
	last = end == NOBODY ? first : &l->members[end];
	f->kind = FINDING_WAITS;
	if (finding_is_idle(l, last) && !(length && look_waits_in(last, "sleep"))) {
		f->kind = FINDING_IDLE;
		outside = find_outside(l);
	}
	if (outside != NOBODY) {
		f->kind = FINDING_WAITS;
		f->member = outside;
	}
	if (f->kind == FINDING_WAITS && look_waits_on(&l->members[f->member], " held by "))
		f->kind = FINDING_BLOCKED;
	return 1;
}

struct finding
finding_make(const struct look *l)
{
	static judge *const judges[] = { judge_state, judge_deadlock, judge_quota, judge_gil,
	                                 judge_loop, judge_locks, judge_disk, judge_busy, judge_rest };
	struct finding f;
	size_t i = 0;

	while (!judges[i](l, &f))
		i++;
	return f;
}

int
finding_is_unsure(const struct look *l)
{
	int ready = 0;

	for (size_t i = 0; i < l->n; i++)
		ready |= l->members[i].state == 'R';
	return ready && (l->used < l->elapsed / 2 || finding_collects(l));
}
