/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython v3.12.0 Include/internal/pycore_gil.h, struct _gil_runtime_state: interval,
 * last_holder, locked and switch_number, which Python/ceval_gil.c, take_gil(),
 * increments when another thread than the last holder takes it, before that runs
 * anything.  The same since 3.2.  Up to 3.11 it is a part of _PyRuntime, as is the
 * pointer to the thread that holds it.
 */
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "gil.h"

enum {
	SEARCHED = 320, /* bytes before the pointer to the holder */
	TRIES = 64,
};

raddr
gil_holder(const struct layout *l, const struct gil *gil, const void *bytes)
{
	const unsigned char *p = bytes;
	int32_t locked = 1, enabled = 1;

	if (gil->locked != ABSENT)
		memcpy(&locked, p + gil->locked, sizeof locked);
	if (gil->enabled != ABSENT)
		memcpy(&enabled, p + gil->enabled, sizeof enabled);
	return locked == 1 && enabled ? object_pointer(l, p + gil->holder) : 0;
}

enum why
gil_read_holder(struct mem *mem, const struct layout *l, const struct gil *gil, raddr *holder)
{
	unsigned char bytes[64];
	enum why why = gil->len <= sizeof bytes ? mem_read(mem, gil->addr, bytes, gil->len) : BROKEN;

	if (why == OK)
		*holder = gil_holder(l, gil, bytes);
	return why;
}

/*
 * A thread that wants the GIL waits for a condition variable in it.  Up to 3.11 it is
 * known who holds the GIL but not where that is; other locks are no part of _PyRuntime.
 */
int
gil_has_futex(const struct gil *gil, uint64_t futex)
{
	enum { GIL_SIZE = 256, RUNTIME_SIZE = 8192 };

	if (gil->locked != ABSENT)
		return futex - gil->addr < GIL_SIZE;
	return futex - gil->addr + RUNTIME_SIZE < 2 * RUNTIME_SIZE;
}

/* ---- switches ---- */

size_t
gil_switches_size(const struct layout *l)
{
	return 3 * (size_t)l->ptr;
}

/* Whether these are the interval, the last holder and whether it is locked. */
static int
looks_like_gil(const struct layout *l, const unsigned char *p, gil_is_thread *known,
               const void *context)
{
	raddr interval = object_pointer(l, p);
	int32_t locked;

	memcpy(&locked, p + 2 * l->ptr, sizeof locked);
	return interval && interval <= INT32_MAX && (locked == 0 || locked == 1) &&
	       known(context, object_pointer(l, p + l->ptr));
}

/*
 * From 3.7 to 3.11 the GIL is a part of the runtime, somewhat before the pointer
 * to the thread that holds it: how far depends on how large the C library's
 * mutexes are.
 */
static raddr
search(struct mem *mem, const struct layout *l, raddr before, gil_is_thread *known,
       const void *context)
{
	unsigned char bytes[SEARCHED];
	raddr found = 0;

	if (mem_read(mem, before - sizeof bytes, bytes, sizeof bytes) != OK)
		return 0;
	for (size_t i = 0; i + 4 * (size_t)l->ptr <= sizeof bytes; i += (size_t)l->ptr)
		if (looks_like_gil(l, bytes + i, known, context)) {
			if (found)
				return 0;
			found = before - sizeof bytes + i + (raddr)l->ptr;
		}
	return found;
}

void
gil_find_switches(struct gil_switches *s, struct mem *mem, const struct layout *l,
                  const struct gil *gil, gil_is_thread *known, const void *context)
{
	if (s->addr || s->tries == TRIES || l->free_threaded)
		return;
	s->tries++;
	if (gil->locked == ABSENT)
		s->addr = search(mem, l, gil->addr, known, context);
	else if (gil->locked == gil->holder + l->ptr)
		s->addr = gil->addr + (raddr)gil->holder;
	s->spell++; /* of what was proven before nothing is known */
}

void
gil_forget_switches(struct gil_switches *s)
{
	s->addr = 0;
	s->noted = s->tries = 0;
	s->spell++;
}

int
gil_note_switches(struct gil_switches *s, const struct layout *l, const void *bytes)
{
	const unsigned char *p = bytes;
	raddr holder = object_pointer(l, p);
	uint64_t number = object_pointer(l, p + 2 * l->ptr);
	int same = s->noted && holder == s->holder && number == s->number;

	if (!same) {
		s->noted = 1;
		s->holder = holder;
		s->number = number;
		s->spell++;
	}
	return same;
}
