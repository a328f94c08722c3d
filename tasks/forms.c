/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What neither layouts.c nor values/shapes.c has, as only tasks need it.  The structures of the
 * C module are in no header: CPython Modules/_asynciomodule.c (FutureObj_HEAD, TaskObj) of the
 * releases in the table, measured in interpreters of each, of 64 and of 32 bits.  Coroutines:
 * Include/cpython/genobject.h and Include/internal/pycore_interpframe_structs.h; the values of
 * gi_frame_state: Include/internal/pycore_frame.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "tasks/forms.h"

enum { NEVER = 99 /* no state has that value */, INT = 4, YIELD_FROM = 72 };

/* Distances in pointers: task_state after the head; task_fut_waiter after the ints that begin
 * there; gi_frame_state after the head of a coroutine, and three bytes. */
static const struct row {
	int16_t release; /* as the upper half of PY_VERSION_HEX */
	int8_t state, waiter, coro;
	int8_t created, suspended, yields, delegates, locked, executes;
	int8_t cancel;   /* bytes from task_state to the bit-field with task_must_cancel; 0: it is an
	                  * int after task_context */
} rows[] = {
	{ 0x307, 7, 2, 0, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, 0 },
	{ 0x308, 7, 2, 0, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, 0 },
	{ 0x309, 8, 6, 0, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, 0 },
	{ 0x30a, 9, 6, 0, -2, -1, NEVER, NEVER, NEVER, 0, 0 },
	{ 0x30b, 9, 3, 7, -2, -1, NEVER, NEVER, NEVER, 0, 0 },
	{ 0x30c, 9, 3, 6, -2, -1, NEVER, NEVER, NEVER, 0, 0 },
	{ 0x30d, 10, 0, 6, -3, NEVER, -2, -1, NEVER, 0, 4 },
	{ 0x30e, 11, 0, 6, -3, NEVER, -2, -1, NEVER, 0, 6 },
	{ 0x30f, 11, 0, 6, 0, NEVER, 1, 2, 3, 4, 6 },
};

enum { HAS_NAMES = 0x308, TELLS = 0x30e, TOP_IS_SENT = 0x30f, LATE_CODE = 0x30a };

static int
release_of(const struct layout *l)
{
	return (int)(l->since >> 24 << 8 | (l->since >> 16 & 0xff));
}

int
form_is_told(const struct layout *l)
{
	return release_of(l) >= TELLS;
}

static void
place_task(struct form *f, const struct layout *l, const struct row *row)
{
	int p = l->ptr, head = l->object.head, ints = (3 * INT + p - 1) / p * p;

	f->task.loop = head;
	f->task.callback = head + p;
	f->task.callbacks = head + 3 * p;
	f->task.state = head + row->state * p;
	f->task.waiter = f->task.state + ints + row->waiter * p;
	f->task.coro = f->task.waiter + p;
	f->task.name = row->release >= HAS_NAMES ? f->task.coro + p : ABSENT;
	f->task.cancel = row->cancel ? f->task.state + row->cancel :
	                 f->task.coro + (row->release >= HAS_NAMES ? 3 : 2) * p;
	f->task.cancel_bit = row->cancel ? 4 : 1;
	f->task.size = (row->cancel ? f->task.name : f->task.cancel) + p;
}

static void
place_coroutine(struct form *f, const struct layout *l, const struct row *row)
{
	int p = l->ptr, head = l->object.head;

	f->coro.created = row->created;
	f->coro.suspended = row->suspended;
	f->coro.yields = row->yields;
	f->coro.delegates = row->delegates;
	f->coro.locked = row->locked;
	f->coro.executes = row->executes;
	f->coro.depth = row->release >= TOP_IS_SENT ? 2 : 1;
	f->coro.frame = row->coro ? head + row->coro * p + 4 : head;
	f->coro.frame += (p - f->coro.frame % p) % p;
	if (row->coro)
		f->coro.state = head + row->coro * p + 3;
}

int
form_find(const struct layout *l, struct form *f)
{
	const struct row *row = rows;

	while (row->release != release_of(l))
		if (++row == rows + LEN(rows))
			return -1;
	memset(f, 0xff, sizeof *f); /* all is ABSENT */
	place_task(f, l, row);
	place_coroutine(f, l, row);
	f->closure = l->object.head + (row->release < LATE_CODE ? 4 : 7) * l->ptr;
	f->collected = row->release < HAS_NAMES ? 3 : 2;
	if (l->frames == FRAMES_HEAP) {
		/* After f_lasti come f_lineno, f_iblock and, in 3.10, f_state. */
		f->frame.generator = l->frame.instr - l->ptr;
		f->frame.size = l->frame.instr + 4 * INT;
		f->frame.state = row->created == NEVER ? ABSENT : l->frame.instr + 3 * INT;
		f->frame.code = l->code.filename - 7 * l->ptr;
		f->frame.delegates = YIELD_FROM;
	}
	return 0;
}

/* ---- what the module says ---- */

/*
 * CPython v3.14.0 Modules/_asynciomodule.c, Py_AsyncioModuleDebugOffsets: 13 numbers of 64 bits,
 * which lie among the variables of the module, or of the interpreter that it is a part of.
 * Nothing marks them, but they have to fit each other.
 */
enum word { SIZE, NAME, AWAITED_BY, IS_TASK, AWAITED_BY_IS_SET, CORO, NODE, INTERP_SIZE,
            INTERP_HEAD, THREAD_SIZE, RUNNING_LOOP, RUNNING_TASK, THREAD_HEAD, WORDS };

enum { MAX_STRUCT = 1 << 20, MAX_SCANNED = 32 << 20, PIECE = 64 << 10 };

static int
fits(const struct form *f, const struct layout *l, const uint64_t w[WORDS])
{
	uint64_t p = (uint64_t)l->ptr;

	for (int i = 0; i < WORDS; i++)
		if (!w[i] || w[i] > MAX_STRUCT)
			return 0;
	return w[CORO] == (uint64_t)f->task.coro && w[NAME] == w[CORO] + p &&
	       w[NODE] == w[NAME] + 2 * p && w[SIZE] - w[NODE] - 2 * p <= p &&
	       w[IS_TASK] == (uint64_t)f->task.state + INT &&
	       w[AWAITED_BY_IS_SET] == w[IS_TASK] + 1 && w[AWAITED_BY] < w[IS_TASK] &&
	       w[INTERP_HEAD] < w[INTERP_SIZE] && w[RUNNING_TASK] == w[RUNNING_LOOP] + p &&
	       w[RUNNING_TASK] < w[THREAD_SIZE] && w[THREAD_HEAD] < w[THREAD_SIZE];
}

static int
take(struct form *f, const struct layout *l, const unsigned char *bytes)
{
	uint64_t w[WORDS];

	memcpy(w, bytes, sizeof w);
	if (!fits(f, l, w))
		return 0;
	f->task.awaited_by = (int)w[AWAITED_BY];
	f->task.awaited_by_set = (int)w[AWAITED_BY_IS_SET];
	f->task.node = (int)w[NODE];
	f->task.size = (int)w[SIZE];
	f->lists.of_interp = (int)w[INTERP_HEAD];
	f->lists.of_thread = (int)w[THREAD_HEAD];
	f->lists.running = (int)w[RUNNING_TASK];
	return 1;
}

/* Looks through what may be changed of a mapped file. */
static int
scan(struct form *f, const struct layout *l, struct mem *mem, raddr from, raddr to)
{
	enum { STEP = 4, NEEDED = WORDS * sizeof(uint64_t) };
	unsigned char *bytes = xcalloc(PIECE + NEEDED, 1);
	int found = 0;

	for (; from < to && !found; from += PIECE) {
		size_t len = to - from < PIECE + NEEDED ? (size_t)(to - from) : PIECE + NEEDED;

		if (mem_read(mem, from, bytes, len) != OK)
			continue;
		for (size_t at = 0; at + NEEDED <= len && !found; at += STEP)
			found = take(f, l, bytes + at);
	}
	free(bytes);
	return found;
}

static int
is_of_module(const struct proc_map *m, int module)
{
	const char *name = strrchr(m->path, '/');

	return m->readable && m->writable && name && m->end - m->start <= MAX_SCANNED &&
	       (!strncmp(name, "/_asyncio", strlen("/_asyncio"))) == module;
}

int
form_read(struct form *f, const struct layout *l, const struct process *p, struct mem *mem)
{
	struct proc_maps maps;
	int found = 0;

	if (process_maps(p, &maps) != OK)
		return -1;
	for (int module = 1; module >= 0; module--)
		for (size_t i = 0; i < maps.n && !found; i++)
			if (is_of_module(&maps.maps[i], module))
				found = scan(f, l, mem, maps.maps[i].start, maps.maps[i].end);
	proc_maps_free(&maps);
	return found ? 0 : -1;
}
