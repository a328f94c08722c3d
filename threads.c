/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interpreters hang together by `next`, and so do the threads of each; the
 * newest comes first.  All that was listed last time is read in one call, and
 * the lists are followed in that copy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "snapshot.h"
#include "gil.h"
#include "thread.h"
#include "tids.h"
#include "threads.h"

enum {
	MAX_INTERPRETERS = 1024,
	MAX_THREADS = 1 << 14,
	MANY = 4,                 /* threads, of which it is worth knowing who stood still */
	FOLLOW_EACH_NS = 1000000000, /* the lists are followed at least that often */
};

struct link { /* of the lists */
	raddr addr, value;
};

struct known_names { /* of one interpreter's threads */
	raddr interp;
	uint64_t listing; /* at which they were read */
	struct thread_names names;
};

struct threads {
	const struct target *t;
	const struct layout *l;
	void (*ended)(struct thread *);
	struct snap *snap;
	raddr *interps;
	size_t n_interps, cap_interps;
	struct gil *gils;
	size_t n_gils, cap_gils;
	struct thread **threads;
	size_t n_threads, cap_threads;
	struct thread **listing; /* the list that is being made */
	size_t n_listing, cap_listing;
	struct link *links;
	size_t n_links, cap_links;
	struct gil_switches switches;
	int stood;          /* nobody but the holder ran between the last two listings */
	int64_t followed_at; /* when the lists were followed last */
	const struct thread *holder, *newer; /* see find_last_holder() */
	struct tids *tids;
	struct thread **by_task; /* for finding several states of one task */
	size_t cap_by_task;
	int changed;         /* the list is not what it was */
	struct known_names *names;
	size_t n_names, cap_names;
	uint64_t listings;   /* how often the lists were followed */
	size_t head;    /* bytes of a thread state that are looked at */
};

/* How many bytes of a thread state the list needs. */
static size_t
head_size(const struct layout *l)
{
	int fields[] = { l->thread.next, l->thread.interp, l->thread.thread_id,
	                 l->thread.native_id, l->thread.state,
	                 l->frames == FRAMES_CFRAME ? l->thread.frame : ABSENT };

	return layout_words(l, fields, LEN(fields));
}

struct threads *
threads_new(const struct target *t, void (*ended)(struct thread *))
{
	struct threads *th = xcalloc(1, sizeof *th);

	th->t = t;
	th->l = t->layout;
	th->ended = ended;
	th->snap = snap_new(t->mem);
	th->head = head_size(t->layout);
	th->tids = tids_new(t);
	return th;
}

static void
thread_free(const struct threads *th, struct thread *t)
{
	th->ended(t);
	task_close(&t->task);
	free(t);
}

void
threads_free(struct threads *th)
{
	if (!th)
		return;
	for (size_t i = 0; i < th->n_threads; i++)
		thread_free(th, th->threads[i]);
	snap_free(th->snap);
	free(th->interps);
	free(th->gils);
	free(th->threads);
	free(th->listing);
	free(th->links);
	free(th->by_task);
	for (size_t i = 0; i < th->n_names; i++)
		thread_names_free(&th->names[i].names);
	free(th->names);
	tids_free(th->tids);
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

/* ---- listing ---- */

/* What says who ran comes first: it has to be older than the stacks. */
static void
begin_read(struct threads *th)
{
	snap_begin(th->snap);
	if (th->switches.addr)
		snap_add(th->snap, th->switches.addr, gil_switches_size(th->l));
}

static void
plan_all(struct threads *th)
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
	size_t from_end = th->n_listing + 1;

	if (from_end <= th->n_threads && th->threads[th->n_threads - from_end]->tstate == tstate)
		return th->threads[th->n_threads - from_end];
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
new_thread(const struct threads *th, raddr tstate, uint64_t ident)
{
	struct thread *t = xcalloc(1, sizeof *t);

	*t = (struct thread){ .process = th->t->process, .tstate = tstate, .ident = ident,
	                      .task = TASK_UNKNOWN, .in_list = LISTED_NEW };
	return t;
}

/* The thread that this is, or another one at the address of an old one. */
static struct thread *
claim_thread(struct threads *th, struct thread *known, raddr tstate, uint64_t ident)
{
	if (!known || known->ident != ident) {
		th->changed = 1;
		return new_thread(th, tstate, ident);
	}
	known->in_list = LISTED;
	return known;
}

/* A _PyCFrame, if it is not the first one, which is a part of the thread state. */
static raddr
proper_cframe(const struct layout *l, raddr tstate, raddr cframe)
{
	return cframe == tstate + (raddr)l->thread.root ? 0 : cframe;
}

static enum why
list_thread(struct threads *th, raddr interp, raddr tstate, raddr *next)
{
	const struct layout *l = th->l;
	struct thread *t = known_thread(th, tstate);
	const unsigned char *p;
	int32_t state = 0;
	enum why why = read_head(th, tstate, t, &p);

	if (why != OK)
		return why;
	if (object_pointer(l, p + l->thread.interp) != interp)
		return BROKEN;
	if (t && t->in_list)
		return CYCLE;
	*next = object_pointer(l, p + l->thread.next);
	t = claim_thread(th, t, tstate, object_pointer(l, p + l->thread.thread_id));
	if (l->thread.state != ABSENT)
		memcpy(&state, p + l->thread.state, sizeof state);
	t->attached = state == l->thread.attached;
	th->listing = grow(th->listing, th->n_listing, &th->cap_listing, sizeof *th->listing);
	th->listing[th->n_listing++] = t;
	t->interp = interp;
	if (l->frames == FRAMES_CFRAME)
		t->cframe = proper_cframe(l, tstate, object_pointer(l, p + l->thread.frame));
	if (l->thread.native_id != ABSENT)
		t->native_id = object_pointer(l, p + l->thread.native_id);
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
			if (th->listing[i]->in_list == LISTED_NEW)
				thread_free(th, th->listing[i]);
		th->n_listing = 0;
		return;
	}
	for (size_t i = 0; i < n_old; i++)
		if (!old[i]->in_list) {
			thread_free(th, old[i]);
			th->changed = 1;
		}
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

/* Notes what was read of the GIL's switches; whether nobody took it over. */
static int
nobody_took_over(struct threads *th)
{
	const void *bytes = th->switches.addr ?
	                    snap_get(th->snap, th->switches.addr, gil_switches_size(th->l)) : NULL;

	return bytes && gil_note_switches(&th->switches, th->l, bytes);
}

/* Finds out who ran since the lists were read before. */
static void
note_switches(struct threads *th)
{
	const struct gil *gil = th->gils;

	th->stood = nobody_took_over(th);
	if (th->n_gils != 1 || (th->switches.addr && gil->locked != ABSENT &&
	                        th->switches.addr != gil->addr + (raddr)gil->holder))
		gil_forget_switches(&th->switches);
	if (th->n_gils == 1 && !th->switches.addr && th->n_threads >= MANY)
		gil_find_switches(&th->switches, th->t->mem, th->l, gil, is_listed_thread, th);
}

/* Finds the states that are of one task. */
static void
link_states(struct threads *th)
{
	size_t cap = 16, slot;

	while (cap < th->n_threads * 2)
		cap *= 2;
	if (cap > th->cap_by_task)
		th->by_task = xrealloc(th->by_task, th->cap_by_task = cap, sizeof(struct thread *));
	memset(th->by_task, 0, cap * sizeof(struct thread *));
	for (size_t i = 0; i < th->n_threads; i++) {
		struct thread *t = th->threads[i], **last;

		t->newer = t->older = NULL;
		if (!t->task.tid)
			continue;
		slot = hash_words((uint64_t)t->task.tid, 0);
		while (last = &th->by_task[slot & (cap - 1)], *last && (*last)->task.tid != t->task.tid)
			slot++;
		if (*last) {
			(*last)->newer = t;
			t->older = *last;
		}
		*last = t;
	}
}

/* Makes the list of what was read. */
static enum why
conclude_all(struct threads *th, enum why why)
{
	size_t n_gils = th->n_gils, n_interps = th->n_interps;

	for (size_t i = 0; i < th->n_threads; i++)
		th->threads[i]->in_list = UNLISTED;
	if (why != OK && why != FAULT)
		return why;
	th->changed = 0;
	why = list_all(th);
	finish(th, why == OK);
	if (why != OK) { /* they changed too little to matter, or not at all */
		th->n_gils = n_gils;
		th->n_interps = n_interps;
		th->stood = 0;
	} else {
		if (tids_place(th->tids, th->threads, th->n_threads) || th->changed)
			link_states(th);
		note_switches(th);
		th->listings++;
		th->followed_at = now_ns();
	}
	return why;
}

/* ---- the list as it was ---- */

int
threads_may_stand(const struct threads *th)
{
	return th->stood && th->switches.addr && now_ns() - th->followed_at <= FOLLOW_EACH_NS;
}

/* Finds the thread that has, or had last, the GIL, none if it has ended; and the one
 * in whose state the list points to it, unless that is a head of the list. */
static void
find_last_holder(struct threads *th)
{
	size_t i = 0;

	th->holder = th->newer = NULL;
	while (i < th->n_threads && th->threads[i]->tstate != th->switches.holder)
		i++;
	if (i == th->n_threads)
		return;
	th->holder = th->threads[i];
	if (i + 1 < th->n_threads)
		th->newer = th->threads[i + 1];
	for (size_t k = 0; k < th->n_links; k++)
		if (th->links[k].value == th->holder->tstate)
			th->newer = NULL;
}

static void
plan_quick(struct threads *th)
{
	size_t word = (size_t)th->l->ptr;

	find_last_holder(th);
	begin_read(th);
	for (size_t i = 0; i < th->n_links; i++)
		snap_add(th->snap, th->links[i].addr, word);
	if (th->newer)
		snap_add(th->snap, th->newer->tstate + (raddr)th->l->thread.next, word);
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
is_as_listed(struct threads *th)
{
	if (!nobody_took_over(th))
		return 0;
	for (size_t i = 0; i < th->n_links; i++)
		if (!reads_as(th, th->links[i].addr, th->links[i].value))
			return 0;
	return !th->newer ||
	       reads_as(th, th->newer->tstate + (raddr)th->l->thread.next, th->holder->tstate);
}

/* ---- listing in steps ---- */

size_t
threads_head(const struct threads *th)
{
	return th->head;
}

struct snap *
threads_snap(struct threads *th)
{
	return th->snap;
}

void
threads_plan(struct threads *th, int quick)
{
	if (quick)
		plan_quick(th);
	else
		plan_all(th);
}

enum why
threads_conclude(struct threads *th, enum why why, int quick)
{
	if (!quick)
		return conclude_all(th, why);
	th->stood = why == OK && is_as_listed(th);
	return th->stood ? OK : AGAIN;
}

enum why
threads_refresh(struct threads *th)
{
	raddr bad;

	threads_plan(th, 0);
	return threads_conclude(th, snap_read(th->snap, &bad), 0);
}

int
threads_is_still(const struct threads *th, const struct thread *t)
{
	return th->switches.addr && t->still_since == th->switches.spell &&
	       t->tstate != th->switches.holder;
}

/* Reads a word of a thread state; 0 if that is not possible. */
static raddr
word_of(const struct threads *th, const struct thread *t, int at)
{
	unsigned char bytes[8];
	int ok = at != ABSENT &&
	         mem_read(th->t->mem, t->tstate + (raddr)at, bytes, (size_t)th->l->ptr) == OK;

	return ok ? object_pointer(th->l, bytes) : 0;
}

/* While a thread is started, its state has its parent's ids (up to 3.11: CPython v3.11.0
 * Modules/_threadmodule.c, thread_run()). */
int
threads_is_as_listed(const struct threads *th, const struct thread *t)
{
	const struct layout *l = th->l;

	if (!t->older && !t->newer)
		return 1;
	return word_of(th, t, l->thread.thread_id) == t->ident &&
	       word_of(th, t, l->thread.native_id) == t->native_id &&
	       (l->frames != FRAMES_CFRAME ||
	        tids_is_on_stack(t, proper_cframe(l, t->tstate, word_of(th, t, l->thread.frame))));
}

uint64_t
threads_spell(const struct threads *th)
{
	return th->switches.spell;
}

/* ---- interpreters ---- */

int
threads_has_interpreters(const struct threads *th)
{
	return th->n_interps > 1;
}

int64_t
threads_interpreter(const struct threads *th, const struct thread *t)
{
	int at = th->l->interp.id;
	int64_t number = 0;
	size_t i = 0;

	while (i < th->n_interps && th->interps[i] != t->interp)
		i++;
	if (i + 1 >= th->n_interps) /* the first one comes last */
		return 0;
	if (at == ABSENT || mem_read(th->t->mem, t->interp + (raddr)at, &number, sizeof number) != OK)
		number = (int64_t)(th->n_interps - 1 - i);
	return number;
}

/* ---- names ---- */

/* What that interpreter calls its threads: read once a listing, for all of them. */
static const struct thread_names *
names_of(struct threads *th, raddr interp)
{
	size_t i = 0;

	while (i < th->n_names && th->names[i].interp != interp)
		i++;
	if (i == th->n_names) {
		th->names = grow(th->names, i, &th->cap_names, sizeof *th->names);
		th->names[th->n_names++] = (struct known_names){ .interp = interp };
	}
	if (th->names[i].listing != th->listings) {
		th->names[i].listing = th->listings;
		if (thread_names_read(th->t, interp, &th->names[i].names) != OK)
			th->names[i].names.n = 0;
	}
	return &th->names[i].names;
}

/* As Python has it in that interpreter.  0 if it has none. */
static int
add_python_name(struct threads *th, raddr interp, uint64_t ident, struct buf *out)
{
	size_t before = out->len;

	if (thread_names_find(th->t, names_of(th, interp), ident, out) != OK)
		out->len = before;
	return out->len > before;
}

/* The interpreter that the thread began in knows it best: others take it for a thread of
 * somebody else's, if they know it.  A pthread_t that is free may be given to another. */
void
threads_name(struct threads *th, const struct thread *t, struct buf *out)
{
	int named = 0;

	while (t->older)
		t = t->older;
	if (!t->dead)
		named = add_python_name(th, t->interp, t->ident, out);
	for (size_t i = 0; i < th->n_interps && !t->dead && !named; i++)
		if (th->interps[i] != t->interp)
			named = add_python_name(th, th->interps[i], t->ident, out);
	if (!named)
		thread_kernel_name(t, out);
}
