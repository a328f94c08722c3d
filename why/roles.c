/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: what a thread waits for by the functions that it called, as they are called in
 * CPython's Lib from 2.7 to 3.15; threading.py, queue.py, concurrent/futures/_base.py and
 * thread.py, importlib/_bootstrap.py, asyncio/base_events.py, multiprocessing/pool.py.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/locals.h"
#include "why/look.h"
#include "why/roles.h"

enum { FRAMES_LOOKED_AT = 12, MOST_FRAMES = 200 };

static const char workers[] = "/concurrent/futures/thread.py";

/* Kinds as strings. */
#define ANY "\1"
#define FUTURE "\6"
#define FUTURES "\7"
#define CONDITION "\10"
#define EVENT "\11"
_Static_assert(NEED_FUTURE == 5 && NEED_FUTURES == 6 && NEED_CONDITION == 7 && NEED_EVENT == 8 &&
               NEED_SEMAPHORE == 9 && NEED_ITEM == 11 && NEED_SEMLOCK == 14 && NEED_EVENTS == 17,
               "the kinds in roles[] are others");

/* After a file its functions, each after two bytes: what has to be waited for by what it called,
 * and what it waits for itself; a kind plus one, that of NEED_NOTHING being any.  Of several that
 * fit, going outward, the last is what the thread waits for. */
static const char roles[] =
	"/threading.py\0"
	ANY CONDITION "wait\0"
	CONDITION EVENT "wait\0" /* or a Barrier, or a Condition still */
	CONDITION "\12" "acquire\0"
	CONDITION "\12" "__enter__\0"
	ANY "\5" "join\0"
	ANY "\5" "_wait_for_tstate_lock\0"
	ANY "\20" "_shutdown\0"
	ANY "\20" "_exitfunc\0"
	"/queue.py\0"
	CONDITION "\14" "get\0"
	CONDITION "\15" "put\0"
	CONDITION "\16" "join\0"
	"/Queue.py\0"
	CONDITION "\14" "get\0"
	CONDITION "\15" "put\0"
	CONDITION "\16" "join\0"
	"/concurrent/futures/_base.py\0"
	CONDITION FUTURE "result\0"
	CONDITION FUTURE "exception\0"
	EVENT FUTURES "wait\0"
	EVENT FUTURES "as_completed\0"
	"/concurrent/futures/thread.py\0"
	ANY "\21" "_worker\0"
	"<frozen importlib._bootstrap>\0"
	ANY "\4" "acquire\0"
	"/multiprocessing/queues.py\0"
	ANY ANY "get\0"
	ANY "\21" "_feed\0"
	"/multiprocessing/synchronize.py\0"
	ANY CONDITION "wait\0"
	CONDITION EVENT "wait\0"
	ANY "\17" "__enter__\0"
	"/multiprocessing/pool.py\0"
	ANY "\21" "worker\0"
	ANY "\21" "_handle_workers\0"
	ANY "\21" "_handle_tasks\0"
	ANY "\21" "_handle_results\0"
	"/selectors.py\0"
	ANY "\22" "select\0"
	"/subprocess.py\0"
	ANY ANY "_communicate\0" /* what for, the kernel knows better */
	"/socketserver.py\0"
	ANY "\22" "serve_forever\0"
	"/SocketServer.py\0"
	ANY "\22" "serve_forever\0"
	"/logging/__init__.py\0";

/* Whether an entry is a file, as the others begin with a kind. */
static int
is_of_file(const char *role)
{
	return *role >= ' ';
}

static raddr
local_of(const struct look *l, const struct member *m, size_t frame, const char *name)
{
	raddr object = 0;

	return locals_get(l->mem, l->layout, m->addresses[frame], name, &object) == OK ? object : 0;
}

static int
has_attribute(const struct look *l, raddr object, const char *name)
{
	raddr value;

	return object && object_attribute(l->mem, l->layout, object, name, &value) == OK;
}

static raddr
attribute(const struct look *l, raddr object, const char *name)
{
	raddr value;

	return object && object_attribute(l->mem, l->layout, object, name, &value) == OK ? value : 0;
}

/* ---- which ---- */

/* The outermost frame of those of the library that wait, and what for. */
struct found {
	enum need_kind kind;
	size_t frame;
};

/* What waits for a Condition and is called wait() itself. */
static enum need_kind
kind_of_wait(const struct look *l, raddr self)
{
	if (has_attribute(l, self, "_flag") || has_attribute(l, self, "_Event__flag"))
		return NEED_EVENT;
	return has_attribute(l, self, "_parties") ? NEED_BARRIER : NEED_CONDITION;
}

/* Whether a frame is in a file with roles; what it waits for, if it is one that has a role. */
static int
find_role(const struct look *l, const struct member *m, size_t frame, struct found *found)
{
	char inner = (char)(found->kind + 1);
	int known = 0, in_file = 0;

	for (const char *role = roles; *role; role = look_string(role, 1)) {
		if (is_of_file(role)) {
			known |= in_file = look_is_file(l, m->frames[frame], role);
			continue;
		}
		if (!in_file || (*role != *ANY && *role != inner) ||
		    !look_is_function(l, m->frames[frame], role + 2))
			continue;
		found->kind = (enum need_kind)(role[1] - 1);
		found->frame = frame;
	}
	if (found->kind == NEED_EVENT && inner == *CONDITION)
		found->kind = kind_of_wait(l, local_of(l, m, frame, "self"));
	return known;
}

static int
is_of_type(const struct look *l, raddr object, const char *type)
{
	char name[12];

	return object && object_type_name(l->mem, l->layout, object, name, sizeof name) == OK &&
	       !strcmp(name, type);
}

/* Whether a worker of multiprocessing.pool has been given something to do; that of a pool of
 * concurrent.futures does it by a function of its own, run(). */
static int
has_job(const struct look *l, const struct member *m, size_t frame)
{
	raddr job = local_of(l, m, frame, "func");

	return job && !is_of_type(l, job, "NoneType") &&
	       look_is_function(l, m->frames[frame], "worker");
}

static struct found
find_found(const struct look *l, const struct member *m)
{
	struct found found = { NEED_NOTHING, 0 };

	for (size_t i = 0; i < m->n && i < FRAMES_LOOKED_AT; i++)
		if (look_is_frame(l, m->frames[m->n - 1 - i], workers, "run") ||
		    !find_role(l, m, m->n - 1 - i, &found))
			break;
	if (found.kind == NEED_WORK && has_job(l, m, found.frame))
		found.kind = NEED_NOTHING;
	return found;
}

/* ---- and of whom ---- */

static void
read_name(const struct look *l, struct member *m, raddr object)
{
	struct buf text = { 0 }, shown = { 0 };

	enum { MOST = 200 };

	if (object && object_text(l->mem, l->layout, object, &text) == OK && text.len < MOST) {
		buf_visible(&shown, text.data, text.len);
		m->need.name = buf_terminate(&shown);
	}
	buf_free(&text);
}

static uint64_t
number_of(const struct look *l, raddr object)
{
	uint64_t value;

	return object && object_integer(l->mem, l->layout, object, &value) == OK ? value : 0;
}

static void
find_joined(const struct look *l, struct member *m, raddr self)
{
	raddr ident = attribute(l, self, "_ident"), name = attribute(l, self, "_name");

	m->need.owner = number_of(l, ident ? ident : attribute(l, self, "_Thread__ident"));
	read_name(l, m, name ? name : attribute(l, self, "_Thread__name"));
}

static void
find_future(const struct look *l, struct member *m, raddr self)
{
	read_name(l, m, attribute(l, self, "_state"));
	m->need.pending = m->need.name && !strcmp(m->need.name, "PENDING");
}

static void
find_module(const struct look *l, struct member *m, raddr self)
{
	m->need.owner = number_of(l, attribute(l, self, "owner"));
	read_name(l, m, attribute(l, self, "name"));
}

/* Whether a lock is one of logging's, which keeps its handlers' in order. */
static int
is_of_logging(const struct look *l, const struct member *m)
{
	for (size_t i = 0; i < m->n && i < 2; i++)
		if (look_is_file(l, m->frames[m->n - 1 - i], "/logging/__init__.py"))
			return 1;
	return 0;
}

/* Handlers of signals are called with a number and a frame (CPython v3.12.0
 * Modules/signalmodule.c, _PyErr_CheckSignalsTstate). */
struct arguments {
	const struct look *l;
	raddr objects[2];
	size_t n;
};

static int
note_argument(void *context, const struct local *local)
{
	struct arguments *a = context;

	if (a->n < LEN(a->objects))
		a->objects[a->n] = local->object;
	a->n++;
	return 0;
}

/* Both may be in a tuple, as of def handler(*args). */
static int
signal_in(const struct look *l, struct arguments *a)
{
	raddr ptr = (raddr)l->layout->ptr, items;
	struct shape shape;
	uint64_t number;

	if (a->n && is_of_type(l, a->objects[0], "tuple") && !shape_find(l->layout, &shape)) {
		items = a->objects[0] + (raddr)shape.items;
		if (object_read_pointer(l->mem, l->layout, items, &a->objects[0]) != OK ||
		    object_read_pointer(l->mem, l->layout, items + ptr, &a->objects[1]) != OK)
			return 0;
	} else if (a->n < 2) {
		return 0;
	}
	number = number_of(l, a->objects[0]);
	return number <= 64 && is_of_type(l, a->objects[1], "frame") ? (int)number : 0;
}

static void
find_handler(const struct look *l, struct member *m)
{
	enum { INNERMOST = 8 };

	for (size_t i = 0; i < m->n && i < INNERMOST && m->main && !m->handler; i++) {
		struct arguments a = { .l = l };

		locals_each(l->mem, l->layout, m->addresses[m->n - 1 - i], note_argument, &a);
		m->handler = signal_in(l, &a);
		m->handles = m->n - 1 - i;
	}
}

void
roles_find(const struct look *l, struct member *m)
{
	struct found found = find_found(l, m);
	raddr self = 0;

	find_handler(l, m);
	m->need.logging = (m->need.kind == NEED_LOCK || m->need.kind == NEED_RLOCK) &&
	                  is_of_logging(l, m);
	if (look_runs(m) || m->wants_gil || !found.kind)
		return;
	self = local_of(l, m, found.frame, "self");
	m->need = (struct need){ .kind = found.kind, .key = self, .object = self };
	if (found.kind == NEED_JOIN)
		find_joined(l, m, self);
	else if (found.kind == NEED_FUTURE)
		find_future(l, m, self);
	else if (found.kind == NEED_IMPORT)
		find_module(l, m, self);
}

/* ---- others ---- */

int
roles_runner(const struct look *l, raddr future)
{
	for (size_t i = 0; future && i < l->n; i++) {
		const struct member *m = &l->members[i];

		for (size_t f = 0; f < m->n && f < MOST_FRAMES; f++)
			if (look_is_frame(l, m->frames[f], workers, "run") &&
			    attribute(l, local_of(l, m, f, "self"), "future") == future)
				return (int)i;
	}
	return NOBODY;
}

raddr
roles_pool(const struct look *l, const struct member *m)
{
	for (size_t f = 0; f < m->n && f < FRAMES_LOOKED_AT; f++)
		if (look_is_frame(l, m->frames[f], workers, "_worker"))
			return local_of(l, m, f, "work_queue");
	return 0;
}

/* Whether one of the pointers there is to a call whose result is that Future. */
static int
has_call(const struct look *l, raddr at, raddr future)
{
	enum { MOST_QUEUED = 256 };
	raddr ptr = (raddr)l->layout->ptr, item;

	for (size_t i = 0; i < MOST_QUEUED; i++, at += ptr)
		if (object_read_pointer(l->mem, l->layout, at, &item) != OK)
			break;
		else if (item % ptr == 0 && attribute(l, item, "future") == future)
			return 1;
	return 0;
}

/* A SimpleQueue has a list, from 3.13 on the items themselves; the deque of a Queue has them in
 * blocks (CPython v3.12.0 and v3.13.0 Modules/_queuemodule.c, Modules/_collectionsmodule.c).
 * Where is not looked up: what is found is one. */
int
roles_queued(const struct look *l, raddr queue, raddr future)
{
	enum { WORDS = 8 };
	raddr ptr = (raddr)l->layout->ptr, head = (raddr)l->layout->object.head, word, items;
	raddr inner = attribute(l, queue, "queue"), at = (inner ? inner : queue) + head;

	for (size_t i = 0; future && i < WORDS; i++, at += ptr)
		if (object_read_pointer(l->mem, l->layout, at, &word) == OK && word && (
		    has_call(l, word, future) ||
		    (object_read_pointer(l->mem, l->layout, word + head + ptr, &items) == OK &&
		     has_call(l, items, future))))
			return 1;
	return 0;
}
