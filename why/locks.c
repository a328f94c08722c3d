/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks.
 *
 * A thread that waits for a lock is in a futex call.  Up to 3.13 that is on a semaphore of the
 * C library, and the lock has the semaphore's address in the word after its head (CPython
 * v3.12.0 Modules/_threadmodule.c, Python/thread_pthread.h).  Where locks are a byte that is
 * waited for in the "parking lot", the address of that byte stands before the semaphore, on the
 * stack of the thread (v3.14.0 Python/parking_lot.c), and the byte is the first after the lock's
 * head (Include/internal/pycore_lock.h).  So of the objects that a waiting frame has to do with
 * the one that fits is the lock: that cannot be by chance.
 *
 * An RLock has its owner in the next word, and then a count.  The one in Python of 2.7 has it as
 * an attribute.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "thread.h"
#include "values/shapes.h"
#include "values/locals.h"
#include "values/values.h"
#include "sample.h"
#include "why/look.h"
#include "why/locks.h"

enum { FRAMES_LOOKED_AT = 4, HELD_FRAMES = 64, MOST_HELD = 5000 };

struct search {
	const struct look *l;
	raddr futex, parked; /* what is waited for, the word before that */
	raddr found, key;    /* the lock, */
	enum need_kind kind; /* of that kind */
	raddr self;          /* the object whose attribute it is, 0: of none */
};

static raddr
word_at(const struct look *l, raddr addr)
{
	raddr word;

	return object_read_pointer(l->mem, l->layout, addr, &word) == OK ? word : 0;
}

static raddr
head_of(const struct look *l, raddr object)
{
	return object + (raddr)l->layout->object.head;
}

/* What kind of lock an object is: by the name of its type, the module left out.  The one of
 * multiprocessing has the address of a semaphore, too (CPython v3.12.0
 * Modules/_multiprocessing/semaphore.c). */
static enum need_kind
kind_of(const struct look *l, raddr object)
{
	char text[32];
	const char *name;

	if (object_type_name(l->mem, l->layout, object, text, sizeof text) != OK)
		return NEED_NOTHING;
	name = strrchr(text, '.') ? strrchr(text, '.') + 1 : text;
	return !strcmp(name, "lock") ? NEED_LOCK : !strcmp(name, "RLock") ? NEED_RLOCK :
	       !strcmp(name, "SemLock") ? NEED_SEMLOCK : NEED_NOTHING;
}

/* Whether an object is the lock that is waited for. */
static int
try_object(struct search *s, raddr object)
{
	raddr head = head_of(s->l, object);

	if (!object || (object & 7) % (raddr)s->l->layout->ptr)
		return 0;
	if (head != s->parked && word_at(s->l, head) != s->futex)
		return 0;
	s->kind = kind_of(s->l, object);
	if (!s->kind)
		return 0;
	s->found = object;
	s->key = head == s->parked ? s->parked : s->futex;
	return 1;
}

/* An object, or what a method is bound to: that stands in the second word after its head. */
static int
try_bound(void *context, raddr object)
{
	struct search *s = context;
	int64_t number;

	if (locals_number(s->l->layout, object, &number))
		return 0;
	return try_object(s, object) ||
	       try_object(s, word_at(s->l, head_of(s->l, object) + (raddr)s->l->layout->ptr));
}

static int
try_attribute(void *context, raddr key, raddr value)
{
	(void)key;
	return try_bound(context, value);
}

static int
try_local(void *context, const struct local *local)
{
	struct search *s = context;

	if (try_bound(s, local->object))
		return 1;
	if (strcmp(local->name, "self"))
		return 0;
	object_attribute_each(s->l->mem, s->l->layout, local->object, try_attribute, s);
	s->self = s->found ? local->object : 0;
	return s->found != 0;
}

static void
search_frame(struct search *s, raddr frame)
{
	int certain;

	locals_stack_each(s->l->mem, s->l->layout, frame, try_bound, s, &certain);
	if (!s->found)
		locals_each(s->l->mem, s->l->layout, frame, try_local, s);
}

/* ---- owners ---- */

static int
read_number(const struct look *l, raddr object, const char *name, uint64_t *value)
{
	raddr at;

	return object_attribute(l->mem, l->layout, object, name, &at) == OK &&
	       object_integer(l->mem, l->layout, at, value) == OK;
}

/* An RLock that is written in Python is what its own function is called on. */
static void
find_python_owner(const struct look *l, struct member *m)
{
	raddr self;

	if (!m->n || !look_is_file(l, m->frames[m->n - 1], "/threading.py") ||
	    !look_is_function(l, m->frames[m->n - 1], "acquire") ||
	    locals_get(l->mem, l->layout, m->addresses[m->n - 1], "self", &self) != OK)
		return;
	if (read_number(l, self, "_owner", &m->need.owner) ||
	    read_number(l, self, "_RLock__owner", &m->need.owner)) {
		m->need.kind = NEED_RLOCK;
		m->need.object = self;
	}
}

static void
find_owner(const struct look *l, struct member *m)
{
	if (m->need.kind == NEED_RLOCK) {
		m->need.owner = word_at(l, head_of(l, m->need.object) + (raddr)l->layout->ptr);
	} else if (m->need.kind == NEED_LOCK) {
		find_python_owner(l, m);
	}
}

void
locks_find(const struct look *l, struct member *m)
{
	struct search s = { .l = l, .futex = m->futex };

	if (!m->futex || m->why != OK)
		return;
	s.parked = word_at(l, m->futex - (raddr)l->layout->ptr);
	for (size_t i = 0; i < FRAMES_LOOKED_AT && i < m->n && !s.found; i++)
		search_frame(&s, m->addresses[m->n - 1 - i]);
	if (!s.found || task_futex(m->thread->process, &m->thread->task) != m->futex)
		return;
	m->need.kind = s.kind;
	m->need.key = s.key;
	m->need.object = s.found;
	find_owner(l, m);
}

/* ---- who is in a `with` of it ---- */

/* What a frame's stack has of a lock, as it is gone through from its top. */
struct holding {
	const struct look *l;
	raddr lock;
	raddr waited; /* another one that the frame waits for just now, 0: for none */
	raddr above;  /* the object that was right above, */
	raddr method; /* and the bound method that ends a `with` of it, as it was met last */
	int bound, paired; /* how often what ends a `with` of it is there, by how that is kept */
	int enters;   /* the frame is that which waits for it, */
	int keeps;    /* and has it on its stack while a `with` begins */
	int called;   /* what it waits in was met, below which is what it has */
	int sure;     /* it lies below what is waited for, and so on the part in use */
};

/* Whether a built-in method has that name; bound to its object, or not. */
static int
is_named(const struct look *l, raddr object, int bound, const char *name)
{
	raddr ptr = (raddr)l->layout->ptr, at = word_at(l, head_of(l, object) + (bound ? 0 : ptr));
	char text[16];
	struct buf str = { 0 };
	int is;

	if (bound)
		return mem_read_string(l->mem, word_at(l, at), text, sizeof text) == OK &&
		       !strcmp(text, name);
	is = object_text(l->mem, l->layout, at, &str) == OK && str.len == strlen(name) &&
	     !memcmp(str.data, name, str.len);
	buf_free(&str);
	return is;
}

/* Whether an object, bound to that one, is there to take the lock: acquire(), or the lock itself
 * where a `with` leaves it there.  Where it does not, the method that ends it is there instead. */
static int
is_call(const struct holding *h, raddr object, raddr self)
{
	static const char name[] = "acquire";

	if (!h->enters)
		return 0;
	if (h->keeps && object == h->lock)
		return 1;
	return self == h->lock ? is_named(h->l, object, 1, name) :
	       h->above == h->lock && is_named(h->l, object, 0, name);
}

/* What ends a `with` of the lock.  Such a method has references; the memory of one that is gone
 * has none. */
static int
note_exit(struct holding *h, raddr object, raddr self)
{
	static const char name[] = "__exit__";
	int bound = self == h->lock && object != h->method, exits = 0;

	if (bound && (h->l->layout->free_threaded || word_at(h->l, object)) &&
	    is_named(h->l, object, 1, name)) {
		h->method = object;
		h->bound += exits = 1;
	} else if (self != h->lock && h->above == h->lock) {
		h->paired += exits = is_named(h->l, object, 0, name);
	}
	return exits;
}

/* A `with` keeps the bound method, of which each has its own; or from 3.14 on the method and above
 * it the lock. */
static int
note_object(void *context, raddr object)
{
	struct holding *h = context;
	int64_t number;
	raddr self;

	if (locals_number(h->l->layout, object, &number))
		return 0;
	self = word_at(h->l, head_of(h->l, object) + (raddr)h->l->layout->ptr);
	if (h->waited && (object == h->waited || self == h->waited))
		h->sure = 0;
	if (is_call(h, object, self)) {
		h->called = 1;
		h->bound = 0; /* that was left above */
	} else if (note_exit(h, object, self) && h->waited) {
		h->sure = 1;
	}
	h->above = object;
	return 0;
}

/* Whether a thread waits for a Condition of that lock, which is let go of meanwhile: up to the end
 * of wait(), which takes it again. */
static int
is_let_go(const struct look *l, const struct member *m, raddr lock)
{
	enum { INNERMOST = 3 };
	raddr self, its;

	for (size_t i = 0; i < m->n && i < INNERMOST; i++)
		if (look_is_frame(l, m->frames[m->n - 1 - i], "/threading.py", "wait") &&
		    locals_get(l->mem, l->layout, m->addresses[m->n - 1 - i], "self", &self) == OK &&
		    (object_attribute(l->mem, l->layout, self, "_lock", &its) == OK ||
		     object_attribute(l->mem, l->layout, self, "_Condition__lock", &its) == OK))
			return its == lock;
	return 0;
}

/* How a thread is in a `with`: not as far as is known; */
enum in_with {
	NOT_IN,
	DOUBTFULLY, /* what others have left may be in the memory of what it enters one by; */
	SEEMINGLY,  /* or be left there, as its stack may be; */
	SURELY,
	IN_WITHS
};

/* Whether one of a thread's frames is in a `with` of it.  The innermost one of who waits for it
 * has something of one on its stack while it enters that. */
static enum in_with
find_with(const struct look *l, const struct member *m, const struct need *need)
{
	int waits = m->need.key == need->key;
	struct shape shape;
	raddr own = 0; /* what ends the `with` that it enters: others may have it left, too */

	for (size_t i = 0; i < m->n && i < HELD_FRAMES; i++) {
		int certain = 0, enters = waits && !i;
		struct holding h = { .l = l, .lock = need->object, .enters = enters, .method = own,
		                     .keeps = !shape_find(l->layout, &shape) && shape.with_keeps,
		                     .waited = i || enters ? 0 : m->need.object };

		locals_stack_each(l->mem, l->layout, m->addresses[m->n - 1 - i], note_object, &h,
		                  &certain);
		own = h.method;
		if ((h.paired > h.bound ? h.paired : h.bound) + h.called > enters)
			return certain || h.sure ? SURELY : waits && i && h.keeps ?
			       DOUBTFULLY : SEEMINGLY;
	}
	return NOT_IN;
}

/* One that is sure stands against those that seem to be. */
int
locks_holder(const struct look *l, const struct member *waiter, int *seems, int *several)
{
	int found[IN_WITHS], n[IN_WITHS] = { 0 };
	size_t budget = MOST_HELD;
	enum in_with best;

	for (size_t i = 0; i < l->n && budget; i++) {
		const struct member *m = &l->members[i];
		size_t frames = m->n < HELD_FRAMES ? m->n : HELD_FRAMES;
		enum in_with in = is_let_go(l, m, waiter->need.object) ? NOT_IN :
		                  find_with(l, m, &waiter->need);

		budget -= frames < budget ? frames : budget;
		found[in] = (int)i;
		n[in]++;
	}
	best = n[SURELY] ? SURELY : SEEMINGLY;
	*seems = best != SURELY;
	*several = n[best] > 1 || (!n[best] && n[DOUBTFULLY]);
	return n[best] == 1 ? found[best] : NOBODY;
}

/* ---- who has it as a variable ---- */

struct use {
	raddr lock;
	char *name;
	size_t size;
	int found;
};

static int
is_use(void *context, const struct local *local)
{
	struct use *u = context;
	struct buf shown = { 0 };

	if (local->object != u->lock)
		return 0;
	buf_visible(&shown, local->name, strlen(local->name));
	text_format(u->name, u->size, "%s", buf_terminate(&shown));
	buf_free(&shown);
	return u->found = 1;
}

int
locks_user(const struct look *l, const struct member *waiter, char *name, size_t size)
{
	struct use u = { waiter->need.object, name, size, 0 };
	size_t budget = MOST_HELD;

	for (size_t i = 0; i < l->n; i++) {
		const struct member *m = &l->members[i];

		for (size_t f = 0; f < m->n && f < HELD_FRAMES && budget && m->need.key != waiter->need.key;
		     f++, budget--) {
			locals_each(l->mem, l->layout, m->addresses[m->n - 1 - f], is_use, &u);
			if (u.found)
				return (int)i;
		}
	}
	return NOBODY;
}
