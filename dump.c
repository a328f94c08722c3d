/* SPDX-License-Identifier: Apache-2.0 */
/* All threads of a target, once; see dump.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "process.h"
#include "waits/waits.h"
#include "layouts.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "sample.h"
#include "dump.h"

static const char *
state_word(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
	case 'D':
	case 'I':
		return "idle";
	case 'T':
		return "stopped";
	case 't':
		return "traced";
	default:
		return "unknown";
	}
}

#ifdef WITHOUT_waits

static int
add_wait(struct waits *w, struct thread *t, struct buf *out)
{
	(void)w;
	(void)t;
	(void)out;
	return 0;
}

static struct waits *
begin_waits(struct sampler *s)
{
	(void)s;
	return NULL;
}

static void
end_waits(struct waits *w)
{
	(void)w;
}

#else

/* Knows which of all threads wait for the same. */
static struct waits *
begin_waits(struct sampler *s)
{
	const struct target *target = sampler_target(s);
	struct waits *w = waits_new(target->process, (unsigned)target->layout->ptr);
	size_t n;
	struct thread *const *threads = threads_all(sampler_threads(s), &n);

	for (size_t i = 0; i < n; i++)
		if (!threads[i]->older)
			waits_note(w, &threads[i]->task);
	return w;
}

static int
add_wait(struct waits *w, struct thread *t, struct buf *out)
{
	return waits_describe(w, &t->task, 0, out);
}

static void
end_waits(struct waits *w)
{
	waits_free(w);
}

#endif

/* Running, or what for it waits. */
static void
add_state(struct sampler *s, struct waits *w, struct thread *t, int holds, char state,
          struct buf *out)
{
	if (t->dead)
		buf_str(out, "dead");
	else if (state == 'S' && !holds && sampler_wants_gil(s, t))
		buf_str(out, "waits for the GIL");
	else if (state == 'R' || !add_wait(w, t, out))
		buf_str(out, state_word(state));
}

/* The oldest state of a task stands for it; any of them may have the GIL. */
static void
dump_header(struct sampler *s, struct waits *w, struct thread *t, char state, struct buf *out)
{
	struct buf name = { 0 };
	int holds = 0;

	for (const struct thread *any = t; any; any = any->newer)
		holds |= any->holds_gil;
	buf_printf(out, "%d%s: ", t->task.tid, holds ? "*" : "");
	threads_name(sampler_threads(s), t, &name);
	label_name(out, name.data, name.len);
	buf_str(out, " (");
	add_state(s, w, t, holds, state, out);
	buf_str(out, ")\n");
	buf_free(&name);
}

static void
dump_frames(const struct profile *p, const uint32_t *frames, size_t n, struct buf *out)
{
	while (n-- > 0) {
		label_frame(out, p, frames[n]);
		buf_str(out, "\n");
	}
}

/* What a task runs with one of its states. */
static void
dump_state(struct sampler *s, struct thread *t, const struct profile *p, struct buf *out)
{
	const struct threads *threads = sampler_threads(s);
	const uint32_t *frames;
	size_t n;
	enum why why = sampler_stack(s, t, &frames, &n);

	if (why == OK && n && !threads_is_as_listed(threads, t))
		why = TORN;
	if (why != OK)
		buf_printf(out, "(failed: %s)\n", why_word(why));
	if (why != OK || !n)
		return;
	if (threads_has_interpreters(threads))
		buf_printf(out, "interpreter %" PRId64 ":\n", threads_interpreter(threads, t));
	dump_frames(p, frames, n, out);
}

/* A task, and what it runs in each interpreter that it has entered, the last one first. */
static void
dump_task(struct sampler *s, struct waits *w, struct thread *t, const struct profile *p,
          struct buf *out)
{
	/* The state first: reading a stack may have to stop the thread. */
	char state = thread_state(t);
	struct thread *newest = t;

	while (newest->newer)
		newest = newest->newer;
	dump_header(s, w, t, state, out);
	for (; newest; newest = newest->older)
		dump_state(s, newest, p, out);
}

enum why
dump_write(struct sampler *s, const struct profile *p, struct buf *out)
{
	enum { TRIES = 20 };
	struct thread *const *threads;
	struct waits *w;
	enum why why = TORN;
	size_t n;

	/* Threads that start or end while they are listed make it fail. */
	for (int i = 0; i < TRIES && why != OK && why != GONE; i++)
		why = threads_refresh(sampler_threads(s));
	if (why != OK)
		return why;
	sampler_note_holders(s);
	threads = threads_all(sampler_threads(s), &n);
	w = begin_waits(s);
	/* The main thread first: Python makes it first, but not where it was
	 * embedded in a program that had threads already. */
	for (int main_thread = 1; main_thread >= 0; main_thread--) {
		for (size_t i = 0; i < n; i++) {
			if (threads[i]->older || thread_is_main(threads[i]) != main_thread)
				continue;
			if (out->len)
				buf_str(out, "\n");
			dump_task(s, w, threads[i], p, out);
		}
	}
	end_waits(w);
	return OK;
}
