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
#include "record.h"
#include "saved.h"

enum { VERSION = 1 };

struct writer {
	const struct profile *p;
	int64_t *numbers; /* of the stacks, as they are in the file */
	enum profile_column column;
};

/* ---- writing ---- */

static int64_t
frame_function(const void *p, size_t i)
{
	return profile_frame_get(p, (uint32_t)i).function;
}

static int64_t
frame_file(const void *p, size_t i)
{
	return (int32_t)profile_frame_get(p, (uint32_t)i).file; /* none: -1 */
}

static int64_t
frame_line(const void *p, size_t i)
{
	return profile_frame_get(p, (uint32_t)i).line;
}

static void
write_frames(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_frame_count(p);

	json_open(out, "frames", '{');
	json_array(out, "function", n, frame_function, p);
	json_array(out, "file", n, frame_file, p);
	json_array(out, "line", n, frame_line, p);
	json_close(out, '}');
}

static void
write_threads(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_thread_count(p);

	json_open(out, "threads", '[');
	for (uint32_t i = 0; i < n || !i; i++) { /* one at least */
		struct profile_thread t = { 0 };

		if (n)
			t = profile_thread_get(p, i);
		record_write_thread(out, &t);
	}
	json_close(out, ']');
}

/* Numbers the stacks, with -1 and less for the threads' roots. */
static void
number_stacks(struct writer *w)
{
	uint32_t n = profile_stack_count(w->p), used = 0;

	w->numbers = xcalloc(n, sizeof *w->numbers);
	w->numbers[PROFILE_ROOT] = -1;
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(w->p, i);

		w->numbers[i] = frame & PROFILE_THREAD ? -1 - (int64_t)(frame & ~PROFILE_THREAD) : used++;
	}
}

static int64_t
stack_parent(const void *context, size_t i)
{
	const struct writer *w = context;

	return w->numbers[i] < 0 ? JSON_NONE : w->numbers[profile_stack_parent(w->p, (uint32_t)i)];
}

static int64_t
stack_frame(const void *context, size_t i)
{
	const struct writer *w = context;

	return w->numbers[i] < 0 ? JSON_NONE : profile_stack_frame(w->p, (uint32_t)i);
}

static int64_t
stack_count(const void *context, size_t i)
{
	const struct writer *w = context;

	return w->numbers[i] < 0 ? JSON_NONE : (int64_t)profile_get(w->p, w->column, (uint32_t)i);
}

static void
write_column(struct writer *w, struct buf *out, const char *key, enum profile_column column)
{
	w->column = column;
	json_array(out, key, profile_stack_count(w->p), stack_count, w);
}

static void
write_stacks(struct writer *w, struct buf *out)
{
	uint32_t n = profile_stack_count(w->p);

	json_open(out, "stacks", '{');
	json_array(out, "parent", n, stack_parent, w);
	json_array(out, "frame", n, stack_frame, w);
	write_column(w, out, "count", PROFILE_SAMPLES);
	if (profile_total(w->p, PROFILE_IDLE))
		write_column(w, out, "idle", PROFILE_IDLE);
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
	struct writer w = { .p = p };

	number_stacks(&w);
	json_open(out, NULL, '{');
	buf_printf(out, "\"format\":\"pyflame\",\"version\":%d,\"generator\":\"pyflame "
	           PYFLAME_VERSION "\"", VERSION);
	record_write_run(out, "run", profile_run_get(p));
	write_totals(p, out, PROFILE_SAMPLES);
	json_strings(out, "strings", p);
	write_frames(p, out);
	write_threads(p, out);
	write_stacks(&w, out);
	if (profile_compared(p)) {
		json_open(out, "before", '{');
		write_totals(p, out, PROFILE_BEFORE);
		write_column(&w, out, "count", PROFILE_BEFORE);
		json_close(out, '}');
	}
	json_close(out, '}');
	free(w.numbers);
}

/* ---- reading ---- */

struct reader {
	struct parse in;
	struct profile *p;
	unsigned flags;
	uint32_t *strings, *frames, *roots, *stacks; /* numbers in the profile */
	size_t n_strings, n_frames, n_roots, n_stacks;
};

static void
read_strings(struct reader *r)
{
	size_t cap = 0;

	for (size_t n = 0; parse_next(&r->in, '[', &n);) {
		struct buf text = { 0 };

		parse_string(&r->in, &text);
		r->strings = grow(r->strings, r->n_strings, &cap, sizeof *r->strings);
		r->strings[r->n_strings++] = label_read_string(r->p, text.data, text.len);
		buf_free(&text);
	}
}

/* What may stand in a column of a table. */
struct bounds {
	int64_t least, most;
};

/* Reads the first n members as arrays that are to be of the same length; all
 * are to be freed.  The one that is not needed may be missing. */
static size_t
read_columns(struct parse *in, const char *const *at, size_t n, size_t not_needed,
             const struct bounds *bounds, int64_t **columns)
{
	size_t len = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		columns[i] = NULL;
		if (parse_at(in, at[i])) {
			columns[i] = parse_integers(in, bounds[i].least, bounds[i].most, &len);
			if (i && len != first)
				parse_wrong(in, "arrays of different lengths");
			first = len;
		} else if (i != not_needed) {
			parse_wrong(in, "an array is missing");
		}
	}
	return in->wrong ? 0 : first;
}

static void
free_columns(int64_t **columns, size_t n)
{
	while (n-- > 0)
		free(columns[n]);
}

static void
read_frames(struct reader *r)
{
	enum { FUNCTION, FILE, LINE, COLUMNS };
	const int64_t most = (int64_t)r->n_strings - 1;
	const struct bounds bounds[] = { { 0, most }, { -1, most }, { INT_MIN, INT_MAX } };
	const char *at[COLUMNS];
	int64_t *columns[COLUMNS];

	parse_members(&r->in, "function file line", at);
	r->n_frames = read_columns(&r->in, at, COLUMNS, COLUMNS, bounds, columns);
	r->frames = xcalloc(r->n_frames, sizeof *r->frames);
	for (size_t i = 0; i < r->n_frames; i++) {
		int64_t file = columns[FILE][i];

		r->frames[i] = profile_frame(r->p, (struct profile_frame){
			file < 0 ? PROFILE_NO_FILE : r->strings[file],
			r->strings[columns[FUNCTION][i]],
			r->flags & SAVED_NO_LINES ? 0 : (int)columns[LINE][i] });
	}
	free_columns(columns, COLUMNS);
}

static void
read_threads(struct reader *r)
{
	size_t cap = 0;

	for (size_t n = 0; parse_next(&r->in, '[', &n);) {
		struct profile_thread t = { 0 };

		record_read_thread(&r->in, &t);
		r->roots = grow(r->roots, r->n_roots, &cap, sizeof *r->roots);
		r->roots[r->n_roots++] = profile_thread(r->p, t.pid, t.tid, t.name, t.process);
		free(t.name);
		free(t.process);
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
	enum { PARENT, FRAME, COUNT, IDLE, COLUMNS };
	const struct bounds bounds[] = { { -(int64_t)r->n_roots, PARSE_MOST },
	                                 { 0, (int64_t)r->n_frames - 1 },
	                                 { 0, PARSE_MOST }, { 0, PARSE_MOST } };
	const char *at[COLUMNS];
	int64_t *columns[COLUMNS];

	parse_members(&r->in, "parent frame count idle", at);
	r->n_stacks = read_columns(&r->in, at, COLUMNS, IDLE, bounds, columns);
	r->stacks = xcalloc(r->n_stacks, sizeof *r->stacks);
	for (size_t i = 0; i < r->n_stacks; i++) {
		int64_t parent = columns[PARENT][i];

		if (parent >= (int64_t)i) {
			parse_wrong(&r->in, "a stack before its parent");
			break;
		}
		r->stacks[i] = profile_stack(r->p, parent < 0 ? r->roots[-1 - parent] :
		                             r->stacks[parent], r->frames[columns[FRAME][i]]);
		add_counts(r, r->stacks[i], columns[COUNT][i], columns[IDLE] ? columns[IDLE][i] : 0);
	}
	free_columns(columns, COLUMNS);
}

/* What belongs to no stack: two members, "idle" and "failed". */
static void
read_totals(struct reader *r, const char *const *at, enum profile_column column)
{
	for (int i = 0; i < 2; i++)
		if (parse_at(&r->in, at[i]) && (i || !(r->flags & SAVED_NO_IDLE)))
			profile_add(r->p, column, i ? PROFILE_FAILED : PROFILE_ROOT,
			            (uint64_t)parse_integer(&r->in, 0, PARSE_MOST));
}

static void
read_before(struct reader *r)
{
	const struct bounds bounds = { 0, PARSE_MOST };
	const char *at[3];
	int64_t *counts;
	size_t n;

	profile_compare(r->p);
	parse_members(&r->in, "count idle failed", at);
	read_totals(r, at + 1, PROFILE_BEFORE);
	n = read_columns(&r->in, at, 1, 1, &bounds, &counts);
	if (n != r->n_stacks)
		parse_wrong(&r->in, "arrays of different lengths");
	for (size_t i = 0; i < n && !r->in.wrong; i++)
		profile_add(r->p, PROFILE_BEFORE, r->stacks[i], (uint64_t)counts[i]);
	free(counts);
}

static void
check_format(struct parse *in, const char *format, const char *version)
{
	struct buf name = { 0 };

	if (parse_at(in, format))
		parse_string(in, &name);
	if (name.len != 7 || memcmp(name.data, "pyflame", 7))
		parse_wrong(in, "it is not a profile of pyflame");
	else if (!parse_at(in, version) || parse_integer(in, 0, PARSE_MOST) != VERSION)
		parse_wrong(in, "another version of the format");
	buf_free(&name);
}

static void
read_run(struct reader *r, const char *at, struct profile_run *run)
{
	if (parse_at(&r->in, at))
		record_read_run(&r->in, run);
	if (!(r->flags & SAVED_BEFORE)) {
		profile_run(r->p)->by_thread |= run->by_thread;
		profile_run(r->p)->by_process |= run->by_process;
	}
}

const char *
saved_read(struct profile *p, const char *text, size_t len, unsigned flags,
           struct profile_run *run, size_t *offset)
{
	static void (*const tables[])(struct reader *) = {
		read_strings, read_frames, read_threads, read_stacks };
	struct reader r = { .p = p, .flags = flags };
	const char *at[10];

	parse_begin(&r.in, text, len);
	parse_members(&r.in, "strings frames threads stacks format version run before idle failed", at);
	check_format(&r.in, at[4], at[5]);
	read_run(&r, at[6], run);
	for (size_t i = 0; i < LEN(tables); i++) {
		if (!parse_at(&r.in, at[i]))
			parse_wrong(&r.in, "a table is missing");
		tables[i](&r);
	}
	read_totals(&r, at + 8, flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES);
	if (!(flags & (SAVED_BEFORE | SAVED_NO_BEFORE)) && parse_at(&r.in, at[7]))
		read_before(&r);
	free(r.strings);
	free(r.frames);
	free(r.roots);
	free(r.stacks);
	*offset = r.in.wrong ? (size_t)(r.in.wrong_at - text) : 0;
	return r.in.wrong;
}
