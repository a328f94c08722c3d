/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one thread besides its stack; see thread.h. */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "memory.h"
#include "proc.h"
#include "process.h"
#include "layouts.h"
#include "objects.h"
#include "target.h"
#include "gil.h"
#include "thread.h"

char
thread_state(struct thread *t)
{
	return task_state(t->process, &t->task);
}

int
thread_is_idle(struct thread *t)
{
	char state = thread_state(t);

	return state && state != 'R';
}

int
thread_times(struct thread *t, struct proc_times *times)
{
	return task_times(t->process, &t->task, times);
}

/*
 * The scheduler counts the time of a thread that runs on when the clock ticks,
 * which may be later than ours: what was not yet asked for is kept, as credit.
 */
int
thread_on_cpu(struct thread *t, int64_t period)
{
	enum { KEPT_NS = 20000000 }; /* some ticks of the scheduler */
	int64_t most = period > KEPT_NS ? period : KEPT_NS;
	struct proc_times now;

	if (thread_times(t, &now))
		return thread_state(t) == 'R'; /* a kernel that does not count */
	if (t->cpu_time)
		t->cpu_credit += now.ran - t->cpu_time;
	t->cpu_time = now.ran;
	if (t->cpu_credit > most)
		t->cpu_credit = most;
	if (t->cpu_credit < period / 2 || thread_state(t) != 'R')
		return 0;
	t->cpu_credit -= period;
	return 1;
}

int
thread_wants_gil(struct thread *t, const struct gil *gils, size_t n)
{
	uint64_t futex = n ? task_futex(t->process, &t->task) : 0;

	for (size_t i = 0; i < n && futex; i++)
		if (gil_has_futex(&gils[i], futex))
			return 1;
	return 0;
}

int
thread_is_main(const struct thread *t)
{
	return t->task.tid == process_pid(t->process);
}

/* ---- names ---- */

struct name_search {
	const struct target *target;
	uint64_t ident;
	raddr found;
};

static int
match_ident(void *context, raddr key, raddr value)
{
	struct name_search *s = context;
	uint64_t ident;

	if (object_integer(s->target->mem, s->target->layout, key, &ident) != OK ||
	    ident != s->ident)
		return 0;
	s->found = value;
	return 1;
}

/* sys.modules["threading"]._active, a dict. */
static enum why
find_active(const struct target *t, raddr interp, raddr *active)
{
	const struct layout *l = t->layout;
	raddr at, dict;
	enum why why = object_read_pointer(t->mem, l, interp + (raddr)l->interp.modules, &at);

	if (why == OK)
		why = object_dict_get(t->mem, l, at, "threading", &at);
	if (why == OK) /* a module's dictionary comes right after its head */
		why = object_read_pointer(t->mem, l, at + (raddr)l->object.head, &dict);
	return why == OK ? object_dict_get(t->mem, l, dict, "_active", active) : why;
}

/* _active[ident]._name */
enum why
thread_python_name(const struct target *t, raddr interp, uint64_t ident, struct buf *out)
{
	const struct layout *l = t->layout;
	struct name_search s = { t, ident, 0 };
	raddr at;
	enum why why = find_active(t, interp, &at);

	if (why == OK)
		why = object_dict_each(t->mem, l, at, match_ident, &s);
	if (why != OK || !s.found)
		return why == OK ? BROKEN : why;
	why = object_attribute(t->mem, l, s.found, "_name", &at);
	if (why != OK) /* 2.7 */
		why = object_attribute(t->mem, l, s.found, "_Thread__name", &at);
	return why == OK ? object_text(t->mem, l, at, out) : why;
}

void
thread_kernel_name(const struct thread *t, struct buf *out)
{
	char name[32];

	if (thread_is_main(t))
		buf_str(out, "MainThread");
	else if (t->task.tid && !process_task_name(t->process, t->task.tid, name, sizeof name))
		buf_str(out, name);
	else
		buf_str(out, "unknown");
}
