/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one thread besides its stack; see thread.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "gil.h"
#include "thread.h"

char
thread_state(struct thread *t)
{
	return task_state(t->process, &t->task);
}

int
thread_is_idle(struct thread *t)
{
	char state = thread_state(t);

	return state && state != 'R';
}

int
thread_times(struct thread *t, struct proc_times *times)
{
	return task_times(t->process, &t->task, times);
}

int
thread_wants_gil(struct thread *t, const struct gil *gils, size_t n)
{
	uint64_t futex = n ? task_futex(t->process, &t->task) : 0;

	for (size_t i = 0; i < n && futex; i++)
		if (gil_has_futex(&gils[i], futex))
			return 1;
	return 0;
}

int
thread_holds_gil(const struct thread *t)
{
	int holds = 0;

	for (; t; t = t->newer)
		holds |= t->holds_gil;
	return holds;
}

int
thread_is_main(const struct thread *t)
{
	return t->task.tid == process_pid(t->process);
}

/* ---- on a CPU ---- */

struct used { /* by one task */
	int tid; /* 0: the slot is empty */
	int64_t time, credit;
	int is_young;  /* it began after the first tick, and has not run for long since */
	uint64_t tick; /* of the last look, */
	int64_t periods, borrowed; /* the answer, and what of their time was not its own */
	int counted;   /* for that */
};

struct cpu {
	const struct process *process;
	int newborn;
	struct used *slots; /* by tid, open addressing */
	size_t n, cap;
	uint64_t ticks;
	int64_t period, covered; /* see cpu_tick() */
	int64_t began; /* CPU time of the process at the first tick, */
	int64_t known; /* how much of that used since is of tasks that were seen, */
	int64_t spent; /* or was credited to new ones, */
	int64_t left;  /* and the rest */
	size_t swept;  /* the slot up to which credit was taken back last */
	int *granted;  /* the tasks that had periods at this tick */
	size_t n_granted, cap_granted;
};

struct cpu *
cpu_new(const struct process *p, int newborn)
{
	struct cpu *c = xcalloc(1, sizeof *c);

	c->process = p;
	c->newborn = newborn;
	return c;
}

void
cpu_free(struct cpu *c)
{
	if (!c)
		return;
	free(c->slots);
	free(c->granted);
	free(c);
}

static struct used *
find_slot(const struct cpu *c, int tid)
{
	size_t i = hash_words((uint64_t)tid, 0) & (c->cap - 1);

	while (c->slots[i].tid && c->slots[i].tid != tid)
		i = (i + 1) & (c->cap - 1);
	return &c->slots[i];
}

/* What a task that has ended was not counted for is nobody's again. */
static void
take_back(struct cpu *c, struct used *u)
{
	c->known -= u->credit;
	u->credit = 0;
}

/* Looks for such tasks among some of all: each is asked about at every tick while it is there. */
static void
sweep(struct cpu *c)
{
	enum { A_TICK = 256 };

	for (size_t i = 0; i < A_TICK && i < c->cap; i++) {
		struct used *u = &c->slots[c->swept++ & (c->cap - 1)];

		if (u->tid && u->tick + 1 < c->ticks)
			take_back(c, u);
	}
}

/* Those that ended before they could be sampled have nothing from the last tick. */
static void
take_uncounted(struct cpu *c)
{
	for (size_t i = 0; i < c->n_granted; i++) {
		struct used *u = find_slot(c, c->granted[i]);

		if (!u->tid || u->counted)
			continue;
		u->credit += u->periods * c->period - u->borrowed;
		c->spent -= u->borrowed;
	}
	c->n_granted = 0;
}

void
cpu_tick(struct cpu *c, int64_t period, int64_t covered)
{
	int64_t used = process_cpu_time(c->process);

	take_uncounted(c);
	sweep(c);
	c->period = period;
	c->covered = covered;
	if (!c->ticks++ && !c->newborn)
		c->began = used;
	c->left = used < 0 ? 0 : used - c->began - c->known - c->spent;
}

/* Makes room; tasks that have not been seen for long are most likely gone. */
static void
grow_slots(struct cpu *c)
{
	enum { LONG = 1000 }; /* ticks */
	struct used *old = c->slots;
	size_t cap = c->cap, kept = 0;

	for (size_t i = 0; i < cap; i++)
		kept += old[i].tid && c->ticks - old[i].tick < LONG;
	for (c->cap = 16; c->cap < kept * 4; c->cap *= 2)
		;
	c->slots = xcalloc(c->cap, sizeof *c->slots);
	for (size_t i = 0; i < cap; i++)
		if (old[i].tid && c->ticks - old[i].tick < LONG)
			*find_slot(c, old[i].tid) = old[i];
		else
			take_back(c, &old[i]);
	c->n = kept;
	free(old);
}

/*
 * Takes from what the process has used and nobody is known for, no more than `most`.  Some
 * is lent, as those who owe it will be known only when they have ended; without that the
 * first sample of each, which may be the only one, would count too little.  To what may
 * itself end soon that is as much as will then be left over, on average.
 */
static int64_t
take_left(struct cpu *c, int64_t most)
{
	enum { LENT_NS = 10000000 };
	int64_t left = c->left + (c->newborn ? c->period / 2 : LENT_NS);
	int64_t some = left < most ? left : most;

	if (some <= 0)
		return 0;
	c->left -= some;
	return some;
}

/* A task that is seen for the first time has used what it ran, if it began meanwhile. */
static void
begin_task(struct cpu *c, struct used *u, int64_t ran)
{
	u->time = ran;
	if (c->ticks == 1 && !c->newborn)
		return;
	u->is_young = 1;
	u->credit = take_left(c, ran);
	c->known += u->credit;
}

/* A young one stands for those that have ended before they were seen again: what these
 * used and nobody is known for is counted with it. */
static void
borrow(struct cpu *c, struct used *u)
{
	u->borrowed = u->is_young && u->credit < c->period / 2 ? take_left(c, c->period) : 0;
	c->spent += u->borrowed;
	u->credit += u->borrowed;
}

static struct used *
find_used(struct cpu *c, int tid, int64_t ran)
{
	struct used *u;

	if (c->n * 2 >= c->cap)
		grow_slots(c);
	u = find_slot(c, tid);
	if (!u->tid) {
		c->n++;
		*u = (struct used){ .tid = tid };
		begin_task(c, u, ran);
	}
	return u;
}

/* Notes what a task has used, which is its credit. */
static void
note_used(struct cpu *c, struct used *u, int64_t ran)
{
	enum { KEPT_NS = 20000000 }; /* some ticks of the scheduler */
	int64_t most = c->period * c->covered;

	if (most < KEPT_NS)
		most = KEPT_NS;
	c->known += ran - u->time;
	u->credit += ran - u->time;
	u->time = ran;
	u->is_young = u->is_young && ran < KEPT_NS;
	if (u->credit > most)
		u->credit = most;
}

/* For how many periods there is credit, which these take. */
static int64_t
grant(struct cpu *c, struct used *u)
{
	int64_t periods;

	borrow(c, u);
	periods = (u->credit + c->period / 2) / c->period;
	if (periods > c->covered)
		periods = c->covered;
	u->credit -= periods * c->period;
	if (periods) {
		c->granted = grow(c->granted, c->n_granted, &c->cap_granted, sizeof *c->granted);
		c->granted[c->n_granted++] = u->tid;
	}
	return periods;
}

/*
 * The scheduler counts the time of a thread that runs on when the clock ticks, which may be
 * later than ours: what was not yet asked for is kept, as credit.  A task may be asked about
 * twice at one tick, if others have come or gone.
 */
int64_t
cpu_periods(struct cpu *c, struct thread *t)
{
	struct proc_times now;
	struct used *u;

	if (thread_times(t, &now))
		return thread_state(t) == 'R' ? c->covered : 0; /* a kernel that does not count */
	u = find_used(c, t->task.tid, now.ran);
	if (u->tick == c->ticks)
		return u->periods;
	note_used(c, u, now.ran);
	u->tick = c->ticks;
	u->counted = 0;
	u->periods = thread_state(t) == 'R' ? grant(c, u) : 0;
	return u->periods;
}

void
cpu_settle(struct cpu *c, const struct thread *t, int counted)
{
	struct used *u = c->cap ? find_slot(c, t->task.tid) : NULL;

	if (u && u->tid)
		u->counted |= counted || !u->is_young;
}

/* ---- sleepers ---- */

enum { AWAKE_S = 10, WINDOW_MS = 10, SLACK_MS = 5, ASKING_PART = 20 };

/* What those that are awake have used since this was asked last. */
static int64_t
used_by_awake(struct thread *const *threads, size_t n, int64_t now)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct thread *t = threads[i];
		struct proc_times times;

		if (t->newer || now >= t->awake_until || thread_times(t, &times))
			continue;
		sum += times.ran - t->accounted;
		t->accounted = times.ran;
	}
	return sum;
}

/*
 * The scheduler counts the time of a thread that runs on when its clock ticks, which is up
 * to 4 ms later.  So much is let pass either way; a thread that sleeps on is then missed for
 * no longer than that.
 */
int
sleepers_window(struct sleepers *s, struct thread *const *threads, size_t n, int64_t now,
                int *woken)
{
	int64_t used, known;

	*woken = 0;
	if (now - s->looked < WINDOW_MS * MS)
		return 0;
	used = process_cpu_time(s->process);
	known = used_by_awake(threads, n, now);
	if (s->looked)
		s->surplus += used - s->used - known;
	s->looked = now;
	s->used = used;
	if (s->surplus < -SLACK_MS * MS)
		s->surplus = -SLACK_MS * MS;
	*woken = (used < 0 || s->surplus >= SLACK_MS * MS) && now >= s->due;
	if (*woken)
		s->surplus = 0;
	return 1;
}

void
sleepers_asked(struct sleepers *s, int64_t began, int64_t ended)
{
	s->due = ended + (ended - began) * ASKING_PART;
}

/* Whether it has used CPU time since it was asked last, or may have. */
static int
has_run(struct thread *t, int known)
{
	int64_t before = t->ran;
	struct proc_times times;

	if (thread_times(t, &times))
		return 1;
	t->ran = times.ran;
	if (t->asked)
		return times.ran != before;
	t->asked = 1;
	return !known || thread_state(t) == 'R';
}

/* It is awake for some time.  What it has used so far is of a sleeper. */
static void
wake(struct thread *t, int64_t now, int64_t ran)
{
	if (!t->awake_until)
		t->accounted = ran;
	t->awake_until = now + AWAKE_S * 1000 * MS;
}

/* Of a task's states the one that the others are asked by. */
static struct thread *
newest(struct thread *t)
{
	while (t->newer)
		t = t->newer;
	return t;
}

int
thread_is_awake(struct thread *t, int64_t now, int rouse, int known)
{
	if (now < t->awake_until)
		return 1;
	if (t->asked && !t->awake_until && !rouse)
		return 0;
	if (has_run(t, known))
		wake(t, now, t->ran);
	else
		t->awake_until = 0;
	return t->awake_until != 0;
}

void
thread_note_sampled(struct thread *t, int64_t now, int64_t ns)
{
	struct proc_times times;

	t = newest(t);
	t->credit -= ns;
	if (now < t->awake_until)
		return;
	wake(t, now, thread_times(t, &times) ? 0 : times.ran);
}

/* What the scheduler counts late is to be had later; what was sampled of a thread that had
 * no CPU is forgiven. */
int
thread_has_used(struct thread *t, int64_t ns, int known)
{
	enum { MOST_MS = 20 };
	struct proc_times now;

	if (thread_times(t, &now))
		return 1;
	if (!t->used)
		t->credit = known ? 0 : now.ran;
	else
		t->credit += now.ran - t->used;
	t->used = now.ran;
	if (t->credit < -SLACK_MS * MS)
		t->credit = -SLACK_MS * MS;
	if (t->credit > MOST_MS * MS)
		t->credit = MOST_MS * MS;
	return t->credit >= ns / 2;
}

int
thread_may_have_used(const struct thread *t, int64_t ns)
{
	return t->credit - ns >= -SLACK_MS * MS;
}

/* ---- names ---- */

struct thread_name {
	uint64_t ident;
	raddr number, object; /* the ident as an object, the Thread */
};

/* sys.modules["threading"]._active, a dict. */
static enum why
find_active(const struct target *t, raddr interp, raddr *active)
{
	raddr dict;
	enum why why = object_module(t->mem, t->layout, interp, "threading", &dict);

	return why == OK ? object_dict_get(t->mem, t->layout, dict, "_active", active) : why;
}

static int
add_entry(void *context, raddr key, raddr value)
{
	struct thread_names *names = context;

	names->entries = grow(names->entries, names->n, &names->cap, sizeof *names->entries);
	names->entries[names->n++] = (struct thread_name){ .number = key, .object = value };
	return 0;
}

/* Reads the idents of some entries in one call; of those that can't be read it is 0. */
static void
read_idents(const struct target *t, struct thread_name *entries, size_t n)
{
	size_t size = object_integer_size(t->layout), done;
	struct mem_vec *v = xcalloc(n, sizeof *v);
	unsigned char *bytes = xcalloc(n, size);

	for (size_t i = 0; i < n; i++)
		v[i] = (struct mem_vec){ entries[i].number, size };
	mem_readv(t->mem, v, n, bytes, &done);
	for (size_t i = 0; i < n; i++)
		if ((i + 1) * size > done ||
		    object_integer_of(t->layout, bytes + i * size, &entries[i].ident) != OK)
			entries[i].ident = 0;
	free(v);
	free(bytes);
}

static int
compare(const void *pa, const void *pb)
{
	const struct thread_name *a = pa, *b = pb;

	return a->ident < b->ident ? -1 : a->ident > b->ident;
}

enum why
thread_names_read(const struct target *t, raddr interp, struct thread_names *names)
{
	raddr active;
	enum why why = find_active(t, interp, &active);

	names->n = 0;
	if (why == OK)
		why = object_dict_each(t->mem, t->layout, active, add_entry, names);
	if (why != OK || !names->n)
		return why;
	read_idents(t, names->entries, names->n);
	sort(names->entries, names->n, sizeof *names->entries, compare);
	return OK;
}

void
thread_names_free(struct thread_names *names)
{
	free(names->entries);
	*names = (struct thread_names){ 0 };
}

static enum why
read_name(const struct target *t, raddr object, struct buf *out)
{
	raddr at;
	enum why why = object_attribute(t->mem, t->layout, object, "_name", &at);

	if (why != OK) /* 2.7 */
		why = object_attribute(t->mem, t->layout, object, "_Thread__name", &at);
	return why == OK ? object_text(t->mem, t->layout, at, out) : why;
}

enum why
thread_names_find(const struct target *t, const struct thread_names *names, uint64_t ident,
                  struct buf *out)
{
	const struct thread_name key = { .ident = ident }, *found = NULL;

	if (names->n)
		found = bsearch(&key, names->entries, names->n, sizeof key, compare);
	return found ? read_name(t, found->object, out) : BROKEN;
}

void
thread_kernel_name(const struct thread *t, struct buf *out)
{
	char name[32];

	if (thread_is_main(t))
		buf_str(out, "MainThread");
	else if (t->task.tid && !process_task_name(t->process, t->task.tid, name, sizeof name))
		buf_str(out, name);
	else
		buf_str(out, "unknown");
}
