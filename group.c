/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process is a member from when it is found until it ends, whether it can be
 * sampled or not: what is a shell now may execute Python next.  It is opened
 * when it is found and again whenever it executes something, which shows in
 * the addresses that the kernel gives for its image; until that succeeds it is
 * tried less and less often.  A child that was just forked lies in memory as
 * its parent does, so it is opened by what is known of that one.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "util.h"
#include "profile.h"
#include "watch.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "preempt.h"
#include "kernel/kernel.h"
#include "kernel/news.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "sample.h"
#include "follow.h"
#include "group.h"


enum {
	LOOK_MS = 10,         /* between two looks for new processes */
	SELDOM_MS = 100,      /* where there are none to be found */
	CHECKED = 32,         /* members whose image is looked at in one look */
	OPENING_MS = 2,       /* how long a look may take to open members */
	FIRST_OPENING_MS = 1000, /* before there are samples to be missed */
	LEARN_MS = 20,        /* after which a new member is asked for its name again */
	SETTLING_MS = 50,     /* how long a child may take to learn its threads' ids */
	MOST_MS = 250,        /* how long a tick may take; one of them no more than half of it */
	LEAST_MS = 10,        /* but so long at least */
	MOST_OPENING_MS = 2000, /* and how long opening it, while others are sampled */
	MOST_ATTACHING_MS = 10000, /* or are not yet */
	MOST_GIVEN_UP = 3,    /* reads that do not come back; then it is left out */
	REST = 3,             /* for that many times as long it is left out if there are others */
	PATIENCE_MS = 2000,   /* for what is not Python any more, if nobody is followed */
	HASTE_MS = 1000,      /* how long it is tried often then */
	LONGEST_WAIT_MS = 10000,
	NAMES = 3,            /* of what was left out: that many are named */
};

struct member {
	int pid, parent;
	uint64_t start_time;
	unsigned image;
	int given;              /* by the user */
	int tried, executed, warned;
	int born;               /* as was told; */
	int forked;             /* by one that was sampled; */
	uint64_t lost;          /* and it was there at so many ticks before the first that it
	                         * could be read at */
	int sampled;            /* it had a sampler once */
	struct target target;   /* open if there is a sampler */
	struct sampler *sampler;
	enum target_answer answer; /* of the last attempt */
	char name[16];          /* what it was then */
	uint64_t ticked;        /* in which round it was last */
	unsigned given_up;      /* of its reads */
	int64_t rests;          /* until then, as it has taken too long */
	int64_t since, due;     /* it executes this; the next attempt or look at its title */
};

/* What there is to say at the end, in processes. */
struct tally {
	size_t sampled, others, denied, refused;
	char names[NAMES][16]; /* of the others, each once */
	size_t n_names;
};

struct group {
	struct profile *profile;
	struct sample_options options;
	unsigned abi;
	enum following following;
	struct follow *follow;
	struct member **members;
	size_t n, cap, next_checked;
	struct member *current; /* that is being looked at */
	int64_t due, checked;
	struct sample_counts ended; /* of samplers that are no more */
	uint64_t ticks;
	uint64_t rounds;
	int64_t epoch; /* when now_ns() was 0, microseconds since the epoch; 0: not asked yet */
	enum target_answer answer; /* see group_answer */
	struct buf answer_text;
	struct tally tally; /* of those that have ended */
	struct buf refusal; /* the first one */
	struct buf gil;     /* see sampler_say_gil, of those that have ended */
	struct buf aside;   /* of the first process with another interpreter: which is left aside */
};

struct group *
group_new(struct profile *profile, const struct sample_options *options, unsigned abi,
          enum following following)
{
	struct group *g = xcalloc(1, sizeof *g);

	*g = (struct group){ .profile = profile, .options = *options, .abi = abi,
	                     .following = following, .answer = TARGET_NOT_PYTHON };
	if (following >= FOLLOW_CHILDREN)
		g->follow = follow_new(following == FOLLOW_ALL);
	if (g->follow && news_is_open())
		follow_is_told(g->follow);
	return g;
}

/* ---- members ---- */

/* Which one has that pid; g->n: none. */
static size_t
place_of(const struct group *g, int pid)
{
	size_t i = 0;

	while (i < g->n && g->members[i]->pid != pid)
		i++;
	return i;
}

static struct member *
find(const struct group *g, int pid)
{
	size_t i = place_of(g, pid);

	return i < g->n ? g->members[i] : NULL;
}

static struct member *
add(struct group *g, int pid, int parent, uint64_t start_time)
{
	struct member *m = xcalloc(1, sizeof *m);

	*m = (struct member){ .pid = pid, .parent = parent, .start_time = start_time,
	                      .since = now_ns(), .answer = TARGET_STARTING };
	if (g->follow)
		m->since -= proc_age(start_time);
	g->members = grow(g->members, g->n, &g->cap, sizeof *g->members);
	g->members[g->n++] = m;
	g->due = 0;
	return m;
}

static void
add_counts(struct sample_counts *sum, const struct sample_counts *c)
{
	sum->samples += c->samples;
	sum->idle += c->idle;
	sum->asked += c->asked;
	sum->waits += c->waits;
	sum->retried += c->retried;
	sum->stopped += c->stopped;
	sum->preempted += c->preempted;
	if (HAS_KERNEL) {
		sum->copied += c->copied;
		sum->uncopied += c->uncopied;
	}
	for (int i = 0; i < WHY_COUNT; i++)
		sum->failed[i] += c->failed[i];
	for (size_t i = 0; i < LEN(c->tasks); i++)
		sum->tasks[i] += c->tasks[i];
	sum->unfit += c->unfit;
	sum->unplaced += c->unplaced;
	sum->cpu += c->cpu;
	sum->cpu_sampled += c->cpu_sampled;
	sum->calls += c->calls;
	sum->bytes += c->bytes;
	sum->may_not_stop |= c->may_not_stop;
}

static void
end_sampler(struct group *g, struct member *m)
{
	struct sample_counts counts = sampler_counts(m->sampler);

	add_counts(&g->ended, &counts);
	sampler_free(m->sampler);
	m->sampler = NULL;
}

static void
close_member(struct group *g, struct member *m)
{
	if (!m->sampler)
		return;
	sampler_say_gil(m->sampler, &g->gil);
	end_sampler(g, m);
	target_close(&m->target);
}

static struct sampler *
new_sampler(const struct group *g, const struct member *m)
{
	struct sample_options options = g->options;

	options.newborn = m->born && !m->executed;
	return sampler_new(&m->target, g->profile, &options);
}

/* A sampler knows strings and frames by their numbers in the profile. */
void
group_restart(struct group *g, struct profile *profile)
{
	g->profile = profile;
	g->gil.len = 0;
	g->epoch = 0; /* somebody may have set the clock */
	for (size_t i = 0; i < g->n; i++) {
		struct member *m = g->members[i];

		if (!m->sampler)
			continue;
		end_sampler(g, m);
		m->sampler = new_sampler(g, m);
	}
}

/* It executes something else by now. */
static void
reopen(struct group *g, struct member *m)
{
	close_member(g, m);
	m->since = now_ns();
	m->answer = TARGET_STARTING;
	m->due = g->due = 0;
}

static void
count_other(struct tally *t, const char *name)
{
	t->others++;
	for (size_t i = 0; i < t->n_names; i++)
		if (!strcmp(t->names[i], name))
			return;
	if (t->n_names < NAMES)
		memcpy(t->names[t->n_names++], name, strlen(name) + 1);
}

static void
count_member(struct tally *t, const struct member *m)
{
	if (m->sampled)
		t->sampled++;
	else if (m->answer == TARGET_NOT_PYTHON)
		count_other(t, m->name);
	else if (m->answer == TARGET_DENIED)
		t->denied++;
	else if (m->answer == TARGET_UNSUPPORTED)
		t->refused++;
}

/* What it did at those ticks will not be known any more. */
static void
count_lost(struct group *g, const struct member *m)
{
	if (m->sampled || m->executed)
		return;
	g->ended.failed[GONE] += m->lost;
	for (uint64_t i = 0; i < m->lost; i++)
		profile_count_failed(g->profile);
}

static void
drop(struct group *g, size_t i)
{
	struct member *m = g->members[i];

	count_lost(g, m);
	close_member(g, m);
	count_member(&g->tally, m);
	if (g->follow)
		follow_forget(g->follow, m->pid);
	free(m);
	memmove(g->members + i, g->members + i + 1, (--g->n - i) * sizeof *g->members);
}

void
group_free(struct group *g)
{
	if (!g)
		return;
	while (g->n)
		drop(g, g->n - 1);
	follow_free(g->follow);
	buf_free(&g->answer_text);
	buf_free(&g->refusal);
	buf_free(&g->aside);
	buf_free(&g->gil);
	free(g->members);
	free(g);
}

void
group_add(struct group *g, int pid)
{
	if (find(g, pid))
		return;
	add(g, pid, 0, proc_start_time(pid))->given = 1;
	if (g->follow)
		follow_root(g->follow, pid);
}

/* ---- opening ---- */

/* 0 if the process has ended, or its pid is another's by now. */
static int
is_there(const struct member *m, struct proc_stat *stat)
{
	return !proc_process_stat(m->pid, stat) && stat->start_time == m->start_time &&
	       stat->state != 'Z' && stat->state != 'X';
}

/* With -m gil there has to be one.  (Of a process that was given, pyflame.c says so.) */
static int
has_no_gil(struct group *g, struct member *m, struct buf *reason)
{
	if (g->following < FOLLOW_CHILDREN || g->options.mode != MODE_GIL)
		return 0;
	sampler_list(m->sampler);
	if (sampler_has_gil(m->sampler))
		return 0;
	buf_printf(reason, "-m gil: pid %d has no GIL, it is a free-threaded Python; use -m cpu",
	           m->pid);
	return 1;
}

static void
begin(struct member *m)
{
	m->sampled = 1;
	m->since = now_ns();
	m->due = m->since + LEARN_MS * MS;
}

/* Whether the ids of all threads are known.  A child that was just forked has
 * its parent's idea of them; those that it does not have are dead there. */
static int
knows_ids(struct sampler *s)
{
	struct threads *threads = sampler_threads(s);
	enum why why = threads_refresh(threads);
	struct thread *const *all;
	size_t n, known = 0;
	int running = 0;

	all = threads_all(threads, &n);
	while (known < n && (all[known]->task.tid || all[known]->dead))
		running |= !all[known++]->dead;
	return why == OK && known == n && running;
}

static int
is_settled(struct member *m)
{
	return m->given || now_ns() - m->since > SETTLING_MS * MS || knows_ids(m->sampler);
}

/* What changes shortly after a start: ids that were not known, and its name. */
static void
learn_more(struct member *m, int64_t now)
{
	m->due = now + (now - m->since);
	knows_ids(m->sampler);
	sampler_rename(m->sampler);
}

static enum target_answer
open_member(struct group *g, struct member *m, struct buf *reason)
{
	/* What it has executed by itself is not its parent's. */
	const struct member *parent = m->executed ? NULL : find(g, m->parent);
	enum target_answer answer = TARGET_READY;

	if (!parent || !parent->sampler ||
	    target_open_like(process_open(m->pid), &parent->target, &m->target))
		answer = target_open(process_open(m->pid), g->abi, &m->target, reason);
	if (answer != TARGET_READY)
		return answer;
	if (process_start_time(m->target.process) != m->start_time) {
		target_close(&m->target);
		return TARGET_GONE;
	}
	m->sampler = new_sampler(g, m);
	answer = !is_settled(m) ? TARGET_STARTING :
	         has_no_gil(g, m, reason) ? TARGET_UNSUPPORTED : TARGET_READY;
	if (answer == TARGET_READY)
		begin(m);
	else
		close_member(g, m);
	return answer;
}

/* Whether it is that one which is to be sampled, as far as is known. */
static int
is_the_one(const struct group *g, const struct member *m)
{
	return m->given && g->following < FOLLOW_CHILDREN;
}

/* Looks for what descends from a command that is not Python, and may be a launcher. */
static void
look_beyond(struct group *g, const struct member *m)
{
	if (g->following != FOLLOW_PATIENTLY || g->follow || m->sampled)
		return;
	g->follow = follow_new(0);
	follow_root(g->follow, m->pid);
}

/* Keeps what came of a failed attempt. */
static void
remember_answer(struct group *g, struct member *m, const struct buf *reason)
{
	int refused = m->answer == TARGET_DENIED || m->answer == TARGET_UNSUPPORTED;

	if (proc_task_name(m->pid, m->pid, m->name, sizeof m->name) && !m->name[0])
		memcpy(m->name, "?", sizeof "?");
	if (refused && !g->refusal.len)
		buf_add(&g->refusal, reason->data, reason->len);
	if (refused && is_the_one(g, m) && !m->warned++)
		warn("%.*s", (int)reason->len, reason->data);
	if (m->answer == TARGET_NOT_PYTHON)
		look_beyond(g, m);
	if (g->following == FOLLOW_ALL ? g->answer == TARGET_DENIED || m->answer != TARGET_DENIED :
	                                 m != g->members[0] || !m->given)
		return;
	g->answer = m->answer;
	g->answer_text.len = 0;
	buf_add(&g->answer_text, reason->data, reason->len);
}

/* When to try again: often at first, when an interpreter is about to start. */
static int64_t
wait_of(const struct group *g, const struct member *m, int64_t now)
{
	int64_t age = now - m->since, wait = age / 4;

	if (is_the_one(g, m))
		return age < HASTE_MS * MS ? MS : 20 * MS;
	if (m->answer == TARGET_UNSUPPORTED || wait > LONGEST_WAIT_MS * MS)
		return LONGEST_WAIT_MS * MS;
	return wait < MS ? MS : wait;
}

/* It is not looked at any more, until it executes something else. */
static void
give_up(struct member *m)
{
	m->due = INT64_MAX;
	m->answer = TARGET_GONE;
}

static void
say_stuck(const struct member *m)
{
	warn("pid %d is stuck, reads of it do not come back; it is left out", m->pid);
}

/* Of reads that have been given up since there were that many of all. */
static void
note_given_up(struct member *m, unsigned before)
{
	unsigned more = watch_given_up() - before;

	if (more && m->given_up < MOST_GIVEN_UP && m->given_up + more >= MOST_GIVEN_UP)
		say_stuck(m);
	m->given_up += more;
}

static int
is_stuck(const struct member *m)
{
	return m->given_up >= MOST_GIVEN_UP;
}

void
group_abandon(struct group *g)
{
	struct member *m = g->current;
	size_t i = 0;

	g->current = NULL;
	if (!m)
		return;
	m->sampler = NULL;
	give_up(m);
	say_stuck(m);
	if (g->follow)
		return;
	while (g->members[i] != m)
		i++;
	drop(g, i);
}

/* Leaves out one that is stuck.  0 if it is to be dropped. */
static int
leave_out(struct group *g, struct member *m)
{
	close_member(g, m);
	give_up(m);
	return g->follow != NULL;
}

/* Tries to open it.  0 if it is to be dropped. */
static int
try(struct group *g, struct member *m)
{
	struct proc_stat stat;
	struct buf reason = { 0 };
	int there = is_there(m, &stat);
	unsigned given_up = watch_given_up();

	if (!there && !m->given)
		return 0;
	m->tried = 1;
	m->image = there ? stat.image : 0;
	if (there && !m->image && !m->given) { /* a kernel thread, or about to end */
		give_up(m);
		return 1;
	}
	m->answer = open_member(g, m, &reason);
	note_given_up(m, given_up);
	if (is_stuck(m)) {
		there = leave_out(g, m);
	} else if (m->answer != TARGET_READY) {
		int64_t now = now_ns();

		m->due = now + wait_of(g, m, now);
		remember_answer(g, m, &reason);
		if (g->following == FOLLOW_NONE && now - m->since > PATIENCE_MS * MS)
			there = 0;
	} else if (!g->aside.len) {
		buf_add(&g->aside, reason.data, reason.len);
	}
	buf_free(&reason);
	return there;
}

void
group_adopt(struct group *g, const struct target *t)
{
	struct proc_stat stat;
	struct member *m = add(g, process_pid(t->process), 0, process_start_time(t->process));

	m->given = m->tried = 1;
	m->image = is_there(m, &stat) ? stat.image : 0;
	m->target = *t;
	m->answer = TARGET_READY;
	m->sampler = sampler_new(&m->target, g->profile, &g->options);
	begin(m);
}

/* ---- looking ---- */

/* Whether it ended or executes something else.  0 if it is to be dropped. */
static int
check(struct group *g, struct member *m)
{
	struct proc_stat stat;

	if (!is_there(m, &stat))
		return 0;
	if (stat.image != m->image) {
		m->executed = 1;
		m->given_up = 0;
		reopen(g, m);
	}
	return 1;
}

static void
note_birth(struct group *g, const struct news *news)
{
	size_t i = place_of(g, news->pid);

	if (i < g->n) /* that was another one */
		drop(g, i);
	if (follow_birth(g->follow, news->pid, news->parent)) {
		const struct member *parent = find(g, news->parent);
		struct member *m = add(g, news->pid, news->parent, proc_start_time(news->pid));

		m->since = news->time;
		m->born = 1;
		m->forked = parent && parent->sampler;
	}
}

/* What was told of one that is known. */
static void
note_change(struct group *g, const struct news *news)
{
	size_t i = place_of(g, news->pid);

	if (i == g->n)
		return;
	if (news->kind == NEWS_EXECUTED)
		g->members[i]->executed = 1;
	else
		g->members[i]->answer = TARGET_GONE;
	if (g->members[i]->tried && !check(g, g->members[i]))
		drop(g, i);
}

static void
heed_news(struct group *g)
{
	struct news news;

	while (news_next(&news))
		if (news.kind == NEWS_FORKED)
			note_birth(g, &news);
		else if (news.kind != NEWS_LOST)
			note_change(g, &news);
}

static void
find_new(struct group *g)
{
	size_t n;
	const struct followed *fresh = follow_look(g->follow, &n);

	for (size_t i = 0; i < n; i++)
		if (!find(g, fresh[i].pid))
			add(g, fresh[i].pid, fresh[i].parent, fresh[i].start_time);
}

static void
check_some(struct group *g, int64_t now)
{
	size_t n = g->n < CHECKED ? g->n : CHECKED;

	if (now - g->checked < LOOK_MS * MS)
		return;
	g->checked = now;
	while (n-- > 0 && g->n) {
		size_t i = g->next_checked++ % g->n;

		if (g->members[i]->tried && !check(g, g->members[i]))
			drop(g, i);
	}
}

static void
open_some(struct group *g, int64_t now)
{
	int64_t start = now_ns(), most = (g->ticks ? OPENING_MS : FIRST_OPENING_MS) * MS;

	for (size_t i = 0; i < g->n && now_ns() - start < most; i++) {
		struct member *m = g->members[i];

		if (m->due > now)
			continue;
		mem_limit((g->ticks ? MOST_OPENING_MS : MOST_ATTACHING_MS) * MS);
		g->current = m;
		if (m->sampler) {
			learn_more(m, now);
		} else if (!try(g, m)) {
			drop(g, i--);
		}
		g->current = NULL;
	}
}

void
group_look(struct group *g)
{
	int64_t now = now_ns(), due = now + (g->follow ? LOOK_MS : SELDOM_MS) * MS;

	if (g->follow && news_any())
		heed_news(g);
	if (now < g->due)
		return;
	if (g->follow)
		find_new(g);
	check_some(g, now);
	open_some(g, now);
	for (size_t i = 0; i < g->n; i++)
		if (!g->members[i]->sampler && g->members[i]->due < due)
			due = g->members[i]->due;
	g->due = due;
}

int64_t
group_look_due(const struct group *g)
{
	return g->due;
}

int
group_settle(struct group *g)
{
	if (g->following != FOLLOW_PATIENTLY || !g->follow)
		return 0;
	if (!g->members[0]->given || !g->members[0]->sampler) {
		g->following = FOLLOW_CHILDREN;
		return 1;
	}
	while (g->n > 1)
		drop(g, g->n - 1);
	follow_free(g->follow);
	g->follow = NULL;
	g->tally = (struct tally){ 0 };
	return 0;
}

/* ---- sampling ---- */

/* Looks closer at a member whose tick went wrong: this is how its end or an
 * exec shows first.  0 if it is to be dropped. */
static int
follow_up(struct group *g, struct member *m, enum why why)
{
	if (!check(g, m))
		return 0;
	if (why != OK && m->sampler)
		reopen(g, m);
	return 1;
}

void
group_stand_in(struct group *g, int64_t ticks)
{
	g->ticks += (uint64_t)ticks;
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->sampler)
			sampler_stand_in(g->members[i]->sampler, ticks);
}

static int
is_resting(const struct group *g, const struct member *m, int64_t now)
{
	return g->n > 1 && now < m->rests;
}

/* Has one that took too long rest, the longer the more others do. */
static void
rest(const struct group *g, struct member *m, int64_t began)
{
	int64_t now = now_ns(), taken = now - began, all = REST * taken;

	for (size_t i = 0; i < g->n; i++)
		if (g->members[i] != m && is_resting(g, g->members[i], now))
			all += REST * taken;
	m->rests = now + all;
}

/* One tick of one member, of which all should be done by `until`.  A hostile one takes no
 * more than its part of the time from the others. */
static enum why
tick(struct group *g, struct member *m, int64_t before, int64_t until)
{
	int64_t began = now_ns(), most = (until - began) / (g->n > 1 ? 2 : 1);
	unsigned given_up = watch_given_up();
	enum why why;

	if (is_resting(g, m, began)) {
		sampler_leave_out(m->sampler, before);
		return OK;
	}
	mem_limit(most > LEAST_MS * MS ? most : LEAST_MS * MS);
	g->current = m;
	why = sampler_tick(m->sampler, before);
	g->current = NULL;
	note_given_up(m, given_up);
	if (mem_is_over())
		rest(g, m, began);
	return why;
}

/* When now_ns() was 0, in microseconds since the epoch.  The two clocks are read at one moment,
 * or nearly so: in between we may have to wait for a CPU. */
static int64_t
find_epoch(void)
{
	enum { TRIES = 20, NEAR_NS = 20000 };
	int64_t best = INT64_MAX, epoch = 0;

	for (int i = 0; i < TRIES && best > NEAR_NS; i++) {
		int64_t before = now_ns(), taken;
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		taken = now_ns() - before;
		if (taken < best) {
			best = taken;
			epoch = t.tv_sec * INT64_C(1000000) + (t.tv_nsec - before) / 1000;
		}
	}
	return epoch;
}

/* Logs when this tick is: one time for all processes.  Setting the clock does not change
 * how long ticks are apart. */
static void
log_tick(struct group *g)
{
	if (!g->epoch)
		g->epoch = find_epoch();
	profile_tick(g->profile, g->epoch + now_ns() / 1000);
}

struct round { /* one tick of all */
	int64_t before, until;
	size_t ticked;
	int64_t stopped; /* the longest that one of them was */
};

/* 0 if it is to be dropped. */
static int
tick_member(struct group *g, struct member *m, struct round *r)
{
	int64_t stopped;
	enum why why;

	m->ticked = g->rounds;
	if (!m->sampler) {
		m->lost += m->forked && m->answer == TARGET_STARTING;
		return 1;
	}
	stopped = sampler_stopped_ns(m->sampler);
	why = tick(g, m, r->before, r->until);
	r->ticked += why != GONE;
	stopped = sampler_stopped_ns(m->sampler) - stopped;
	if (stopped > r->stopped)
		r->stopped = stopped;
	if (is_stuck(m))
		return leave_out(g, m);
	return (why == OK && !sampler_is_troubled(m->sampler)) || follow_up(g, m, why);
}

size_t
group_tick(struct group *g, int64_t before, int64_t *stopped_ns)
{
	struct round r = { .before = before, .until = now_ns() + MOST_MS * MS };
	size_t first = preempt_pid() ? place_of(g, preempt_pid()) : g->n;

	if (g->options.log)
		log_tick(g);
	if (HAS_KERNEL)
		kernel_tick();
	g->rounds++;
	/* It waits for us. */
	if (first < g->n && !tick_member(g, g->members[first], &r))
		drop(g, first);
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->ticked != g->rounds && !tick_member(g, g->members[i], &r))
			drop(g, i--);
	*stopped_ns = r.stopped;
	g->ticks += r.ticked ? 1 + (uint64_t)before : 0;
	return r.ticked;
}

size_t
group_size(const struct group *g)
{
	return g->n;
}

size_t
group_ready(const struct group *g)
{
	size_t ready = 0;

	for (size_t i = 0; i < g->n; i++)
		ready += g->members[i]->sampler != NULL;
	return ready;
}

int
group_is_starting(const struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->members[i]->sampler && g->members[i]->answer == TARGET_STARTING)
			return 1;
	return 0;
}

static struct member *
ready_member(const struct group *g, size_t i)
{
	struct member **m = g->members;

	for (;; m++)
		if ((*m)->sampler && !i--)
			return *m;
}

struct sampler *
group_sampler(const struct group *g, size_t i)
{
	return ready_member(g, i)->sampler;
}

const struct target *
group_target(const struct group *g, size_t i)
{
	return &ready_member(g, i)->target;
}

/* ---- the end ---- */

struct sample_counts
group_counts(const struct group *g)
{
	struct sample_counts sum = g->ended;

	for (size_t i = 0; i < g->n; i++) {
		struct sample_counts c;

		if (!g->members[i]->sampler)
			continue;
		c = sampler_counts(g->members[i]->sampler);
		add_counts(&sum, &c);
	}
	sum.ticks = g->ticks;
	return sum;
}

void
group_say_gil(const struct group *g, struct buf *out)
{
	buf_add(out, g->gil.data, g->gil.len);
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->sampler)
			sampler_say_gil(g->members[i]->sampler, out);
}

static struct tally
tally_all(const struct group *g)
{
	struct tally t = g->tally;

	for (size_t i = 0; i < g->n; i++)
		count_member(&t, g->members[i]);
	return t;
}

size_t
group_sampled(const struct group *g)
{
	return tally_all(g).sampled;
}

enum target_answer
group_answer(const struct group *g, struct buf *out)
{
	buf_add(out, g->answer_text.data, g->answer_text.len);
	return g->answer;
}

static void
tell_others(const struct tally *t, struct buf *out)
{
	buf_printf(out, "; %zu left out as not Python (", t->others);
	for (size_t i = 0; i < t->n_names; i++) {
		if (i)
			buf_str(out, ", ");
		buf_visible(out, t->names[i], strlen(t->names[i]));
	}
	if (t->n_names == NAMES)
		buf_str(out, ", ...");
	buf_str(out, ")");
}

void
group_tell(const struct group *g, struct buf *out)
{
	struct tally t = tally_all(g);

	if (g->aside.len)
		buf_printf(out, "; %.*s", (int)g->aside.len, g->aside.data);
	if (!g->follow)
		return;
	if (t.others && g->following != FOLLOW_ALL)
		tell_others(&t, out);
	if (t.denied + t.refused)
		buf_printf(out, "; %zu could not be read, for one: %.*s", t.denied + t.refused,
		           (int)g->refusal.len, g->refusal.data);
}
