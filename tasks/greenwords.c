/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a greenlet waits for shows by the functions of gevent or eventlet on top of its stack: the
 * outermost of them is what the program called.  Many of gevent's are in C, and not to be seen;
 * then nothing is said.  eventlet waits for descriptors in one function: eventlet 0.33.1
 * eventlet/hubs/__init__.py, trampoline.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "waits/files.h"
#include "layouts.h"
#include "objects.h"
#include "values/shapes.h"
#include "values/locals.h"
#include "tasks/many.h"
#include "tasks/tasks.h"
#include "tasks/greenlet.h"
#include "tasks/greenlets.h"
#include "tasks/greenwords.h"

enum { MOST_UP = 16 /* frames that are looked through */ };

const char *
greenwords_state(const struct greenlet *g, int waits)
{
	static const char *const names[] = { "suspended", "runs", "not begun", "dead" };

	return g->why != OK ? "failed" : waits ? "waits" : names[g->state];
}

/* ---- names ---- */

static int
is_of_type(const struct greenlets *gs, raddr object, const char *name)
{
	const struct tasks *ts = greenlets_tasks(gs);
	char type[32];

	return object && object_type_name(tasks_mem(ts), tasks_layout(ts), object, type,
	                                  sizeof type) == OK && !strcmp(type, name);
}

static void
add_str(const struct greenlets *gs, raddr str, struct buf *out)
{
	const struct tasks *ts = greenlets_tasks(gs);
	size_t before = out->len;

	if (is_of_type(gs, str, "str") && object_text(tasks_mem(ts), tasks_layout(ts), str, out) != OK)
		out->len = before;
}

/* A function, or one that is bound or has arguments. */
static void
add_function(const struct greenlets *gs, raddr object, struct buf *out)
{
	const struct tasks *ts = greenlets_tasks(gs);

	if (is_of_type(gs, object, "method") || is_of_type(gs, object, "functools.partial"))
		object = greenlets_word(gs, object + (raddr)tasks_layout(ts)->object.head);
	if (is_of_type(gs, object, "function"))
		add_str(gs, greenlets_word(gs, object + (raddr)tasks_shape(ts)->function), out);
}

void
greenwords_name(const struct greenlets *gs, const struct greenlet *g, struct buf *out)
{
	static const char *const names[] = { "name", "_run" };
	const struct tasks *ts = greenlets_tasks(gs);
	raddr v[LEN(names)] = { 0 };
	struct many_names wanted = { tasks_mem(ts), tasks_layout(ts), names, LEN(names), v };
	const char *text;
	size_t len;

	if (g->asked) {
		text = g->named ? profile_string_get(tasks_stacks(ts), g->named - 1, &len) : NULL;
		if (text)
			buf_add(out, text, len);
		return;
	}
	object_attribute_each(tasks_mem(ts), tasks_layout(ts), g->addr, many_match, &wanted);
	add_str(gs, v[0], out);
	if (!out->len)
		add_function(gs, v[1], out);
	if (!out->len)
		add_function(gs, g->run, out);
}

/* ---- waits ---- */

/* What the innermost functions are about: by a variable of eventlet's, a number; by `self`, which
 * has gevent's socket in a slot. */
enum variable { FILENO, SELF, VARIABLES };

static int
take_variable(void *context, const struct local *l)
{
	raddr *objects = context;

	if (!strcmp(l->name, "fileno"))
		objects[FILENO] = l->object;
	else if (!strcmp(l->name, "self"))
		objects[SELF] = l->object;
	return 0;
}

/* Where among its words an object of that type, or of one that this is derived from, has a slot:
 * CPython v3.7.0 and later Include/descrobject.h, PyMemberDescrObject; Include/structmember.h,
 * PyMemberDef.  0: it has none of that name. */
static raddr
find_slot(const struct greenlets *gs, raddr type, const char *name)
{
	enum { BASES = 8, MEMBER = 3, OFFSET = 2, MOST = 4096 };
	const struct tasks *ts = greenlets_tasks(gs);
	const struct layout *l = tasks_layout(ts);
	raddr descriptor, at, p = (raddr)l->ptr;

	for (int i = 0; i < BASES && type; i++) {
		raddr dict = greenlets_word(gs, type + (raddr)tasks_shape(ts)->type_dict);

		if (dict && object_dict_get(tasks_mem(ts), l, dict, name, &descriptor) == OK &&
		    is_of_type(gs, descriptor, "member_descriptor")) {
			at = greenlets_word(gs, descriptor + (raddr)l->object.head + MEMBER * p);
			at = greenlets_word(gs, at + OFFSET * p);
			return at < MOST ? at : 0;
		}
		type = greenlets_word(gs, type + (raddr)tasks_shape(ts)->type_base);
	}
	return 0;
}

/* Its descriptor comes after the head: CPython v3.7.0 and later Modules/socketmodule.h. */
static int
descriptor_of_socket(const struct greenlets *gs, raddr object)
{
	const struct tasks *ts = greenlets_tasks(gs);
	const struct layout *l = tasks_layout(ts);
	raddr type = object ? greenlets_word(gs, object + (raddr)l->object.type) : 0;
	raddr slot = find_slot(gs, type, "_sock");
	raddr socket = slot ? greenlets_word(gs, object + slot) : 0;
	int32_t fd;

	return socket && mem_read(tasks_mem(ts), socket + (raddr)l->object.head, &fd,
	                          sizeof fd) == OK ? fd : -1;
}

static int
find_descriptor(const struct greenlets *gs, const struct greenlet *g)
{
	const struct tasks *ts = greenlets_tasks(gs);
	int found = -1;

	for (size_t i = 0; i < LEN(g->top) && g->top[i] && found < 0; i++) {
		raddr objects[VARIABLES] = { 0 };
		uint64_t fd;

		locals_each(tasks_mem(ts), tasks_layout(ts), g->top[i], take_variable, objects);
		if (is_of_type(gs, objects[FILENO], "int") &&
		    object_integer(tasks_mem(ts), tasks_layout(ts), objects[FILENO], &fd) == OK &&
		    fd <= INT32_MAX)
			found = (int)fd;
		else
			found = descriptor_of_socket(gs, objects[SELF]);
	}
	return found;
}

void
greenwords_wait(const struct greenlets *gs, const struct greenlet *g, struct files *files,
                struct buf *out)
{
	const struct tasks *ts = greenlets_tasks(gs);
	const struct profile *p = tasks_stacks(ts);
	uint32_t function = PROFILE_NO_FILE, s = g->stack;
	struct buf what = { 0 };
	const char *name;
	size_t len;
	int fd;

	if (g->why != OK || g->kind != GREENLET_PLAIN || g->state != GREENLET_SUSPENDED)
		return;
	for (int i = 0; i < MOST_UP && s != PROFILE_ROOT; i++, s = profile_stack_parent(p, s)) {
		uint32_t frame = profile_stack_frame(p, s);

		if (!greenlets_is_in(gs, frame, "/gevent/") && !greenlets_is_in(gs, frame, "/eventlet/"))
			break;
		if (i && profile_stack_parent(p, s) == PROFILE_ROOT) /* what began it */
			break;
		function = profile_frame_get(tasks_profile(ts), frame).function;
	}
	if (function == PROFILE_NO_FILE)
		return;
	name = profile_string_get(tasks_profile(ts), function, &len);
	buf_visible(out, name, len);
	fd = files ? find_descriptor(gs, g) : -1;
	if (fd >= 0 && files_describe(files, fd, 0, &what))
		buf_printf(out, " on %s", buf_terminate(&what));
	buf_free(&what);
}
