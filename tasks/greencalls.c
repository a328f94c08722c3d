/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which greenlet a thread runs.
 *
 * greenlet keeps that for each thread, together with what the thread began with: greenlet 2.0.2
 * src/greenlet/greenlet_thread_state.hpp and 3.0.3 src/greenlet/TThreadState.hpp, ThreadState.
 * All memory has to be searched for it, which is seldom done; that is known of one greenlet, then,
 * whose outermost frame is on the stack: all from the one that executes to that, and who is
 * current before and after, read twice at once.  As a greenlet has its outermost frame for as
 * long as it goes on, it is known by that from then on.
 *
 * gevent keeps who spawned one, and the frames from which that was done: gevent 22.10.2
 * src/gevent/_gevent_cgreenlet.pxd, Greenlet and _Frame.  Others stand on what their parents
 * do, but for the hub.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "thread.h"
#include "code.h"
#include "codes.h"
#include "stack.h"
#include "tasks/many.h"
#include "tasks/tasks.h"
#include "tasks/callers.h"
#include "tasks/known.h"
#include "tasks/greenlet.h"
#include "tasks/greenlets.h"
#include "tasks/greenwords.h"
#include "tasks/greencalls.h"

enum {
	MOST_KNOWN = 1024,  /* greenlets; then all are forgotten */
	MOST_UP = 64,       /* from one to the next */
	MOST_KEPT = 10,     /* frames that gevent keeps, Greenlet.spawning_stack_limit */
	MOST_MOVED = 64,    /* frames that are new since the stack was captured */
	MOST_MS = 1000,     /* of a search of all memory */
	PART = 50,          /* of the time that searches may take, at most one in so many */
	LEARN_MS = 100,     /* between two, at least */
	TRIES = 3,
};

/* No frame of the profile. */
static const uint32_t none = UINT32_MAX;

struct greencalls {
	struct tasks *ts;
	struct mem *mem;
	const struct layout *l;
	struct profile *profile;
	struct codes *codes;
	struct greenlets *gs;
	struct knowns known; /* by the outermost frame */
	struct callers now;  /* what proves which one runs */
	int64_t due, pause;  /* when memory may be searched again for threads, now_ns(), and how
	                      * long after that; */
	int64_t due_anyway;  /* and for those that wait */
};

struct greencalls *
greencalls_new(struct tasks *ts, struct profile *profile, struct profile *stacks,
               struct codes *codes)
{
	struct greencalls *c = xcalloc(1, sizeof *c);

	c->ts = ts;
	c->mem = tasks_target(ts)->mem;
	c->l = tasks_layout(ts);
	c->profile = profile;
	c->codes = codes;
	c->gs = greenlets_new(ts, stacks, codes);
	c->known = knowns_new(MOST_KNOWN);
	return c;
}

void
greencalls_free(struct greencalls *c)
{
	if (!c)
		return;
	callers_free(&c->now);
	greenlets_free(c->gs);
	knowns_free(&c->known);
	free(c);
}

/* ---- threads ---- */

/* Each time that nothing new was found it is twice as long until the next. */
static void
search(struct greencalls *c)
{
	int64_t began = now_ns(), least;

	tasks_forget(c->ts);
	c->pause = greenlets_find_threads(c->gs, MOST_MS * MS) ? 0 : c->pause * 2;
	c->due = c->due_anyway = now_ns();
	least = (c->due - began) * PART + LEARN_MS * MS;
	c->due_anyway += least;
	if (c->pause < least)
		c->pause = least;
	c->due += c->pause;
}

static struct green_thread *
thread_of(struct greencalls *c, int tid)
{
	struct green_thread *t = greenlets_thread(c->gs, tid);

	if (t || !tid || now_ns() < c->due)
		return t;
	search(c);
	return greenlets_thread(c->gs, tid);
}

/* ---- what decides ---- */

static void
note_pieces(void *callers, const struct mem_vec *pieces, size_t n, const struct buf *bytes)
{
	callers_decide_all(callers, pieces, n, bytes);
}

static enum why
decide(const struct greencalls *c, struct callers *out, raddr addr, void *bytes, size_t len)
{
	enum why why = mem_read(c->mem, addr, bytes, len);

	if (why == OK)
		callers_decide(out, addr, bytes, len);
	return why;
}

/* The pointer that decides; 0: none can be read. */
static raddr
decide_pointer(const struct greencalls *c, struct callers *out, raddr addr)
{
	unsigned char bytes[8];

	return addr && decide(c, out, addr, bytes, (size_t)c->l->ptr) == OK ?
	       object_pointer(c->l, bytes) : 0;
}

static enum why
decide_identity(const struct greencalls *c, struct callers *out, const struct greenlet *g,
                const struct green_links *links)
{
	enum { MOST = 1024 };
	unsigned char bytes[MOST];
	struct mem_vec parts[2];
	enum why why = OK;

	greenlets_identity(c->gs, links, g, parts);
	for (int i = 0; i < 2 && why == OK; i++)
		why = parts[i].len <= MOST ? decide(c, out, parts[i].addr, bytes, parts[i].len) : BROKEN;
	return why;
}

/* ---- what it stands on ---- */

static void
add_name(const struct greencalls *c, struct callers *out, const struct greenlet *g,
         uint32_t outermost)
{
	struct buf name = { 0 };
	char type[64];
	const char *bytes;
	size_t len;

	greenwords_name(c->gs, g, &name);
	bytes = name.data;
	len = callers_name_length(bytes, name.len);
	if (!len && outermost != none) {
		bytes = profile_string_get(c->profile,
		                           profile_frame_get(c->profile, outermost).function, &len);
	} else if (!len) {
		bytes = object_type_name(c->mem, c->l, g->addr, type, sizeof type) == OK ? type : "";
		len = strlen(bytes);
	}
	callers_add_name(out, c->profile, "greenlet ", bytes, len);
	buf_free(&name);
}

/* The frame of that code object at that line. */
static enum why
name_frame(const struct greencalls *c, raddr addr, int line, uint32_t *frame)
{
	struct profile_frame f;
	struct code *code;
	enum why why;

	codes_begin(c->codes);
	codes_add(c->codes, addr);
	why = codes_settle(c->codes, TRIES);
	code = codes_find(c->codes, addr);
	if (why != OK || !code)
		return TORN;
	f = profile_frame_get(c->profile, codes_frame(c->codes, code, 0));
	if (f.line)
		f.line = line;
	*frame = profile_frame(c->profile, f);
	return OK;
}

/* The frames from which one was spawned, each an object with its code, its line, and the next one,
 * which is of another type after the last. */
static enum why
add_spawning(const struct greencalls *c, struct callers *out, raddr at)
{
	int p = c->l->ptr, from = c->l->object.type, head = c->l->object.head;
	unsigned char bytes[64];
	size_t len = (size_t)(head + 3 * p - from), n = 0;
	raddr first = 0;
	char name[64] = "";

	object_type_name(c->mem, c->l, at, name, sizeof name);
	for (; n <= MOST_UP; n++) {
		uint32_t frame;
		int32_t line;
		enum why why = mem_read(c->mem, at + (raddr)from, bytes, len);
		raddr type = object_pointer(c->l, bytes);

		if (why != OK || (n ? type != first : !text_find(name, "_Frame")))
			break;
		first = type;
		callers_decide(out, at + (raddr)from, bytes, len);
		memcpy(&line, bytes + head - from + p, sizeof line);
		why = name_frame(c, object_pointer(c->l, bytes + head - from), line, &frame);
		if (why != OK)
			return why;
		callers_add(out, frame);
		at = object_pointer(c->l, bytes + head - from + 2 * p);
	}
	if (n >= MOST_KEPT)
		callers_add_name(out, c->profile, "(more frames)", "", 0);
	return OK;
}

static int
is_hub_frame(const struct greencalls *c, uint32_t frame)
{
	return greenlets_is_in(c->gs, frame, "/eventlet/hubs/hub.py");
}

/* What eventlet begins each with is no name. */
static int
is_eventlets(const struct greencalls *c, uint32_t frame)
{
	return greenlets_is_in(c->gs, frame, "/eventlet/");
}

/* Adds what one does that is suspended, and sets its outermost frame but for eventlet's.  AGAIN:
 * that is of no interest. */
static enum why
add_parent(const struct greencalls *c, struct callers *out, struct greenlet *g,
           uint32_t *outermost)
{
	const struct profile *stacks = tasks_stacks(c->ts);
	size_t pieces = out->n_pieces, bytes = out->bytes.len, n = out->n;

	greenlets_frames(c->gs, g, note_pieces, out);
	if (g->why != OK)
		return (enum why)g->why;
	for (uint32_t s = g->stack; s != PROFILE_ROOT; s = profile_stack_parent(stacks, s)) {
		callers_add(out, profile_stack_frame(stacks, s));
		if (*outermost == none || !is_eventlets(c, out->frames[out->n - 1]))
			*outermost = out->frames[out->n - 1];
	}
	if (out->n > n && !is_hub_frame(c, out->frames[out->n - 1]))
		return OK;
	out->n = n;
	out->n_pieces = pieces;
	out->bytes.len = bytes;
	return AGAIN;
}

/* Leaves out gevent's own outermost frames, of a hub. */
static void
fold_hub(const struct greencalls *c, struct callers *out, size_t from)
{
	while (out->n > from && greenlets_is_in(c->gs, out->frames[out->n - 1], "/gevent/"))
		out->n--;
}

/* From one greenlet to what it stands on: its frames there, and which greenlet has them; `next` is
 * that one, of which more is known if it is not 0. */
static enum why
add_next(const struct greencalls *c, struct callers *out, raddr first,
         const struct green_links *links, struct greenlet *next, struct green_links *next_links)
{
	raddr at = decide_pointer(c, out, links->links), p = (raddr)c->l->ptr;
	raddr addr = links->spawned ? decide_pointer(c, out, at + (raddr)c->l->object.head) : at;
	size_t from = out->n;
	uint32_t outermost = none;
	enum why why = OK;

	if (links->spawned)
		why = add_spawning(c, out, decide_pointer(c, out, links->links + p));
	if (why != OK || !addr || !greenlets_know(c->gs, addr, first, next, next_links)) {
		next->addr = 0;
		return why;
	}
	if (!links->spawned && next->kind != GREENLET_HUB)
		why = add_parent(c, out, next, &outermost);
	if (links->spawned && next->kind == GREENLET_HUB)
		fold_hub(c, out, from);
	if (why != OK || next->kind != GREENLET_PLAIN) {
		next->addr = 0;
		return why == AGAIN ? OK : why;
	}
	why = decide_identity(c, out, next, next_links);
	add_name(c, out, next, outermost);
	return why;
}

static enum why
read_calls(const struct greencalls *c, struct greenlet g, struct green_links links, raddr first,
           uint32_t outermost, struct callers *out)
{
	enum why why = decide_identity(c, out, &g, &links);

	add_name(c, out, &g, outermost);
	out->name = out->frames[out->n - 1];
	out->n -= g.kind == GREENLET_MAIN; /* its thread has a name */
	for (int i = 0; why == OK && links.links && g.addr; i++) {
		struct green_links next;

		if (i == MOST_UP)
			return DEEP;
		why = add_next(c, out, first, &links, &g, &next);
		links = next;
	}
	callers_turn(out);
	if (why == OK && out->n_pieces > MEM_MAX_VECS)
		return DEEP;
	return why != OK ? why : callers_hold(c->mem, out) ? OK : TORN;
}

/* ---- which one runs ---- */

/* The frame that the thread executes. */
static raddr
executing(struct greencalls *c, const struct thread *t)
{
	raddr at = decide_pointer(c, &c->now, t->tstate + (raddr)c->l->thread.frame);

	return c->l->frames == FRAMES_CFRAME ?
	       decide_pointer(c, &c->now, at + (raddr)c->l->cframe.frame) : at;
}

/* Whether the outermost frame that was captured is below that one. */
static int
is_below(struct greencalls *c, raddr at, const struct stacked *s)
{
	for (size_t i = 0; at && at != s->addresses[0]; i++)
		at = i < s->n_python + MOST_MOVED ?
		     decide_pointer(c, &c->now, at + (raddr)c->l->frame.back) : 0;
	return at != 0;
}

/* Whether what executes is that greenlet's: one that is current may still have to switch to its
 * own frames; when it has begun to switch to another one, it has kept what it executes. */
static int
is_its_own(struct greencalls *c, const struct green_links *links, raddr frame)
{
	raddr p = (raddr)c->l->ptr;
	raddr kept = decide_pointer(c, &c->now, links->alive + GREENLET_RUNNING * p);

	if (kept && c->l->frames != FRAMES_HEAP) /* a frame object: its head, f_back, f_frame */
		kept = decide_pointer(c, &c->now, kept + (raddr)c->l->object.head + p);
	return decide_pointer(c, &c->now, links->alive) && (!kept || kept == frame);
}

/* Which one is current before and after the thread has that frame. */
static enum why
find_current(struct greencalls *c, const struct thread *t, struct green_thread *gt,
             const struct stacked *s, struct greenlet *g, struct green_links *links)
{
	struct callers *now = &c->now;
	raddr state = gt->state + (raddr)c->l->ptr, first, current, frame;

	if (object_read_pointer(c->mem, c->l, gt->state, &first) != OK || first != gt->first) {
		gt->tid = 0;
		return AGAIN;
	}
	callers_begin(now);
	current = decide_pointer(c, now, state);
	frame = executing(c, t);
	if (!is_below(c, frame, s) || !greenlets_know(c->gs, current, first, g, links) ||
	    !is_its_own(c, links, frame) || decide_pointer(c, now, state) != current ||
	    now->n_pieces > MEM_MAX_VECS)
		return TORN;
	return callers_hold(c->mem, now) && callers_hold(c->mem, now) ? OK : TORN;
}

/* Whether the frame of that number still is one of that code.  What all greenlets of eventlet begin
 * with says nothing of which of them a stack is of. */
static int
still_calls(const struct greencalls *c, struct callers *out, const struct stacked *s, size_t number)
{
	raddr frame = s->addresses[number];
	raddr code = decide_pointer(c, out, frame + (raddr)c->l->frame.code);

	return (code & ~(raddr)c->l->tags) == stack_code(s->stack, frame);
}

static enum why
read_current(struct greencalls *c, const struct thread *t, struct green_thread *gt,
             const struct stacked *s, struct known **out)
{
	struct greenlet g;
	struct green_links links;
	struct known *k;
	enum why why;
	size_t at = 0;

	tasks_forget(c->ts);
	why = find_current(c, t, gt, s, &g, &links);
	if (why != OK)
		return why;
	*out = k = knowns_at(&c->known, s->addresses[0]);
	k->what = g.addr;
	k->frame = s->addresses[0];
	k->code = stack_code(s->stack, k->frame);
	k->alive = links.alive;
	k->on = 0;
	k->waits = g.kind == GREENLET_HUB || is_hub_frame(c, s->python[0]);
	if (k->waits)
		greenlets_note_hub(c->gs, g.addr);
	callers_begin(&k->callers);
	while (at + 1 < s->n_python && is_eventlets(c, s->python[at]))
		at++;
	if (at && !still_calls(c, &k->callers, s, at))
		return TORN;
	if (!k->waits && g.kind == GREENLET_PLAIN)
		why = read_calls(c, g, links, gt->first, s->python[at], &k->callers);
	k->callers.lasting = why == OK && (k->waits || !is_eventlets(c, s->python[at]));
	return why;
}

static int
is_so_still(const struct greencalls *c, const struct stacked *s, const struct known *k)
{
	raddr alive;

	return k->callers.lasting && k->code == stack_code(s->stack, k->frame) &&
	       object_read_pointer(c->mem, c->l, k->alive, &alive) == OK && alive &&
	       callers_hold(c->mem, &k->callers);
}

enum why
greencalls_find(struct greencalls *c, const struct thread *t, const struct stacked *s,
                struct known **k)
{
	struct green_thread *gt = s->n_python ? thread_of(c, t->task.tid) : NULL;
	enum why why = TORN;

	if (!gt)
		return AGAIN;
	*k = knowns_find(&c->known, s->addresses[0]);
	if (*k && is_so_still(c, s, *k))
		return OK;
	for (int i = 0; i < TRIES && why == TORN; i++)
		why = read_current(c, t, gt, s, k);
	return why;
}

/* ---- those that wait ---- */

const struct greenlet *
greencalls_list(struct greencalls *c, size_t *n)
{
	tasks_forget(c->ts);
	if (now_ns() >= c->due_anyway)
		search(c);
	greenlets_list(c->gs);
	return greenlets_all(c->gs, n);
}

/* "waits: sleep" */
static uint32_t
leaf_of(const struct greencalls *c, const struct greenlet *g)
{
	struct greenlet plain = *g;
	struct buf text = { 0 };
	uint32_t leaf;

	plain.kind = GREENLET_PLAIN;
	buf_str(&text, "waits: ");
	leaf = (uint32_t)text.len;
	greenwords_wait(c->gs, &plain, NULL, &text);
	if (text.len == leaf) {
		text.len = 0;
		buf_str(&text, "suspended");
	}
	leaf = profile_text(c->profile, text.data, text.len);
	buf_free(&text);
	return leaf;
}

enum why
greencalls_read_waiting(struct greencalls *c, raddr addr, struct callers *out, uint32_t *leaf)
{
	raddr first = greenlets_first(c->gs, addr);
	uint32_t outermost = none;
	struct green_links links;
	struct greenlet g;
	enum why why;

	tasks_forget(c->ts);
	callers_begin(out);
	if (!first || greenlets_leads(c->gs, addr) ||
	    !greenlets_know(c->gs, addr, first, &g, &links) || g.kind == GREENLET_HUB)
		return AGAIN;
	why = add_parent(c, out, &g, &outermost);
	if (why == BROKEN || g.state != GREENLET_SUSPENDED)
		return AGAIN;
	if (why != OK)
		return why;
	*leaf = leaf_of(c, &g);
	return read_calls(c, g, links, first, outermost, out);
}
