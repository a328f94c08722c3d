/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which task, or greenlet (greencalls.c), a thread runs.
 *
 * The frame of a task's coroutine is on the thread's stack, and asyncio knows which task that is
 * (tasks.c).  The stack was read before, so that has to be the very frame, with the very code, that
 * is proven to have stood there.  What is known of a task is kept by the address of that frame, and
 * believed as long as all that decides is the same, which one read shows.
 *
 * Frames of asyncio below the task's are those of the event loop, and are left out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "process.h"
#include "preempt.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "stack.h"
#include "values/locals.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/callers.h"
#include "tasks/known.h"
#include "tasks/greencalls.h"
#include "tasks/waiting.h"
#include "tasks/logical.h"

enum {
	MOST_PLACES = 8,
	MOST_KNOWN = 1024,     /* tasks; then all are forgotten */
	MOST_THREADS = 4096,   /* the same */
	MOST_LOOPS = 256,
	MOST_BELOW = 512,      /* frames below a task's that are looked through */
	TRIES = 3,
	PART = 50,             /* of the time that learning may take, at most one in so many */
	PART_LISTING = 4,      /* the same, of listing all for the sake of one that runs */
	LEARN_MS = 100,        /* between tries, at least */
	EACH_TICKS = 10,       /* those that wait are looked at */
	ASK_EACH = 64,         /* samples of a thread that stands where it ran no task */
};

struct place { /* an interpreter */
	raddr interp;
	struct tasks *ts;
	struct greencalls *green;
	int learned;
	int64_t next; /* when it is to be tried again, now_ns() */
};

struct runner { /* a thread */
	raddr tstate;
	uint32_t hash;        /* of where it ran no task, */
	unsigned samples;     /* and how often it was there since that was asked */
	raddr forever;        /* the frame in which it runs an event loop, 0: it does not; */
	uint32_t root;        /* on that stack, plus one */
	struct loop *loop;    /* NULL: which one is not known */
	int selects;          /* the loop waits for events; */
	int hub;              /* a hub does, for all greenlets */
};

struct loop {
	raddr addr;
	uint32_t base, root;  /* what its tasks' stacks stand on, from that of its thread on */
	uint32_t waiting;     /* how many of them wait */
};

struct logical {
	struct logical_options options;
	const struct target *target;
	struct profile *profile, *scratch;
	struct place places[MOST_PLACES];
	size_t n_places;
	struct knowns known; /* by the outermost frame */
	struct runner *runners;
	size_t n_runners, cap_runners;
	struct index by_thread;
	unsigned char *origins; /* by frame of the profile: enum origin */
	size_t n_origins;
	int hasty;            /* that is to take next to no time: */
	int put_off;          /* what is not known yet is left for afterwards, */
	unsigned patient;     /* but for so many times now, as it could not be proven any more */
	uint64_t unknown;     /* how many were counted as not proven */
	raddr looked_at;      /* the thread that was stopped, 0: none is; */
	struct known *seen;   /* what it runs, */
	size_t seen_at;       /* and the number of the frame */
	enum why why;         /* of the last one that failed */
	struct waiting *waiting; /* NULL: they have not been looked for */
	struct loop loops[MOST_LOOPS];
	size_t n_loops;
	uint32_t greenlets;   /* that wait */
	int64_t outer_due;    /* when all tasks may be listed for one that runs, now_ns() */
	int64_t due;          /* when they are to be looked at again, now_ns() */
	int64_t took;         /* how long that takes, on average */
	uint32_t looks;
	struct index by_name; /* what tasks of that name stand on, plus one, where they are apart */
	uint32_t *roots;
	size_t n_roots, cap_roots;
	uint64_t counts[LOGICAL_COUNTS];
};

struct logical *
logical_new(const struct logical_options *options)
{
	struct logical *l;
	struct form form;

	if (form_find(options->target->layout, &form))
		return NULL;
	l = xcalloc(1, sizeof *l);
	l->options = *options;
	l->target = options->target;
	l->profile = options->profile;
	l->scratch = profile_new();
	l->known = knowns_new(MOST_KNOWN);
	return l;
}

void
logical_free(struct logical *l)
{
	for (size_t i = 0; i < l->n_places; i++) {
		greencalls_free(l->places[i].green);
		tasks_free(l->places[i].ts);
	}
	index_free(&l->by_thread);
	index_free(&l->by_name);
	free(l->roots);
	waiting_free(l->waiting);
	profile_free(l->scratch);
	knowns_free(&l->known);
	free(l->runners);
	free(l->origins);
	free(l);
}

const uint64_t *
logical_counts(const struct logical *l)
{
	return l->counts;
}

uint64_t
logical_unknown(const struct logical *l)
{
	return l->unknown;
}

/* ---- interpreters ---- */

static struct place *
place_of(struct logical *l, raddr interp)
{
	struct place *p = l->places;

	while (p < l->places + l->n_places && p->interp != interp)
		p++;
	if (p == l->places + MOST_PLACES)
		return NULL;
	if (p == l->places + l->n_places) {
		*p = (struct place){ .interp = interp };
		p->ts = tasks_new(l->target, l->options.threads, l->profile, l->options.codes);
		if (!p->ts)
			return NULL;
		tasks_number_in(p->ts, l->scratch);
		p->green = greencalls_new(p->ts, l->profile, l->scratch, l->options.codes);
		l->n_places++;
	}
	return p;
}

/* Where an interpreter has its tasks; a program may import asyncio at any time.  NULL: it has
 * none as far as is known. */
static struct tasks *
tasks_of(struct logical *l, raddr interp)
{
	struct place *p = place_of(l, interp);
	int64_t now;

	if (!p || p->learned)
		return p ? p->ts : NULL;
	now = now_ns();
	if (now < p->next)
		return NULL;
	p->learned = !tasks_learn(p->ts, interp);
	p->next = now_ns();
	p->next += (p->next - now) * PART + LEARN_MS * MS;
	return p->learned ? p->ts : NULL;
}

/* ---- whose frames ---- */

enum origin { NOT_KNOWN, OTHERS, OF_SELECTORS, OF_ASYNCIO, OF_HANDLE, OF_FOREVER, OF_ONCE };

static int
ends_in(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !memcmp(text + len - n, end, n);
}

static enum origin
find_origin(const struct logical *l, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(l->profile, frame);
	size_t len, n;
	const char *file, *name, *function;

	if (f.file == PROFILE_NO_FILE)
		return OTHERS;
	file = profile_string_get(l->profile, f.file, &len);
	name = memrchr(file, '/', len);
	if (!name || !ends_in(file, (size_t)(name + 1 - file), "/asyncio/"))
		return ends_in(file, len, "/selectors.py") ? OF_SELECTORS : OTHERS;
	function = profile_string_get(l->profile, f.function, &n);
	if (ends_in(file, len, "/events.py") && ends_in(function, n, "_run"))
		return OF_HANDLE;
	return ends_in(function, n, "run_forever") ? OF_FOREVER :
	       ends_in(function, n, "_run_once") ? OF_ONCE : OF_ASYNCIO;
}

static enum origin
origin_of(struct logical *l, uint32_t frame)
{
	if (frame >= l->n_origins) {
		size_t n = profile_frame_count(l->profile);

		l->origins = xrealloc(l->origins, n, 1);
		memset(l->origins + l->n_origins, 0, n - l->n_origins);
		l->n_origins = n;
	}
	if (!l->origins[frame])
		l->origins[frame] = (unsigned char)find_origin(l, frame);
	return (enum origin)l->origins[frame];
}

/* Whether the frame is one of a generator or coroutine. */
static int
is_coroutine(const struct logical *l, const struct tasks *ts, raddr frame)
{
	const struct layout *layout = l->target->layout;
	raddr generator = 0;
	signed char owner = -1;

	if (layout->frame.owner == ABSENT)
		return object_read_pointer(l->target->mem, layout,
		                           frame + (raddr)tasks_form(ts)->frame.generator,
		                           &generator) == OK && generator;
	return mem_read(l->target->mem, frame + (raddr)layout->frame.owner, &owner, 1) == OK &&
	       owner == layout->frame.generator_owner;
}

/* ---- tasks ---- */

/* The number of the frame at that address, n_python: there is none. */
static size_t
find_frame(const struct stacked *s, raddr frame)
{
	size_t i = 0;

	while (i < s->n_python && s->addresses[i] != frame)
		i++;
	return i;
}

/* Reads all of a task, if it is one that the stack is of.  It has to run still: one that does not
 * may have been made since, in the place of one that has ended. */
static struct known *
read_task(struct logical *l, struct tasks *ts, const struct stacked *s, raddr task,
          size_t *at)
{
	struct async_task t;
	struct chain_proof proof;
	struct known *k;

	tasks_forget(ts);
	if (!tasks_is_one(ts, task, &t))
		return NULL;
	chains_read(tasks_chains(ts), &t, 1);
	proof = chains_proof(tasks_chains(ts));
	*at = find_frame(s, proof.frame);
	if (t.why != OK || t.state != TASK_RUNS || *at == s->n_python ||
	    stack_code(s->stack, proof.frame) != proof.code)
		return NULL;
	k = knowns_at(&l->known, proof.frame);
	k->what = task;
	k->loop = t.loop;
	k->frame = proof.frame;
	k->code = proof.code;
	k->on = k->checked = 0;
	l->why = callers_read(ts, l->profile, &t, proof.coro, proof.frame, s->python[*at],
	                      &k->callers);
	if (l->why == OK)
		return k;
	k->callers.lasting = 0;
	return NULL;
}

static struct known *
read_again(struct logical *l, struct tasks *ts, const struct stacked *s, raddr task,
           size_t *at)
{
	struct known *k = NULL;

	l->why = TORN;
	for (int i = 0; i < TRIES && !k && l->why == TORN; i++)
		k = read_task(l, ts, s, task, at);
	return k;
}

struct asking {
	struct logical *l;
	struct tasks *ts;
	const struct stacked *s;
	struct known *found;
	size_t at, running;
};

static int
try_running(void *context, raddr task)
{
	struct asking *a = context;

	a->running++;
	a->found = read_again(a->l, a->ts, a->s, task, &a->at);
	return a->found != NULL;
}

/* What is known of a task that has a frame there, if that is still so. */
static struct known *
find_known(struct logical *l, struct tasks *ts, const struct stacked *s, size_t *at)
{
	size_t most = s->n_python < MOST_BELOW ? s->n_python : MOST_BELOW;
	struct known *k = NULL;

	for (*at = 0; *at < most && !k; *at += !k)
		k = knowns_find(&l->known, s->addresses[*at]);
	if (!k)
		return NULL;
	if (k->callers.lasting && k->code == stack_code(s->stack, k->frame) &&
	    callers_hold(l->target->mem, &k->callers))
		return k;
	return l->hasty ? NULL : read_again(l, ts, s, k->what, at);
}

/* The first of the frames of the event loop, and of what else of asyncio is right below a task. */
static size_t
loop_of(struct logical *l, const struct stacked *s, size_t at)
{
	while (at && origin_of(l, s->python[at - 1]) >= OF_ASYNCIO)
		at--;
	return at;
}

/* Whether no coroutine is below: that may be another task, within which this one was begun. */
static int
is_outermost(struct logical *l, struct tasks *ts, const struct stacked *s, struct known *k,
             size_t below)
{
	uint32_t hash = 1;

	if (below > MOST_BELOW)
		return 0;
	for (size_t i = 0; i < below; i++)
		hash = hash_words(s->addresses[i] ^ hash, s->python[i]);
	hash |= 1;
	for (size_t i = 0; i < below && k->checked != hash; i++)
		if (is_coroutine(l, ts, s->addresses[i]))
			return 0;
	k->checked = hash;
	return 1;
}

/* ---- threads ---- */

static struct runner *
runner_of(struct logical *l, raddr tstate)
{
	size_t at = index_get(&l->by_thread, tstate);

	if (at)
		return &l->runners[at - 1];
	if (l->n_runners == MOST_THREADS) {
		index_free(&l->by_thread);
		l->n_runners = 0;
	}
	l->runners = grow(l->runners, l->n_runners, &l->cap_runners, sizeof *l->runners);
	l->runners[l->n_runners] = (struct runner){ .tstate = tstate };
	index_set(&l->by_thread, tstate, l->n_runners);
	return &l->runners[l->n_runners++];
}

static uint32_t
hash_of(const struct stacked *s)
{
	uint32_t hash = (uint32_t)s->n_python;

	for (size_t i = 0; i < s->n_python; i++)
		hash = hash_words(s->addresses[i] ^ hash, s->python[i]);
	return hash;
}

/* Whether the stack is one of a callback of the loop that is a coroutine: of a task. */
static int
looks_like_task(struct logical *l, const struct tasks *ts, const struct stacked *s)
{
	size_t i = s->n_python;

	while (i && origin_of(l, s->python[i - 1]) != OF_HANDLE)
		i--;
	return i && i < s->n_python && is_coroutine(l, ts, s->addresses[i]);
}

/* The task whose coroutine has the outermost frame of all that are on the stack, which leads to no
 * task: it is looked for among all.  NULL: there is none, or that would take too much of the
 * time. */
static struct known *
find_outer(struct logical *l, struct tasks *ts, raddr interp, const struct stacked *s, size_t *at)
{
	int64_t began = now_ns();
	struct known *k = NULL;
	size_t n, i = 0;
	raddr coro;
	const struct async_task *tasks;

	while (i < *at && !is_coroutine(l, ts, s->addresses[i]))
		i++;
	if (began < l->outer_due || tasks_list(ts, interp) != OK)
		return NULL;
	coro = s->addresses[i] - (raddr)tasks_form(ts)->coro.frame;
	tasks = tasks_all(ts, &n);
	for (size_t which = 0; which < n && !k; which++)
		if (tasks_coroutine(ts, &tasks[which]) == coro)
			k = read_again(l, ts, s, tasks[which].addr, at);
	l->outer_due = now_ns() + (now_ns() - began) * PART_LISTING;
	return k && *at == i ? k : NULL;
}

static void
count_unknown(struct logical *l, enum why why, int counts)
{
	l->counts[LOGICAL_UNKNOWN + why] += (uint64_t)counts;
	l->unknown++;
}

/* What task the thread runs; NULL: none, or it is not proven, which is counted if `counts`. */
static struct known *
find_task(struct logical *l, const struct thread *t, const struct stacked *s, size_t *at,
          int counts)
{
	struct tasks *ts = tasks_of(l, t->interp);
	struct asking a = { l, ts, s, NULL, 0, 0 };
	struct runner *r = runner_of(l, t->tstate);
	struct known *k;
	uint32_t hash = hash_of(s);

	l->why = TORN;
	if (!ts || !s->n_python || (r->hash == hash && r->samples++ % ASK_EACH))
		return NULL;
	a.found = find_known(l, ts, s, &a.at);
	l->put_off = !a.found && l->hasty;
	if (l->put_off)
		return NULL;
	if (!a.found)
		tasks_each_running(ts, t->tstate, try_running, &a);
	*at = a.at;
	r->hash = 0;
	/* One that is begun at once runs within another one. */
	k = a.found;
	if (k && !is_outermost(l, ts, s, k, loop_of(l, s, *at)) &&
	    l->target->layout->frame.owner != ABSENT)
		k = find_outer(l, ts, t->interp, s, at);
	if (k && is_outermost(l, ts, s, k, loop_of(l, s, *at)))
		return k;
	if (a.found || looks_like_task(l, ts, s)) {
		count_unknown(l, l->why == OK ? TORN : l->why, counts);
	} else {
		r->hash = hash;
		r->samples = 1;
	}
	return NULL;
}

/* What task or greenlet the thread runs, NULL: none.  OK, or why a greenlet is not known. */
static enum why
find_running(struct logical *l, const struct thread *t, const struct stacked *s, size_t *at,
             int counts, struct known **k)
{
	struct place *p = place_of(l, t->interp);
	enum why why = p ? greencalls_find(p->green, t, s, k) : AGAIN;

	*at = 0;
	if (l->options.waits)
		runner_of(l, t->tstate)->hub = why == OK && (*k)->waits;
	if (why == OK && (*k)->callers.n)
		return OK;
	*k = NULL;
	if (why == OK || why == AGAIN) {
		*k = find_task(l, t, s, at, counts);
		return OK;
	}
	count_unknown(l, why, counts);
	return why;
}

static struct stacked
stack_of(const struct thread *t)
{
	struct stacked s = { .stack = t->stack };

	s.python = stack_frames(t->stack, &s.n_python);
	s.addresses = stack_addresses(t->stack, &s.n_python);
	return s;
}

enum why
logical_look(void *logical, struct thread *t)
{
	struct logical *l = logical;
	struct stacked s = stack_of(t);
	enum why why;

	l->looked_at = t->tstate;
	l->hasty = !l->patient;
	l->patient -= l->patient > 0;
	why = find_running(l, t, &s, &l->seen_at, 0, &l->seen);
	l->hasty = 0;
	return why == TORN ? TORN : OK;
}

/* What was left is found out now, if the thread is still there.  Where that fails nothing is left
 * for a while. */
static void
catch_up(struct logical *l, const struct thread *t, const struct stacked *s, size_t *at,
         struct known **k)
{
	enum { FOR_SAMPLES = 1024 };
	int put_off = l->put_off;
	uint64_t unknown = l->unknown;

	l->put_off = 0;
	find_running(l, t, s, at, 1, k);
	if (put_off && l->unknown != unknown)
		l->patient = FOR_SAMPLES;
}

/* ---- stacks ---- */

/* Where among all frames Python's frame of that number is. */
static size_t
among_all(const struct stacked *s, size_t number)
{
	size_t i = 0;

	for (size_t at = 0; i < s->n; i++)
		if (s->frames[i] == s->python[at] && at++ == number)
			break;
	return i;
}

static uint32_t
stack_on(struct logical *l, uint32_t stack, const uint32_t *frames, size_t n)
{
	for (size_t i = 0; i < n && stack != PROFILE_FAILED; i++)
		stack = profile_stack(l->profile, stack, frames[i]);
	return stack;
}

/* What is below that frame and those of asyncio right below it. */
static uint32_t
stack_below(struct logical *l, const struct stacked *s, size_t at, uint32_t root)
{
	size_t below = loop_of(l, s, at);

	return stack_on(l, root, s->frames, below ? among_all(s, below - 1) + 1 : among_all(s, 0));
}

/* ---- loops ---- */

/* NULL: there are too many. */
static struct loop *
loop_at(struct logical *l, raddr addr)
{
	struct loop *loop = l->loops;

	while (loop < l->loops + l->n_loops && loop->addr != addr)
		loop++;
	if (loop == l->loops + MOST_LOOPS)
		return NULL;
	if (loop == l->loops + l->n_loops)
		l->n_loops++;
	loop->addr = addr;
	return loop;
}

/* The event loop that is the variable `self` of that frame. */
static struct loop *
find_loop(struct logical *l, raddr frame)
{
	raddr addr;

	return locals_get(l->target->mem, l->target->layout, frame, "self", &addr) == OK ?
	       loop_at(l, addr) : NULL;
}

/* Notes of a thread that runs a loop of C (uvloop's) by a task that it runs which that is, and what
 * is below. */
static void
note_loop_of(struct logical *l, struct runner *r, raddr loop, uint32_t base, uint32_t root)
{
	if (!l->options.waits || r->forever || !(r->loop = loop_at(l, loop)))
		return;
	r->loop->base = base;
	r->loop->root = root;
}

/* Notes which loop a thread runs, and whether that waits: CPython v3.7.0 and later
 * Lib/asyncio/base_events.py, run_forever and _run_once. */
static void
note_loop(struct logical *l, struct runner *r, const struct stacked *s, uint32_t root)
{
	size_t n = s->n_python, at = 0;

	while (at < n && origin_of(l, s->python[at]) != OF_FOREVER)
		at++;
	r->selects = at < n && (origin_of(l, s->python[n - 1]) == OF_ONCE ||
	             (n > 1 && origin_of(l, s->python[n - 1]) == OF_SELECTORS &&
	              origin_of(l, s->python[n - 2]) == OF_ONCE));
	if (at == n && !r->forever) {
		r->selects = n && origin_of(l, s->python[n - 1]) == OF_ASYNCIO;
		return;
	}
	if (at < n && r->loop && r->forever == s->addresses[at] && r->root == root + 1)
		return;
	r->forever = at < n ? s->addresses[at] : 0;
	r->root = root + 1;
	r->loop = at < n ? find_loop(l, r->forever) : NULL;
	if (r->loop) {
		r->loop->base = stack_below(l, s, at, root);
		r->loop->root = root;
	}
}

/* What tasks of that name stand on. */
static uint32_t
root_of(struct logical *l, uint32_t name, uint32_t root)
{
	size_t at = l->options.apart ? index_get(&l->by_name, name + 1) : 0, len;
	struct buf text = { 0 };
	const char *bytes;

	if (!l->options.apart || at)
		return at ? l->roots[at - 1] : root;
	if (l->options.apart == LOGICAL_ON_NAMES) {
		root = profile_stack(l->profile, l->options.root, name);
	} else {
		bytes = profile_string_get(l->profile, profile_frame_get(l->profile, name).function,
		                           &len);
		buf_add(&text, bytes, len);
		root = profile_thread(l->profile, process_pid(l->target->process), 0,
		                      buf_terminate(&text), l->options.command->data);
		buf_free(&text);
	}
	index_set(&l->by_name, name + 1, l->n_roots);
	l->roots = grow(l->roots, l->n_roots, &l->cap_roots, sizeof *l->roots);
	return l->roots[l->n_roots++] = root;
}

/* The same frames as of one stack from another on, on a third. */
static uint32_t
move(struct logical *l, uint32_t stack, uint32_t from, uint32_t to)
{
	if (stack == from || stack == PROFILE_FAILED || stack == PROFILE_ROOT)
		return stack == from ? to : stack;
	return profile_stack(l->profile, move(l, profile_stack_parent(l->profile, stack), from, to),
	                     profile_stack_frame(l->profile, stack));
}

static uint32_t
base_of(void *context, raddr addr, uint32_t name, uint32_t n)
{
	struct logical *l = context;
	struct loop *loop = l->loops;

	while (loop < l->loops + l->n_loops && loop->addr != addr)
		loop++;
	l->greenlets += addr ? 0 : n;
	if (loop == l->loops + l->n_loops)
		return root_of(l, name, l->options.root);
	loop->waiting += n;
	return l->options.apart ? move(l, loop->base, loop->root, root_of(l, name, 0)) : loop->base;
}

/* When to look again.  That must not depend on what was found, as what has just begun to wait takes
 * longer than what has been seen; nor must it go round with what the program does. */
static int64_t
next_look(struct logical *l, int64_t took, int64_t period)
{
	enum { SLOWLY = 16, PARTS = 1024 };
	int64_t each = period * EACH_TICKS;

	l->took += l->looks++ ? (took - l->took) / SLOWLY : took;
	if (l->took * PART > each)
		each = l->took * PART;
	return each / 2 + each / PARTS * (hash_words(l->looks, (uint64_t)l->due) % PARTS);
}

void
logical_look_for_waits(struct logical *l, int64_t period)
{
	int64_t began = now_ns();

	if (!l->options.waits || began < l->due)
		return;
	preempt_step_aside();
	if (!l->waiting)
		l->waiting = waiting_new(l->profile);
	waiting_begin(l->waiting);
	for (size_t i = 0; i < l->n_loops; i++)
		l->loops[i].waiting = 0;
	l->greenlets = 0;
	for (size_t i = 0; i < l->n_places; i++) {
		struct place *p = &l->places[i];

		if (p->learned)
			waiting_look(l->waiting, p->ts, p->interp, base_of, l);
		waiting_look_at_greenlets(l->waiting, p->green, l->target->mem, base_of, l);
	}
	l->counts[LOGICAL_LOOKED] = waiting_looked(l->waiting);
	l->due = began + next_look(l, now_ns() - began, period);
}

/* In the log equal ones are there once if there are many: those of a thread share its time. */
static void
count_stack(struct logical *l, struct waiting_stack w, uint64_t ticks)
{
	enum { FEW = 32 };
	uint64_t times = w.n * ticks;

	profile_add(l->profile, PROFILE_SAMPLES, w.stack, times);
	if (l->options.tell_idle)
		profile_add(l->profile, PROFILE_IDLE, w.stack, times);
	for (uint64_t i = 0; l->options.log && i < times && i < FEW; i++)
		profile_log(l->profile, w.stack, PROFILE_WAITS);
	l->counts[LOGICAL_WAITING] += times;
}

void
logical_count_waits(struct logical *l, uint64_t ticks)
{
	size_t n;
	const struct waiting_stack *stacks;

	if (!l->waiting)
		return;
	stacks = waiting_stacks(l->waiting, &n);
	for (size_t i = 0; i < n; i++)
		count_stack(l, stacks[i], ticks);
	for (int why = 0; why < WHY_COUNT; why++) {
		uint64_t failed = waiting_failed(l->waiting)[why] * ticks;

		l->counts[LOGICAL_FAILED + why] += failed;
		if (failed)
			profile_set(l->profile, PROFILE_SAMPLES, PROFILE_FAILED,
			            profile_get(l->profile, PROFILE_SAMPLES, PROFILE_FAILED) + failed);
	}
}

int
logical_is_represented(struct logical *l, struct thread *t)
{
	const struct runner *r = runner_of(l, t->tstate);

	return l->options.waits && ((r->selects && r->loop && r->loop->waiting) ||
	                            (r->hub && l->greenlets)) && thread_is_idle(t);
}

/* ---- one sample ---- */

int
logical_number(struct logical *l, const struct thread *t, const uint32_t *frames, size_t n,
               uint32_t root, uint32_t *number)
{
	struct stacked s = stack_of(t);
	size_t at = l->seen_at;
	struct known *k = l->looked_at == t->tstate ? l->seen : NULL;

	s.frames = frames;
	s.n = n;
	l->looked_at = 0;
	if (l->options.waits)
		note_loop(l, runner_of(l, t->tstate), &s, root);
	if (!k || at >= s.n_python || s.addresses[at] != k->frame ||
	    stack_code(s.stack, k->frame) != k->code)
		catch_up(l, t, &s, &at, &k);
	if (!k)
		return 0;
	if (!k->alive && k->loop)
		note_loop_of(l, runner_of(l, t->tstate), k->loop, stack_below(l, &s, at, root), root);
	root = root_of(l, k->callers.name, root);
	if (!k->alive)
		root = stack_below(l, &s, at, root);
	if (k->on != root + 1) {
		k->base = stack_on(l, root, k->callers.frames, k->callers.n);
		k->on = root + 1;
	}
	at = among_all(&s, at);
	*number = stack_on(l, k->base, s.frames + at, s.n - at);
	l->counts[LOGICAL_FOUND]++;
	return 1;
}
