/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asyncio's tasks, and all that they can refer to, in whatever way the input says, which change
 * between any two reads.
 *
 * Input: which Python; how many objects, and what is asked for; then for each object 6 bytes: its type, what it refers
 * to (4), and what state it is in; then changes of 5 bytes: after how many reads, which of the
 * pointers that were written (2), and what it becomes (2).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "layouts.h"
#include "values/shapes.h"
#include "tasks/forms.h"
#include "dump.h"
#include "simulated.h"
#include "changes.h"
#include "told.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MEMORY = 1 << 19, MOST_OBJECTS = 48, SIZE = 512, HEAD = 2, OBJECT = 6,
       MOST_CALLS = 1 << 22, THREADS = 2, STATES = 8 };

enum type { TASK, FUTURE, COROUTINE, GENERATOR, ASYNC_GENERATOR, WRAPPER, ASEND, FUNCTION, PARTIAL,
            METHOD, LIST, TUPLE, SET, CELL, GATHERING, NUMBER, FLOAT, NOTHING, PYTHON, TEXT, TYPES };

static const char *const type_names[TYPES] = {
	"_asyncio.Task", "_asyncio.Future", "coroutine", "generator", "async_generator",
	"coroutine_wrapper", "async_generator_asend", "function", "functools.partial", "method",
	"list", "tuple", "set", "cell", "_GatheringFuture", "int", "float", "NoneType", "P", "str",
};

static const char *const texts[] = {
	"_run_until_complete_cb", "gather.<locals>._done_callback", "_release_waiter",
	"_wait.<locals>._on_completion", "sleep", "PENDING", "a;b\n\x1b", "Queue.get",
};

static struct shape shape;
static struct form form;
static raddr types[TYPES], objects[MOST_OBJECTS], words[LEN(texts)], codes[4];
static size_t n_objects;

/* ---- what is there ---- */

static raddr
any_object(unsigned which)
{
	return n_objects ? objects[which % n_objects] : SIM_ORIGIN;
}

static uint64_t
any_word(unsigned what, unsigned with)
{
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, INT64_MAX, 4096, 1 << 18, 0x7fffffff,
		0xffffffff, SIM_ORIGIN, SIM_ORIGIN + MEMORY - 8 };
	size_t n;

	switch (what % 7) {
	case 0: return with;
	case 1: return odd[with % LEN(odd)];
	case 2: return any_object(with) + (what >> 3) * 8;
	case 3: return types[with % TYPES];
	case 4: return sim_slot(with << 4 | what >> 4, &n);
	case 5: return words[with % LEN(words)];
	default: return any_object(with);
	}
}

static void
fill_task(raddr at, const uint8_t *in)
{
	raddr name = in[5] & 1 ? words[in[4] % LEN(words)] : 0;

	sim_pointer(at + (raddr)form.task.loop, any_object(in[5]));
	sim_pointer(at + (raddr)form.task.coro, any_object(in[1]));
	sim_pointer(at + (raddr)form.task.waiter, in[2] ? any_object(in[2]) : 0);
	sim_pointer(at + (raddr)form.task.callback, in[3] ? any_object(in[3]) : 0);
	sim_pointer(at + (raddr)form.task.callbacks, in[4] ? any_object(in[4]) : 0);
	if (form.task.name != ABSENT)
		sim_pointer(at + (raddr)form.task.name, name);
	if (form.task.awaited_by != ABSENT) {
		sim_pointer(at + (raddr)form.task.awaited_by, in[4] ? any_object(in[4]) : 0);
		sim_byte(at + (raddr)form.task.awaited_by_set, in[5] >> 4 & 1);
	}
	sim_byte(at + (raddr)form.task.state, in[5] > 250);
}

/* One of the states that there are, and those next to them. */
static unsigned
any_state(unsigned with)
{
	const int states[STATES] = { form.coro.suspended, form.coro.delegates, form.coro.created,
		form.coro.yields, form.coro.executes, form.coro.locked, form.coro.suspended, 9 };

	return (unsigned)states[with % STATES];
}

static void
fill_heap_frame(raddr generator, raddr awaited, const uint8_t *in)
{
	raddr at = sim_room(SIZE), stack = at + (raddr)shape.frame.locals + (raddr)sim.ptr;

	sim_pointer(generator + (raddr)form.coro.frame, at);
	sim_frame(at, 0, codes[in[4] % LEN(codes)], in[4] % 32 - 1u, 0);
	sim_pointer(at + (raddr)form.frame.generator, in[5] & 64 ? any_object(in[3]) : generator);
	if (form.frame.state != ABSENT)
		sim_byte(at + (raddr)form.frame.state, any_state(in[5]));
	sim_pointer(at + (raddr)shape.frame.stack, stack);
	sim_pointer(stack, awaited);
	if (shape.frame.top_is_depth)
		sim_int(at + (raddr)shape.frame.top, in[5] >> 3 & 3);
	else
		sim_pointer(at + (raddr)shape.frame.top, in[5] & 8 ? 0 : stack + (raddr)sim.ptr);
}

static void
fill_coroutine(raddr at, const uint8_t *in)
{
	enum { SLOTS = 6 };
	raddr frame = at + (raddr)form.coro.frame, locals = frame + (raddr)sim.l->frame.locals;
	raddr awaited = any_object(in[1]) | (sim.l->tags & in[5] >> 6);

	if (form.coro.state == ABSENT) {
		fill_heap_frame(at, awaited, in);
		return;
	}
	sim_frame(frame, 0, codes[in[4] % LEN(codes)], 1 + in[4] % 31, 0);
	sim_byte(at + (raddr)form.coro.state, any_state(in[5]));
	for (unsigned i = 0; i < SLOTS; i++)
		sim_pointer(locals + i * (raddr)sim.ptr, awaited);
	if (sim.l->live == LIVE_STACKPOINTER)
		sim_pointer(frame + (raddr)sim.l->frame.live, locals + (in[5] >> 3 & 7) * (raddr)sim.ptr);
}

/* A table of members with their hashes. */
static void
fill_set(raddr at, const raddr *members, size_t n)
{
	raddr table = sim_room(64 * 2 * (size_t)sim.ptr);

	for (size_t i = 0; i < n; i++)
		sim_pointer(table + i * 2 * (raddr)sim.ptr, members[i]);
	sim_pointer(sim_member(at, 1), n);
	sim_pointer(sim_member(at, 2), 63);
	sim_pointer(sim_member(at, 3), table);
}

static void
fill_list(raddr at, const raddr *items, size_t n)
{
	raddr table = sim_room(n * (size_t)sim.ptr);

	sim_pointer(sim_member(at, 0), n);
	sim_pointer(sim_member(at, 1), table);
	for (size_t i = 0; i < n; i++)
		sim_pointer(table + i * (raddr)sim.ptr, items[i]);
}

/* An object with attributes. */
static raddr
python_object(const uint8_t *in)
{
	static const char *const names[] = { "_coro", "_fut_waiter", "_callbacks", "_state", "_name",
		"_Future__asyncio_awaited_by", "_children", "_parent_task" };
	raddr keys[LEN(names)], values[LEN(names)];

	for (size_t i = 0; i < LEN(names); i++) {
		keys[i] = sim_str(names[i], strlen(names[i]));
		values[i] = any_object(in[1 + i % 4] + (unsigned)i / 4);
	}
	values[3] = words[in[5] % 16 ? 5 : 6];
	values[4] = words[in[4] % LEN(words)];
	if (in[5] & 16)
		values[1] = any_object(in[2]);
	return sim_object(keys, values, LEN(names));
}

static int
is_python(const uint8_t *in)
{
	return in[0] % TYPES == PYTHON || in[0] % TYPES == GATHERING;
}

static void
fill(raddr at, const uint8_t *in)
{
	enum type type = in[0] % TYPES;
	raddr others[4];

	for (unsigned i = 0; i < LEN(others); i++)
		others[i] = any_object(in[1 + i]);
	if (is_python(in)) {
		sim_pointer(sim_pointer_at(at + (raddr)sim.l->object.type) + (raddr)sim.l->type.name,
		            sim_pointer_at(types[type] + (raddr)sim.l->type.name));
		return;
	}
	sim_pointer(at + (raddr)sim.l->object.type, types[type]);
	for (unsigned i = 0; i < LEN(others); i++)
		sim_pointer(sim_member(at, i), others[i]);
	switch (type) {
	case TASK: case FUTURE: fill_task(at, in); break;
	case COROUTINE: case GENERATOR: case ASYNC_GENERATOR: fill_coroutine(at, in); break;
	case FUNCTION:
		sim_pointer(at + (raddr)form.closure, others[0]);
		sim_pointer(at + (raddr)shape.function, words[in[5] % LEN(words)]);
		break;
	case LIST: fill_list(at, others, LEN(others)); break;
	case SET: fill_set(at, others, LEN(others)); break;
	case TUPLE:
		sim_pointer(sim_member(at, 0), LEN(others));
		for (unsigned i = 0; i < LEN(others); i++)
			sim_pointer(at + (raddr)shape.items + i * (raddr)sim.ptr, others[i]);
		break;
	default: break;
	}
}

/* ---- where they are found ---- */

/* Those of the even numbers are in one list, the others in another. */
static void
link_tasks(raddr head, size_t first)
{
	raddr before = head;

	for (size_t i = first; i < n_objects; i += 2) {
		raddr node = objects[i] + (raddr)form.task.node;

		sim_pointer(before, node);
		sim_pointer(node + (raddr)sim.ptr, before);
		before = node;
	}
	sim_pointer(before, head);
	sim_pointer(head + (raddr)sim.ptr, before);
}

/* What the module of 3.14 and later says of itself. */
static void
tell(int interp_head, int thread_head)
{
	int p = sim.ptr, node = form.task.coro + 3 * p;
	const int told[] = { node + 2 * p, form.task.coro + p, form.task.state - p,
		form.task.state + 4, form.task.state + 5, form.task.coro, node, interp_head + 64,
		interp_head, thread_head + 64, thread_head + 32 - p, thread_head + 32, thread_head };
	raddr at = sim_room(sizeof told * 2);

	form.task.node = node;
	form.task.awaited_by = told[2];
	form.task.awaited_by_set = told[4];
	for (size_t i = 0; i < LEN(told); i++)
		sim_wide(at + i * 8, (uint64_t)told[i]);
}

static raddr
weak_set(void)
{
	raddr set = sim_room(SIZE), references[MOST_OBJECTS], data = sim_str("data", 4);

	for (size_t i = 0; i < n_objects; i++) {
		references[i] = sim_room(64);
		sim_pointer(sim_member(references[i], 0), objects[i]);
	}
	fill_set(set, references, n_objects);
	return sim_object(&data, &set, 1);
}

static raddr
module(const char *const *names, const raddr *values, size_t n)
{
	raddr at = sim_room(SIZE), keys[4];

	for (size_t i = 0; i < n; i++)
		keys[i] = sim_str(names[i], strlen(names[i]));
	sim_pointer(sim_member(at, 0), sim_dict(keys, values, n));
	return at;
}

static raddr
modules(void)
{
	static const char *const sets[] = { "_all_tasks", "_scheduled_tasks", "_eager_tasks" };
	static const char *const type = "Task";
	raddr all = weak_set(), eager = sim_room(SIZE), keys[2], values[2];

	fill_set(eager, objects, n_objects / 2);
	keys[0] = sim_str("asyncio.tasks", 13);
	values[0] = module(sets, (raddr[]){ all, all, eager }, LEN(sets));
	keys[1] = sim_str("_asyncio", 8);
	values[1] = module(&type, &types[TASK], 1);
	return sim_dict(keys, values, 2);
}

static void
build_types(void)
{
	for (size_t i = 0; i < TYPES; i++) {
		raddr name = sim_room(32);

		types[i] = i == TEXT ? sim.str_type : sim_room(1024);
		sim_put(name, type_names[i], strlen(type_names[i]) + 1);
		sim_pointer(types[i] + (raddr)sim.l->type.name, name);
	}
	sim_pointer(types[TASK] + (raddr)shape.type_base, types[FUTURE]);
}

static void
build_codes(void)
{
	static const uint8_t table[] = { 0x80 | 11 << 3 | 3, 1, 1, 0x80 | 11 << 3 | 7, 2, 2 };
	raddr lines = sim_bytes(table, sizeof table), own = sim_str("/a.py", 5);
	raddr library = sim_str("/lib/asyncio/tasks.py", 21);

	for (size_t i = 0; i < LEN(texts); i++)
		words[i] = sim_str(texts[i], strlen(texts[i]));
	for (size_t i = 0; i < LEN(codes); i++)
		codes[i] = sim_code(i % 2 ? library : own, words[4 + i], lines, 32);
}

static void
build_objects(const uint8_t *in)
{
	for (size_t i = 0; i < n_objects; i++)
		objects[i] = sim_room(SIZE);
	for (size_t i = 0; i < n_objects; i++)
		if (is_python(in + i * OBJECT))
			objects[i] = python_object(in + i * OBJECT);
	for (size_t i = 0; i < n_objects; i++)
		fill(objects[i], in + i * OBJECT);
}

/* 0: that release has no tasks. */
static int
build(unsigned kind, const uint8_t *in)
{
	raddr interp, spare, at = 0, thread_spare = 0;

	sim_python(kind % sim_kinds(), 0);
	if (form_find(sim.l, &form) || shape_find(sim.l, &shape))
		return 0;
	build_types();
	build_codes();
	interp = sim_interpreter(0, 0);
	spare = sim_room(64);
	for (unsigned i = 0; i < THREADS; i++) {
		at = sim_thread(interp, SIM_PID + i, codes, LEN(codes));
		thread_spare = sim_room(64);
		sim_pointer(thread_spare, thread_spare);
		sim_pointer(thread_spare + (raddr)sim.ptr, thread_spare);
	}
	if (form_is_told(sim.l))
		tell((int)(spare - interp), (int)(thread_spare - at));
	build_objects(in);
	if (form_is_told(sim.l)) {
		link_tasks(spare, 0);
		link_tasks(thread_spare, 1);
	}
	sim_pointer(interp + (raddr)sim.l->interp.modules, modules());
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	const uint8_t *objects_in = in + HEAD;

	if (len < HEAD)
		return 0;
	sim_begin(MEMORY);
	n_objects = in[1] % 64 % (MOST_OBJECTS + 1);
	if (n_objects > (len - HEAD) / OBJECT)
		n_objects = (len - HEAD) / OBJECT;
	if (build(in[0], objects_in)) {
		changes_begin(objects_in + n_objects * OBJECT, len - HEAD - n_objects * OBJECT, any_word,
		              MOST_CALLS);
		told_dump((struct dump_what){ .tasks = 1 }, in[1] >> 6 & 1, in[1] >> 7);
	}
	sim_end();
	return 0;
}
