/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greenlets, and all that they can refer to, in whatever way the input says, which change between
 * any two reads.
 *
 * Input: which Python; which release of greenlet (2 bits), whether as JSON, how many objects (5);
 * then for each object 8 bytes: its type, its state (2), its parent, its frames (2), what its
 * variables and attributes are, what was spawned by; then changes of 5 bytes: after how many
 * reads, which of the pointers that were written (2), and what it becomes (2).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "layouts.h"
#include "values/shapes.h"
#include "dump.h"
#include "simulated.h"
#include "changes.h"
#include "told.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MEMORY = 1 << 18, MOST_OBJECTS = 31, SIZE = 512, HEAD = 2, OBJECT = 8,
       MOST_CALLS = 1 << 20, BEFORE = 64, WORDS = 32, CODES = 4, PAGE = 4096 };

enum type { GREENLET, GEVENTS, HUB, DERIVED, FUNCTION, PARTIAL, METHOD, REFERENCE, SLOT, SOCKET,
            NUMBER, TEXT, TYPES };

static const char *const type_names[TYPES] = {
	"greenlet.greenlet", "gevent._gevent_cgreenlet.Greenlet", "WaitOperationsGreenlet", "G",
	"function", "functools.partial", "method", "weakref.ReferenceType", "member_descriptor",
	"socket", "int", "str",
};

static const char *const texts[] = { "fileno", "self", "_sock", "a;b\n\x1b", "name", "_run" };

static struct shape shape;
static raddr types[TYPES], objects[MOST_OBJECTS], words[LEN(texts)], codes[CODES];
static size_t n_objects;
static int release; /* 0: 1.x, 1: 3.1.1 and later, else: from 2.0 on */

/* ---- what is there ---- */

static raddr
any_object(unsigned which)
{
	return n_objects ? objects[which % n_objects] : SIM_ORIGIN;
}

static uint64_t
any_word(unsigned what, unsigned with)
{
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, UINT32_MAX, INT64_MAX, PAGE,
		SIM_ORIGIN, SIM_ORIGIN + MEMORY - 8 };
	size_t n;

	switch (what % 6) {
	case 0: return odd[with % LEN(odd)];
	case 1: return any_object(with) + (what >> 3) * 8;
	case 2: return types[with % TYPES];
	case 3: return sim_slot(with << 4 | what >> 4, &n);
	case 4: return words[with % LEN(words)];
	default: return any_object(with);
	}
}

static raddr
tuple(const raddr *items, size_t n)
{
	raddr at = sim_room((size_t)shape.items + n * (size_t)sim.ptr);

	sim_pointer(sim_member(at, 0), n);
	for (size_t i = 0; i < n; i++)
		sim_pointer(at + (raddr)shape.items + i * (raddr)sim.ptr, items[i]);
	return at;
}

/* ---- greenlets ---- */

/* The innermost of some frames; in[6] is what its variables are. */
static raddr
frames(const uint8_t *in)
{
	raddr back = 0;

	for (unsigned i = 0, n = in[4] % 6; i < n; i++) {
		raddr at = sim_room(SIZE), locals = at + (raddr)shape.frame.locals;

		sim_frame(at, back, codes[((in[4] >> 3) + i * in[5]) % CODES],
		          (in[5] + i) % 32, 0);
		if (sim.l->frame.owner != ABSENT && in[5] & 64)
			sim_byte(at + (raddr)sim.l->frame.owner, in[5] >> i & 3);
		sim_pointer(locals, any_object(in[6]));
		sim_pointer(locals + (raddr)sim.ptr, any_object(in[6] + 1u));
		back = at;
	}
	if (back && in[5] >= 224) /* in a circle */
		sim_pointer(back + (raddr)sim.l->frame.back, back);
	return back;
}

static raddr
top_of(const uint8_t *in)
{
	raddr frame = frames(in), object;

	if (!frame || sim.l->frames == FRAMES_HEAP)
		return frame;
	object = sim_room(64);
	sim_pointer(sim_member(object, 1), frame);
	return object;
}

/* Where the stack is, as each state has it: suspended, running, not begun, over, a thread's first
 * one, none of these. */
static void
fill_words(raddr at, const uint8_t *in, unsigned top)
{
	static const uint64_t states[][4] = { { 4096, 8192, 0, 0 }, { 4096, 8192, 64, 32 },
		{ 0, 0, 0, 0 }, { 0, 8192, 0, 0 }, { 4096, UINT64_MAX, 0, 0 }, { 8192, 4096, 0, 9 } };
	const uint64_t *w = states[in[1] % LEN(states)];
	raddr p = (raddr)sim.ptr;

	for (unsigned i = 0; i < LEN(states[0]); i++)
		sim_pointer(at + i * p, w[i]);
	sim_pointer(at + top * p, in[1] & 128 ? 0 : top_of(in));
}

static void
fill_greenlet(raddr at, const uint8_t *in)
{
	enum { DIRECT_PARENT = 5, DIRECT_TOP = 7, TOP = 6 };
	raddr p = (raddr)sim.ptr, pointed, known;
	raddr parent = in[3] ? any_object(in[3]) : 0, function = any_object(in[6]);
	unsigned before = (release == 1 ? 4 : 3) + (sim.l->frames != FRAMES_HEAP ? 3 : 5);

	if (!release) {
		fill_words(sim_member(at, 0), in, DIRECT_TOP);
		sim_pointer(sim_member(at, DIRECT_PARENT), parent);
		sim_pointer(sim_member(at, DIRECT_PARENT + 1), function);
		return;
	}
	pointed = sim_room(WORDS * (size_t)p);
	sim_pointer(sim_member(at, 2), pointed);
	sim_pointer(pointed + p, release == 1 ? at : 0);
	sim_pointer(pointed + (in[2] & 1 ? 2 : WORDS - 1u) * p, at);
	fill_words(pointed + before * p, in, TOP);
	known = pointed + (before + 7 + (in[2] >> 1 & 3)) * p;
	sim_pointer(known, in[1] % 6 == 2 ? 0 : any_object(in[2] >> 3));
	sim_pointer(known + p, function);
	sim_pointer(known + 2 * p, parent);
}

/* ---- objects ---- */

static void
fill(raddr at, const uint8_t *in)
{
	enum type type = in[0] % TYPES;
	raddr p = (raddr)sim.ptr, head = at - BEFORE + in[2] % BEFORE / p * p;

	sim_pointer(head, at); /* the collector's list */
	sim_pointer(at + p, head);
	for (unsigned i = 0; i < 4; i++)
		sim_pointer(sim_member(at, i), any_object(in[3 + i]));
	sim_pointer(sim_member(at, 9), any_object(in[7])); /* by whom it was spawned, perhaps */
	if (type <= DERIVED)
		fill_greenlet(at, in);
	if (type == FUNCTION)
		sim_pointer(at + (raddr)shape.function, words[in[6] % LEN(words)]);
	sim_pointer(at + (raddr)sim.l->object.type, types[type]);
	if (type != TEXT)
		sim_pointer(at + BEFORE * 3, sim_dict(words + 4, (raddr[]){ words[in[6] % LEN(words)],
		                                      any_object(in[7]) }, 2));
}

/* A type leads to those that are derived from it by references. */
static void
derive(enum type from, const enum type *derived, size_t n)
{
	enum { SUBCLASSES = 9 };
	raddr keys[TYPES], references[TYPES];

	for (size_t i = 0; i < n; i++) {
		keys[i] = words[i];
		references[i] = sim_room(64);
		sim_pointer(sim_member(references[i], 0), types[derived[i]]);
		sim_pointer(types[derived[i]] + (raddr)shape.type_base, types[from]);
	}
	sim_pointer(types[from] + (raddr)(sim.l->type.dictoffset + SUBCLASSES * sim.l->ptr),
	            sim_dict(keys, references, n));
}

/* Each has a slot, too, through a descriptor. */
static void
build_types(void)
{
	const raddr p = (raddr)sim.ptr;
	raddr slot = sim_room(64), where = sim_room(64);

	for (size_t i = 0; i < TYPES; i++) {
		raddr name = sim_room(64);

		types[i] = i == TEXT ? sim.str_type : sim_room(1024);
		sim_put(name, type_names[i], strlen(type_names[i]) + 1);
		sim_pointer(types[i] + (raddr)sim.l->type.name, name);
		if (i == TEXT)
			continue;
		sim_pointer(types[i] + (raddr)sim.l->type.basicsize,
		            (raddr)sim.l->object.head + (release ? 4 : 9) * p);
		sim_pointer(types[i] + (raddr)sim.l->type.dictoffset, i % 2 ? 2 * p : BEFORE * 3);
	}
	for (size_t i = 0; i < LEN(texts); i++)
		words[i] = sim_str(texts[i], strlen(texts[i]));
	sim_pointer(slot + (raddr)sim.l->object.type, types[SLOT]);
	sim_pointer(sim_member(slot, 3), where);
	sim_pointer(where + 2 * p, (raddr)sim.l->object.head);
	for (size_t i = 0; i < TYPES; i++)
		sim_pointer(types[i] + (raddr)shape.type_dict, sim_dict(words + 2, &slot, 1));
	derive(GREENLET, (enum type[]){ GEVENTS, HUB, DERIVED }, 3);
	derive(DERIVED, (enum type[]){ GREENLET, SOCKET }, 2);
}

static void
build_codes(void)
{
	static const char *const files[CODES] = { "/a.py", "/x/gevent/a.py", "/x/eventlet/a.py",
		"/x/eventlet/hubs/hub.py" };
	static const uint8_t table[] = { 0x80 | 11 << 3 | 3, 1, 1, 0x80 | 11 << 3 | 7, 2, 2 };
	raddr lines = sim_bytes(table, sizeof table), kinds = sim_bytes("  ", 2);

	for (size_t i = 0; i < CODES; i++) {
		codes[i] = sim_code(sim_str(files[i], strlen(files[i])), words[i], lines, 32);
		sim_int(codes[i] + (raddr)shape.code.nlocals, 2);
		sim_pointer(codes[i] + (raddr)shape.code.names, tuple(words, 2));
		if (shape.code.kinds != ABSENT) {
			sim_pointer(codes[i] + (raddr)shape.code.kinds, kinds);
			continue;
		}
		sim_pointer(codes[i] + (raddr)shape.code.cells, tuple(NULL, 0));
		sim_pointer(codes[i] + (raddr)shape.code.frees, tuple(NULL, 0));
	}
}

static raddr
modules(void)
{
	raddr at = sim_room(64), name = sim_str("greenlet", 8);

	sim_pointer(sim_member(at, 0), sim_dict(&name, &types[GREENLET], 1));
	return sim_dict(&name, &at, 1);
}

/* 0: of that release nothing is known. */
static int
build(unsigned kind, const uint8_t *in)
{
	raddr interp;

	sim_python(kind % sim_kinds(), 0);
	if (shape_find(sim.l, &shape))
		return 0;
	build_types();
	build_codes();
	interp = sim_interpreter(0, modules());
	sim_thread(interp, SIM_PID, codes, CODES);
	sim_room(PAGE - sim.used % PAGE - 1);
	sim.heap = sim.used & ~(size_t)(PAGE - 1);
	for (size_t i = 0; i < n_objects; i++)
		objects[i] = sim_room(SIZE) + BEFORE;
	for (size_t i = 0; i < n_objects; i++)
		fill(objects[i], in + i * OBJECT);
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	const uint8_t *objects_in = in + HEAD;

	if (len < HEAD)
		return 0;
	sim_begin(MEMORY);
	release = in[1] & 3;
	n_objects = in[1] >> 3;
	if (n_objects > (len - HEAD) / OBJECT)
		n_objects = (len - HEAD) / OBJECT;
	if (build(in[0], objects_in)) {
		changes_begin(objects_in + n_objects * OBJECT, len - HEAD - n_objects * OBJECT, any_word,
		              MOST_CALLS);
		told_dump((struct dump_what){ .tasks = 1 }, in[1] & 4, 0);
	}
	sim_end();
	return 0;
}
