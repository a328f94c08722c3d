/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interpreters hang together by `next`, and so do the threads of each; the
 * newest comes first.  All that was listed last time is read in one call, and
 * the lists are followed in that copy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "snapshot.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "stack.h"
#include "turns.h"
#include "threads.h"

enum {
	MAX_INTERPRETERS = 1024,
	MAX_THREADS = 1 << 14,
	MAX_NAME_READS = 1 << 20, /* for the names of all threads together */
	MANY = 4,                 /* threads: worth to know which of them are still */
	LIST_EACH_NS = 1000000000, /* the lists are followed at least that often */
};

enum { LISTED = 1, LISTED_NEW }; /* thread.listed */

struct link { /* of the lists */
	raddr addr, value;
};

struct threads {
	const struct target *t;
	const struct layout *l;
	struct snap *snap;
	raddr *interps;
	size_t n_interps, cap_interps;
	struct gil *gils;
	size_t n_gils, cap_gils;
	struct thread **threads;
	size_t n_threads, cap_threads;
	struct thread **listing; /* the list that is being made */
	size_t n_listing, cap_listing;
	struct snap **snaps; /* to be read at once */
	size_t cap_snaps;
	struct snap *shared; /* to be read after those of the threads */
	struct walker *walker; /* whose stacks are to be read at the next refresh, or NULL */
	struct link *links;
	size_t n_links, cap_links;
	struct turns turns;
	int calm;       /* nobody else ran between the last two refreshes */
	int64_t listed; /* when the lists were followed last */
	struct proc_task *tasks;
	size_t n_tasks;
	int looked;     /* at the tasks, since the last refresh */
	uint64_t name_reads;
	size_t head;    /* bytes of a thread state that are looked at */
	int tid_offset; /* in struct pthread; 0: not yet found, -1: can't be */
};

/* How many bytes of a thread state the list needs. */
static size_t
head_size(const struct layout *l)
{
	int fields[] = { l->thread.next, l->thread.interp, l->thread.thread_id,
	                 l->thread.native_id, l->thread.state };

	return layout_words(l, fields, LEN(fields));
}

struct threads *
threads_new(const struct target *t)
{
	struct threads *th = xcalloc(1, sizeof *th);

	th->t = t;
	th->l = t->layout;
	th->snap = snap_new(t->mem);
	th->head = head_size(t->layout);
	return th;
}

static void
thread_free(struct thread *t)
{
	if (t->state_fd >= 0)
		close(t->state_fd);
	if (t->times_fd >= 0)
		close(t->times_fd);
	if (t->futex_fd >= 0)
		close(t->futex_fd);
	stack_free(t->stack);
	free(t);
}

void
threads_free(struct threads *th)
{
	if (!th)
		return;
	for (size_t i = 0; i < th->n_threads; i++)
		thread_free(th->threads[i]);
	snap_free(th->snap);
	free(th->interps);
	free(th->gils);
	free(th->threads);
	free(th->listing);
	free(th->snaps);
	free(th->links);
	free(th->tasks);
	free(th);
}

struct thread *const *
threads_all(const struct threads *th, size_t *n)
{
	*n = th->n_threads;
	return th->threads;
}

struct thread *
threads_find(const struct threads *th, raddr tstate)
{
	for (size_t i = 0; i < th->n_threads; i++)
		if (th->threads[i]->tstate == tstate)
			return th->threads[i];
	return NULL;
}

const struct gil *
threads_gils(const struct threads *th, size_t *n)
{
	*n = th->n_gils;
	return th->gils;
}

/* ---- the kernel's number of a thread ---- */

static int
outer_tid(const struct threads *th, uint64_t inner)
{
	for (size_t i = 0; i < th->n_tasks; i++)
		if (th->tasks[i].inner > 0 && (uint64_t)th->tasks[i].inner == inner)
			return th->tasks[i].tid;
	return 0;
}

/* Once a refresh is enough: what is new was there before it was listed. */
static void
look_at_tasks(struct threads *th)
{
	free(th->tasks);
	th->n_tasks = proc_tasks(th->t->pid, &th->tasks);
	th->looked = 1;
}

/* The same, after another look at /proc if it is not known: a new thread. */
static int
find_tid(struct threads *th, uint64_t inner)
{
	int tid = outer_tid(th, inner);

	if (tid || !inner || th->looked)
		return tid;
	look_at_tasks(th);
	return outer_tid(th, inner);
}

/*
 * Up to 3.10 Python knows a thread by its pthread_t only.  That is the address
 * of the C library's structure, which holds the tid at an offset that differs
 * between libraries: it is the one at which every thread's structure has the
 * number of some task of this process, each another one.  (Half a pointer can
 * look like a tid too, but is the same in all of them.)
 */
static void
find_tid_offset(struct threads *th)
{
	enum { SEARCHED = 1024, COMPARED = 64 /* threads: that many do not agree by chance */ };
	int32_t words[SEARCHED / 4], last[SEARCHED / 4] = { 0 };
	unsigned char fits[SEARCHED / 4];

	memset(fits, 1, sizeof fits);
	look_at_tasks(th);
	for (size_t i = 0; i < th->n_listing && i < COMPARED; i++) {
		if (mem_read(th->t->mem, th->listing[i]->ident, words, sizeof words) != OK)
			continue;
		for (size_t k = 0; k < LEN(words); k++) {
			int tid = fits[k] && words[k] > 0 ? outer_tid(th, (uint64_t)words[k]) : 0;

			/* a process of one thread has its own number */
			fits[k] = fits[k] && tid && words[k] != last[k] &&
			          (th->n_tasks > 1 || tid == th->t->pid);
			last[k] = words[k];
		}
	}
	th->tid_offset = -1;
	for (size_t k = LEN(words); k-- > 0;)
		if (fits[k])
			th->tid_offset = (int)k * 4;
}

static int
tid_by_pthread(struct threads *th, const struct thread *t)
{
	int32_t tid;

	if (!th->tid_offset)
		find_tid_offset(th);
	if (th->tid_offset < 0 ||
	    mem_read(th->t->mem, t->ident + (raddr)th->tid_offset, &tid, sizeof tid) != OK)
		return 0;
	return tid > 0 ? find_tid(th, (uint64_t)tid) : 0;
}

/* ---- listing ---- */

/* What tells who ran comes first: it has to be older than the stacks. */
static void
begin_read(struct threads *th)
{
	snap_begin(th->snap);
	if (th->turns.addr)
		snap_add(th->snap, th->turns.addr, turns_size(th->l));
}

static void
plan_stacks(struct threads *th, int all)
{
	th->shared = th->walker ? walker_shared(th->walker) : NULL;
	for (size_t i = 0; th->walker && i < th->n_threads; i++) {
		struct thread *t = th->threads[i];
		int wanted = t->wanted == WANTED && !t->restless &&
		             (all || !thread_is_still(th, t));

		t->planned = wanted ? stack_plan(th->walker, t->stack, t->tstate, th->head) : NULL;
	}
}

static void
plan(struct threads *th)
{
	const struct layout *l = th->l;
	size_t word = (size_t)l->ptr;

	begin_read(th);
	snap_add(th->snap, th->t->interpreters, word);
	for (size_t i = 0; i < th->n_interps; i++) {
		snap_add(th->snap, th->interps[i] + (raddr)l->interp.next, word);
		if (l->interp.gil != ABSENT)
			snap_add(th->snap, th->interps[i] + (raddr)l->interp.gil, word);
		snap_add(th->snap, th->interps[i] + (raddr)l->interp.threads, word);
	}
	for (size_t i = th->n_threads; i-- > 0;)
		if (!th->threads[i]->planned)
			snap_add(th->snap, th->threads[i]->tstate, th->head);
}

static size_t
add_snap(struct threads *th, size_t n, struct snap *snap)
{
	th->snaps = grow(th->snaps, n, &th->cap_snaps, sizeof *th->snaps);
	th->snaps[n] = snap;
	return n + 1;
}

/* Reads the lists, and with them what is planned of the threads themselves. */
static enum why
read_all(struct threads *th)
{
	size_t n = add_snap(th, 0, th->snap), done;
	enum why why;

	for (size_t i = th->n_threads; i-- > 0;)
		if (th->threads[i]->planned)
			n = add_snap(th, n, th->threads[i]->planned);
	if (th->shared)
		n = add_snap(th, n, th->shared);
	why = snap_read_many(th->snaps, n, &done);
	th->shared = NULL;
	n = 1;
	for (size_t i = th->n_threads; i-- > 0;)
		if (th->threads[i]->planned && n++ >= done)
			th->threads[i]->planned = NULL;
	return why;
}

/* Reads a pointer of the lists. */
static enum why
fetch_pointer(struct threads *th, raddr addr, raddr *value)
{
	struct snap_span span;
	enum why why;

	if (snap_fetch(th->snap, addr, addr, (size_t)th->l->ptr, &span, &why))
		return why;
	*value = object_pointer(th->l, span.first + (addr - span.addr));
	th->links = grow(th->links, th->n_links, &th->cap_links, sizeof *th->links);
	th->links[th->n_links++] = (struct link){ addr, *value };
	return OK;
}

/* The thread listed last time with that state: most likely the next in line. */
static struct thread *
known_thread(const struct threads *th, raddr tstate)
{
	size_t behind = th->n_listing + 1;

	if (behind <= th->n_threads && th->threads[th->n_threads - behind]->tstate == tstate)
		return th->threads[th->n_threads - behind];
	return threads_find(th, tstate);
}

/* The beginning of a thread state, as it was read with all others or is now. */
static enum why
read_head(struct threads *th, raddr tstate, const struct thread *known,
          const unsigned char **head)
{
	struct snap_span span;
	enum why why;

	*head = known && known->planned ? snap_get(known->planned, tstate, th->head) : NULL;
	if (*head)
		return OK;
	if (snap_fetch(th->snap, tstate, tstate, th->head, &span, &why))
		return why;
	*head = span.first + (tstate - span.addr);
	return OK;
}

static struct thread *
new_thread(struct threads *th, raddr tstate, uint64_t ident)
{
	struct thread *t = xcalloc(1, sizeof *t);

	*t = (struct thread){ .tstate = tstate, .ident = ident, .state_fd = -1, .times_fd = -1,
	                      .futex_fd = -1, .stack = stack_new(th->t->mem) };
	return t;
}

static enum why
list_thread(struct threads *th, raddr interp, raddr tstate, raddr *next)
{
	const struct layout *l = th->l;
	struct thread *t = known_thread(th, tstate);
	raddr ident, native = 0;
	const unsigned char *p;
	int32_t state = 0;
	enum why why = read_head(th, tstate, t, &p);

	if (why != OK)
		return why;
	if (object_pointer(l, p + l->thread.interp) != interp)
		return BROKEN;
	*next = object_pointer(l, p + l->thread.next);
	ident = object_pointer(l, p + l->thread.thread_id);
	if (l->thread.native_id != ABSENT)
		native = object_pointer(l, p + l->thread.native_id);
	if (l->thread.state != ABSENT)
		memcpy(&state, p + l->thread.state, sizeof state);
	if (t && t->listed)
		return CYCLE;
	if (!t || t->ident != ident) { /* or another one, at the address of the old one */
		t = new_thread(th, tstate, ident);
		t->listed = LISTED_NEW;
	} else {
		t->listed = LISTED;
	}
	t->attached = state == l->thread.attached;
	th->listing = grow(th->listing, th->n_listing, &th->cap_listing, sizeof *th->listing);
	th->listing[th->n_listing++] = t;
	if (!t->tid && native) {
		t->tid = find_tid(th, native);
		t->root = 0; /* which has the id in its name */
	}
	return OK;
}

/* Follows the list of one interpreter's threads.  A thread remembered, ever less
 * often, that is met again is a loop (Brent). */
static enum why
list_threads(struct threads *th, raddr interp)
{
	raddr tstate = 0, tortoise = 0;
	size_t lap = 0, next_lap = 16;
	enum why why = fetch_pointer(th, interp + (raddr)th->l->interp.threads, &tstate);

	while (why == OK && tstate) {
		if (th->n_listing == MAX_THREADS)
			return DEEP;
		why = list_thread(th, interp, tstate, &tstate);
		if (why == OK && tstate && tstate == tortoise)
			return CYCLE;
		if (++lap == next_lap) {
			tortoise = tstate;
			lap = 0;
			next_lap *= 2;
		}
	}
	return why;
}

static void
add_gil(struct threads *th, struct gil gil)
{
	for (size_t i = 0; i < th->n_gils; i++)
		if (th->gils[i].addr == gil.addr)
			return;
	th->gils = grow(th->gils, th->n_gils, &th->cap_gils, sizeof *th->gils);
	th->gils[th->n_gils++] = gil;
}

static enum why
list_gil(struct threads *th, raddr interp)
{
	const struct layout *l = th->l;
	int32_t enabled = 1;
	raddr gil = 0;
	enum why why;

	if (th->t->holder) {
		add_gil(th, (struct gil){ th->t->holder, (size_t)l->ptr, 0, ABSENT, ABSENT });
		return OK;
	}
	if (l->interp.gil == ABSENT)
		return OK;
	why = fetch_pointer(th, interp + (raddr)l->interp.gil, &gil);
	if (why == OK && l->gil.enabled != ABSENT)
		why = mem_read(th->t->mem, gil + (raddr)l->gil.enabled, &enabled, sizeof enabled);
	if (why == OK && enabled && gil)
		add_gil(th, (struct gil){ gil, (size_t)l->gil.locked + 4, l->gil.holder,
		                          l->gil.locked, l->gil.enabled });
	return why;
}

/* Throws the new list away (keep is 0) or puts it in the old one's place. */
static void
finish(struct threads *th, int keep)
{
	struct thread **old = th->threads;
	size_t n_old = th->n_threads, cap_old = th->cap_threads;

	if (!keep) {
		for (size_t i = 0; i < th->n_listing; i++)
			if (th->listing[i]->listed == LISTED_NEW)
				thread_free(th->listing[i]);
		th->n_listing = 0;
		return;
	}
	for (size_t i = 0; i < n_old; i++)
		if (!old[i]->listed)
			thread_free(old[i]);
	/* Newest first in the target, oldest first here. */
	for (size_t i = 0, n = th->n_listing; i < n / 2; i++) {
		struct thread *t = th->listing[i];

		th->listing[i] = th->listing[n - 1 - i];
		th->listing[n - 1 - i] = t;
	}
	th->threads = th->listing;
	th->n_threads = th->n_listing;
	th->cap_threads = th->cap_listing;
	th->listing = old;
	th->n_listing = 0;
	th->cap_listing = cap_old;
}

static int
is_listed(const struct threads *th, raddr interp)
{
	for (size_t i = 0; i < th->n_interps; i++)
		if (th->interps[i] == interp)
			return 1;
	return 0;
}

static enum why
list_all(struct threads *th)
{
	raddr interp = 0;
	enum why why;

	th->n_gils = th->n_interps = th->n_links = 0;
	why = fetch_pointer(th, th->t->interpreters, &interp);
	for (size_t i = 0; why == OK && interp; i++) {
		if (i == MAX_INTERPRETERS)
			return DEEP;
		if (is_listed(th, interp))
			return CYCLE;
		th->interps = grow(th->interps, th->n_interps, &th->cap_interps,
		                   sizeof *th->interps);
		th->interps[th->n_interps++] = interp;
		why = list_threads(th, interp);
		if (why == OK)
			why = list_gil(th, interp);
		if (why == OK)
			why = fetch_pointer(th, interp + (raddr)th->l->interp.next, &interp);
	}
	return why;
}

static int
is_listed_thread(const void *threads, raddr tstate)
{
	return threads_find(threads, tstate) != NULL;
}

/* Notes what was read of the turns; whether that is as it was before. */
static int
nobody_took_over(struct threads *th)
{
	const void *bytes = th->turns.addr ?
	                    snap_get(th->snap, th->turns.addr, turns_size(th->l)) : NULL;

	return bytes && turns_note(&th->turns, th->l, bytes);
}

/* Finds out who ran since the lists were read before. */
static void
note_turns(struct threads *th)
{
	const struct gil *gil = th->gils;

	th->calm = nobody_took_over(th);
	if (th->n_gils != 1 || (th->turns.addr && gil->locked != ABSENT &&
	                        th->turns.addr != gil->addr + (raddr)gil->holder))
		turns_forget(&th->turns);
	if (th->n_gils == 1 && !th->turns.addr && th->n_threads >= MANY)
		turns_find(&th->turns, th->t->mem, th->l, gil, is_listed_thread, th);
}

static enum why
follow_lists(struct threads *th)
{
	size_t n_gils = th->n_gils, n_interps = th->n_interps;
	enum why why;

	for (size_t i = 0; i < th->n_threads; i++)
		th->threads[i]->listed = 0;
	plan_stacks(th, 1);
	plan(th);
	why = read_all(th);
	if (why != OK && why != FAULT)
		return why;
	why = list_all(th);
	if (why == OK && th->l->thread.native_id == ABSENT)
		for (size_t i = 0; i < th->n_listing; i++)
			if (!th->listing[i]->tid)
				th->listing[i]->tid = tid_by_pthread(th, th->listing[i]);
	finish(th, why == OK);
	if (why != OK) { /* they changed too little to matter, or not at all */
		th->n_gils = n_gils;
		th->n_interps = n_interps;
		th->calm = 0;
	} else {
		note_turns(th);
		th->listed = now_ns();
	}
	return why;
}

/* The thread that has, or had last, the GIL; NULL if it has ended.  *newer gets the
 * one in whose state the list points to it. */
static struct thread *
last_holder(const struct threads *th, const struct thread **newer)
{
	for (size_t i = 0; i < th->n_threads; i++)
		if (th->threads[i]->tstate == th->turns.holder) {
			*newer = i + 1 < th->n_threads ? th->threads[i + 1] : NULL;
			return th->threads[i];
		}
	return NULL;
}

static int
reads_as(struct threads *th, raddr addr, raddr value)
{
	const void *p = snap_get(th->snap, addr, (size_t)th->l->ptr);

	return p && object_pointer(th->l, p) == value;
}

/*
 * A thread begins at the head of a list, and ends when it has the GIL.  So if
 * nobody took that and all heads are the same, so are the lists, if the last
 * holder still is in them.
 */
static int
is_as_listed(struct threads *th, const struct thread *holder, const struct thread *newer)
{
	if (!nobody_took_over(th))
		return 0;
	for (size_t i = 0; i < th->n_links; i++)
		if (!reads_as(th, th->links[i].addr, th->links[i].value))
			return 0;
	return !holder || !newer ||
	       reads_as(th, newer->tstate + (raddr)th->l->thread.next, holder->tstate);
}

/* Reads what is planned of threads that may have run, if the lists and all others
 * are as they were.  Whether that is so. */
static int
refresh_few(struct threads *th)
{
	const struct thread *holder, *newer = NULL;
	size_t word = (size_t)th->l->ptr;

	if (!th->calm || !th->walker || !th->turns.addr || now_ns() - th->listed > LIST_EACH_NS)
		return 0;
	holder = last_holder(th, &newer);
	plan_stacks(th, 0);
	begin_read(th);
	for (size_t i = 0; i < th->n_links; i++) {
		snap_add(th->snap, th->links[i].addr, word);
		if (holder && th->links[i].value == holder->tstate)
			newer = NULL;
	}
	if (newer)
		snap_add(th->snap, newer->tstate + (raddr)th->l->thread.next, word);
	th->calm = read_all(th) == OK && is_as_listed(th, holder, newer);
	return th->calm;
}

enum why
threads_refresh(struct threads *th)
{
	enum why why = OK;

	th->looked = 0;
	if (!refresh_few(th))
		why = follow_lists(th);
	th->walker = NULL;
	return why;
}

void
threads_plan(struct threads *th, struct walker *w)
{
	th->walker = w;
}

int
thread_is_still(const struct threads *th, const struct thread *t)
{
	return th->turns.addr && t->proven == th->turns.generation &&
	       t->tstate != th->turns.holder;
}

void
thread_was_proven(const struct threads *th, struct thread *t)
{
	t->proven = th->turns.generation;
}

/* ---- what a thread is ---- */

char
thread_state(const struct threads *th, struct thread *t)
{
	return t->tid ? proc_state(th->t->pid, t->tid, &t->state_fd) : 0;
}

int
thread_is_idle(const struct threads *th, struct thread *t)
{
	char state = thread_state(th, t);

	return state && state != 'R';
}

/*
 * The scheduler counts the time of a thread that runs on when the clock ticks,
 * which may be later than ours: what was not yet asked for is kept, as credit.
 */
int
thread_on_cpu(const struct threads *th, struct thread *t, int64_t period)
{
	enum { KEPT_NS = 20000000 }; /* some ticks of the scheduler */
	int64_t most = period > KEPT_NS ? period : KEPT_NS;
	struct proc_times now;

	if (thread_times(th, t, &now))
		return thread_state(th, t) == 'R'; /* a kernel that does not count */
	if (t->cpu_time)
		t->cpu_credit += now.ran - t->cpu_time;
	t->cpu_time = now.ran;
	if (t->cpu_credit > most)
		t->cpu_credit = most;
	if (t->cpu_credit < period / 2 || thread_state(th, t) != 'R')
		return 0;
	t->cpu_credit -= period;
	return 1;
}

/*
 * A thread that wants the GIL waits for a condition variable in it (CPython
 * v3.12.0 Include/internal/pycore_gil.h, struct _gil_runtime_state).  Up to 3.11
 * it is known who holds the GIL but not where that is: it is a part of
 * _PyRuntime, as is the pointer to its holder, and other locks are not.
 */
int
thread_wants_gil(const struct threads *th, struct thread *t)
{
	enum { GIL_SIZE = 256, RUNTIME_SIZE = 8192 };
	uint64_t futex = t->tid && th->n_gils ? proc_futex(th->t->pid, t->tid, &t->futex_fd) : 0;

	for (size_t i = 0; i < th->n_gils && futex; i++) {
		const struct gil *gil = &th->gils[i];

		if (gil->locked != ABSENT ? futex - gil->addr < GIL_SIZE :
		    futex - gil->addr + RUNTIME_SIZE < 2 * RUNTIME_SIZE)
			return 1;
	}
	return 0;
}

int
thread_times(const struct threads *th, struct thread *t, struct proc_times *times)
{
	return t->tid ? proc_times(th->t->pid, t->tid, &t->times_fd, times) : -1;
}

struct name_search {
	struct threads *th;
	uint64_t ident;
	raddr found;
};

static int
match_ident(void *context, raddr key, raddr value)
{
	struct name_search *s = context;
	uint64_t ident;

	if (object_integer(s->th->t->mem, s->th->l, key, &ident) != OK || ident != s->ident)
		return 0;
	s->found = value;
	return 1;
}

/* sys.modules["threading"]._active[ident]._name, in any interpreter. */
static enum why
python_name(struct threads *th, raddr interp, uint64_t ident, struct buf *out)
{
	struct mem *mem = th->t->mem;
	const struct layout *l = th->l;
	struct name_search s = { th, ident, 0 };
	raddr at, dict;
	enum why why = object_read_pointer(mem, l, interp + (raddr)l->interp.modules, &at);

	if (why == OK)
		why = object_dict_get(mem, l, at, "threading", &at);
	if (why == OK) /* a module's dictionary comes right after its head */
		why = object_read_pointer(mem, l, at + (raddr)l->object.head, &dict);
	if (why == OK)
		why = object_dict_get(mem, l, dict, "_active", &at);
	if (why == OK)
		why = object_dict_each(mem, l, at, match_ident, &s);
	if (why != OK || !s.found)
		return why == OK ? BROKEN : why;
	why = object_attribute(mem, l, s.found, "_name", &at);
	if (why != OK) /* 2.7 */
		why = object_attribute(mem, l, s.found, "_Thread__name", &at);
	return why == OK ? object_text(mem, l, at, out) : why;
}

void
thread_name(struct threads *th, const struct thread *t, struct buf *out)
{
	char name[32];
	size_t before = out->len;

	for (size_t i = 0; i < th->n_interps && th->name_reads < MAX_NAME_READS; i++) {
		uint64_t reads = mem_counts(th->t->mem).calls;
		enum why why = python_name(th, th->interps[i], t->ident, out);

		th->name_reads += mem_counts(th->t->mem).calls - reads;
		if (why == OK && out->len > before)
			return;
		out->len = before;
	}
	if (t->tid == th->t->pid)
		buf_str(out, "MainThread");
	else if (t->tid && !proc_task_name(th->t->pid, t->tid, name, sizeof name))
		buf_str(out, name);
	else
		buf_str(out, "unknown");
}
