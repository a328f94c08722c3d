/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as JSON: tables of strings, frames, threads and stacks, where a
 * thing is named by its place in its table (JSON profiles in the man page).
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "json.h"
#include "label.h"
#include "parse.h"
#include "profile.h"
#include "saved.h"

enum { VERSION = 1 };
#define MOST (INT64_C(1) << 53) /* what every reader of JSON can count */

static void
write_run(const struct profile_run *r, struct buf *out)
{
	json_open(out, "run", '{');
	json_text(out, "title", r->title);
	json_text(out, "command", r->command);
	if (r->pid)
		json_number(out, "pid", r->pid);
	json_text(out, "host", r->host);
	json_text(out, "python", r->python);
	if (r->start)
		json_decimal(out, "start", r->start, 6);
	if (r->duration)
		json_decimal(out, "duration", r->duration, 6);
	if (r->period)
		json_decimal(out, "period", r->period, 9);
	json_text(out, "mode", r->mode);
	if (r->known) {
		json_bool(out, "all_threads", r->all_threads);
		json_bool(out, "by_thread", r->by_thread);
		json_bool(out, "by_process", r->by_process);
		json_bool(out, "lines", r->lines);
		json_number(out, "ticks", (int64_t)r->ticks);
		json_number(out, "missed", (int64_t)r->missed);
		json_number(out, "left_out", (int64_t)r->left_out);
		json_open(out, "failures", '{');
		for (int i = OK + 1; i < WHY_COUNT; i++)
			if (r->failures[i])
				json_number(out, why_word((enum why)i), (int64_t)r->failures[i]);
		json_close(out, '}');
	}
	json_close(out, '}');
}

static void
write_frames(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_frame_count(p);

	json_open(out, "frames", '{');
	json_open(out, "function", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, profile_frame_get(p, i).function);
	json_close(out, ']');
	json_open(out, "file", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, (int32_t)profile_frame_get(p, i).file); /* none: -1 */
	json_close(out, ']');
	json_open(out, "line", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, profile_frame_get(p, i).line);
	json_close(out, ']');
	json_close(out, '}');
}

static void
write_threads(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_thread_count(p);

	json_open(out, "threads", '[');
	for (uint32_t i = 0; i < n; i++) {
		struct profile_thread t = profile_thread_get(p, i);

		json_open(out, NULL, '{');
		if (t.pid)
			json_number(out, "pid", t.pid);
		if (t.tid)
			json_number(out, "tid", t.tid);
		json_name(out, "name", t.name);
		json_name(out, "process", t.process);
		json_close(out, '}');
	}
	if (!n) {
		json_open(out, NULL, '{');
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* A column of the nodes that are stacks. */
static void
write_column(const struct profile *p, struct buf *out, const char *key, enum profile_column column)
{
	json_open(out, key, '[');
	for (uint32_t i = 1; i < profile_stack_count(p); i++)
		if (!(profile_stack_frame(p, i) & PROFILE_THREAD))
			json_number(out, NULL, (int64_t)profile_get(p, column, i));
	json_close(out, ']');
}

/* As stacks are numbered in the file: threads' roots are not among them. */
static void
write_parents(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_stack_count(p), used = 0;
	int64_t *numbers = xcalloc(n, sizeof *numbers);

	numbers[PROFILE_ROOT] = -1;
	json_open(out, "parent", '[');
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(p, i);

		if (frame & PROFILE_THREAD) {
			numbers[i] = -1 - (int64_t)(frame & ~PROFILE_THREAD);
			continue;
		}
		numbers[i] = used++;
		json_number(out, NULL, numbers[profile_stack_parent(p, i)]);
	}
	json_close(out, ']');
	free(numbers);
}

static void
write_stacks(const struct profile *p, struct buf *out)
{
	json_open(out, "stacks", '{');
	write_parents(p, out);
	json_open(out, "frame", '[');
	for (uint32_t i = 1; i < profile_stack_count(p); i++)
		if (!(profile_stack_frame(p, i) & PROFILE_THREAD))
			json_number(out, NULL, profile_stack_frame(p, i));
	json_close(out, ']');
	write_column(p, out, "count", PROFILE_SAMPLES);
	if (profile_total(p, PROFILE_IDLE))
		write_column(p, out, "idle", PROFILE_IDLE);
	json_close(out, '}');
}

static void
write_totals(const struct profile *p, struct buf *out, enum profile_column column)
{
	json_number(out, "total", (int64_t)profile_total(p, column));
	json_number(out, "idle", (int64_t)profile_get(p, column, PROFILE_ROOT));
	json_number(out, "failed", (int64_t)profile_get(p, column, PROFILE_FAILED));
}

void
saved_write(const struct profile *p, struct buf *out)
{
	json_open(out, NULL, '{');
	json_text(out, "format", "pyflame");
	json_number(out, "version", VERSION);
	json_text(out, "generator", "pyflame " PYFLAME_VERSION);
	write_run(profile_run_get(p), out);
	write_totals(p, out, PROFILE_SAMPLES);
	json_open(out, "strings", '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_string(out, NULL, p, i);
	json_close(out, ']');
	write_frames(p, out);
	write_threads(p, out);
	write_stacks(p, out);
	if (profile_compared(p)) {
		json_open(out, "before", '{');
		write_totals(p, out, PROFILE_BEFORE);
		write_column(p, out, "count", PROFILE_BEFORE);
		json_close(out, '}');
	}
	json_close(out, '}');
}

/* ---- reading ---- */

struct reader {
	struct parse in;
	struct profile *p;
	unsigned flags;
	uint32_t *strings, *frames, *roots, *stacks; /* numbers in the profile */
	size_t n_strings, n_frames, n_roots, n_stacks;
};

/* A field that is a string, to be freed; NULL if there is none. */
static char *
read_text(struct parse *in, const struct parse_field *field)
{
	struct buf text = { 0 };

	if (!parse_at(in, field))
		return NULL;
	parse_string(in, &text);
	buf_add(&text, "", 1);
	return text.data;
}

/* The same of one that label_name wrote. */
static char *
read_name(struct parse *in, const struct parse_field *field)
{
	struct buf name = { 0 };
	char *text = read_text(in, field);

	if (!text)
		return NULL;
	label_read(&name, text, strlen(text));
	buf_add(&name, "", 1);
	free(text);
	return name.data;
}

static int64_t
read_number(struct parse *in, const struct parse_field *field, int64_t most)
{
	return parse_at(in, field) ? parse_integer(in, 0, most) : 0;
}

static void
read_failures(struct parse *in, uint64_t failures[WHY_COUNT])
{
	for (size_t n = 0; parse_next(in, '{', &n);) {
		int64_t count = parse_integer(in, 0, MOST);

		for (int i = OK + 1; i < WHY_COUNT; i++)
			if (!strcmp(in->key, why_word((enum why)i)))
				failures[i] = (uint64_t)count;
	}
}

static const char *
read_mode(struct parse *in, const struct parse_field *field)
{
	char *mode = read_text(in, field);
	const char *known = NULL;

	for (size_t i = 0; mode && i < LEN(profile_modes); i++)
		if (!strcmp(mode, profile_modes[i]))
			known = profile_modes[i];
	free(mode);
	return known;
}

static void
read_run(struct parse *in, struct profile_run *r)
{
	struct parse_field f[] = {
		{ "title", NULL }, { "command", NULL }, { "host", NULL }, { "python", NULL },
		{ "pid", NULL }, { "start", NULL }, { "duration", NULL }, { "period", NULL },
		{ "mode", NULL }, { "all_threads", NULL }, { "by_thread", NULL },
		{ "by_process", NULL }, { "lines", NULL }, { "ticks", NULL }, { "missed", NULL },
		{ "left_out", NULL }, { "failures", NULL },
	};
	int *const flags[] = { &r->all_threads, &r->by_thread, &r->by_process, &r->lines };
	uint64_t *const counts[] = { &r->ticks, &r->missed, &r->left_out };

	parse_fields(in, f, LEN(f));
	r->title = read_text(in, &f[0]);
	r->command = read_text(in, &f[1]);
	r->host = read_text(in, &f[2]);
	r->python = read_text(in, &f[3]);
	r->pid = (int)read_number(in, &f[4], INT_MAX);
	r->start = parse_at(in, &f[5]) ? parse_scaled(in, 1e6) : 0;
	r->duration = parse_at(in, &f[6]) ? parse_scaled(in, 1e6) : 0;
	r->period = parse_at(in, &f[7]) ? parse_scaled(in, 1e9) : 0;
	r->mode = read_mode(in, &f[8]);
	for (size_t i = 0; i < LEN(flags); i++)
		*flags[i] = parse_at(in, &f[9 + i]) && parse_bool(in);
	for (size_t i = 0; i < LEN(counts); i++)
		*counts[i] = (uint64_t)read_number(in, &f[13 + i], MOST);
	r->known = f[13].at != NULL;
	if (parse_at(in, &f[16]))
		read_failures(in, r->failures);
}

static void
read_strings(struct reader *r)
{
	size_t cap = 0;

	for (size_t n = 0; parse_next(&r->in, '[', &n);) {
		struct buf text = { 0 }, name = { 0 };

		parse_string(&r->in, &text);
		if (text.len)
			label_read(&name, text.data, text.len);
		r->strings = grow(r->strings, r->n_strings, &cap, sizeof *r->strings);
		r->strings[r->n_strings++] = profile_string(r->p, name.len ? name.data : "", name.len);
		buf_free(&text);
		buf_free(&name);
	}
}

/* Arrays that have to be of the same length, of an object's first n fields;
 * all are to be freed.  Those that may be missing come last and are NULL then. */
static size_t
read_columns(struct parse *in, const struct parse_field *f, size_t needed, size_t n,
             const int64_t (*bounds)[2], int64_t **columns)
{
	size_t len = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		columns[i] = NULL;
		if (parse_at(in, &f[i])) {
			columns[i] = parse_integers(in, bounds[i][0], bounds[i][1], &len);
			if (i && len != first)
				parse_wrong(in, "arrays of different lengths");
			first = len;
		} else if (i < needed) {
			parse_wrong(in, "an array is missing");
		}
	}
	return in->wrong ? 0 : first;
}

static void
read_frames(struct reader *r)
{
	struct parse_field f[] = { { "function", NULL }, { "file", NULL }, { "line", NULL } };
	const int64_t most = (int64_t)r->n_strings - 1;
	const int64_t bounds[][2] = { { 0, most }, { -1, most }, { INT_MIN, INT_MAX } };
	int64_t *columns[LEN(f)];

	parse_fields(&r->in, f, LEN(f));
	r->n_frames = read_columns(&r->in, f, LEN(f), LEN(f), bounds, columns);
	r->frames = xcalloc(r->n_frames, sizeof *r->frames);
	for (size_t i = 0; i < r->n_frames; i++)
		r->frames[i] = profile_frame(r->p, (struct profile_frame){
			columns[1][i] < 0 ? PROFILE_NO_FILE : r->strings[columns[1][i]],
			r->strings[columns[0][i]],
			r->flags & SAVED_NO_LINES ? 0 : (int)columns[2][i] });
	for (size_t i = 0; i < LEN(columns); i++)
		free(columns[i]);
}

static void
read_threads(struct reader *r)
{
	size_t cap = 0;

	for (size_t n = 0; parse_next(&r->in, '[', &n);) {
		struct parse_field f[] = {
			{ "pid", NULL }, { "tid", NULL }, { "name", NULL }, { "process", NULL } };
		const char *behind;
		char *name, *process;
		int pid, tid;

		parse_fields(&r->in, f, LEN(f));
		behind = r->in.at;
		pid = (int)read_number(&r->in, &f[0], INT_MAX);
		tid = (int)read_number(&r->in, &f[1], INT_MAX);
		name = read_name(&r->in, &f[2]);
		process = read_name(&r->in, &f[3]);
		r->roots = grow(r->roots, r->n_roots, &cap, sizeof *r->roots);
		r->roots[r->n_roots++] = profile_thread(r->p, pid, tid, name, process);
		free(name);
		free(process);
		if (!r->in.wrong)
			r->in.at = behind;
	}
}

/* Adds one stack's counts, of which `idle` were idle. */
static void
add_counts(struct reader *r, uint32_t stack, int64_t count, int64_t idle)
{
	enum profile_column column = r->flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES;

	if (idle > count) {
		parse_wrong(&r->in, "more idle than counted");
	} else if (r->flags & SAVED_NO_IDLE) {
		count -= idle;
		idle = 0;
	}
	profile_add(r->p, column, stack, (uint64_t)count);
	if (idle && column == PROFILE_SAMPLES)
		profile_add(r->p, PROFILE_IDLE, stack, (uint64_t)idle);
}

static void
read_stacks(struct reader *r)
{
	struct parse_field f[] = { { "parent", NULL }, { "frame", NULL }, { "count", NULL },
	                           { "idle", NULL } };
	const int64_t bounds[][2] = { { -(int64_t)r->n_roots, MOST },
	                              { 0, (int64_t)r->n_frames - 1 }, { 0, MOST }, { 0, MOST } };
	int64_t *columns[LEN(f)];

	parse_fields(&r->in, f, LEN(f));
	r->n_stacks = read_columns(&r->in, f, 3, LEN(f), bounds, columns);
	r->stacks = xcalloc(r->n_stacks, sizeof *r->stacks);
	for (size_t i = 0; i < r->n_stacks; i++) {
		int64_t parent = columns[0][i];

		if (parent >= (int64_t)i) {
			parse_wrong(&r->in, "a stack before its parent");
			break;
		}
		r->stacks[i] = profile_stack(r->p, parent < 0 ? r->roots[-1 - parent] :
		                             r->stacks[parent], r->frames[columns[1][i]]);
		add_counts(r, r->stacks[i], columns[2][i], columns[3] ? columns[3][i] : 0);
	}
	for (size_t i = 0; i < LEN(columns); i++)
		free(columns[i]);
}

/* What belongs to no stack.  f: "idle", "failed". */
static void
read_totals(struct reader *r, const struct parse_field *f, enum profile_column column)
{
	uint64_t idle = (uint64_t)read_number(&r->in, &f[0], MOST);

	if (!(r->flags & SAVED_NO_IDLE))
		profile_add(r->p, column, PROFILE_ROOT, idle);
	profile_add(r->p, column, PROFILE_FAILED, (uint64_t)read_number(&r->in, &f[1], MOST));
}

static void
read_before(struct reader *r)
{
	struct parse_field f[] = { { "idle", NULL }, { "failed", NULL }, { "count", NULL } };
	const int64_t bounds[][2] = { { 0, MOST } };
	int64_t *counts;
	size_t n;

	profile_compare(r->p);
	parse_fields(&r->in, f, LEN(f));
	read_totals(r, f, PROFILE_BEFORE);
	n = read_columns(&r->in, &f[2], 1, 1, bounds, &counts);
	if (n != r->n_stacks)
		parse_wrong(&r->in, "arrays of different lengths");
	for (size_t i = 0; i < n && !r->in.wrong; i++)
		profile_add(r->p, PROFILE_BEFORE, r->stacks[i], (uint64_t)counts[i]);
	free(counts);
}

static void
check_format(struct parse *in, const struct parse_field *format, const struct parse_field *version)
{
	char *name = read_text(in, format);

	if (!in->wrong && (!name || strcmp(name, "pyflame")))
		parse_wrong(in, "it is not a profile of pyflame");
	else if (read_number(in, version, INT_MAX) != VERSION)
		parse_wrong(in, "another version of the format");
	free(name);
}

/* Moves to a field that has to be there. */
static void
go_to(struct parse *in, const struct parse_field *field)
{
	if (!parse_at(in, field))
		parse_wrong(in, "a table is missing");
}

const char *
saved_read(struct profile *p, const char *text, size_t len, unsigned flags,
           struct profile_run *run, size_t *offset)
{
	struct reader r = { .p = p, .flags = flags };
	struct parse_field f[] = { { "format", NULL }, { "version", NULL }, { "run", NULL },
	                           { "strings", NULL }, { "frames", NULL }, { "threads", NULL },
	                           { "stacks", NULL }, { "before", NULL }, { "idle", NULL },
	                           { "failed", NULL } };

	parse_begin(&r.in, text, len);
	parse_fields(&r.in, f, LEN(f));
	check_format(&r.in, &f[0], &f[1]);
	if (parse_at(&r.in, &f[2]))
		read_run(&r.in, run);
	if (!(flags & SAVED_BEFORE)) {
		profile_run(p)->by_thread |= run->by_thread;
		profile_run(p)->by_process |= run->by_process;
	}
	go_to(&r.in, &f[3]);
	read_strings(&r);
	go_to(&r.in, &f[4]);
	read_frames(&r);
	go_to(&r.in, &f[5]);
	read_threads(&r);
	go_to(&r.in, &f[6]);
	read_stacks(&r);
	read_totals(&r, &f[8], flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES);
	if (!(flags & (SAVED_BEFORE | SAVED_NO_BEFORE)) && parse_at(&r.in, &f[7]))
		read_before(&r);
	free(r.strings);
	free(r.frames);
	free(r.roots);
	free(r.stacks);
	*offset = r.in.wrong ? (size_t)(r.in.wrong_at - text) : 0;
	return r.in.wrong;
}
