/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task waits for: another task, a gather, or what asyncio's own functions on top of its
 * chain are for.  Their variables say more: CPython v3.7.0 and later Lib/asyncio/tasks.py, sleep
 * and _wait; selector_events.py, sock_recv and its likes; streams.py, StreamReader._transport.
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
#include "values/numbers.h"
#include "values/locals.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/state.h"

enum { MOST_UP = 16 /* frames that are looked through */, NAME = 128 };

const char *
state_name(const struct async_task *t)
{
	if (t->why != OK)
		return "failed";
	switch (t->state) {
	case TASK_WAITS:
		return "waits";
	case TASK_RUNS:
		return "runs";
	default:
		return t->begun ? "ready" : "not begun";
	}
}

void
state_add_name(const struct tasks *ts, const struct async_task *t, struct buf *out)
{
	struct buf name = { 0 };

	tasks_name(ts, t, &name);
	buf_visible(out, buf_terminate(&name), name.len);
	buf_free(&name);
}

/* ---- asyncio's functions ---- */

struct call { /* the outermost of asyncio's own functions at the end of a chain */
	char file[NAME], function[NAME]; /* without folders; "" if there is none */
	char leaf[NAME];                 /* the innermost one */
	int below; /* that is below a future's own, which is written in Python */
};

static void
copy_name(const struct profile *p, uint32_t string, char *out)
{
	size_t len;
	const char *bytes = profile_string_get(p, string, &len);

	len = len < NAME - 1 ? len : NAME - 1;
	memcpy(out, bytes, len);
	out[len] = 0;
}

/* The name of a file in asyncio's folder, NULL if it is another one. */
static int
copy_file(const struct profile *p, uint32_t string, char *out)
{
	static const char folder[] = "/asyncio/";
	size_t len;
	const char *bytes = profile_string_get(p, string, &len), *name = bytes + len;
	size_t n = sizeof folder - 1;

	while (name > bytes && name[-1] != '/')
		name--;
	if ((size_t)(name - bytes) < n || memcmp(name - n, folder, n))
		return 0;
	len -= (size_t)(name - bytes);
	len = len < NAME - 1 ? len : NAME - 1;
	memcpy(out, name, len);
	out[len] = 0;
	return 1;
}

static void
find_call(const struct tasks *ts, uint32_t stack, struct call *c)
{
	const struct profile *p = tasks_profile(ts), *stacks = tasks_stacks(ts);
	char file[NAME], function[NAME];

	memset(c, 0, sizeof *c);
	for (int i = 0; i < MOST_UP && stack != PROFILE_ROOT; i++,
	     stack = profile_stack_parent(stacks, stack)) {
		struct profile_frame f = profile_frame_get(p, profile_stack_frame(stacks, stack));

		if (f.file == PROFILE_NO_FILE || !copy_file(p, f.file, file))
			return;
		if (!strcmp(file, "futures.py")) {
			c->below = 1;
			continue;
		}
		copy_name(p, f.function, function);
		if (!*c->leaf)
			memcpy(c->leaf, function, sizeof c->leaf);
		/* Where names are not qualified, the innermost one tells more, but for StreamReader's
		 * _wait_for_data and the like; and more than what is common to several, as
		 * _ContextManagerMixin.__aenter__ is. */
		if (!*c->function || (*function != '_' && (strchr(function, '.') ||
		    (*c->leaf == '_' && !strcmp(file, c->file))))) {
			memcpy(c->file, file, sizeof c->file);
			memcpy(c->function, function, sizeof c->function);
		}
	}
}

/* ---- what their variables say ---- */

static int
local(const struct tasks *ts, const struct async_task *t, const char *name, raddr *object)
{
	return locals_get(tasks_mem(ts), tasks_layout(ts), t->leaf, name, object) == OK;
}

static void
add_number(const struct tasks *ts, raddr object, struct buf *out)
{
	const struct layout *l = tasks_layout(ts);
	char type[8] = "";
	uint64_t n;

	object_type_name(tasks_mem(ts), l, object, type, sizeof type);
	if (!strcmp(type, "int") && object_integer(tasks_mem(ts), l, object, &n) == OK)
		buf_printf(out, "(%llu)", (unsigned long long)n);
	if (strcmp(type, "float") ||
	    mem_read(tasks_mem(ts), object + (raddr)l->object.head, &n, sizeof n) != OK)
		return;
	buf_str(out, "(");
	number_float(out, n, 1);
	buf_str(out, ")");
}

static void
add_class(const struct tasks *ts, raddr object, struct buf *out)
{
	char type[NAME];

	if (object_type_name(tasks_mem(ts), tasks_layout(ts), object, type, sizeof type) != OK)
		return;
	buf_visible(out, type, strlen(type));
	buf_str(out, ".");
}

/* How many are in a set: the word after `fill`. */
static void
add_used(const struct tasks *ts, raddr set, struct buf *out)
{
	const struct layout *l = tasks_layout(ts);
	raddr used;

	if (object_read_pointer(tasks_mem(ts), l, set + (raddr)(l->object.head + l->ptr), &used) == OK)
		buf_printf(out, " of %llu", (unsigned long long)used);
}

/* The descriptor of the socket that a call is about: a number, a socket, or that of the
 * transport; -1: it is not known. */
static int
find_descriptor(const struct tasks *ts, const struct async_task *t)
{
	struct mem *mem = tasks_mem(ts);
	const struct layout *l = tasks_layout(ts);
	raddr object;
	uint64_t n;
	int32_t fd;

	if (local(ts, t, "fd", &object) && object_integer(mem, l, object, &n) == OK)
		return (int)n;
	if (local(ts, t, "sock", &object) &&
	    mem_read(mem, object + (raddr)l->object.head, &fd, sizeof fd) == OK)
		return fd;
	if (local(ts, t, "self", &object) &&
	    object_attribute(mem, l, object, "_transport", &object) == OK &&
	    object_attribute(mem, l, object, "_sock_fd", &object) == OK &&
	    object_integer(mem, l, object, &n) == OK)
		return (int)n;
	return -1;
}

static void
add_socket(const struct tasks *ts, const struct async_task *t, struct files *files,
           struct buf *out)
{
	struct buf what = { 0 };
	int fd = find_descriptor(ts, t);

	if (fd >= 0 && files_describe(files, fd, 0, &what))
		buf_printf(out, " on %s", buf_terminate(&what));
	buf_free(&what);
}

static const char *
last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* Lock.__aenter__ is a wait for the lock. */
static void
add_function(const char *function, struct buf *out)
{
	const char *last = last_part(function);
	size_t len = strlen(function);

	if (!strncmp(last, "__", 2) && last > function)
		len = (size_t)(last - function - 1);
	buf_visible(out, function, len);
}

static void
add_call(const struct tasks *ts, const struct async_task *t, const struct call *c,
         struct files *files, struct buf *out)
{
	const char *last = last_part(c->leaf);
	raddr object;

	/* The innermost frame's `self` may be another's: StreamWriter.drain's is a protocol. */
	if (!c->below && !strchr(c->function, '.') && strcmp(c->file, "tasks.py") &&
	    (!strcmp(c->function, c->leaf) || !strcmp(c->leaf, "_wait_for_data")) &&
	    local(ts, t, "self", &object))
		add_class(ts, object, out);
	if (!strcmp(last, "_wait") && !strcmp(c->file, "tasks.py"))
		buf_str(out, "wait");
	else
		add_function(c->function, out);
	if (!files || c->below)
		return;
	if (!strcmp(last, "sleep") && local(ts, t, "delay", &object))
		add_number(ts, object, out);
	else if (!strcmp(last, "_wait") && local(ts, t, "fs", &object))
		add_used(ts, object, out);
	else if (!strcmp(c->file, "streams.py") || !strcmp(c->file, "selector_events.py"))
		add_socket(ts, t, files, out);
}

/* ---- futures ---- */

static int
add_future(const struct tasks *ts, raddr future, int plain, struct buf *out)
{
	const struct layout *l = tasks_layout(ts);
	size_t n, task = tasks_find(ts, future);
	struct async_task other;
	char type[32] = "";
	raddr children, length;

	if (task || (plain && tasks_is_one(ts, future, &other))) {
		buf_str(out, plain ? "a task" : "task ");
		if (!plain)
			state_add_name(ts, &tasks_all(ts, &n)[task - 1], out);
		return 1;
	}
	object_type_name(tasks_mem(ts), l, future, type, sizeof type);
	if (strcmp(last_part(type), "_GatheringFuture"))
		return 0;
	buf_str(out, "gather");
	if (!plain && object_attribute(tasks_mem(ts), l, future, "_children", &children) == OK &&
	    object_read_pointer(tasks_mem(ts), l, children + (raddr)l->object.head, &length) == OK)
		buf_printf(out, " of %llu", (unsigned long long)length);
	return 1;
}

void
state_wait(const struct tasks *ts, const struct async_task *t, struct files *files,
           struct buf *out)
{
	struct call c;

	if (t->why != OK || t->state != TASK_WAITS || add_future(ts, t->waiter, !files, out))
		return;
	find_call(ts, t->stack, &c);
	if (*c.function)
		add_call(ts, t, &c, files, out);
	else
		buf_str(out, "a future");
}
