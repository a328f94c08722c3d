/* SPDX-License-Identifier: Apache-2.0 */
/* What all threads do at a moment; see look.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/origin.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "waits/cgroups.h"
#include "waits/waits.h"
#include "layouts.h"
#include "target.h"
#include "gil.h"
#include "thread.h"
#include "threads.h"
#include "stack.h"
#include "values/shapes.h"
#include "values/locals.h"
#include "values/values.h"
#include "values/listing.h"
#include "sample.h"
#include "why/look.h"

const char *
look_string(const char *strings, unsigned number)
{
	while (number--)
		strings += strlen(strings) + 1;
	return strings;
}

static void
free_members(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->members[i].name);
		free(l->members[i].need.name);
		free(l->members[i].wait);
		free(l->members[i].frames);
		free(l->members[i].addresses);
		free(l->members[i].shown);
	}
	free(l->members);
	l->members = NULL;
	l->n = 0;
}

void
look_free(struct look *l)
{
	free_members(l);
	free(l->before);
	free(l->switches);
	values_free(l->values);
}

int
look_find(const struct look *l, uint64_t ident)
{
	for (size_t i = 0; ident && i < l->n; i++)
		if (l->members[i].ident == ident)
			return (int)i;
	return NOBODY;
}

int
look_runs(const struct member *m)
{
	return m->state == 'R' && !m->wants_gil;
}

int
look_has_run(const struct look *l, const struct member *m)
{
	return m->used > 0 && m->used + m->ready >= l->elapsed / 5;
}

int
look_stands(const struct member *m)
{
	struct proc_times times;

	return thread_is_idle(m->thread) && !thread_times(m->thread, &times) && times.ran == m->ran;
}

void
look_locals(const struct member *m, struct listing *list)
{
	listing_read(list, m->addresses, m->n);
	if (!look_stands(m))
		listing_fail(list, TORN);
}

int
look_waits_in(const struct member *m, const char *call)
{
	return !strncmp(m->wait, call, strlen(call));
}

int
look_waits_on(const struct member *m, const char *what)
{
	return text_find(m->wait, what) != NULL;
}

/* ---- frames ---- */

static const char *
string_of(const struct look *l, uint32_t string, size_t *len)
{
	*len = 0;
	return string == PROFILE_NO_FILE ? "" : profile_string_get(l->profile, string, len);
}

int
look_is_file(const struct look *l, uint32_t frame, const char *file)
{
	size_t len, n = strlen(file);
	const char *name = string_of(l, profile_frame_get(l->profile, frame).file, &len);

	return len >= n && !memcmp(name + len - n, file, n) &&
	       origin_of(l->profile, frame) == ORIGIN_LIBRARY;
}

int
look_is_function(const struct look *l, uint32_t frame, const char *function)
{
	size_t len, n = strlen(function);
	const char *name = string_of(l, profile_frame_get(l->profile, frame).function, &len);

	return len >= n && !memcmp(name + len - n, function, n) &&
	       (len == n || name[len - n - 1] == '.');
}

int
look_is_frame(const struct look *l, uint32_t frame, const char *file, const char *function)
{
	return look_is_file(l, frame, file) && look_is_function(l, frame, function);
}

/* The last part of a path, with its folder if it is a package's own. */
static size_t
short_name(const char *name, size_t len)
{
	static const char init[] = "/__init__.py";
	size_t n = len;

	if (len >= sizeof init && !memcmp(name + len - (sizeof init - 1), init, sizeof init - 1))
		n -= sizeof init - 1;
	while (n > 0 && name[n - 1] != '/')
		n--;
	return n;
}

void
look_place(const struct look *l, uint32_t frame, struct buf *out)
{
	struct profile_frame f = profile_frame_get(l->profile, frame);
	size_t len, from;
	const char *name = string_of(l, f.file, &len);

	from = short_name(name, len);
	label_name(out, name + from, len - from);
	buf_str(out, len ? ":" : "");
	label_string(out, l->profile, f.function);
	if (f.line > 0)
		buf_printf(out, ":%d", f.line);
}

int
look_is_own(const struct look *l, uint32_t frame)
{
	enum origin origin = origin_of(l->profile, frame);

	return origin == ORIGIN_APPLICATION || origin == ORIGIN_PACKAGES;
}

unsigned
look_own_frame(const struct look *l, const struct member *m)
{
	for (size_t i = m->n; i-- > 0;)
		if (look_is_own(l, m->frames[i]))
			return i;
	return m->n ? m->n - 1 : 0;
}

/* Whether a C frame has a name: "libz.so.1:deflate", and not "libz.so.1+0x5d80". */
static int
has_name(const struct look *l, uint32_t frame)
{
	size_t len;
	const char *name = string_of(l, profile_frame_get(l->profile, frame).function, &len);

	return memchr(name, ':', len) != NULL;
}

int
look_c_frame(const struct look *l, const struct member *m, uint32_t *frame)
{
	size_t left = m->n, i = m->n_shown;

	if (m->state != 'R' || !i || profile_is_next(m->frames, m->shown[i - 1], &left))
		return 0;
	*frame = m->shown[i - 1];
	while (i-- > 0 && !profile_is_next(m->frames, m->shown[i], &left))
		if (has_name(l, m->shown[i])) {
			*frame = m->shown[i];
			break;
		}
	return 1;
}

void
look_where(const struct look *l, const struct member *m, struct buf *out)
{
	size_t own = look_own_frame(l, m);
	uint32_t c;

	if (m->need.kind && m->n) { /* that says what it has called */
		look_place(l, m->frames[own], out);
		return;
	}
	if (!m->n) {
		buf_str(out, "no Python code");
		return;
	}
	if (look_c_frame(l, m, &c)) {
		look_place(l, c, out);
		buf_str(out, ", called from ");
	}
	look_place(l, m->frames[m->n - 1], out);
	if (own != m->n - 1) {
		buf_str(out, ", called from ");
		look_place(l, m->frames[own], out);
	}
}

/* ---- one thread ---- */

/* Python's frames, which alone have addresses. */
static void
keep_stack(struct member *m, const struct thread *t, const uint32_t *shown, size_t n_shown)
{
	size_t n, n_addresses;
	const uint32_t *frames = stack_frames(t->stack, &n);
	const raddr *addresses = stack_addresses(t->stack, &n_addresses);

	m->n = n < n_addresses ? n : n_addresses;
	m->frames = xcalloc(m->n + 1, sizeof *m->frames);
	m->addresses = xcalloc(m->n + 1, sizeof *m->addresses);
	memcpy(m->frames, frames, m->n * sizeof *m->frames);
	memcpy(m->addresses, addresses, m->n * sizeof *m->addresses);
	m->n_shown = n_shown;
	m->shown = xcalloc(n_shown + 1, sizeof *m->shown);
	memcpy(m->shown, shown, n_shown * sizeof *m->shown);
}

/* The stack of the newest of its states that has one. */
static void
read_stack(struct look *l, struct member *m)
{
	struct thread *t = m->thread;
	const uint32_t *frames = NULL;
	size_t n = 0, n_shown;

	while (t->newer)
		t = t->newer;
	for (; t && !n; t = t->older) {
		m->why = sampler_stack(l->sampler, t, &frames, &n_shown);
		stack_frames(t->stack, &n);
		if (m->why == OK && n && !threads_is_as_listed(sampler_threads(l->sampler), t))
			m->why = TORN;
		if (m->why != OK)
			return;
		if (n)
			keep_stack(m, t, frames, n_shown);
		sampler_forget_stack(t);
	}
}

static void
read_wait(struct member *m, struct waits *waits)
{
	static const char prefix[] = "waits: ";
	struct buf text = { 0 };
	size_t skipped = sizeof prefix - 1;

	if (m->state != 'R')
		waits_describe(waits, &m->thread->task, 0, &text);
	buf_terminate(&text);
	m->wait = copy_text(text.data + (strncmp(text.data, prefix, skipped) ? 0 : skipped));
	buf_free(&text);
}

static int
reads_input(const struct look *l, const struct member *m)
{
	struct proc_call call;

	return look_waits_in(m, "read ") &&
	       !task_call(sampler_target(l->sampler)->process, &m->thread->task, &call) &&
	       !call.args[0];
}

static void
read_member(struct look *l, struct member *m, struct thread *t, struct waits *waits)
{
	struct proc_times times = { -1, -1, 0 };
	struct buf name = { 0 };

	thread_times(t, &times);
	*m = (struct member){ .thread = t, .tid = t->task.tid, .main = thread_is_main(t),
	                      .ident = t->ident, .blocker = NOBODY, .used = -1,
	                      .ran = times.ran, .waited = times.waited, .asked = now_ns() };
	m->state = t->dead ? 'Z' : thread_state(t);
	m->holds_gil = thread_holds_gil(t);
	m->wants_gil = m->state == 'S' && !m->holds_gil && sampler_wants_gil(l->sampler, t);
	read_wait(m, waits);
	m->input = reads_input(l, m);
	m->futex = m->state == 'S' && !m->wants_gil ? task_futex(t->process, &t->task) : 0;
	threads_name(sampler_threads(l->sampler), t, &name);
	buf_terminate(&name);
	m->name = name.data;
	read_stack(l, m);
}

/* ---- all of them ---- */

/* The main thread first; those that have ended, and left a state behind, are nobody. */
static enum why
read_members(struct look *l)
{
	struct thread *const *threads;
	struct waits *waits;
	enum why why = sampler_look(l->sampler, &waits);
	size_t n;

	free_members(l);
	if (why != OK)
		return why;
	threads = threads_all(sampler_threads(l->sampler), &n);
	l->members = xcalloc(n + 1, sizeof *l->members);
	for (int main_thread = 1; main_thread >= 0; main_thread--)
		for (size_t i = 0; i < n; i++)
			if (!threads[i]->older && !threads[i]->dead &&
			    thread_is_main(threads[i]) == main_thread)
				read_member(l, &l->members[l->n++], threads[i], waits);
	l->frozen = waits_are_frozen(waits);
	waits_free(waits);
	return OK;
}

/* ---- what has changed ---- */

static uint32_t
hash_stack(const struct member *m)
{
	return hash_words(hash_bytes(m->frames, m->n * sizeof *m->frames),
	                  hash_bytes(m->addresses, m->n * sizeof *m->addresses));
}

static int64_t
cpu_time(const struct look *l)
{
	return process_cpu_time(sampler_target(l->sampler)->process);
}

/* How often the quotas of a process's control groups have held it back: "nr_throttled 12" in
 * cpu.stat of each, and of those around it (cgroups(7)).  -1: that is not known. */
static int64_t
throttled_in(int pid, const char *controller)
{
	static const char word[] = "nr_throttled ";
	int64_t sum = -1;
	int more = 0;

	for (unsigned up = 0; more <= 0; up++) {
		struct buf text = { 0 };
		const char *p = NULL;
		uint64_t n;

		more = cgroups_read(pid, controller, up, "cpu.stat", &text);
		if (!more)
			p = text_find(buf_terminate(&text), word);
		if (p && (p += sizeof word - 1, !parse_digits(&p, 10, &n)))
			sum = (sum < 0 ? 0 : sum) + (int64_t)n;
		buf_free(&text);
	}
	return sum;
}

static int64_t
count_throttled(const struct look *l)
{
	int pid = process_pid(sampler_target(l->sampler)->process);
	int64_t n = throttled_in(pid, NULL);

	return n < 0 ? throttled_in(pid, "cpu") : n;
}

static int
is_listed(const void *context, raddr tstate)
{
	return threads_find(context, tstate) != NULL;
}

/* A number that is another one when the GIL has gone from one thread to another since; 0: that
 * is not known. */
static uint64_t
read_spell(struct look *l)
{
	const struct target *t = sampler_target(l->sampler);
	unsigned char bytes[64];
	size_t n;
	const struct gil *gils = threads_gils(sampler_threads(l->sampler), &n);

	if (n == 1)
		gil_find_switches(l->switches, t->mem, t->layout, gils, is_listed,
		                  sampler_threads(l->sampler));
	if (n != 1 || !l->switches->addr || gil_switches_size(t->layout) > sizeof bytes ||
	    mem_read(t->mem, l->switches->addr, bytes, gil_switches_size(t->layout)) != OK)
		return 0;
	gil_note_switches(l->switches, t->layout, bytes);
	return l->switches->spell;
}

/*
 * A number for the callback that the thread's asyncio loop is in: another one each time that it
 * gets to one.  A turn of the loop begins with finding out until when it lasts (CPython v3.12.0
 * Lib/asyncio/base_events.py, _run_once).  0: it runs none, or is not known to.
 */
static uint64_t
find_turn(const struct look *l, struct member *m)
{
	enum { MOST_FRAMES = 200 };
	raddr end, handle = 0;
	uint64_t bits;
	size_t f = 0;

	while (f < m->n && f < MOST_FRAMES &&
	       !look_is_frame(l, m->frames[f], "/asyncio/base_events.py", "_run_once"))
		f++;
	m->runs_loop = f < m->n && f < MOST_FRAMES;
	if (!m->runs_loop || f + 1 == m->n || look_is_file(l, m->frames[m->n - 1], "/selectors.py") ||
	    locals_get(l->mem, l->layout, m->addresses[f], "end_time", &end) != OK ||
	    mem_read(l->mem, end + (raddr)l->layout->object.head, &bits, sizeof bits) != OK)
		return 0;
	locals_get(l->mem, l->layout, m->addresses[f], "handle", &handle);
	return hash_words(bits, handle) + UINT64_C(1);
}

static void
remember(struct look *l)
{
	l->before = xcalloc(l->n + 1, sizeof *l->before);
	l->n_before = l->n;
	for (size_t i = 0; i < l->n; i++) {
		struct member *m = &l->members[i];

		l->before[i] = (struct before){ m->tid, hash_stack(m), m->ran, m->waited,
		                                m->asked, m->holds_gil, m->wants_gil, look_runs(m),
		                                find_turn(l, m) };
	}
	l->spell = read_spell(l);
	l->cpu = cpu_time(l);
	l->throttled = count_throttled(l);
	l->began = now_ns();
}

/* Of what a thread did since it was asked about, the part that goes to the time between the
 * looks: each takes a while, and longer where pyflame gets no CPU. */
static int64_t
share_of(const struct look *l, int64_t time, int64_t span)
{
	if (span <= 0 || time <= 0)
		return 0;
	return time < span ? time / 1000 * l->elapsed / (span / 1000 + 1) : l->elapsed;
}

static void
compare(struct look *l, struct member *m, int is_same_spell)
{
	for (size_t i = 0; i < l->n_before; i++) {
		const struct before *b = &l->before[i];
		uint64_t turn;

		if (b->tid != m->tid)
			continue;
		turn = find_turn(l, m);
		m->same = m->why == OK && b->stack == hash_stack(m);
		m->used = m->ran < 0 || b->ran < 0 ? -1 : share_of(l, m->ran - b->ran,
		                                                   m->asked - b->asked);
		m->ready = share_of(l, m->waited - b->waited, m->asked - b->asked);
		m->ran_then = (unsigned char)b->ran_then;
		m->wanted_gil = b->wanted_gil;
		m->kept_gil = m->holds_gil && b->held_gil && is_same_spell;
		m->blocks_loop = turn && turn == b->turn;
		return;
	}
}

enum why
look_first(struct look *l, struct sampler *s, const struct profile *p)
{
	const struct target *t = sampler_target(s);
	struct shape shape;
	enum why why;

	*l = (struct look){ .sampler = s, .profile = p, .layout = t->layout };
	l->switches = xcalloc(1, sizeof *l->switches);
	l->values = values_new(t->mem, t->layout);
	l->collecting = shape_find(t->layout, &shape) ? ABSENT : shape.collecting;
	l->mem = l->values ? values_mem(l->values) : t->mem;
	why = read_members(l);
	if (why == OK)
		remember(l);
	return why;
}

void
look_glance(struct look *l)
{
	const struct target *t = sampler_target(l->sampler);
	int32_t collects;

	if (l->collecting < 0 || !l->n ||
	    mem_read(t->mem, l->members[0].thread->interp + (raddr)l->collecting, &collects,
	             sizeof collects) != OK)
		return;
	l->asked++;
	l->collected += collects == 1;
}

enum why
look_again(struct look *l)
{
	uint64_t spell;
	enum why why;

	if (l->values)
		values_forget(l->values);
	why = read_members(l);
	if (why != OK)
		return why;
	l->elapsed = now_ns() - l->began;
	l->used = cpu_time(l) - l->cpu;
	l->held_back = l->throttled < 0 ? 0 : count_throttled(l) - l->throttled;
	spell = read_spell(l);
	for (size_t i = 0; i < l->n; i++)
		compare(l, &l->members[i], spell && spell == l->spell);
	return OK;
}
