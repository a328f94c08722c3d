/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding all greenlets.
 *
 * There is no list of them, and those that the garbage collector has change while they are gone
 * through.  But every object refers to its type, and a type to those that are derived from it
 * (CPython v3.7.0 and later Objects/typeobject.c, tp_subclasses): so they are among the words
 * of all memory that are the address of greenlet.greenlet or of a type derived from it.  What
 * comes back to where it came from is one: by way of the object of C++, or, where that is not
 * there yet, of the collector's list.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "values/shapes.h"
#include "tasks/forms.h"
#include "tasks/many.h"
#include "tasks/rest.h"
#include "tasks/tasks.h"
#include "tasks/heap.h"
#include "tasks/greenlet.h"
#include "tasks/greenlets.h"

enum {
	MOST_TYPES = 1 << 12,
	MOST_GREENLETS = 1 << 18,
	SUBCLASSES = 9, /* pointers from tp_dictoffset to tp_subclasses */
	MANY_WORDS = 34, /* more than what a greenlet points to has */
	SAMPLE = 256,   /* greenlets that say where the rest have their parents */
	SPAWNER = 12,   /* words of a gevent.Greenlet that are looked through for it */
	NAME = 64,
	MOST_SIZE = 1024, /* of a greenlet.greenlet */
	BLOCK = 16 << 10, /* objects of a size lie together: CPython v3.10.0 Objects/obmalloc.c,
	                   * POOL_SIZE */
	MOST_BLOCKS = 1 << 14,
	MOST_HUBS = 1 << 10,
	MOST_LEADING = 16, /* from a parent to the next */
};

struct type {
	raddr addr;
	int hub, gevents;
};

struct greenlets {
	const struct tasks *ts;
	struct rest *rest; /* since it was begun to read them */
	struct mem *paged;
	const struct layout *l;
	struct green_reader reader;
	struct type *types; /* greenlet.greenlet, and what is derived from it */
	size_t n_types, cap_types;
	struct index type_seen;
	struct greenlet *all;
	size_t n, cap;
	struct index by_addr;
	struct proc_maps maps;
	int size;   /* of a greenlet.greenlet */
	int parent; /* which of the words has it, 0: not known; before it run, and the thread's
	             * first greenlet */
	struct green_thread *threads;
	size_t n_threads, cap_threads;
	struct proc_maps blocks; /* of memory that some were found in */
	size_t cap_blocks;
	struct index block_seen;
	struct index leading; /* what runs, and its parents */
	struct index hubs;    /* that are none by their type */
	raddr reference; /* how far after a greenlet gevent's is to who spawned it, 0: not known */
	enum why why;
};

struct greenlets *
greenlets_new(const struct tasks *ts, struct profile *profile, struct codes *codes)
{
	struct greenlets *gs = xcalloc(1, sizeof *gs);
	struct mem *mem = tasks_target(ts)->mem;

	gs->ts = ts;
	gs->paged = tasks_mem(ts);
	gs->l = tasks_layout(ts);
	gs->reader = (struct green_reader){ .mem = mem, .l = gs->l, .profile = profile,
	                                    .codes = codes };
	return gs;
}

void
greenlets_free(struct greenlets *gs)
{
	if (!gs)
		return;
	rest_free(gs->rest);
	index_free(&gs->type_seen);
	index_free(&gs->by_addr);
	free(gs->types);
	free(gs->all);
	free(gs->threads);
	free(gs->blocks.maps);
	index_free(&gs->block_seen);
	index_free(&gs->leading);
	index_free(&gs->hubs);
	free(gs);
}

const struct tasks *
greenlets_tasks(const struct greenlets *gs)
{
	return gs->ts;
}

const struct greenlet *
greenlets_all(const struct greenlets *gs, size_t *n)
{
	*n = gs->n;
	return gs->all;
}

size_t
greenlets_find(const struct greenlets *gs, raddr addr)
{
	return index_get(&gs->by_addr, addr);
}

raddr
greenlets_word(const struct greenlets *gs, raddr addr)
{
	raddr word;

	return addr && object_read_pointer(gs->paged, gs->l, addr, &word) == OK ? word : 0;
}

/* ---- types ---- */

static void
read_name(const struct greenlets *gs, raddr type, char *name, size_t size)
{
	raddr at = greenlets_word(gs, type + (raddr)gs->l->type.name);

	if (!at || mem_read_string(gs->paged, at, name, size) != OK)
		*name = 0;
}

/* Whether a name is that, in whatever module. */
static int
is_named(const char *name, const char *last)
{
	const char *dot = strrchr(name, '.');

	return !strcmp(dot ? dot + 1 : name, last);
}

/* One that is derived from `base` (NULL: from none), by whose name shows whose it is: gevent
 * 22.10.2 src/gevent/_hub_primitives.py, src/gevent/_greenlet_primitives.py. */
static void
add_type(struct greenlets *gs, raddr addr, const struct type *base)
{
	struct type t = { .addr = addr };
	char name[NAME];

	if (!addr || gs->n_types >= MOST_TYPES || index_get(&gs->type_seen, addr))
		return;
	index_set(&gs->type_seen, addr, gs->n_types);
	if (base)
		t = (struct type){ addr, base->hub, base->gevents };
	read_name(gs, addr, name, sizeof name);
	t.hub |= is_named(name, "WaitOperationsGreenlet");
	t.gevents |= !strcmp(name, "gevent._gevent_cgreenlet.Greenlet");
	gs->types = grow(gs->types, gs->n_types, &gs->cap_types, sizeof *gs->types);
	gs->types[gs->n_types++] = t;
}

struct derived {
	struct greenlets *gs;
	struct type base;
};

static int
add_derived(void *context, raddr key, raddr reference)
{
	struct derived *d = context;

	(void)key;
	if (reference)
		add_type(d->gs, greenlets_word(d->gs, reference + (raddr)d->gs->l->object.head), &d->base);
	return 0;
}

static void
find_derived(struct greenlets *gs)
{
	const struct layout *l = gs->l;

	for (size_t i = 0; i < gs->n_types; i++) {
		struct derived d = { gs, gs->types[i] };
		raddr dict = greenlets_word(gs, d.base.addr +
		                     (raddr)(l->type.dictoffset + SUBCLASSES * l->ptr));

		if (dict)
			object_dict_each(gs->paged, l, dict, add_derived, &d);
	}
}

static void
find_type(struct greenlets *gs, raddr interp)
{
	const struct layout *l = gs->l;
	char name[NAME] = "";
	raddr at, size;

	if (object_module(gs->paged, l, interp, "greenlet", &at) != OK ||
	    object_dict_get(gs->paged, l, at, "greenlet", &at) != OK)
		return;
	read_name(gs, at, name, sizeof name);
	size = greenlets_word(gs, at + (raddr)l->type.basicsize);
	if (!is_named(name, "greenlet") || size > MOST_SIZE)
		return;
	gs->size = (int)size;
	gs->reader.direct = gs->size > l->object.head + 4 * l->ptr;
	add_type(gs, at, NULL);
}

static void
find_types(struct greenlets *gs)
{
	size_t n;
	struct thread *const *threads = threads_all(tasks_threads(gs->ts), &n);
	struct index interps = { 0 };

	for (size_t i = 0; i < n; i++)
		if (!index_set(&interps, threads[i]->interp, i))
			find_type(gs, threads[i]->interp);
	index_free(&interps);
	find_derived(gs);
}

/* ---- objects ---- */

/* Whether it is where its neighbour in the collector's list leads back to, its own place there
 * being so many words before it.  Lowest bits say other things. */
static int
is_listed(const struct greenlets *gs, raddr object, raddr words)
{
	const struct layout *l = gs->l;
	raddr head = object - words * (raddr)l->ptr, next, back;

	return object_read_pointer(gs->reader.mem, l, head, &next) == OK && next &&
	       object_read_pointer(gs->reader.mem, l, (next & ~(raddr)3) + (raddr)l->ptr,
	                           &back) == OK &&
	       (back & ~(raddr)3) == head;
}

/* Reads what it points to, up to where that ends or a page does; how many words. */
static size_t
read_words(const struct greenlets *gs, raddr at, raddr words[MANY_WORDS])
{
	size_t p = (size_t)gs->l->ptr, done = 0;
	unsigned char bytes[MANY_WORDS * 8];

	mem_readv(gs->reader.mem, &(struct mem_vec){ at, MANY_WORDS * p }, 1, bytes, &done);
	for (size_t i = 0; i < done / p; i++)
		words[i] = object_pointer(gs->l, bytes + i * p);
	return done / p;
}

/* All words of one: n from `at` on; those from `later` on come after all that say where its stack
 * is. */
struct words {
	raddr at, words[MANY_WORDS];
	size_t later, n;
};

static void
read_all_words(const struct greenlets *gs, raddr greenlet, struct words *w)
{
	int before;

	w->at = green_words(&gs->reader, greenlet, &before);
	w->n = w->at ? read_words(gs, w->at, w->words) : 0;
	w->later = (size_t)before + 7;
}

static int
points_back(const struct greenlets *gs, raddr object)
{
	struct words w;

	read_all_words(gs, object, &w);
	for (size_t i = 0; i < w.n; i++)
		if (w.words[i] == object)
			return 1;
	return 0;
}

static int
is_greenlet(const struct greenlets *gs, raddr object)
{
	enum { TRIES = 10, PADDED = 3 };
	raddr words = (raddr)tasks_form(gs->ts)->collected;

	if (!gs->reader.direct)
		return points_back(gs, object);
	for (int i = 0; i < TRIES; i++) /* it changes with its neighbours */
		if (is_listed(gs, object, words) ||
		    (words == PADDED && is_listed(gs, object, words + 1)))
			return 1;
	return 0;
}

static void
take_word(void *context, raddr at)
{
	struct greenlets *gs = context;
	struct greenlet g = { .addr = at - (raddr)gs->l->object.type };
	const struct type *t;

	if (gs->n >= MOST_GREENLETS)
		gs->why = DEEP;
	else if (object_read_pointer(gs->reader.mem, gs->l, at, &g.type) == OK &&
	         index_get(&gs->type_seen, g.type) && is_greenlet(gs, g.addr) &&
	         !index_set(&gs->by_addr, g.addr, gs->n)) {
		t = &gs->types[index_get(&gs->type_seen, g.type) - 1];
		g.gevents = (unsigned char)t->gevents;
		gs->all = grow(gs->all, gs->n, &gs->cap, sizeof *gs->all);
		gs->all[gs->n++] = g;
	}
}

static void
find_all(struct greenlets *gs, const struct proc_maps *maps, int64_t most_ns)
{
	raddr *words = xcalloc(gs->n_types + 1, sizeof *words);
	enum why why;

	gs->n = 0;
	index_free(&gs->by_addr);
	for (size_t i = 0; i < gs->n_types; i++)
		words[i] = gs->types[i].addr;
	why = heap_find(process_pid(tasks_target(gs->ts)->process), gs->reader.mem, gs->l, maps,
	                words, gs->n_types, most_ns, take_word, gs);
	gs->why = gs->why == OK ? why : gs->why;
	free(words);
}

/* ---- who belongs to whom ---- */

static const struct greenlet *
at_address(const struct greenlets *gs, raddr addr)
{
	size_t which = addr ? greenlets_find(gs, addr) : 0;

	return which ? &gs->all[which - 1] : NULL;
}

static int
is_main(const struct greenlets *gs, raddr addr)
{
	const struct greenlet *g = at_address(gs, addr);

	return g && g->kind == GREENLET_MAIN;
}

/* Whether that word may be a greenlet's parent. */
static int
may_be_parent(const struct greenlets *gs, const struct greenlet *g, const raddr *words, size_t i)
{
	raddr main = words[i - 2];

	if (g->state == GREENLET_NEW)
		return at_address(gs, words[i]) && !main;
	return (!words[i] || at_address(gs, words[i])) && is_main(gs, main);
}

/*
 * Which words after those that are known have the thread's first greenlet, the function to be
 * run, and the parent: greenlet 3.0.3 src/greenlet/greenlet_greenlet.hpp, UserGreenlet.  What is
 * before them differs by the release and by CPython's.  They are where that is so of all; those
 * that are over say little.
 */
static void
find_parents_place(struct greenlets *gs)
{
	uint64_t may = ~(uint64_t)0;
	int known = 0;

	for (size_t i = 0, seen = 0; i < gs->n && seen < SAMPLE; i++) {
		const struct greenlet *g = &gs->all[i];
		struct words w;
		uint64_t its = 0;

		if (g->why != OK || g->kind == GREENLET_MAIN || g->state == GREENLET_DEAD)
			continue;
		read_all_words(gs, g->addr, &w);
		for (size_t k = w.later + 2; k < w.n; k++)
			its |= (uint64_t)may_be_parent(gs, g, w.words, k) << k;
		if (!its) /* as of one that its thread has left behind */
			continue;
		known = 1;
		seen++;
		may &= its;
	}
	while (known && may && !(may >> gs->parent & 1))
		gs->parent++;
}

/* What a thread began with leads to the state of that thread until it ends, by the word after the
 * last way back: greenlet 2.0.2 src/greenlet/greenlet_greenlet.hpp and later, MainGreenlet.
 * Whether one is such. */
static int
find_state(const struct greenlets *gs, raddr first, raddr *state)
{
	struct words w;

	read_all_words(gs, first, &w);
	for (size_t i = w.later; i + 1 < w.n; i++)
		if (w.words[i] == first) {
			*state = w.words[i + 1];
			return 1;
		}
	return 0;
}

/* Others have its stack then. */
static void
end_with_thread(const struct greenlets *gs, struct greenlet *g)
{
	raddr state;

	if (find_state(gs, g->addr, &state) && !state) {
		g->state = GREENLET_DEAD;
		g->on = 0;
	}
}

static void
set_parent(const struct greenlets *gs, struct greenlet *g)
{
	enum { DIRECT_PARENT = 5, DIRECT_RUN };
	const struct greenlet *first;
	raddr p = (raddr)gs->l->ptr, at;
	int before, direct = gs->reader.direct;

	if (g->why != OK || g->kind == GREENLET_MAIN || (!direct && !gs->parent) ||
	    !(at = green_words(&gs->reader, g->addr, &before)))
		return;
	g->parent = greenlets_word(gs, at + p * (raddr)(direct ? DIRECT_PARENT : gs->parent));
	if (!at_address(gs, g->parent))
		g->parent = 0;
	first = direct ? NULL : at_address(gs, greenlets_word(gs, at + p * (raddr)(gs->parent - 2)));
	if (first && first->state == GREENLET_DEAD)
		g->on = 0;
	if (g->state == GREENLET_NEW)
		g->run = greenlets_word(gs, at + p * (raddr)(direct ? DIRECT_RUN : gs->parent - 1));
}

/* gevent keeps a weak reference to who spawned one, after what every greenlet has: gevent 22.10.2
 * src/gevent/_gevent_cgreenlet.pxd.  Where that is, 0: nowhere. */
static raddr
find_reference(struct greenlets *gs, raddr greenlet)
{
	raddr p = (raddr)gs->l->ptr, end = (raddr)gs->size + SPAWNER * p;

	for (raddr at = gs->reference ? gs->reference : (raddr)gs->size; at < end; at += p) {
		char name[NAME];
		raddr object = greenlets_word(gs, greenlet + at);

		read_name(gs, greenlets_word(gs, object + (raddr)gs->l->object.type), name, sizeof name);
		if (is_named(name, "weakref") || is_named(name, "ReferenceType")) {
			gs->reference = at;
			return greenlet + at;
		}
	}
	return 0;
}

static void
set_spawner(struct greenlets *gs, struct greenlet *g)
{
	raddr at = g->gevents ? find_reference(gs, g->addr) : 0;
	raddr of = at ? greenlets_word(gs, greenlets_word(gs, at) + (raddr)gs->l->object.head) : 0;

	if (at_address(gs, of))
		g->spawner = of;
}

/* The thread on whose C stack that is: a thread's own block, which is what Python calls it by, is
 * on top of it, but for the first one.  Several stacks may be one mapping: glibc 2.42 has no
 * pages between them that are any different. */
static int
thread_at(const struct greenlets *gs, raddr addr)
{
	size_t n, i = 0;
	struct thread *const *threads = threads_all(tasks_threads(gs->ts), &n);
	const struct proc_map *m = gs->maps.maps;
	const struct thread *found = NULL;

	while (i < gs->maps.n && addr - m->start >= m->end - m->start) {
		i++;
		m++;
	}
	for (size_t k = 0; k < n && i < gs->maps.n; k++) {
		const struct thread *t = threads[k];
		int is_above = t->ident >= addr && t->ident < m->end;

		if (thread_is_main(t) ? !strcmp(m->path, "[stack]") :
		    is_above && (!found || t->ident < found->ident))
			found = t;
	}
	return found ? found->task.tid : 0;
}

/* ---- hubs ---- */

int
greenlets_is_in(const struct greenlets *gs, uint32_t frame, const char *part)
{
	const struct profile *p = tasks_profile(gs->ts);
	struct profile_frame f = profile_frame_get(p, frame);
	struct buf path = { 0 };
	const char *bytes;
	size_t len;
	int is;

	if (f.file == PROFILE_NO_FILE)
		return 0;
	bytes = profile_string_get(p, f.file, &len);
	buf_add(&path, bytes, len);
	is = text_find(buf_terminate(&path), part) != NULL;
	buf_free(&path);
	return is;
}

/* By its type, or, of eventlet's, by what it begins with: eventlet 0.33.1 eventlet/hubs/hub.py. */
static int
is_hub(const struct greenlets *gs, const struct greenlet *g)
{
	const struct profile *p = gs->reader.profile;
	uint32_t frame = 0;
	int known = 0;

	if (gs->types[index_get(&gs->type_seen, g->type) - 1].hub)
		return 1;
	if (g->state == GREENLET_RUNS)
		known = tasks_outermost(gs->ts, g->tid, &frame);
	for (uint32_t s = g->stack; s != PROFILE_ROOT; s = profile_stack_parent(p, s)) {
		frame = profile_stack_frame(p, s);
		known = 1;
	}
	return known && greenlets_is_in(gs, frame, "/eventlet/hubs/hub.py");
}

/* ---- all ---- */

static void
relate(struct greenlets *gs)
{
	for (size_t i = 0; i < gs->n; i++) {
		struct greenlet *g = &gs->all[i];

		g->spawner = 0;
		if (g->state != GREENLET_DEAD) /* else it may be in the place of another one by now */
			set_spawner(gs, g);
		if (g->on)
			g->tid = thread_at(gs, g->on);
		if (g->kind == GREENLET_PLAIN && g->why == OK && is_hub(gs, g))
			g->kind = GREENLET_HUB;
	}
}

/* Whether it is not what just looks like one, or did not end before it could be read: of those
 * that nothing leads back to, all but the first one of a thread need to have a parent. */
static int
is_proven(const struct greenlets *gs, const struct greenlet *g)
{
	if (!gs->reader.direct)
		return g->why != BROKEN || is_greenlet(gs, g->addr);
	return g->why == OK && (g->kind == GREENLET_MAIN || g->parent);
}

static void
keep_proven(struct greenlets *gs)
{
	size_t n = 0;

	for (size_t i = 0; i < gs->n && !gs->reader.direct; i++)
		if (gs->all[i].kind == GREENLET_MAIN)
			end_with_thread(gs, &gs->all[i]);
	for (size_t i = 0; i < gs->n; i++)
		set_parent(gs, &gs->all[i]);
	index_free(&gs->by_addr);
	for (size_t i = 0; i < gs->n; i++) {
		if (!is_proven(gs, &gs->all[i]))
			continue;
		gs->all[n] = gs->all[i];
		index_set(&gs->by_addr, gs->all[n].addr, n);
		n++;
	}
	gs->n = n;
}

enum why
greenlets_read(struct greenlets *gs, int64_t most_ns)
{
	find_types(gs);
	if (!gs->n_types)
		return OK;
	gs->why = process_maps(tasks_target(gs->ts)->process, &gs->maps);
	if (gs->why != OK)
		return gs->why;
	rest_free(gs->rest);
	gs->rest = rest_new(process_pid(tasks_target(gs->ts)->process));
	rest_begin(gs->rest);
	find_all(gs, &gs->maps, most_ns);
	for (size_t i = 0; i < gs->n; i++)
		green_read(&gs->reader, &gs->all[i]);
	if (!gs->reader.direct)
		find_parents_place(gs);
	keep_proven(gs);
	relate(gs);
	proc_maps_free(&gs->maps);
	return gs->why;
}

/* ---- names ---- */

struct naming { /* of one */
	struct greenlets *gs;
	struct greenlet *g;
	greenlet_namer *name;
	int holds;
};

/* Reads the name of one that has just been proven, and whether it still is what it was: then that
 * is its name. */
static void
take_name(void *context, const struct mem_vec *pieces, size_t n, const struct buf *bytes)
{
	struct naming *m = context;
	struct buf text = { 0 };

	tasks_forget(m->gs->ts);
	m->g->asked = 0;
	m->name(m->gs, m->g, &text);
	m->holds = many_hold(m->gs->reader.mem, pieces, n, bytes);
	m->g->asked = 1;
	m->g->named = text.len ? 1 + profile_string(m->gs->reader.profile, text.data, text.len) : 0;
	buf_free(&text);
}

/* What is known of one without its name stays as it is where that can't be had with it. */
static void
find_name(struct greenlets *gs, struct greenlet *g, greenlet_namer *name)
{
	enum { TRIES = 10 };
	struct greenlet before = *g;
	struct naming m = { gs, g, name, 0 };

	for (int k = 0; k < TRIES && !m.holds && g->why == OK; k++)
		greenlets_frames(gs, g, take_name, &m);
	g->kind = before.kind; /* which reading it does not tell */
	if (m.holds)
		return;
	*g = before;
	g->asked = 1;
}

void
greenlets_read_names(struct greenlets *gs, greenlet_namer *name)
{
	if (rest_holds(gs->rest))
		return;
	for (size_t i = 0; i < gs->n; i++)
		if (gs->all[i].why == OK && gs->all[i].state != GREENLET_DEAD)
			find_name(gs, &gs->all[i], name);
	relate(gs);
}

size_t
greenlets_count(const struct greenlets *gs, size_t *places)
{
	struct index seen = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < gs->n; i++) {
		if (gs->all[i].kind == GREENLET_MAIN || gs->all[i].state == GREENLET_DEAD)
			continue;
		index_set(&seen, gs->all[i].stack, 0);
		n++;
	}
	*places = seen.n;
	index_free(&seen);
	return n;
}

/* ---- those of a thread ---- */

struct green_thread *
greenlets_thread(struct greenlets *gs, int tid)
{
	for (size_t i = 0; i < gs->n_threads; i++)
		if (gs->threads[i].tid == tid)
			return &gs->threads[i];
	return NULL;
}

static int
is_noted(const struct greenlets *gs, raddr first)
{
	for (size_t i = 0; i < gs->n_threads; i++)
		if (gs->threads[i].first == first)
			return 1;
	return 0;
}

static raddr
word_of(const struct greenlets *gs, raddr greenlet, int number)
{
	int before;
	raddr at = green_words(&gs->reader, greenlet, &before), word = 0;

	if (at)
		object_read_pointer(gs->reader.mem, gs->l,
		                    at + (raddr)(before + number) * (raddr)gs->l->ptr, &word);
	return word;
}

/* Notes what a thread began with. */
static void
note_thread(struct greenlets *gs, raddr first)
{
	raddr highest = gs->l->ptr == 8 ? UINT64_MAX : UINT32_MAX, state = 0;

	if (word_of(gs, first, 1) != highest || is_noted(gs, first) ||
	    !find_state(gs, first, &state) || !state)
		return;
	gs->threads = grow(gs->threads, gs->n_threads, &gs->cap_threads, sizeof *gs->threads);
	gs->threads[gs->n_threads++] = (struct green_thread){ first, state, 0 };
}

static void
note_block(struct greenlets *gs, raddr addr)
{
	raddr at = addr - addr % BLOCK;
	struct proc_maps *b = &gs->blocks;

	if (b->n >= MOST_BLOCKS || index_set(&gs->block_seen, at, 0))
		return;
	b->maps = grow(b->maps, b->n, &gs->cap_blocks, sizeof *b->maps);
	b->maps[b->n++] = (struct proc_map){ .start = at, .end = at + BLOCK, .readable = 1,
	                                     .writable = 1, .path = "" };
}

/* By the stack that was left by what it began with, or on which another one was begun.  Forgets
 * those that have ended. */
static void
place_threads(struct greenlets *gs)
{
	size_t n = 0;

	for (size_t i = 0; i < gs->n_threads; i++) {
		struct green_thread t = gs->threads[i];
		raddr first = 0, current = 0;

		object_read_pointer(gs->reader.mem, gs->l, t.state, &first);
		object_read_pointer(gs->reader.mem, gs->l, t.state + (raddr)gs->l->ptr, &current);
		if (!t.tid)
			t.tid = thread_at(gs, word_of(gs, current, current != first));
		if (first == t.first)
			gs->threads[n++] = t;
	}
	gs->n_threads = n;
}

int
greenlets_find_threads(struct greenlets *gs, int64_t most_ns)
{
	size_t before = gs->n_threads;

	find_types(gs);
	if (!gs->n_types || gs->reader.direct ||
	    process_maps(tasks_target(gs->ts)->process, &gs->maps) != OK)
		return 0;
	find_all(gs, &gs->maps, most_ns);
	for (size_t i = 0; i < gs->n; i++) {
		note_thread(gs, gs->all[i].addr);
		note_block(gs, gs->all[i].addr);
	}
	place_threads(gs);
	proc_maps_free(&gs->maps);
	return gs->n_threads > before;
}

/* ---- one ---- */

static const struct type *
type_at(struct greenlets *gs, raddr type)
{
	size_t which = index_get(&gs->type_seen, type);

	if (!which) {
		find_types(gs);
		which = index_get(&gs->type_seen, type);
	}
	return which ? &gs->types[which - 1] : NULL;
}

void
greenlets_note_hub(struct greenlets *gs, raddr addr)
{
	if (gs->hubs.n < MOST_HUBS)
		index_set(&gs->hubs, addr, 0);
}

/* Two words after that which leads to what the thread began with. */
static raddr
find_parent(const struct greenlets *gs, raddr greenlet, raddr first)
{
	struct words w;

	read_all_words(gs, greenlet, &w);
	for (size_t i = w.later; i + 2 < w.n; i++)
		if (w.words[i] == first)
			return w.at + (i + 2) * (raddr)gs->l->ptr;
	return 0;
}

int
greenlets_know(struct greenlets *gs, raddr addr, raddr first, struct greenlet *g,
               struct green_links *links)
{
	const struct type *t;
	int before;

	*g = (struct greenlet){ .addr = addr, .kind = addr == first ? GREENLET_MAIN : GREENLET_PLAIN };
	if (object_read_pointer(gs->reader.mem, gs->l, addr + (raddr)gs->l->object.type,
	                        &g->type) != OK || !(t = type_at(gs, g->type)))
		return 0;
	links->alive = green_words(&gs->reader, addr, &before);
	if (!links->alive)
		return 0;
	links->alive += (raddr)before * (raddr)gs->l->ptr;
	note_block(gs, addr);
	g->gevents = (unsigned char)t->gevents;
	if (t->hub || index_get(&gs->hubs, addr))
		g->kind = GREENLET_HUB;
	links->links = t->gevents ? find_reference(gs, addr) : 0;
	links->spawned = links->links != 0;
	if (!links->links && g->kind == GREENLET_PLAIN)
		links->links = find_parent(gs, addr, first);
	return 1;
}

raddr
greenlets_first(const struct greenlets *gs, raddr addr)
{
	struct words w;

	read_all_words(gs, addr, &w);
	for (size_t i = w.later; i < w.n; i++)
		if (is_noted(gs, w.words[i]))
			return w.words[i];
	return 0;
}

static void
note_leading(struct greenlets *gs, const struct green_thread *t)
{
	raddr at = greenlets_word(gs, t->state + (raddr)gs->l->ptr);
	struct greenlet g;
	struct green_links links;

	for (int i = 0; i < MOST_LEADING && at; i++) {
		index_set(&gs->leading, at, 0);
		if (!greenlets_know(gs, at, t->first, &g, &links) || g.kind != GREENLET_PLAIN)
			return;
		at = greenlets_word(gs, find_parent(gs, at, t->first));
	}
}

void
greenlets_list(struct greenlets *gs)
{
	find_all(gs, &gs->blocks, INT64_MAX / 2);
	index_free(&gs->leading);
	for (size_t i = 0; i < gs->n_threads; i++)
		note_leading(gs, &gs->threads[i]);
}

int
greenlets_leads(const struct greenlets *gs, raddr addr)
{
	return index_get(&gs->leading, addr) != 0;
}

void
greenlets_identity(const struct greenlets *gs, const struct green_links *links,
                   const struct greenlet *g, struct mem_vec *two)
{
	size_t p = (size_t)gs->l->ptr, head = (size_t)gs->l->object.head;
	size_t end = links->spawned ? (size_t)(links->links - g->addr) + 2 * p : (size_t)gs->size;

	/* What lies between them are weak references. */
	two[0] = (struct mem_vec){ g->addr + (raddr)gs->l->object.type, p };
	two[1] = (struct mem_vec){ g->addr + head + p, end - head - p };
}

void
greenlets_frames(struct greenlets *gs, struct greenlet *g, green_note *note, void *context)
{
	gs->reader.note = note;
	gs->reader.context = context;
	green_read(&gs->reader, g);
	gs->reader.note = NULL;
}
