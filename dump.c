/* SPDX-License-Identifier: Apache-2.0 */
/* All threads of a target, once; see dump.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "label.h"
#include "process.h"
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

static void
dump_header(struct sampler *s, struct thread *t, char state, struct buf *out)
{
	int wants = state == 'S' && !t->holds_gil && sampler_wants_gil(s, t);
	struct buf name = { 0 };

	threads_name(sampler_threads(s), t, &name);
	buf_printf(out, "%d%s: ", t->task.tid, t->holds_gil ? "*" : "");
	label_name(out, name.data, name.len);
	buf_printf(out, " (%s)\n", t->dead ? "dead" : wants ? "waits for the GIL" : state_word(state));
	buf_free(&name);
}

/* Of several states of one task, the newest that runs Python. */
static void
dump_task(struct sampler *s, struct thread *t, const struct profile *p, struct buf *out)
{
	/* The state first: reading a stack may have to stop the thread. */
	char state = thread_state(t);
	const uint32_t *frames;
	size_t n;
	enum why why;

	while (t->newer)
		t = t->newer;
	while ((why = sampler_stack(s, t, &frames, &n)) == OK && !n && t->older)
		t = t->older;
	dump_header(s, t, state, out);
	if (why != OK)
		buf_printf(out, "(failed: %s)\n", why_word(why));
	while (why == OK && n-- > 0) {
		label_frame(out, p, frames[n]);
		buf_str(out, "\n");
	}
}

enum why
dump_write(struct sampler *s, const struct profile *p, struct buf *out)
{
	enum { TRIES = 20 };
	struct thread *const *threads;
	enum why why = TORN;
	size_t n;

	/* Threads that start or end while they are listed make it fail. */
	for (int i = 0; i < TRIES && why != OK && why != GONE; i++)
		why = threads_refresh(sampler_threads(s));
	if (why != OK)
		return why;
	sampler_note_holders(s);
	threads = threads_all(sampler_threads(s), &n);
	/* The main thread first: Python makes it first, but not where it was
	 * embedded in a program that had threads already. */
	for (int main_thread = 1; main_thread >= 0; main_thread--) {
		for (size_t i = 0; i < n; i++) {
			if (threads[i]->older || thread_is_main(threads[i]) != main_thread)
				continue;
			if (out->len)
				buf_str(out, "\n");
			dump_task(s, threads[i], p, out);
		}
	}
	return OK;
}
