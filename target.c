/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process to the interpreter in it.
 *
 * No file of the target is opened: the headers and the dynamic symbols of
 * everything that it has mapped lie in its memory.  First each mapped object
 * is asked for the symbols that an interpreter exports; where none has them
 * (static and stripped programs), writable memory is searched: for the cookie
 * of 3.13 and later, else for the text that Py_GetVersion() leaves in a static
 * buffer and then for a pointer to something that is linked like an
 * interpreter and its thread.  Whatever was found is believed only if the
 * interpreter's first thread points back to it.
 */
#include <ctype.h>
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "elf.h"
#include "explain.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"

enum {
	MAX_SCAN = 64 << 20,
	MAX_READS = 1 << 22, /* of memory, to find an interpreter */
	MAX_INTERPRETERS = 1024,
	FINAL = 0xf0,
	WORD = 4, /* everything in memory is aligned to that */
};

#define MAX_SCANNED (UINT64_C(4) << 30)

static const char cookie[8] = "xdebugpy"; /* CPython v3.13.0 pycore_runtime.h */

struct found { /* an interpreter */
	struct layout layout;
	unsigned hex;
	raddr interpreters, holder;
	int use; /* see use_of() */
};

struct finder {
	struct target *t;
	struct layout layout;
	struct found best;
	unsigned others;  /* the version of another one that is ready, too, or 0 */
	unsigned abi;
	const struct proc_maps *maps;
	struct elf elf; /* the object at hand */
	int starting;     /* an interpreter was seen that is not ready */
	unsigned refused; /* the version of one that can't be read, or 0 */
};

/* A process may be made so that a search of it has no end. */
static int
is_spent(const struct finder *f)
{
	struct mem_counts c = mem_counts(f->t->mem);

	return c.calls > MAX_READS || c.bytes > MAX_SCANNED;
}

static int
read_elf(void *context, uint64_t addr, void *buf, size_t len)
{
	struct finder *f = context;

	return !is_spent(f) && mem_read(f->t->mem, addr, buf, len) == OK ? 0 : -1;
}

static raddr
pointer_in(const struct finder *f, raddr addr)
{
	raddr p = 0;

	return !is_spent(f) && object_read_pointer(f->t->mem, &f->layout, addr, &p) == OK ? p : 0;
}

/* ---- which version ---- */

/* "3.8.18 (default, ...": the value of that version at p, 0 if it is not one. */
static unsigned
version_text(const char *p, const char *end)
{
	unsigned part[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		if (i && (p == end || *p++ != '.'))
			return 0;
		if (p == end || !isdigit((unsigned char)*p))
			return 0;
		while (p < end && isdigit((unsigned char)*p) && part[i] < 100)
			part[i] = part[i] * 10 + (unsigned)(*p++ - '0');
	}
	while (p < end && *p > ' ' && *p < 127) /* "rc1", "+" */
		p++;
	if (end - p < 2 || p[0] != ' ' || p[1] != '(' || (part[0] != 2 && part[0] != 3))
		return 0;
	return part[0] << 24 | part[1] << 16 | part[2] << 8 | FINAL;
}

/* Calls each() with the object's writable memory, piece by piece, until it
 * returns non-zero.  0 if it never did. */
typedef int scan_piece(struct finder *, raddr addr, const char *bytes, size_t len, void *context);

static int
scan_writable(struct finder *f, scan_piece *each, void *context)
{
	enum { PIECE = 1 << 16, OVERLAP = 256 };
	char *bytes = xcalloc(PIECE + OVERLAP, 1);
	int result = 0;

	for (size_t i = 0; i < f->elf.n_segments && !result; i++) {
		const struct elf_segment *s = &f->elf.segments[i];
		uint64_t size = s->size < MAX_SCAN ? s->size : MAX_SCAN;

		for (uint64_t at = 0; s->writable && at < size && !result; at += PIECE) {
			size_t len = size - at < PIECE + OVERLAP ? size - at : PIECE + OVERLAP;

			if (!is_spent(f) && mem_read(f->t->mem, s->addr + at, bytes, len) == OK)
				result = each(f, s->addr + at, bytes, len, context);
		}
	}
	free(bytes);
	return result;
}

static int
find_version_text(struct finder *f, raddr addr, const char *bytes, size_t len, void *context)
{
	unsigned *hex = context;

	(void)f;
	(void)addr;
	for (size_t i = 0; i + 1 < len; i++) {
		if (bytes[i] || (bytes[i + 1] != '2' && bytes[i + 1] != '3'))
			continue;
		*hex = version_text(bytes + i + 1, bytes + len);
		if (*hex)
			return 1;
	}
	return 0;
}

/* The object's version, for those that do not describe themselves. */
static unsigned
object_version(struct finder *f)
{
	raddr version = 0, symbol = elf_symbol(&f->elf, "Py_Version"); /* 3.11 and later */
	unsigned hex = 0;

	f->layout.ptr = f->elf.ptr; /* it is an unsigned long */
	if (symbol && object_read_pointer(f->t->mem, &f->layout, symbol, &version) == OK && version)
		return (unsigned)version;
	scan_writable(f, find_version_text, &hex);
	return hex;
}

/* Takes the layout of a version that the table has.  -1: it has none. */
static int
use_version(struct finder *f, unsigned hex)
{
	if (layout_find(f->abi ? f->abi : hex, f->elf.ptr, f->elf.machine, &f->layout)) {
		f->refused = hex;
		return -1;
	}
	if (elf_symbol(&f->elf, "_Py_RefTotal")) /* a debug build */
		layout_shift_objects(&f->layout, layout_debug_shift(&f->layout));
	f->t->hex = hex;
	return 0;
}

/* ---- what is an interpreter ---- */

/* An interpreter's first thread points back to it. */
static int
is_interpreter(const struct finder *f, raddr interp)
{
	raddr thread = pointer_in(f, interp + (raddr)f->layout.interp.threads);

	return thread && pointer_in(f, thread + (raddr)f->layout.thread.interp) == interp;
}

/* Whether slot is the address of a pointer to the first interpreter. */
static int
believe(struct finder *f, raddr slot, raddr holder)
{
	raddr interp = pointer_in(f, slot);

	if (!interp || !pointer_in(f, interp + (raddr)f->layout.interp.threads)) {
		f->starting = 1;
		return 0;
	}
	if (!is_interpreter(f, interp))
		return 0;
	f->t->interpreters = slot;
	f->t->holder = holder;
	return 1;
}

/* 3.13 and later: _PyRuntime begins with all the offsets. */
static int
try_cookie(struct finder *f, raddr runtime)
{
	uint64_t words[DEBUG_OFFSETS_SIZE / sizeof(uint64_t)];
	unsigned hex;

	if (mem_read(f->t->mem, runtime, words, 2 * sizeof *words) != OK ||
	    memcmp(words, cookie, sizeof cookie))
		return -1;
	hex = (unsigned)words[1];
	if (mem_read(f->t->mem, runtime, words, sizeof words) != OK ||
	    layout_from_debug_offsets(&f->layout, words, sizeof words, f->abi ? f->abi : hex,
	                              f->elf.ptr)) {
		f->refused = hex;
		return 0;
	}
	f->t->hex = hex;
	return believe(f, runtime + (raddr)f->layout.runtime.interpreters, 0);
}

/*
 * Where the runtime has the thread that holds the GIL, 0 if it has not.  The
 * structures before it hold mutexes and conditions, whose size is the C
 * library's.  What gives it away is a pointer to the main interpreter, which lies after
 * it as soon as that is ready.  0, or -1 if it is not there.
 */
static int
find_holder(const struct finder *f, raddr runtime, raddr *holder)
{
	enum { FAR = 128 };
	const struct layout *l = &f->layout;
	raddr expected = runtime + (raddr)l->runtime.current, ptr = (raddr)l->ptr;
	raddr main = pointer_in(f, runtime + (raddr)l->runtime.interpreters + ptr);

	*holder = 0;
	if (l->runtime.current == ABSENT)
		return 0;
	for (raddr i = 0; main && i < 2 * FAR; i += ptr) { /* 0, -1, 1, -2, 2... words away */
		*holder = i / ptr % 2 ? expected - (i + ptr) / 2 : expected + i / 2;
		if (pointer_in(f, *holder + (raddr)l->runtime.main_after) == main)
			return 0;
	}
	return -1;
}

static int
believe_runtime(struct finder *f, raddr runtime)
{
	raddr slot = runtime + (raddr)f->layout.runtime.interpreters, holder;

	if (find_holder(f, runtime, &holder)) {
		f->starting = 1;
		return 0;
	}
	return believe(f, slot, holder);
}

static int
try_runtime(struct finder *f, raddr runtime)
{
	int answer = try_cookie(f, runtime);
	unsigned hex;

	if (answer >= 0)
		return answer;
	hex = object_version(f);
	if (!hex) /* the text is made when the interpreter starts */
		f->starting = 1;
	if ((!hex && !f->abi) || use_version(f, hex) || f->layout.runtime.interpreters == ABSENT)
		return 0;
	return believe_runtime(f, runtime);
}

/* ---- searching for it ---- */

static int
find_cookie(struct finder *f, raddr addr, const char *bytes, size_t len, void *context)
{
	(void)context;
	for (size_t i = -addr % WORD; i + sizeof cookie <= len; i += WORD)
		if (!memcmp(bytes + i, cookie, sizeof cookie) && try_cookie(f, addr + i) == 1)
			return 1;
	return 0;
}

static int
is_writable(const struct finder *f, raddr addr)
{
	size_t low = 0, high = f->maps->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (addr >= f->maps->maps[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->maps->n && addr >= f->maps->maps[low].start && f->maps->maps[low].writable;
}

/* How many interpreters hang together from this one on. */
static int
chain_length(const struct finder *f, raddr interp)
{
	int n = 0;

	while (interp && n < MAX_INTERPRETERS && is_interpreter(f, interp)) {
		interp = pointer_in(f, interp + (raddr)f->layout.interp.next);
		n++;
	}
	return n;
}

static int
has_type(const struct finder *f, raddr object, const char *name)
{
	char type[8];

	return object && object_type_name(f->t->mem, &f->layout, object, type, sizeof type) == OK &&
	       !strcmp(type, name);
}

/* Whether the thread executes something that is a code object. */
static int
runs_code(const struct finder *f, raddr thread)
{
	enum { MAX_SHIMS = 8 };
	const struct layout *l = &f->layout;
	raddr frame = pointer_in(f, thread + (raddr)l->thread.frame);

	if (frame && l->frames == FRAMES_CFRAME)
		frame = pointer_in(f, frame + (raddr)l->cframe.frame);
	for (int i = 0; frame && i < MAX_SHIMS; i++) {
		raddr code = pointer_in(f, frame + (raddr)l->frame.code) & ~(raddr)l->tags;

		if (has_type(f, code, "code"))
			return 1;
		frame = pointer_in(f, frame + (raddr)l->frame.back);
	}
	return 0;
}

/* Many things are linked in rings; only an interpreter has a dictionary of
 * modules there, and threads that run code. */
static int
looks_alive(const struct finder *f, raddr interp)
{
	enum { MAX_LOOKED_AT = 64 };
	raddr thread = pointer_in(f, interp + (raddr)f->layout.interp.threads);

	if (!has_type(f, pointer_in(f, interp + (raddr)f->layout.interp.modules), "dict"))
		return 0;
	for (int i = 0; thread && i < MAX_LOOKED_AT; i++) {
		if (runs_code(f, thread))
			return 1;
		thread = pointer_in(f, thread + (raddr)f->layout.thread.next);
	}
	return 0;
}

struct hit {
	raddr slot;
	int length;
};

/*
 * A pointer to an interpreter.  In 3.7 and later two lie side by side, first
 * and main, which are one until there are sub-interpreters; before that the
 * one from which most interpreters can be reached is the head of the list.
 */
static int
find_interpreter(struct finder *f, raddr addr, const char *bytes, size_t len, void *context)
{
	struct hit *best = context;
	size_t word = (size_t)f->layout.ptr;
	int paired = f->layout.runtime.interpreters != ABSENT;

	for (size_t i = -addr % word; i + 2 * word <= len; i += word) {
		raddr p = object_pointer(&f->layout, bytes + i);
		int length;

		if (!p || p % word || !is_writable(f, p))
			continue;
		if (paired && object_pointer(&f->layout, bytes + i + word) != p)
			continue;
		length = chain_length(f, p);
		if (length > best->length && looks_alive(f, p))
			*best = (struct hit){ addr + i, length };
		if (paired && best->length)
			return 1;
	}
	return 0;
}

/* Up to 3.6: interp_head is static, but the thread with the GIL is exported. */
static int
try_thread_symbol(struct finder *f, raddr current)
{
	struct hit best = { 0 };
	unsigned hex = object_version(f);

	if (!hex && !f->abi) {
		f->starting = 1;
		return 0;
	}
	if (use_version(f, hex))
		return 0;
	scan_writable(f, find_interpreter, &best);
	if (!best.length)
		f->starting = 1;
	return best.length && believe(f, best.slot, current);
}

static int
try_symbols(struct finder *f)
{
	raddr runtime = elf_symbol(&f->elf, "_PyRuntime");
	raddr current = elf_symbol(&f->elf, "_PyThreadState_Current");

	if (runtime)
		return try_runtime(f, runtime);
	return current && try_thread_symbol(f, current);
}

/* Whether a thread has the interpreter's GIL. */
static int
has_holder(const struct finder *f, raddr interp)
{
	const struct layout *l = &f->layout;
	int32_t locked = 0;
	raddr gil;

	if (l->interp.gil == ABSENT)
		return pointer_in(f, f->t->holder) != 0;
	gil = pointer_in(f, interp + (raddr)l->interp.gil);
	return gil && mem_read(f->t->mem, gil + (raddr)l->gil.locked, &locked, sizeof locked) == OK &&
	       locked == 1;
}

/* How much those interpreters look like the ones that the program is about: 2, one runs
 * code now; 1, it is in the middle of some; else 0. */
static int
use_of(const struct finder *f)
{
	raddr interp = pointer_in(f, f->t->interpreters);
	int use = 0;

	for (int n = 0; interp && n < MAX_INTERPRETERS && use < 2; n++) {
		if (looks_alive(f, interp))
			use = has_holder(f, interp) ? 2 : 1;
		interp = pointer_in(f, interp + (raddr)f->layout.interp.next);
	}
	return use;
}

/* Keeps what was found, if it is the first, or more in use than what was found before. */
static void
keep_better(struct finder *f)
{
	struct found found = { f->layout, f->t->hex, f->t->interpreters, f->t->holder, use_of(f) };
	struct found *best = &f->best;

	if (found.interpreters == best->interpreters)
		return;
	if (best->interpreters)
		f->others = found.use > best->use ? best->hex : found.hex;
	if (!best->interpreters || found.use > best->use)
		*best = found;
}

static int
try_scan(struct finder *f)
{
	struct hit best = { 0 };
	unsigned hex = 0;

	if (scan_writable(f, find_cookie, NULL))
		return 1;
	scan_writable(f, find_version_text, &hex);
	if ((!hex && !f->abi) || use_version(f, hex))
		return 0;
	scan_writable(f, find_interpreter, &best);
	if (!best.length)
		return 0;
	if (f->layout.runtime.interpreters == ABSENT)
		return believe(f, best.slot, 0);
	return believe_runtime(f, best.slot - (raddr)f->layout.runtime.interpreters);
}

/* The program itself comes first, then what is called after Python, then all
 * else: an interpreter may be linked into anything. */
static int
rank(const struct proc_map *m, const char *exe)
{
	const char *name = strrchr(m->path, '/');

	if (!strcmp(m->path, exe))
		return 0;
	return name && text_find(name, "python") ? 1 : 2;
}

/* Whether the object that begins with that map has room for an interpreter's variables
 * and types.  What is not initialised is mapped after it, from no file. */
static int
has_room(const struct proc_maps *maps, size_t i)
{
	enum { LEAST = 64 << 10 };
	uint64_t size = 0, inode = maps->maps[i].inode;

	for (; i < maps->n && (!maps->maps[i].inode || maps->maps[i].inode == inode); i++)
		if (maps->maps[i].writable)
			size += maps->maps[i].end - maps->maps[i].start;
	return size >= LEAST;
}

/* all: also those that come after one that has an interpreter. */
static void
try_objects(struct finder *f, const char *exe, int (*attempt)(struct finder *), int all)
{
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < f->maps->n; i++) {
			const struct proc_map *m = &f->maps->maps[i];

			if (m->offset || !m->inode || !m->readable || rank(m, exe) != pass)
				continue;
			if (f->best.interpreters && !has_room(f->maps, i))
				continue;
			if (elf_open(&f->elf, read_elf, f, m->start) || !attempt(f))
				continue;
			keep_better(f);
			if (!all)
				return;
		}
	}
}

static int
finds_any(struct finder *f, const char *exe)
{
	try_objects(f, exe, try_symbols, 1);
	if (!f->best.interpreters && !f->starting && !f->refused)
		try_objects(f, exe, try_scan, 0);
	return f->best.interpreters != 0;
}

static enum target_answer
take_best(const struct finder *f, struct buf *reason)
{
	struct target *t = f->t;

	t->hex = f->best.hex;
	t->interpreters = f->best.interpreters;
	t->holder = f->best.holder;
	t->layout = xcalloc(1, sizeof *t->layout);
	*t->layout = f->best.layout;
	if (f->others)
		buf_printf(reason, "pid %d runs two Pythons, %u.%u and %u.%u; only the first is sampled",
		           process_pid(t->process), t->hex >> 24, t->hex >> 16 & 255,
		           f->others >> 24, f->others >> 16 & 255);
	return TARGET_READY;
}

/* Whether we may: reading one byte shows. */
static enum why
may_read(struct target *t, const struct proc_maps *maps)
{
	char byte;

	for (size_t i = 0; i < maps->n; i++)
		if (maps->maps[i].readable && maps->maps[i].inode)
			return mem_read(t->mem, maps->maps[i].start, &byte, 1);
	return OK;
}

static enum target_answer
refuse_version(const struct finder *f, struct buf *reason)
{
	buf_printf(reason, "pid %d is Python %u.%u.%u, which pyflame cannot read: it reads %s; "
	           "--abi=VERSION insists", process_pid(f->t->process),
	           f->refused >> 24, f->refused >> 16 & 255, f->refused >> 8 & 255,
	           layouts_supported);
	return TARGET_UNSUPPORTED;
}

/* A process of 64 bits has its stack where no pointer of 32 bits leads to. */
static int
is_too_wide(const struct proc_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if ((uintptr_t)maps->maps[i].start != maps->maps[i].start &&
		    !strcmp(maps->maps[i].path, "[stack]"))
			return 1;
	return 0;
}

static enum target_answer
answer_starting(const struct process *p, struct buf *reason)
{
	buf_printf(reason, "pid %d has not started Python yet; try again", process_pid(p));
	return TARGET_STARTING;
}

static enum target_answer
answer_lent(const struct process *p, int lender, struct buf *reason)
{
	buf_printf(reason, "pid %d has no memory of its own: it has that of its parent, pid %d, "
	           "until it executes a program; sample that one", process_pid(p), lender);
	return TARGET_STARTING;
}

static enum target_answer
search(struct target *t, const struct proc_maps *maps, unsigned abi, struct buf *reason)
{
	struct finder f = { .t = t, .abi = abi, .maps = maps };
	char exe[4096];

	if (is_too_wide(maps)) {
		buf_printf(reason, "pid %d is a 64-bit process, and this pyflame is a 32-bit one; run "
		           "the pyflame that is built for the machine", process_pid(t->process));
		return TARGET_UNSUPPORTED;
	}
	if (process_exe(t->process, exe, sizeof exe))
		exe[0] = 0;
	if (finds_any(&f, exe))
		return take_best(&f, reason);
	if (f.refused)
		return refuse_version(&f, reason);
	if (f.starting)
		return answer_starting(t->process, reason);
	explain_not_python(process_pid(t->process), exe, maps, reason);
	return TARGET_NOT_PYTHON;
}

static enum target_answer
answer_why(const struct process *p, enum why why, struct buf *reason)
{
	if (process_explain(p, why, reason))
		return TARGET_DENIED;
	buf_printf(reason, "no process with pid %d", process_pid(p));
	return TARGET_GONE;
}

/* Of one that has no memory: kernel threads have none, and zombies; others give
 * it up shortly before they have ended. */
static enum target_answer
answer_no_memory(const struct process *p, struct buf *reason)
{
	struct proc_stat stat;

	if (process_stat(p, &stat) || (!stat.kernel && stat.state != 'Z'))
		return answer_why(p, GONE, reason);
	explain_no_memory(process_pid(p), stat.kernel, reason);
	return TARGET_NOT_PYTHON;
}

/* That answer, unless the process has ended or become another meanwhile: then
 * what was looked at was neither. */
static enum target_answer
still_not_python(const struct process *p, const struct proc_stat *first, size_t before,
                 struct buf *reason)
{
	struct proc_stat now;
	int ended = process_stat(p, &now) || !now.image;

	if (!ended && now.image == first->image)
		return TARGET_NOT_PYTHON;
	reason->len = before;
	return ended ? answer_why(p, GONE, reason) : answer_starting(p, reason);
}

static enum target_answer
look(struct target *t, unsigned abi, struct buf *reason)
{
	const struct process *p = t->process;
	enum target_answer answer;
	struct proc_maps maps;
	struct proc_stat first = { 0 };
	size_t before = reason->len;
	int lender = process_lender(p);
	enum why why;

	if (lender)
		return answer_lent(p, lender, reason);
	process_stat(p, &first);
	why = process_maps(p, &maps);
	if (why == BROKEN)
		return answer_no_memory(p, reason);
	if (why != OK)
		return answer_why(p, why, reason);
	why = may_read(t, &maps);
	answer = why == OK || why == FAULT ? search(t, &maps, abi, reason) :
	                                     answer_why(p, why, reason);
	proc_maps_free(&maps);
	return answer == TARGET_NOT_PYTHON ? still_not_python(p, &first, before, reason) : answer;
}

enum target_answer
target_open(struct process *p, unsigned abi, struct target *t, struct buf *reason)
{
	enum target_answer answer;

	*t = (struct target){ .process = p, .mem = process_mem(p) };
	answer = look(t, abi, reason);
	if (answer != TARGET_READY)
		target_close(t);
	return answer;
}

int
target_open_like(struct process *p, const struct target *like, struct target *t)
{
	struct finder f = { .t = t, .layout = *like->layout };

	*t = (struct target){ .process = p, .mem = process_mem(p), .hex = like->hex };
	if (process_lender(p) || !believe(&f, like->interpreters, like->holder)) {
		target_close(t);
		return -1;
	}
	t->layout = xcalloc(1, sizeof *t->layout);
	*t->layout = f.layout;
	return 0;
}

void
target_close(struct target *t)
{
	process_close(t->process);
	free(t->layout);
	*t = (struct target){ 0 };
}
