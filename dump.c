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
#include "proc.h"
#include "process.h"
#include "waits/waits.h"
#include "layouts.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "stack.h"
#include "values/listing.h"
#include "sample.h"
#include "tasks/async.h"
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
	struct profile *p;
	struct buf *out;
	struct listing *locals; /* of the stack that is written; NULL: they are not asked for */
	struct async *tasks;
};

/* Running, or what for it waits. */
static void
add_state(const struct dump *d, struct thread *t, char state, struct buf *out)
{
	if (t->dead)
		buf_str(out, "dead");
	else if (state == 'S' && !waits_are_frozen(d->waits) && !thread_holds_gil(t) &&
	         sampler_wants_gil(d->s, t))
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

/* ---- local variables ---- */

/* The variables of a thread's frames, which were read just now. */
struct reading {
	const struct dump *d;
	const struct thread *t;
};

static void
list_locals(void *context)
{
	const struct reading *r = context;
	size_t n;
	const raddr *addresses = stack_addresses(r->t->stack, &n);

	listing_read(r->d->locals, addresses, n);
}

/* Reads the stack again: whether it is the very same. */
static int
stands_still(const struct dump *d, struct thread *t)
{
	const uint32_t *frames;
	size_t n, again, merged;
	const raddr *addresses = stack_addresses(t->stack, &n);
	uint32_t *were = xcalloc(n + 1, sizeof *were);
	raddr *at = xcalloc(n + 1, sizeof *at);
	int same;

	if (n) {
		memcpy(at, addresses, n * sizeof *at);
		memcpy(were, stack_frames(t->stack, &again), n * sizeof *were);
	}
	same = sampler_stack(d->s, t, &frames, &merged) == OK;
	frames = stack_frames(t->stack, &again);
	same = same && again == n &&
	       (!n || (!memcmp(were, frames, n * sizeof *were) &&
	               !memcmp(at, stack_addresses(t->stack, &again), n * sizeof *at)));
	free(were);
	free(at);
	return same;
}

/*
 * Reads the variables of a thread that runs, and may not be stopped, or has run meanwhile: they
 * are believed if they, and the stack, are the same twice in a row.
 */
static void
read_moving(const struct dump *d, struct thread *t)
{
	enum { TRIES = 6 };
	struct reading r = { d, t };
	uint32_t hash, last = 0;

	for (int i = 0; i < TRIES; i++, last = hash) {
		list_locals(&r);
		hash = listing_hash(d->locals);
		if (stands_still(d, t) && i && hash == last)
			return;
	}
	listing_fail(d->locals, TORN);
}

/* Whether the thread waits; how much CPU time it has had by now. */
static int
is_waiting(struct thread *t, int64_t *ran)
{
	struct proc_times times;
	int waits = thread_is_idle(t) && !thread_times(t, &times);

	*ran = waits ? times.ran : 0;
	return waits;
}

/* Reads a stack and its variables.  One that has not run meanwhile is as it was; any other is
 * stopped for that, if it may be. */
static enum why
read_with_locals(const struct dump *d, struct thread *t, const uint32_t **frames, size_t *n)
{
	struct reading r = { d, t };
	int64_t before, after;
	int waits = is_waiting(t, &before);
	enum why why = sampler_stack(d->s, t, frames, n);

	if (why != OK || !*n)
		return why;
	if (waits)
		list_locals(&r);
	if (waits && is_waiting(t, &after) && after == before)
		return OK;
	if (sampler_stack_stopped(d->s, t, list_locals, &r) != OK)
		read_moving(d, t);
	*frames = sampler_frames(d->s, t, n);
	return OK;
}

/* ---- tasks ---- */

/* A task that runs is on the stack that was read just now. */
static void
note_stack(const struct dump *d, const struct thread *t)
{
	size_t n;
	const raddr *addresses = stack_addresses(t->stack, &n);

	async_note(d->tasks, t->task.tid, addresses, stack_frames(t->stack, &n), n);
}

static void
note_all_stacks(void *context)
{
	const struct dump *d = context;
	const uint32_t *frames;
	size_t n, n_frames;
	struct thread *const *threads = threads_all(sampler_threads(d->s), &n);

	for (size_t i = 0; i < n; i++) {
		if (sampler_stack(d->s, threads[i], &frames, &n_frames) == OK)
			note_stack(d, threads[i]);
		sampler_forget_stack(threads[i]);
	}
}

static void
read_tasks(struct dump *d, struct dump_what *what)
{
	size_t places;

	async_read(d->tasks, !what->tasks, note_all_stacks, d);
	what->n_tasks += async_count(d->tasks, &places);
	what->n_places += places;
	what->n_greenlets += async_count_greenlets(d->tasks, &places);
	what->n_greenlet_places += places;
}

/* ---- any thread ---- */

static void
dump_state(const struct dump *d, const struct writer *writer, struct thread *t)
{
	const uint32_t *frames;
	size_t n;
	enum why why = HAS_VALUES && d->locals ? read_with_locals(d, t, &frames, &n) :
	                                         sampler_stack(d->s, t, &frames, &n);

	if (why == OK && n && !threads_is_as_listed(sampler_threads(d->s), t))
		why = TORN;
	if (why == OK)
		note_stack(d, t);
	writer->stack(d, t, frames, n, why);
	/* Of thousands of threads what was read of them would be most of our memory. */
	sampler_forget_stack(t);
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
dump_all(struct dump *d, const struct writer *writer, struct dump_what *what)
{
	const struct target *target = sampler_target(d->s);
	struct thread *const *threads;
	enum why why = sampler_look(d->s, &d->waits);
	size_t n;

	if (why != OK)
		return why;
	threads = threads_all(sampler_threads(d->s), &n);
	d->tasks = async_new(target, sampler_threads(d->s), d->p, sampler_codes(d->s));
	d->locals = HAS_VALUES && what->locals ? listing_new(target->mem, target->layout) : NULL;
	/* The main thread first: Python makes it first, but not where it was
	 * embedded in a program that had threads already. */
	for (int main_thread = 1; main_thread >= 0; main_thread--)
		for (size_t i = 0; i < n; i++)
			if (!threads[i]->older && thread_is_main(threads[i]) == main_thread)
				dump_task(d, writer, threads[i]);
	read_tasks(d, what);
	waits_free(d->waits);
	listing_free(d->locals);
	return OK;
}

/* ---- text ---- */

/* The oldest state of a task stands for it. */
static void
write_header(const struct dump *d, struct thread *t, const char *name, const char *state)
{
	buf_printf(d->out, d->out->len ? "\n%d%s: " : "%d%s: ", t->task.tid,
	           thread_holds_gil(t) ? "*" : "");
	label_name(d->out, name, strlen(name));
	buf_printf(d->out, " (%s)\n", state);
}

/* Under the frame, which has them. */
static void
write_locals(const struct dump *d, size_t frame)
{
	size_t n;
	enum why why = listing_of(d->locals, frame, &n);

	for (size_t i = 0; i < n; i++) {
		struct listed l = listing_get(d->locals, frame, i);

		buf_printf(d->out, "    %s = %s\n", l.name, l.value);
	}
	if (why != OK)
		buf_printf(d->out, "    (locals: %s)\n", why_word(why));
}

static void
write_stack(const struct dump *d, const struct thread *t, const uint32_t *frames, size_t n,
            enum why why)
{
	const struct threads *threads = sampler_threads(d->s);
	size_t left;
	const uint32_t *python = stack_frames(t->stack, &left);

	if (why != OK)
		buf_printf(d->out, "(failed: %s)\n", why_word(why));
	if (why != OK || !n)
		return;
	if (threads_has_interpreters(threads))
		buf_printf(d->out, "interpreter %" PRId64 ":\n", threads_interpreter(threads, t));
	while (n-- > 0) {
		label_frame(d->out, d->p, frames[n]);
		buf_str(d->out, "\n");
		if (HAS_VALUES && d->locals && profile_is_next(python, frames[n], &left))
			write_locals(d, left);
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
	json_add_bool(d->out, "holds_gil", thread_holds_gil(t));
	write_json_state(d->out, state);
	json_open(d->out, "stacks", '[');
}

static void
write_json_locals(const struct dump *d, size_t frame)
{
	size_t n;
	enum why why = listing_of(d->locals, frame, &n);

	json_open(d->out, "locals", '[');
	for (size_t i = 0; i < n; i++) {
		struct listed l = listing_get(d->locals, frame, i);

		json_open(d->out, NULL, '{');
		json_add_text(d->out, "name", l.name);
		json_add_text(d->out, "kind", l.kind);
		json_add_text(d->out, "value", l.value);
		json_close(d->out, '}');
	}
	json_close(d->out, ']');
	if (why != OK)
		json_add_text(d->out, "locals_failed", why_word(why));
}

static void
write_json_frame(const struct dump *d, const uint32_t *python, uint32_t frame, size_t *left)
{
	json_open(d->out, NULL, '{');
	json_add_place(d->out, d->p, frame);
	if (HAS_VALUES && d->locals && profile_is_next(python, frame, left))
		write_json_locals(d, *left);
	json_close(d->out, '}');
}

static void
write_json_stack(const struct dump *d, const struct thread *t, const uint32_t *frames, size_t n,
                 enum why why)
{
	size_t left;
	const uint32_t *python = stack_frames(t->stack, &left);

	json_open(d->out, NULL, '{');
	json_add_number(d->out, "interpreter", threads_interpreter(sampler_threads(d->s), t));
	if (why != OK)
		json_add_text(d->out, "failed", why_word(why));
	json_open(d->out, "frames", '[');
	while (why == OK && n-- > 0)
		write_json_frame(d, python, frames[n], &left);
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

	json_begin_processes(out, "pyflame dump", VERSION);
}

enum why
dump_json(struct sampler *s, struct profile *p, struct dump_what *what, struct buf *out)
{
	static const struct writer writer = { write_json_header, write_json_stack, write_json_end };
	const struct target *target = sampler_target(s);
	struct dump d = { .s = s, .p = p, .out = out };
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
	why = dump_all(&d, &writer, what);
	json_close(out, ']');
	if (HAS_TASKS && what->tasks)
		async_write_json(d.tasks, out);
	json_close(out, '}');
	if (why != OK)
		out->len = before;
	async_free(d.tasks);
	buf_free(&name);
	free(version);
	return why;
}

enum why
dump_write(struct sampler *s, struct profile *p, struct dump_what *what, struct buf *out)
{
	static const struct writer writer = { write_header, write_stack, write_end };
	struct dump d = { .s = s, .p = p, .out = out };
	enum why why = dump_all(&d, &writer, what);

	if (HAS_TASKS && what->tasks)
		async_write(d.tasks, out);
	async_free(d.tasks);
	return why;
}
