/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and variables, of objects that are whatever the input says, and change between
 * any two reads.
 *
 * Input: which Python, how many objects; then for each object its type and 14 words, of
 * which each is a byte that says what it is and one with which; then changes of 4 bytes:
 * after how many reads, which word, and what it becomes (2).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "values/shapes.h"
#include "values/locals.h"
#include "values/values.h"
#include "values/listing.h"
#include "simulated.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MEMORY = 1 << 19, MOST_OBJECTS = 48, WORDS = 14, SIZE = 1024, MOST_CALLS = 1 << 16 };

static const char *const names[] = {
	"NoneType", "bool", "int", "long", "float", "complex", "str", "unicode", "bytes", "bytearray",
	"list", "tuple", "dict", "set", "frozenset", "range", "slice", "ellipsis",
	"NotImplementedType", "module", "function", "builtin_function_or_method", "method",
	"instancemethod", "type", "BaseException", "exceptions.BaseException", "generator",
	"coroutine", "async_generator", "collections.deque", "numpy.ndarray", "cell", "code",
	"A\x1b\n", "numpy.float64",
};

static struct shape shape;
static raddr types[LEN(names)], objects[MOST_OBJECTS];
static size_t n_objects, n_changes;
static const uint8_t *changes;

/* ---- what is there ---- */

static raddr
any_object(unsigned which)
{
	return n_objects ? objects[which % n_objects] : SIM_ORIGIN;
}

static uint64_t
any_word(unsigned what, unsigned with)
{
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, 1 << 20,
		0x7fffffff, 0xffffffff, UINT64_C(0x7ff8) << 48, SIM_ORIGIN, SIM_ORIGIN + MEMORY - 8 };

	switch (what % 8) {
	case 0: return with;
	case 1: return odd[with % LEN(odd)];
	case 2: return (uint64_t)with << 3 | what >> 3;
	case 3: return any_object(with) | (what >> 3 & 3);
	case 4: return any_object(with) + (what >> 3) * 8;
	case 5: return types[with % LEN(types)];
	default: return any_object(with);
	}
}

/* Where the fields are that are not in the first words. */
static void
set_far(raddr at, const uint8_t *in)
{
	const int fields[] = {
		sim.l->type.name, sim.l->type.flags, sim.l->type.basicsize, sim.l->type.dictoffset,
		sim.l->type.cached_keys, shape.type_dict, shape.type_base, shape.type_name, shape.function,
		shape.generator, shape.code.names, shape.code.kinds, shape.code.cells, shape.code.frees,
		sim.l->frame.locals, shape.frame.locals,
	};

	for (size_t i = 0; i < LEN(fields) && in[0] & 0x40; i++)
		if (fields[i] != ABSENT && fields[i] < SIZE - 8)
			sim_pointer(at + (raddr)fields[i], any_word(in[1 + i % 8 * 2], in[2 + i % 8 * 2]));
}

static void
fill(raddr at, const uint8_t *in)
{
	raddr head = (raddr)sim.l->object.head;

	for (unsigned i = 0; i < WORDS; i++)
		sim_pointer(at + head + i * (raddr)sim.ptr, any_word(in[1 + i * 2], in[2 + i * 2]));
	set_far(at, in);
	sim_pointer(at + (raddr)sim.l->object.type, types[in[0] % LEN(types)]);
}

static void
build(unsigned kind)
{
	sim_python(kind % sim_kinds(), 0);
	shape_find(sim.l, &shape);
	for (size_t i = 0; i < LEN(names); i++) {
		raddr name = sim_room(32);

		types[i] = sim_room(SIZE);
		sim_put(name, names[i], strlen(names[i]) + 1);
		sim_pointer(types[i] + (raddr)sim.l->type.name, name);
		if (*names[i] == 'A') {
			sim_pointer(types[i] + (raddr)sim.l->type.flags, 1 << 9 | sim.l->type.managed_dict |
			            sim.l->type.inline_values);
			sim_pointer(types[i] + (raddr)shape.type_base, types[kind % (LEN(names) - 2)]);
		}
	}
}

static void
on_read(void)
{
	static unsigned countdown;

	if (sim.calls > MOST_CALLS)
		abort(); /* more than any object may make it do */
	if (!n_changes)
		return;
	if (countdown) {
		countdown--;
		return;
	}
	countdown = changes[0] % 64;
	sim_pointer(any_object(changes[1]) + (raddr)(changes[1] % WORDS) * 8,
	            any_word(changes[2], changes[3]));
	changes += 4;
	n_changes--;
}

/* ---- what is said of it ---- */

static void
check(const char *text, size_t len, size_t most)
{
	size_t n = 0, step;
	uint32_t code;

	for (size_t i = 0; i < len; i += step, n++) {
		step = utf8_read(text + i, len - i, &code);
		if (!step || is_control(code))
			abort();
	}
	if (n > most)
		abort();
}

static int
on_stack(void *context, raddr object)
{
	(void)object;
	return --*(int *)context == 0;
}

static void
look_at(struct mem *mem)
{
	struct values *v = values_new(mem, sim.l);
	struct listing *list = listing_new(mem, sim.l);
	struct buf text = { 0 };

	for (size_t i = 0; v && i < n_objects; i++) {
		int most = 100, certain;
		raddr object;

		sim.calls = 0;
		text.len = 0;
		values_show(v, objects[i] | (i & 3), &text);
		check(text.len ? text.data : "", text.len, VALUES_MOST);
		values_forget(v);
		locals_get(mem, sim.l, objects[i], "x", &object);
		locals_stack_each(mem, sim.l, objects[i], on_stack, &most, &certain);
	}
	sim.calls = 0;
	listing_read(list, objects, n_objects < 4 ? n_objects : 4);
	for (size_t i = 0; i < 4; i++) {
		size_t n;

		listing_of(list, i, &n);
		for (size_t k = 0; k < n; k++) {
			struct listed l = listing_get(list, i, k);

			check(l.name, strlen(l.name), 1 << 15);
			check(l.value, strlen(l.value), VALUES_MOST);
		}
	}
	values_free(v);
	listing_free(list);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	enum { HEAD = 2, OBJECT = 1 + 2 * WORDS };
	struct process *p;

	if (len < HEAD)
		return 0;
	sim_begin(MEMORY);
	build(in[0]);
	n_objects = in[1] % (MOST_OBJECTS + 1);
	if (n_objects > (len - HEAD) / OBJECT)
		n_objects = (len - HEAD) / OBJECT;
	for (size_t i = 0; i < n_objects; i++)
		objects[i] = sim_room(SIZE);
	for (size_t i = 0; i < n_objects; i++)
		fill(objects[i], in + HEAD + i * OBJECT);
	changes = in + HEAD + n_objects * OBJECT;
	n_changes = (len - HEAD - n_objects * OBJECT) / 4;
	sim.calls = 0;
	sim.changed = on_read;
	p = sim_process();
	look_at(process_mem(p));
	process_close(p);
	sim_end();
	return 0;
}
