/* SPDX-License-Identifier: Apache-2.0 */
/* CPython v3.12.0 Include/internal/pycore_gil.h, struct _gil_runtime_state:
 * interval, last_holder, locked and switch_number, which Python/ceval_gil.c,
 * take_gil(), increments when another thread than the last holder takes it,
 * before that runs anything.  The same since 3.2. */
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "stack.h"
#include "gil.h"

enum {
	SEARCHED = 320, /* bytes before what a version without offsets tells */
	TRIES = 64,
};

size_t
turns_size(const struct layout *l)
{
	return 3 * (size_t)l->ptr;
}

/* Whether these are the interval, the last holder and whether it is locked. */
static int
looks_like_gil(const struct layout *l, const unsigned char *p, is_thread *known,
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
search(struct mem *mem, const struct layout *l, raddr before, is_thread *known,
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
turns_find(struct turns *turns, struct mem *mem, const struct layout *l, const struct gil *gil,
           is_thread *known, const void *context)
{
	if (turns->addr || turns->tries == TRIES || l->free_threaded)
		return;
	turns->tries++;
	if (gil->locked == ABSENT)
		turns->addr = search(mem, l, gil->addr, known, context);
	else if (gil->locked == gil->holder + l->ptr)
		turns->addr = gil->addr + (raddr)gil->holder;
	turns->generation++; /* of what was proven before nothing is known */
}

void
turns_forget(struct turns *turns)
{
	turns->addr = 0;
	turns->noted = turns->tries = 0;
	turns->generation++;
}

int
turns_note(struct turns *turns, const struct layout *l, const void *bytes)
{
	const unsigned char *p = bytes;
	raddr holder = object_pointer(l, p);
	uint64_t number = object_pointer(l, p + 2 * l->ptr);
	int same = turns->noted && holder == turns->holder && number == turns->number;

	if (!same) {
		turns->noted = 1;
		turns->holder = holder;
		turns->number = number;
		turns->generation++;
	}
	return same;
}
