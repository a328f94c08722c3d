/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as JSON: tables of strings, frames, threads and stacks, where a
 * thing is named by its place in its table (JSON profiles in the man page).
 */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/written.h"
#include "format/json.h"
#include "format/saved.h"

enum { VERSION = 1 };
#define MOST_TIME INT64_C(8900000000000000) /* microseconds; more is not read again */

/* ---- runs and threads, by tables of their members ---- */

enum kind {
	TEXT, NAME,         /* char *; a name is escaped */
	MODE,               /* one of profile_modes */
	ID,                 /* int */
	START, DURATION,    /* int64_t, microseconds; seconds in JSON */
	PERIOD,             /* the same, nanoseconds */
	FLAG,               /* int; this and what follows is known or not together */
	NUMBER, FAILURES,   /* uint64_t; an array of it */
};

struct member {
	char name[14];
	unsigned char kind, at;
};

#define RUN(kind, name) { #name, kind, offsetof(struct profile_run, name) }
#define THREAD(kind, name) { #name, kind, offsetof(struct profile_thread, name) }

static const struct member run_members[] = {
	RUN(TEXT, title), RUN(TEXT, command), RUN(ID, pid), RUN(TEXT, host), RUN(TEXT, python),
	RUN(START, start), RUN(DURATION, duration), RUN(PERIOD, period), RUN(MODE, mode),
	RUN(FLAG, all_threads), RUN(FLAG, by_thread), RUN(FLAG, by_process), RUN(FLAG, lines),
	RUN(NUMBER, ticks), RUN(NUMBER, missed), RUN(NUMBER, left_out), RUN(FAILURES, failures),
};

static const struct member thread_members[] = {
	THREAD(ID, pid), THREAD(ID, tid), THREAD(NAME, name), THREAD(NAME, process),
};

/* A member of a structure, by its kind's type. */
union place {
	void *any;
	char **text;
	const char **mode;
	int *id;
	int64_t *time;
	uint64_t *count;
};

static union place
place(const struct member *m, const void *structure)
{
	return (union place){ .any = (char *)structure + m->at };
}

static void
write_failures(struct buf *out, const char *key, const uint64_t *failures)
{
	json_open(out, key, '{');
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (failures[i])
			json_add_number(out, why_word((enum why)i), (int64_t)failures[i]);
	json_close(out, '}');
}

static void
write_member(struct buf *out, const struct member *m, union place at)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case MODE:
		json_add_text(out, m->name, *at.text);
		break;
	case NAME:
		json_add_name(out, m->name, *at.text);
		break;
	case ID:
		if (*at.id)
			json_add_number(out, m->name, *at.id);
		break;
	case START:
	case DURATION:
	case PERIOD:
		if (*at.time)
			json_add_decimal(out, m->name, *at.time, m->kind == PERIOD ? 9 : 6);
		break;
	case FLAG:
		json_add_bool(out, m->name, *at.id);
		break;
	case NUMBER:
		json_add_number(out, m->name, (int64_t)*at.count);
		break;
	case FAILURES:
		write_failures(out, m->name, at.count);
	}
}

/* With what each sample stands for, which follows from the rest. */
static void
write_run(struct buf *out, const char *key, const struct profile *p)
{
	const struct profile_run *r = profile_run_get(p);
	int64_t each = profile_ns(p, 1);

	json_open(out, key, '{');
	for (size_t i = 0; i < LEN(run_members); i++)
		if (run_members[i].kind < FLAG || r->known)
			write_member(out, &run_members[i], place(&run_members[i], r));
	if (each)
		json_add_decimal(out, "sample", each, 9);
	json_close(out, '}');
}

static void
write_thread(struct buf *out, const struct profile_thread *t)
{
	json_open(out, NULL, '{');
	for (size_t i = 0; i < LEN(thread_members); i++)
		write_member(out, &thread_members[i], place(&thread_members[i], t));
	json_close(out, '}');
}

static char *
read_text(struct json_reader *in, int escaped)
{
	struct buf text = { 0 }, name = { 0 };

	json_read_string(in, escaped ? &text : &name);
	if (escaped)
		written_name(&name, text.data, text.len);
	buf_add(&name, "", 1);
	buf_free(&text);
	return name.data;
}

static void
read_failures(struct json_reader *in, uint64_t *failures)
{
	for (size_t n = 0; json_read_next(in, '{', &n);) {
		uint64_t count = (uint64_t)json_read_integer(in, 0, JSON_MOST);

		for (int i = OK + 1; i < WHY_COUNT; i++)
			if (!strcmp(in->key, why_word((enum why)i)))
				failures[i] = count;
	}
}

static const char *
read_mode(struct json_reader *in)
{
	char *mode = read_text(in, 0);
	const char *known = NULL;

	for (size_t i = 0; i < LEN(profile_modes); i++)
		if (!strcmp(mode, profile_modes[i]))
			known = profile_modes[i];
	free(mode);
	return known;
}

static void
read_member(struct json_reader *in, const struct member *m, union place at)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case NAME:
		free(*at.text); /* it may be there twice */
		*at.text = read_text(in, m->kind == NAME);
		break;
	case MODE:
		*at.mode = read_mode(in);
		break;
	case ID:
		*at.id = (int)json_read_integer(in, 0, INT_MAX);
		break;
	case START:
	case DURATION:
	case PERIOD:
		*at.time = json_read_scaled(in, m->kind == PERIOD ? 1e9 : 1e6);
		break;
	case FLAG:
		*at.id = json_read_bool(in);
		break;
	case NUMBER:
		*at.count = (uint64_t)json_read_integer(in, 0, JSON_MOST);
		break;
	case FAILURES:
		read_failures(in, at.count);
	}
}

/* Returns the last kind that was read, 0 if it was none but those of text. */
static int
read_members(struct json_reader *in, const struct member *members, size_t count, void *structure)
{
	int most = 0;

	for (size_t n = 0, i; json_read_next(in, '{', &n);) {
		for (i = 0; i < count && strcmp(in->key, members[i].name); i++)
			;
		if (i == count) {
			json_read_skip(in);
			continue;
		}
		read_member(in, &members[i], place(&members[i], structure));
		most = members[i].kind > most ? members[i].kind : most;
	}
	return most;
}

static void
merge_text(char **a, char *b, int first)
{
	if (first || (*a && b && !strcmp(*a, b))) {
		free(*a);
		*a = b;
	} else {
		free(*a);
		free(b);
		*a = NULL;
	}
}

/* Their sum, or the most that there may be; *full is set then. */
static int64_t
add_most(int64_t a, int64_t b, int64_t most, int *full)
{
	if (a <= most - b)
		return a + b;
	*full = 1;
	return most;
}

static void
merge_member(const struct member *m, union place a, union place b, int first, int *full)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case NAME:
		merge_text(a.text, *b.text, first);
		break;
	case MODE:
		*a.mode = first || *a.mode == *b.mode ? *b.mode : NULL;
		break;
	case ID:
		*a.id = first || *a.id == *b.id ? *b.id : 0;
		break;
	case START:
		*a.time = first || *b.time < *a.time ? *b.time : *a.time;
		break;
	case DURATION:
		*a.time = first || (*a.time && *b.time) ? add_most(*a.time, *b.time, MOST_TIME, full) : 0;
		break;
	case PERIOD:
		*a.time = first || *a.time == *b.time ? *b.time : 0;
		break;
	case FLAG:
		*a.id |= *b.id;
		break;
	case NUMBER:
		*a.count = (uint64_t)add_most((int64_t)*a.count, (int64_t)*b.count, JSON_MOST, full);
		break;
	case FAILURES:
		for (int i = 0; i < WHY_COUNT; i++)
			a.count[i] = (uint64_t)add_most((int64_t)a.count[i], (int64_t)b.count[i],
			                                JSON_MOST, full);
	}
}

void
saved_merge_run(struct profile_run *a, struct profile_run *b)
{
	for (size_t i = 0; i < LEN(run_members); i++)
		merge_member(&run_members[i], place(&run_members[i], a), place(&run_members[i], b),
		             !a->runs, &a->saturated);
	a->known = b->known && (a->known || !a->runs);
	a->runs++;
}

/* ---- writing ---- */

struct writer {
	const struct profile *p;
	int64_t *numbers; /* of the stacks, as they are in the file */
	enum profile_column column;
};

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
	json_add_array(out, "function", n, frame_function, p);
	json_add_array(out, "file", n, frame_file, p);
	json_add_array(out, "line", n, frame_line, p);
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
		write_thread(out, &t);
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
	json_add_array(out, key, profile_stack_count(w->p), stack_count, w);
}

static void
write_stacks(struct writer *w, struct buf *out)
{
	uint32_t n = profile_stack_count(w->p);

	json_open(out, "stacks", '{');
	json_add_array(out, "parent", n, stack_parent, w);
	json_add_array(out, "frame", n, stack_frame, w);
	write_column(w, out, "count", PROFILE_SAMPLES);
	if (profile_total(w->p, PROFILE_IDLE))
		write_column(w, out, "idle", PROFILE_IDLE);
	if (profile_total(w->p, PROFILE_GIL))
		write_column(w, out, "gil", PROFILE_GIL);
	json_close(out, '}');
}

static void
write_totals(const struct profile *p, struct buf *out, enum profile_column column)
{
	json_add_number(out, "total", (int64_t)profile_total(p, column));
	json_add_number(out, "idle", (int64_t)profile_get(p, column, PROFILE_ROOT));
	json_add_number(out, "failed", (int64_t)profile_get(p, column, PROFILE_FAILED));
}

void
saved_write(const struct profile *p, struct buf *out)
{
	struct writer w = { .p = p };

	number_stacks(&w);
	json_open(out, NULL, '{');
	buf_printf(out, "\"format\":\"pyflame\",\"version\":%d,\"generator\":\"pyflame "
	           PYFLAME_VERSION "\"", VERSION);
	write_run(out, "run", p);
	write_totals(p, out, PROFILE_SAMPLES);
	json_add_strings(out, "strings", p);
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

void
saved_write_file(const struct profile *p, struct buf *out)
{
	saved_write(p, out);
	buf_str(out, "\n");
}

/* ---- reading ---- */

struct reader {
	struct json_reader in;
	struct profile *p;
	unsigned flags;
	uint32_t *strings, *frames, *roots, *stacks; /* numbers in the profile */
	size_t n_strings, n_frames, n_roots, n_stacks;
};

static void
read_strings(struct reader *r)
{
	size_t cap = 0;

	for (size_t n = 0; json_read_next(&r->in, '[', &n);) {
		struct buf text = { 0 };

		json_read_string(&r->in, &text);
		r->strings = grow(r->strings, r->n_strings, &cap, sizeof *r->strings);
		r->strings[r->n_strings++] = written_string(r->p, text.data, text.len);
		buf_free(&text);
	}
}

/* What may stand in a column of a table. */
struct bounds {
	int64_t least, most;
};

/* Reads the first n members as arrays that are to be of the same length; all
 * are to be freed.  Those from `needed` on may be missing. */
static size_t
read_columns(struct json_reader *in, const char *const *at, size_t n, size_t needed,
             const struct bounds *bounds, int64_t **columns)
{
	size_t len = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		columns[i] = NULL;
		if (json_read_at(in, at[i])) {
			columns[i] = json_read_integers(in, bounds[i].least, bounds[i].most, &len);
			if (i && len != first)
				json_read_fail(in, "arrays of different lengths");
			first = len;
		} else if (i < needed) {
			json_read_fail(in, "an array is missing");
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

	json_read_members(&r->in, "function file line", at);
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

	for (size_t n = 0; json_read_next(&r->in, '[', &n);) {
		struct profile_thread t = { 0 };

		read_members(&r->in, thread_members, LEN(thread_members), &t);
		r->roots = grow(r->roots, r->n_roots, &cap, sizeof *r->roots);
		r->roots[r->n_roots++] = profile_thread(r->p, t.pid, t.tid, t.name, t.process);
		free(t.name);
		free(t.process);
	}
}

/* Adds one stack's counts, of which `idle` were idle, and of these `gil` for the GIL. */
static void
add_counts(struct reader *r, uint32_t stack, int64_t count, int64_t idle, int64_t gil)
{
	enum profile_column column = r->flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES;

	if (idle > count) {
		json_read_fail(&r->in, "more idle than counted");
	} else if (gil > idle) {
		json_read_fail(&r->in, "more waits for the GIL than idle");
	} else if (r->flags & SAVED_NO_IDLE) {
		count -= idle;
		idle = gil = 0;
	}
	profile_add(r->p, column, stack, (uint64_t)count);
	if (idle && column == PROFILE_SAMPLES)
		profile_add(r->p, PROFILE_IDLE, stack, (uint64_t)idle);
	if (gil && column == PROFILE_SAMPLES)
		profile_add(r->p, PROFILE_GIL, stack, (uint64_t)gil);
}

static void
read_stacks(struct reader *r)
{
	enum { PARENT, FRAME, COUNT, IDLE, GIL, COLUMNS };
	const struct bounds bounds[] = { { -(int64_t)r->n_roots, JSON_MOST },
	                                 { 0, (int64_t)r->n_frames - 1 },
	                                 { 0, JSON_MOST }, { 0, JSON_MOST }, { 0, JSON_MOST } };
	const char *at[COLUMNS];
	int64_t *columns[COLUMNS];

	json_read_members(&r->in, "parent frame count idle gil", at);
	r->n_stacks = read_columns(&r->in, at, COLUMNS, IDLE, bounds, columns);
	r->stacks = xcalloc(r->n_stacks, sizeof *r->stacks);
	for (size_t i = 0; i < r->n_stacks; i++) {
		int64_t parent = columns[PARENT][i];

		if (parent >= (int64_t)i) {
			json_read_fail(&r->in, "a stack before its parent");
			break;
		}
		r->stacks[i] = profile_stack(r->p, parent < 0 ? r->roots[-1 - parent] :
		                             r->stacks[parent], r->frames[columns[FRAME][i]]);
		add_counts(r, r->stacks[i], columns[COUNT][i], columns[IDLE] ? columns[IDLE][i] : 0,
		           columns[GIL] ? columns[GIL][i] : 0);
	}
	free_columns(columns, COLUMNS);
}

/* What belongs to no stack: two members, "idle" and "failed". */
static void
read_totals(struct reader *r, const char *const *at, enum profile_column column)
{
	for (int i = 0; i < 2; i++)
		if (json_read_at(&r->in, at[i]) && (i || !(r->flags & SAVED_NO_IDLE)))
			profile_add(r->p, column, i ? PROFILE_FAILED : PROFILE_ROOT,
			            (uint64_t)json_read_integer(&r->in, 0, JSON_MOST));
}

static void
read_before(struct reader *r)
{
	const struct bounds bounds = { 0, JSON_MOST };
	const char *at[3];
	int64_t *counts;
	size_t n;

	profile_compare(r->p);
	json_read_members(&r->in, "count idle failed", at);
	read_totals(r, at + 1, PROFILE_BEFORE);
	n = read_columns(&r->in, at, 1, 1, &bounds, &counts);
	if (n != r->n_stacks)
		json_read_fail(&r->in, "arrays of different lengths");
	for (size_t i = 0; i < n && !r->in.wrong; i++)
		profile_add(r->p, PROFILE_BEFORE, r->stacks[i], (uint64_t)counts[i]);
	free(counts);
}

static void
check_format(struct json_reader *in, const char *format, const char *version)
{
	struct buf name = { 0 };

	if (json_read_at(in, format))
		json_read_string(in, &name);
	if (name.len != 7 || memcmp(name.data, "pyflame", 7))
		json_read_fail(in, "it is not a profile of pyflame");
	else if (!json_read_at(in, version) || json_read_integer(in, 0, JSON_MOST) != VERSION)
		json_read_fail(in, "another version of the format");
	buf_free(&name);
}

static void
read_run(struct reader *r, const char *at, struct profile_run *run)
{
	if (json_read_at(&r->in, at))
		run->known = read_members(&r->in, run_members, LEN(run_members), run) >= FLAG;
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

	json_read_begin(&r.in, text, len);
	json_read_members(&r.in,
	                  "strings frames threads stacks format version run before idle failed", at);
	check_format(&r.in, at[4], at[5]);
	read_run(&r, at[6], run);
	for (size_t i = 0; i < LEN(tables); i++) {
		if (!json_read_at(&r.in, at[i]))
			json_read_fail(&r.in, "a table is missing");
		tables[i](&r);
	}
	read_totals(&r, at + 8, flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES);
	if (!(flags & (SAVED_BEFORE | SAVED_NO_BEFORE)) && json_read_at(&r.in, at[7]))
		read_before(&r);
	free(r.strings);
	free(r.frames);
	free(r.roots);
	free(r.stacks);
	*offset = r.in.wrong ? (size_t)(r.in.wrong_at - text) : 0;
	return r.in.wrong;
}
