/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report.  Its sections, in the order of what people ask: is it busy at all, in which
 * functions, at which lines, how did it get there, and where does the rest wait.  What is
 * not known is left out with its heading.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/origin.h"
#include "format/export.h"
#include "format/columns.h"
#include "format/ranks.h"
#include "format/report.h"

enum { ROOMY = 80, BAR = 20 };

static int (*get_source)(void *, const char *, struct buf *);
static void *source_context;

void
report_sources(int (*read)(void *, const char *, struct buf *), void *context)
{
	get_source = read;
	source_context = context;
}

/* ---- words ---- */

/* "function  file:line" in so many columns, of which the function gets what it needs, but
 * not all. */
static void
add_place(struct buf *out, const struct profile *p, struct profile_frame f, size_t room)
{
	struct buf function = { 0 }, file = { 0 };
	size_t used;

	label_string(&function, p, f.function);
	if (f.file != PROFILE_NO_FILE)
		label_string(&file, p, f.file);
	if (f.file != PROFILE_NO_FILE && f.line > 0)
		buf_printf(&file, ":%d", f.line);
	used = columns_cut(out, &function, file.len ? room - room / 3 : room);
	if (file.len && used + 2 < room) {
		buf_str(out, "  ");
		columns_colour(out, "2");
		columns_path(out, &file, room - used - 2);
		columns_colour(out, "0");
	}
	buf_str(out, "\n");
	buf_free(&function);
	buf_free(&file);
}

/* ---- the run ---- */

static void
add_command(struct buf *out, const struct profile_run *run)
{
	struct buf who = { 0 }, command = { 0 };
	const char *name = run->command ? run->command : run->title;

	if (run->pid)
		buf_printf(&who, " (pid %d", run->pid);
	if (run->pid && run->python)
		buf_printf(&who, ", Python %s", run->python);
	if (run->pid)
		buf_str(&who, ")");
	if (name)
		buf_visible(&command, name, strlen(name));
	columns_cut(out, &command, columns_width() > who.len ? columns_width() - who.len : 0);
	buf_add(out, who.data, who.len);
	if (command.len || who.len)
		buf_str(out, "\n");
	buf_free(&who);
	buf_free(&command);
}

static void
add_counted(struct buf *out, uint64_t n, const char *what, const char **before)
{
	if (!n)
		return;
	buf_printf(out, "%s%" PRIu64 " %s", *before, n, what);
	*before = ", ";
}

/* When, how long, and what there is of it. */
static void
add_run(struct buf *out, const struct profile *p, uint64_t busy)
{
	const struct profile_run *run = profile_run_get(p);
	uint64_t idle = profile_get(p, PROFILE_IDLE, PROFILE_ROOT), waits, nothing;
	uint64_t lost = run->missed + run->left_out;
	const char *before = "";

	nothing = profile_get(p, PROFILE_SAMPLES, PROFILE_ROOT);
	waits = profile_total(p, PROFILE_IDLE) - idle;
	if (run->duration) {
		buf_seconds(out, run->duration * 1000);
		buf_str(out, " s: ");
	}
	add_counted(out, busy, "samples of what ran", &before);
	add_counted(out, waits, "of what waited", &before);
	add_counted(out, nothing, "times nothing ran", &before);
	add_counted(out, profile_get(p, PROFILE_SAMPLES, PROFILE_FAILED), "failed", &before);
	buf_str(out, *before ? "" : "nothing was sampled");
	if (lost)
		buf_printf(out, "; %" PRIu64 " of %" PRIu64 " ticks not taken", lost, run->ticks + lost);
	buf_str(out, "\n");
}

/* ---- threads and processes ---- */

struct row {
	uint64_t samples, idle, gil;
	uint32_t thread; /* the first one of a process */
	int pid;
};

/* What was counted of each thread. */
static struct row *
count_threads(const struct profile *p, const uint32_t *owners)
{
	struct row *rows = xcalloc(profile_thread_count(p), sizeof *rows);

	for (uint32_t i = 0; i < profile_thread_count(p); i++)
		rows[i] = (struct row){ .thread = i, .pid = profile_thread_get(p, i).pid };
	for (uint32_t i = 1; i < profile_stack_count(p); i++) {
		struct row *row = &rows[owners[i]];

		row->samples += profile_get(p, PROFILE_SAMPLES, i);
		row->idle += profile_get(p, PROFILE_IDLE, i);
		row->gil += profile_get(p, PROFILE_GIL, i);
	}
	return rows;
}

static int
by_pid(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->thread > b->thread) - (a->thread < b->thread);
}

static int
by_work(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	uint64_t work_a = a->samples - a->idle, work_b = b->samples - b->idle;

	if (work_a != work_b)
		return work_a > work_b ? -1 : 1;
	if (a->gil != b->gil)
		return a->gil > b->gil ? -1 : 1;
	return by_pid(pa, pb);
}

/* Makes a row of each process, if there are several.  Rows come sorted by pid. */
static size_t
merge_processes(struct row *rows, size_t n)
{
	size_t merged = 0;

	for (size_t i = 0; i < n; i++) {
		if (merged && rows[merged - 1].pid == rows[i].pid) {
			rows[merged - 1].samples += rows[i].samples;
			rows[merged - 1].idle += rows[i].idle;
			rows[merged - 1].gil += rows[i].gil;
		} else {
			rows[merged++] = rows[i];
		}
	}
	return merged;
}

static void
add_part(struct buf *out, uint64_t n, uint64_t of, char mark, const char *code, uint64_t *left)
{
	uint64_t length = of ? (uint64_t)((double)n / (double)of * BAR + 0.5) : 0;

	if (length > *left)
		length = *left;
	if (!length)
		return;
	*left -= length;
	columns_colour(out, code);
	while (length-- > 0)
		buf_add(out, &mark, 1);
	columns_colour(out, "0");
}

static void
add_bar(struct buf *out, const struct row *row, uint64_t of)
{
	uint64_t left = BAR;

	if (of < row->samples) /* several threads */
		of = row->samples;
	buf_str(out, "  ");
	add_part(out, row->samples - row->idle, of, '#', "32", &left);
	add_part(out, row->gil, of, '+', "31", &left);
	add_part(out, row->idle - row->gil, of, '.', "2", &left);
	columns_pad(out, left);
}

static void
add_share_if(struct buf *out, uint64_t n, uint64_t of)
{
	if (n)
		columns_share(out, n, of);
	else
		columns_pad(out, 7);
}

static void
add_row(struct buf *out, const struct profile *p, const struct row *row, uint64_t of,
        int of_process)
{
	struct profile_thread t = profile_thread_get(p, row->thread);
	const char *name = of_process ? t.process : t.name;
	int id = of_process ? t.pid : t.tid;
	struct buf text = { 0 };
	size_t used = 3 * 7;

	add_share_if(out, row->samples - row->idle, of);
	add_share_if(out, row->gil, of);
	add_share_if(out, row->idle - row->gil, of);
	if (columns_width() >= ROOMY) {
		add_bar(out, row, of);
		used += BAR + 2;
	}
	buf_str(out, "  ");
	if (id)
		buf_printf(&text, "%d ", id);
	if (name)
		buf_visible(&text, name, strlen(name));
	columns_cut(out, &text, columns_width() - used - 2);
	buf_str(out, "\n");
	buf_free(&text);
}

/* Of what a thread's samples are shares: of all ticks, where those are known, so that one
 * that was there for half of the time is busy for half of it at most. */
static uint64_t
whole(const struct profile *p, const struct row *rows, size_t n)
{
	const struct profile_run *run = profile_run_get(p);
	uint64_t most = 0;

	if (run->known && run->ticks)
		return run->ticks;
	for (size_t i = 0; i < n; i++)
		if (rows[i].samples > most)
			most = rows[i].samples;
	return most;
}

static void
add_rows(struct buf *out, const struct profile *p, struct row *rows, size_t n)
{
	enum { SHOWN = 20 };
	uint64_t of = whole(p, rows, n);
	int processes;

	sort(rows, n, sizeof *rows, by_pid);
	processes = n && rows[0].pid != rows[n - 1].pid;
	if (processes)
		n = merge_processes(rows, n);
	sort(rows, n, sizeof *rows, by_work);
	columns_heading(out, processes ? "   busy    GIL  waits  process" :
	                "   busy    GIL  waits  thread");
	for (size_t i = 0; i < n && i < SHOWN; i++)
		add_row(out, p, &rows[i], of, processes);
	if (n > SHOWN)
		buf_printf(out, "  and %zu more, none of them busier\n", n - SHOWN);
}

static void
add_threads(struct buf *out, const struct profile *p, const uint32_t *owners)
{
	size_t n = profile_thread_count(p);
	struct row *rows;

	if (!n || (n == 1 && !profile_thread_get(p, 0).tid))
		return;
	rows = count_threads(p, owners);
	add_rows(out, p, rows, n);
	free(rows);
}

/* As much of a line as there is room for, after so many blanks. */
static void
add_gil_part(struct buf *out, size_t blanks, const char *line, size_t len)
{
	struct buf text = { 0 };

	buf_add(&text, line, len);
	columns_pad(out, blanks);
	columns_cut(out, &text, columns_width() - blanks);
	buf_str(out, "\n");
	buf_free(&text);
}

/* On two lines if one is too short. */
static void
add_gil_line(struct buf *out, const char *line, size_t len)
{
	enum { MARGIN = 2, DEEPER = 9 };
	const char *holder = text_find(line, ", held by ");
	size_t part = holder && (size_t)(holder - line) < len && len + MARGIN > columns_width() ?
	              (size_t)(holder - line) : len;

	add_gil_part(out, MARGIN, line, part);
	if (part < len)
		add_gil_part(out, DEEPER, line + part + 2, len - part - 2);
}

/* How much each waits for the GIL, for how long, and for whom. */
static void
add_gil(struct buf *out, const struct profile_run *run)
{
	enum { SHOWN = 10 };
	const char *line = run->gil, *end;
	size_t n = 0;

	if (!line || !*line)
		return;
	columns_heading(out, "waits for the GIL, and how long half and 99 of 100 of them took");
	for (; (end = strchr(line, '\n')); line = end + 1)
		if (n++ < SHOWN)
			add_gil_line(out, line, (size_t)(end - line));
	if (n > SHOWN)
		buf_printf(out, "  and %zu threads more, none of which waited more\n", n - SHOWN);
}

/* ---- functions and lines ---- */

static void
add_function(struct buf *out, const struct ranks *r, uint32_t function)
{
	columns_share(out, r->self[function], r->busy);
	columns_share(out, r->total[function], r->busy);
	buf_str(out, "  ");
	add_place(out, r->merged, profile_frame_get(r->merged, function), columns_width() - 16);
}

/* Those that take the time, then those in which others take it. */
static void
add_functions(struct buf *out, const struct ranks *r)
{
	enum { SHOWN = 8 };
	uint32_t by_self[SHOWN], by_total[SHOWN * 2];
	size_t n_self = ranks_functions(r, 0, by_self, SHOWN), left = SHOWN;
	size_t n_total = ranks_functions(r, 1, by_total, SHOWN * 2);

	if (!n_self)
		return;
	columns_heading(out, "   self  total  function");
	for (size_t i = 0; i < n_self; i++)
		add_function(out, r, by_self[i]);
	for (size_t i = 0; i < n_total && left; i++) {
		size_t k = 0;

		while (k < n_self && by_self[k] != by_total[i])
			k++;
		if (k < n_self)
			continue;
		if (left-- == SHOWN)
			columns_heading(out, "   self  total  function that calls them");
		add_function(out, r, by_total[i]);
	}
}

/* Reads the source text of a file, if it may be shown. */
static void
read_source(const struct profile *p, uint32_t file, struct buf *text)
{
	struct buf path = { 0 };
	const char *name;
	size_t len;

	if (!get_source || file == PROFILE_NO_FILE)
		return;
	name = profile_string_get(p, file, &len);
	buf_add(&path, name, len);
	if (memchr(name, 0, len) || get_source(source_context, buf_terminate(&path), text))
		text->len = 0;
	buf_free(&path);
}

/* Appends a line of a text, from 1 on, its tabs as blanks.  How many it begins with. */
static size_t
take_line(const struct buf *text, int line, struct buf *out)
{
	const char *at = text->data, *end = text->data + text->len, *newline;
	size_t blanks = 0;

	for (; at && at < end && line > 1; line--) {
		newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	if (!at || at >= end)
		return SIZE_MAX;
	newline = memchr(at, '\n', (size_t)(end - at));
	end = newline ? newline : end;
	for (; at < end && (*at == ' ' || *at == '\t'); at++)
		blanks += *at == '\t' ? 8 - blanks % 8 : 1;
	for (const char *part = at; part < end; part++)
		buf_add(out, *part == '\t' ? " " : part, 1);
	if (out->len && out->data[out->len - 1] == '\r')
		out->len--;
	return out->len ? blanks : SIZE_MAX;
}

struct hot { /* a line */
	int line;
	uint64_t samples;
	struct buf text;
	size_t blanks;
};

static int
by_line(const void *pa, const void *pb)
{
	const struct hot *a = pa, *b = pb;

	return (a->line > b->line) - (a->line < b->line);
}

static void
add_line(struct buf *out, const struct hot *h, size_t margin, uint64_t of)
{
	struct buf text = { 0 };

	columns_share(out, h->samples, of);
	columns_number(out, (uint64_t)h->line, 7);
	if (h->text.len) {
		columns_pad(out, 2 + h->blanks - margin);
		buf_visible(&text, h->text.data, h->text.len);
		if (columns_width() > 16 + h->blanks - margin)
			columns_cut(out, &text, columns_width() - 16 - (h->blanks - margin));
	}
	buf_str(out, "\n");
	buf_free(&text);
}

/* Lines in their order, and if there is source text with the least of their margins. */
static void
add_hot_lines(struct buf *out, const struct ranks *r, struct hot *hot, size_t n, uint32_t file)
{
	struct buf source = { 0 };
	size_t margin = SIZE_MAX;

	read_source(r->p, file, &source);
	for (size_t i = 0; i < n; i++) {
		hot[i].blanks = take_line(&source, hot[i].line, &hot[i].text);
		if (hot[i].blanks < margin)
			margin = hot[i].blanks;
	}
	sort(hot, n, sizeof *hot, by_line);
	for (size_t i = 0; i < n; i++) {
		add_line(out, &hot[i], margin, r->busy);
		buf_free(&hot[i].text);
	}
	buf_free(&source);
}

/* The lines of one function, if it has a share that is worth it. */
static void
add_lines_of(struct buf *out, const struct ranks *r, uint32_t function)
{
	enum { SHOWN = 6, LEAST = 20 }; /* one in so many samples */
	uint32_t frames[SHOWN];
	uint64_t samples[SHOWN];
	struct hot hot[SHOWN] = { 0 };
	size_t n = 0, found;
	struct profile_frame f = profile_frame_get(r->merged, function);

	if (r->self[function] * LEAST < r->busy)
		return;
	found = ranks_lines(r, function, frames, samples, SHOWN);
	for (; n < found && (!n || samples[n] * 100 >= r->busy); n++) {
		hot[n].line = profile_frame_get(r->p, frames[n]).line;
		hot[n].samples = samples[n];
	}
	if (!n)
		return;
	buf_str(out, "                ");
	add_place(out, r->merged, f, columns_width() - 16);
	add_hot_lines(out, r, hot, n, profile_frame_get(r->p, frames[0]).file);
}

static void
add_lines(struct buf *out, const struct ranks *r)
{
	enum { SHOWN = 3 };
	uint32_t functions[SHOWN];
	size_t n = ranks_functions(r, 0, functions, SHOWN), before = out->len;

	columns_heading(out, "   self   line  of the functions with most of it");
	size_t after = out->len;
	for (size_t i = 0; i < n; i++)
		add_lines_of(out, r, functions[i]);
	if (out->len == after)
		out->len = before;
}

/* ---- paths ---- */

struct paths { /* stacks that are shown */
	const struct ranks *r;
	uint32_t *all;   /* by parent, then most first */
	size_t n;
	size_t lines;    /* written so far */
};

enum { MOST_PATHS = 24, CHAIN_HEAD = 2, CHAIN_TAIL = 3, DEEPEST = 30 };

/* Those that stand on a stack: the first, and how many. */
static const uint32_t *
find_above(const struct paths *t, uint32_t stack, size_t *n)
{
	size_t from = 0, to = t->n, end;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (profile_stack_parent(t->r->merged, t->all[middle]) < stack)
			from = middle + 1;
		else
			to = middle;
	}
	for (end = from; end < t->n && profile_stack_parent(t->r->merged, t->all[end]) == stack;)
		end++;
	*n = end - from;
	return t->all + from;
}

/* How many there are in a row of which each is the only one on the one before; *last. */
static size_t
measure_chain(const struct paths *t, uint32_t stack, uint32_t *last)
{
	size_t n = 0, above = 1;

	for (; above == 1; n++) {
		const uint32_t *next = find_above(t, stack, &above);

		*last = stack;
		stack = above ? *next : stack;
	}
	return n;
}

static void
add_step(struct buf *out, struct paths *t, uint32_t stack, size_t depth)
{
	const struct profile *m = t->r->merged;

	if (depth > DEEPEST)
		depth = DEEPEST;
	t->lines++;
	if (!out)
		return;
	columns_share(out, t->r->below[stack], t->r->busy);
	columns_pad(out, 2 + depth);
	add_place(out, m, profile_frame_get(m, profile_stack_frame(m, stack)),
	          columns_width() - 9 - depth);
}

static void
add_gap(struct buf *out, struct paths *t, size_t calls, size_t depth)
{
	t->lines++;
	if (!out)
		return;
	columns_pad(out, 9 + (depth > DEEPEST ? DEEPEST : depth));
	buf_printf(out, "... %zu calls\n", calls);
}

/* Writes the paths from a stack on, or if there is no `out` counts their lines.  Of a long
 * chain of calls the middle is left out.  It calls itself only where paths part. */
static void
add_paths_from(struct buf *out, struct paths *t, uint32_t stack, size_t depth)
{
	uint32_t last = stack;
	size_t n = measure_chain(t, stack, &last), left_out = 0, above;
	const uint32_t *next;

	if (n > CHAIN_HEAD + 1 + CHAIN_TAIL)
		left_out = n - CHAIN_HEAD - CHAIN_TAIL;
	for (size_t i = 0; i < n; i++) {
		if (i < CHAIN_HEAD || i >= CHAIN_HEAD + left_out)
			add_step(out, t, stack, depth++);
		else if (i == CHAIN_HEAD)
			add_gap(out, t, left_out, depth++);
		next = find_above(t, stack, &above);
		stack = i + 1 < n ? *next : stack;
	}
	next = find_above(t, last, &above);
	for (size_t i = 0; i < above; i++)
		add_paths_from(out, t, next[i], depth);
}

static size_t
add_all_paths(struct buf *out, struct paths *t)
{
	size_t n;
	const uint32_t *outermost = find_above(t, PROFILE_ROOT, &n);

	t->lines = 0;
	for (size_t i = 0; i < n; i++)
		add_paths_from(out, t, outermost[i], 0);
	return t->lines;
}

/* The paths that make up most: as many as fit some lines. */
static void
add_paths(struct buf *out, const struct ranks *r)
{
	static const uint64_t parts[] = { 20, 10, 5, 3, 2 };
	struct paths t = { .r = r };

	for (size_t i = 0; r->busy && i < LEN(parts); i++) {
		uint64_t least = r->busy / parts[i];

		free(t.all);
		t.all = ranks_paths(r, least ? least : 1, &t.n);
		if (add_all_paths(NULL, &t) <= MOST_PATHS)
			break;
	}
	if (t.n) {
		columns_heading(out, "  total  path");
		add_all_paths(out, &t);
	}
	free(t.all);
}

/* ---- waits ---- */

struct wait { /* of threads at one place */
	uint32_t leaf, caller; /* frames; the innermost of the application's; or the same */
	uint32_t thread;       /* the last one */
	uint64_t samples;
	size_t threads;
};

static uint32_t
find_caller(const struct profile *p, const unsigned char *is_ours, uint32_t stack)
{
	uint32_t leaf = profile_stack_frame(p, stack);

	for (; stack != PROFILE_ROOT; stack = profile_stack_parent(p, stack)) {
		uint32_t frame = profile_stack_frame(p, stack);

		if (!(frame & PROFILE_THREAD) && is_ours[frame])
			return frame;
	}
	return leaf;
}

static int
by_thread_and_place(const void *pa, const void *pb)
{
	const struct wait *a = pa, *b = pb;

	if (a->leaf != b->leaf)
		return a->leaf < b->leaf ? -1 : 1;
	if (a->caller != b->caller)
		return a->caller < b->caller ? -1 : 1;
	return (a->thread > b->thread) - (a->thread < b->thread);
}

static int
by_wait(const void *pa, const void *pb)
{
	const struct wait *a = pa, *b = pb;

	if (a->samples != b->samples)
		return a->samples > b->samples ? -1 : 1;
	return by_thread_and_place(pa, pb);
}

/* Makes one of those at the same place. */
static size_t
merge_waits(struct wait *waits, size_t n)
{
	size_t merged = 0;

	sort(waits, n, sizeof *waits, by_thread_and_place);
	for (size_t i = 0; i < n; i++) {
		struct wait *before = merged ? &waits[merged - 1] : NULL;

		if (before && before->leaf == waits[i].leaf && before->caller == waits[i].caller) {
			before->samples += waits[i].samples;
			before->threads += before->thread != waits[i].thread;
			before->thread = waits[i].thread;
		} else {
			waits[merged++] = waits[i];
		}
	}
	sort(waits, merged, sizeof *waits, by_wait);
	return merged;
}

/* Waits for the GIL are no waits of the place where the thread is. */
static size_t
find_waits(const struct profile *p, const uint32_t *owners, struct wait *waits)
{
	unsigned char *is_ours = xcalloc(profile_frame_count(p), 1); /* the application's */
	size_t n = 0;

	for (uint32_t i = 0; i < profile_frame_count(p); i++)
		is_ours[i] = origin_of(p, i) == ORIGIN_APPLICATION;
	for (uint32_t i = 1; i < profile_stack_count(p); i++) {
		uint64_t samples = profile_get(p, PROFILE_IDLE, i) - profile_get(p, PROFILE_GIL, i);
		uint32_t leaf = profile_stack_frame(p, i);

		if (samples && !(leaf & PROFILE_THREAD))
			waits[n++] = (struct wait){ leaf, find_caller(p, is_ours, i),
			                             owners[i], samples, 1 };
	}
	free(is_ours);
	return merge_waits(waits, n);
}

static void
add_wait(struct buf *out, const struct profile *p, const struct wait *w, uint64_t of)
{
	size_t room = columns_width() - 18;

	columns_share(out, w->samples, of);
	columns_number(out, w->threads, 9);
	buf_str(out, "  ");
	add_place(out, p, profile_frame_get(p, w->leaf), room);
	if (w->caller == w->leaf)
		return;
	columns_pad(out, 18);
	buf_str(out, "for ");
	add_place(out, p, profile_frame_get(p, w->caller), room - 4);
}

static void
add_waits(struct buf *out, const struct profile *p, const uint32_t *owners)
{
	enum { SHOWN = 6 };
	struct wait *waits = xcalloc(profile_stack_count(p), sizeof *waits);
	size_t n = find_waits(p, owners, waits);
	uint64_t of = profile_total(p, PROFILE_IDLE) - profile_total(p, PROFILE_GIL);

	if (n)
		columns_heading(out, "  waits  threads  in");
	for (size_t i = 0; i < n && i < SHOWN; i++)
		add_wait(out, p, &waits[i], of);
	if (n > SHOWN)
		buf_printf(out, "  and in %zu more places\n", n - SHOWN);
	free(waits);
}

void
report_write(const struct profile *p, struct buf *out)
{
	enum { TELLING = 5 }; /* samples; of fewer beside many that waited shares say nothing */
	struct ranks r = ranks_of(p);
	uint32_t *owners = export_owners(p);

	add_command(out, profile_run_get(p));
	add_run(out, p, r.busy);
	add_threads(out, p, owners);
	add_gil(out, profile_run_get(p));
	if (r.busy >= TELLING || !profile_total(p, PROFILE_IDLE)) {
		add_functions(out, &r);
		add_lines(out, &r);
		add_paths(out, &r);
	}
	add_waits(out, p, owners);
	free(owners);
	ranks_free(&r);
}
