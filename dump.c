/* SPDX-License-Identifier: Apache-2.0 */
/* All threads of a target, once; see dump.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"
#include "process.h"
#include "waits/waits.h"
#include "layouts.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "sample.h"
#include "summary.h"
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

/* A dump that is being written. */
struct dump {
	struct sampler *s;
	struct waits *waits;
	const struct profile *p;
	struct buf *out;
};

/* Begins to know which of all threads wait for the same. */
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

/* Whether a task has the GIL, by any of its states. */
static int
holds_gil(const struct thread *t)
{
	int holds = 0;

	for (; t; t = t->newer)
		holds |= t->holds_gil;
	return holds;
}

/* Running, or what for it waits. */
static void
add_state(const struct dump *d, struct thread *t, char state, struct buf *out)
{
	if (t->dead)
		buf_str(out, "dead");
	else if (state == 'S' && !holds_gil(t) && sampler_wants_gil(d->s, t))
		buf_str(out, "waits for the GIL");
	else if (state == 'R' || !waits_describe(d->waits, &t->task, 0, out))
		buf_str(out, state_word(state));
}

/* ---- any format ---- */

/* How a thread begins, what one of its states runs, and how it ends. */
struct writer {
	void (*header)(const struct dump *, struct thread *, const char *name, const char *state);
	void (*stack)(const struct dump *, const struct thread *, const uint32_t *frames, size_t n,
	              enum why);
	void (*end)(const struct dump *);
};

static void
dump_state(const struct dump *d, const struct writer *writer, struct thread *t)
{
	const uint32_t *frames;
	size_t n;
	enum why why = sampler_stack(d->s, t, &frames, &n);

	if (why == OK && n && !threads_is_as_listed(sampler_threads(d->s), t))
		why = TORN;
	writer->stack(d, t, frames, n, why);
}

/* A task, and what it runs in each interpreter that it has entered, the last one first. */
static void
dump_task(const struct dump *d, const struct writer *writer, struct thread *t)
{
	struct buf name = { 0 }, state = { 0 };
	struct thread *newest = t;

	/* The state first: reading a stack may have to stop the thread. */
	add_state(d, t, thread_state(t), &state);
	while (newest->newer)
		newest = newest->newer;
	threads_name(sampler_threads(d->s), t, &name);
	writer->header(d, t, buf_terminate(&name), buf_terminate(&state));
	for (; newest; newest = newest->older)
		dump_state(d, writer, newest);
	writer->end(d);
	buf_free(&name);
	buf_free(&state);
}

static enum why
dump_all(struct dump *d, const struct writer *writer)
{
	enum { TRIES = 20 };
	struct thread *const *threads;
	enum why why = TORN;
	size_t n;

	/* Threads that start or end while they are listed make it fail. */
	for (int i = 0; i < TRIES && why != OK && why != GONE; i++)
		why = threads_refresh(sampler_threads(d->s));
	if (why != OK)
		return why;
	sampler_note_holders(d->s);
	threads = threads_all(sampler_threads(d->s), &n);
	d->waits = begin_waits(d->s);
	/* The main thread first: Python makes it first, but not where it was
	 * embedded in a program that had threads already. */
	for (int main_thread = 1; main_thread >= 0; main_thread--)
		for (size_t i = 0; i < n; i++)
			if (!threads[i]->older && thread_is_main(threads[i]) == main_thread)
				dump_task(d, writer, threads[i]);
	waits_free(d->waits);
	return OK;
}

/* ---- text ---- */

/* The oldest state of a task stands for it. */
static void
write_header(const struct dump *d, struct thread *t, const char *name, const char *state)
{
	buf_printf(d->out, d->out->len ? "\n%d%s: " : "%d%s: ", t->task.tid,
	           holds_gil(t) ? "*" : "");
	label_name(d->out, name, strlen(name));
	buf_printf(d->out, " (%s)\n", state);
}

static void
write_stack(const struct dump *d, const struct thread *t, const uint32_t *frames, size_t n,
            enum why why)
{
	const struct threads *threads = sampler_threads(d->s);

	if (why != OK)
		buf_printf(d->out, "(failed: %s)\n", why_word(why));
	if (why != OK || !n)
		return;
	if (threads_has_interpreters(threads))
		buf_printf(d->out, "interpreter %" PRId64 ":\n", threads_interpreter(threads, t));
	while (n-- > 0) {
		label_frame(d->out, d->p, frames[n]);
		buf_str(d->out, "\n");
	}
}

static void
write_end(const struct dump *d)
{
	(void)d;
}

/* ---- JSON ---- */

/* "waits: sleep" as the state "waits" and what for. */
static void
write_json_state(struct buf *out, const char *state)
{
	struct buf word = { 0 };
	const char *what = state + strcspn(state, ": ");

	if (!strncmp(what, " for the GIL", strlen(what)) && *what) {
		json_add_text(out, "state", "waits");
		json_add_text(out, "wait", "the GIL");
		return;
	}
	buf_add(&word, state, (size_t)(what - state));
	json_add_text(out, "state", buf_terminate(&word));
	if (*what == ':')
		json_add_text(out, "wait", what + 2);
	else if (*what)
		json_add_text(out, "by", what + strlen(" by "));
	buf_free(&word);
}

static void
write_json_header(const struct dump *d, struct thread *t, const char *name, const char *state)
{
	json_open(d->out, NULL, '{');
	if (t->task.tid)
		json_add_number(d->out, "tid", t->task.tid);
	json_add_shown(d->out, "name", name);
	json_add_bool(d->out, "holds_gil", holds_gil(t));
	write_json_state(d->out, state);
	json_open(d->out, "stacks", '[');
}

static void
write_json_frame(struct buf *out, const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);

	json_open(out, NULL, '{');
	json_add_shown_string(out, "function", p, f.function);
	if (f.file != PROFILE_NO_FILE)
		json_add_shown_string(out, "file", p, f.file);
	if (f.line > 0)
		json_add_number(out, "line", f.line);
	json_close(out, '}');
}

static void
write_json_stack(const struct dump *d, const struct thread *t, const uint32_t *frames, size_t n,
                 enum why why)
{
	json_open(d->out, NULL, '{');
	json_add_number(d->out, "interpreter", threads_interpreter(sampler_threads(d->s), t));
	if (why != OK)
		json_add_text(d->out, "failed", why_word(why));
	json_open(d->out, "frames", '[');
	while (why == OK && n-- > 0)
		write_json_frame(d->out, d->p, frames[n]);
	json_close(d->out, ']');
	json_close(d->out, '}');
}

static void
write_json_end(const struct dump *d)
{
	json_close(d->out, ']');
	json_close(d->out, '}');
}

void
dump_begin_json(struct buf *out)
{
	enum { VERSION = 1 };

	json_open(out, NULL, '{');
	json_add_text(out, "format", "pyflame dump");
	json_add_number(out, "version", VERSION);
	json_add_text(out, "generator", "pyflame " PYFLAME_VERSION);
	json_open(out, "processes", '[');
}

void
dump_end_json(struct buf *out)
{
	json_close(out, ']');
	json_close(out, '}');
	buf_str(out, "\n");
}

enum why
dump_json(struct sampler *s, const struct profile *p, struct buf *out)
{
	static const struct writer writer = { write_json_header, write_json_stack, write_json_end };
	const struct target *target = sampler_target(s);
	struct buf name = { 0 };
	char *version = summary_version(target->hex);
	size_t before = out->len;
	enum why why;

	process_name(target->process, &name);
	json_open(out, NULL, '{');
	json_add_number(out, "pid", process_pid(target->process));
	json_add_shown(out, "command", buf_terminate(&name));
	json_add_text(out, "python", version);
	json_open(out, "threads", '[');
	why = dump_all(&(struct dump){ .s = s, .p = p, .out = out }, &writer);
	json_close(out, ']');
	json_close(out, '}');
	if (why != OK)
		out->len = before;
	buf_free(&name);
	free(version);
	return why;
}

enum why
dump_write(struct sampler *s, const struct profile *p, struct buf *out)
{
	static const struct writer writer = { write_header, write_stack, write_end };

	return dump_all(&(struct dump){ .s = s, .p = p, .out = out }, &writer);
}
