/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Firefox Profiler's "processed profile format", version 57
 * (github.com/firefox-devtools/profiler, docs-developer/CHANGELOG-formats.md,
 * src/types/profile).  Strings are shared; each thread has tables of its own,
 * made of arrays in parallel, in which a thing is named by its place.
 *
 * A frame has a category, which colours the samples that it is the leaf of.
 * What waited has another frame there: the same, but in the category Idle.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "json.h"
#include "profile.h"
#include "timeline.h"
#include "gecko.h"

enum category { OTHER, APPLICATION, LIBRARY, STANDARD, NATIVE, IDLE };

static const char categories[] =
	",\"categories\":["
	"{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Application\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Library\",\"color\":\"blue\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Standard library\",\"color\":\"green\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Native\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Idle\",\"color\":\"transparent\",\"subcategories\":[\"Other\"]}],"
	"\"markerSchema\":[],"
	"\"extensions\":{\"baseURL\":[],\"id\":[],\"name\":[],\"length\":0}";

static const char no_resources[] =
	",\"resourceTable\":{\"lib\":[],\"name\":[],\"host\":[],\"type\":[],\"length\":0},"
	"\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],\"length\":0},"
	"\"markers\":{\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],\"phase\":[],"
	"\"category\":[],\"length\":0},\"pausedRanges\":[]";

/* A thread's own frames, functions and stacks: their numbers in the profile, in
 * the order of the thread's tables.  An idle one has IS_IDLE set. */
#define IS_IDLE 0x80000000u

struct table {
	uint32_t *members, *places; /* places: by number * 2 + idle, place + 1 */
	size_t n, cap, most;
};

struct writer {
	const struct profile *p;
	struct buf *out;
	uint32_t *functions, *owners;
	struct table stacks, frames, funcs;
};

static void
table_begin(struct table *t, size_t most)
{
	t->most = most * 2;
	t->places = xcalloc(t->most, sizeof *t->places);
}

static void
table_clear(struct table *t)
{
	memset(t->places, 0, t->most * sizeof *t->places);
	t->n = 0;
}

static void
table_end(struct table *t)
{
	free(t->members);
	free(t->places);
}

/* The place of a member, which is added if need be. */
static uint32_t
table_place(struct table *t, uint32_t number, uint32_t idle, uint32_t member)
{
	uint32_t *place = &t->places[number * 2 + !!idle];

	if (!*place) {
		t->members = grow(t->members, t->n, &t->cap, sizeof *t->members);
		t->members[t->n++] = member | (idle ? IS_IDLE : 0);
		*place = (uint32_t)t->n;
	}
	return *place - 1;
}

/* ---- columns ---- */

/* An array of the same value n times. */
static void
repeat(struct buf *out, const char *key, const char *value, size_t n)
{
	json_open(out, key, '[');
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i ? "," : "");
		buf_str(out, value);
	}
	json_close(out, ']');
}

typedef void column(const struct writer *, uint32_t member);

static void
write_column(const struct writer *w, const char *key, const struct table *t, column *write)
{
	json_open(w->out, key, '[');
	for (size_t i = 0; i < t->n; i++)
		write(w, t->members[i]);
	json_close(w->out, ']');
}

static void
number_or_null(const struct writer *w, int64_t number)
{
	if (number >= 0)
		json_number(w->out, NULL, number);
	else
		json_null(w->out, NULL);
}

static int
has(const char *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word)) != NULL;
}

static enum category
category(const struct profile *p, struct profile_frame f)
{
	size_t len;
	const char *text = profile_string_get(p, f.file == PROFILE_NO_FILE ? f.function : f.file, &len);

	if (f.file == PROFILE_NO_FILE)
		return len == 6 && !memcmp(text, "(idle)", len) ? IDLE :
		       len == 8 && !memcmp(text, "(failed)", len) ? OTHER : NATIVE;
	if (has(text, len, "site-packages/") || has(text, len, "dist-packages/"))
		return LIBRARY;
	if (has(text, len, "/lib/python") || has(text, len, "<frozen "))
		return STANDARD;
	return APPLICATION;
}

static void
frame_category(const struct writer *w, uint32_t frame)
{
	json_number(w->out, NULL, frame & IS_IDLE ? IDLE :
	            category(w->p, profile_frame_get(w->p, frame)));
}

static void
frame_func(const struct writer *w, uint32_t frame)
{
	json_number(w->out, NULL, w->funcs.places[w->functions[frame & ~IS_IDLE] * 2] - 1);
}

static void
frame_line(const struct writer *w, uint32_t frame)
{
	int line = profile_frame_get(w->p, frame & ~IS_IDLE).line;

	number_or_null(w, line > 0 ? line : -1);
}

static void
func_name(const struct writer *w, uint32_t frame)
{
	json_number(w->out, NULL, profile_frame_get(w->p, frame).function);
}

static void
func_file(const struct writer *w, uint32_t frame)
{
	uint32_t file = profile_frame_get(w->p, frame).file;

	number_or_null(w, file == PROFILE_NO_FILE ? -1 : (int64_t)file);
}

static void
stack_frame(const struct writer *w, uint32_t stack)
{
	uint32_t frame = profile_stack_frame(w->p, stack & ~IS_IDLE);

	json_number(w->out, NULL, w->frames.places[frame * 2 + !!(stack & IS_IDLE)] - 1);
}

static void
stack_prefix(const struct writer *w, uint32_t stack)
{
	uint32_t parent = profile_stack_parent(w->p, stack & ~IS_IDLE);

	number_or_null(w, (int64_t)w->stacks.places[parent * 2] - 1); /* a root's: not there */
}

/* ---- threads ---- */

static void
add_stack(struct writer *w, uint32_t stack, uint32_t idle)
{
	uint32_t frame = profile_stack_frame(w->p, stack);

	table_place(&w->stacks, stack, idle, stack);
	table_place(&w->frames, frame, idle, frame);
	table_place(&w->funcs, w->functions[frame], 0, frame);
}

static void
find_members(struct writer *w, uint32_t thread)
{
	table_clear(&w->stacks);
	table_clear(&w->frames);
	table_clear(&w->funcs);
	for (uint32_t i = 1; i < profile_stack_count(w->p); i++) {
		if (w->owners[i] != thread || profile_stack_frame(w->p, i) & PROFILE_THREAD)
			continue;
		add_stack(w, i, 0);
		if (profile_get(w->p, PROFILE_IDLE, i))
			add_stack(w, i, 1);
	}
}

static void
write_tables(const struct writer *w)
{
	struct buf *out = w->out;
	size_t frames = w->frames.n, funcs = w->funcs.n;

	json_open(out, "stackTable", '{');
	write_column(w, "frame", &w->stacks, stack_frame);
	write_column(w, "prefix", &w->stacks, stack_prefix);
	json_number(out, "length", (int64_t)w->stacks.n);
	json_close(out, '}');
	json_open(out, "frameTable", '{');
	write_column(w, "category", &w->frames, frame_category);
	write_column(w, "func", &w->frames, frame_func);
	write_column(w, "line", &w->frames, frame_line);
	repeat(out, "address", "-1", frames);
	repeat(out, "inlineDepth", "0", frames);
	repeat(out, "subcategory", "0", frames);
	repeat(out, "nativeSymbol", "null", frames);
	repeat(out, "innerWindowID", "null", frames);
	repeat(out, "column", "null", frames);
	json_number(out, "length", (int64_t)frames);
	json_close(out, '}');
	json_open(out, "funcTable", '{');
	write_column(w, "name", &w->funcs, func_name);
	write_column(w, "fileName", &w->funcs, func_file);
	repeat(out, "isJS", "false", funcs);
	repeat(out, "relevantForJS", "false", funcs);
	repeat(out, "resource", "-1", funcs);
	repeat(out, "lineNumber", "null", funcs);
	repeat(out, "columnNumber", "null", funcs);
	json_number(out, "length", (int64_t)funcs);
	json_close(out, '}');
}

static void
write_samples(const struct writer *w, const struct span *spans, size_t n)
{
	struct buf *out = w->out;

	json_open(out, "samples", '{');
	json_open(out, "stack", '[');
	for (size_t i = 0; i < n; i++)
		json_number(out, NULL, w->stacks.places[spans[i].stack * 2 + spans[i].idle] - 1);
	json_close(out, ']');
	json_open(out, "time", '[');
	for (size_t i = 0; i < n; i++)
		json_decimal(out, NULL, spans[i].start, 3);
	json_close(out, ']');
	json_open(out, "weight", '[');
	for (size_t i = 0; i < n; i++)
		json_number(out, NULL, (int64_t)spans[i].count);
	json_close(out, ']');
	json_text(out, "weightType", "samples");
	json_number(out, "length", (int64_t)n);
	json_close(out, '}');
}

static void
write_thread(struct writer *w, const struct span *spans, size_t n)
{
	uint32_t thread = spans[0].thread;
	struct profile_thread t = profile_thread_get(w->p, thread);
	struct buf *out = w->out;
	char pid[16];

	find_members(w, thread);
	text_format(pid, sizeof pid, "%d", t.pid);
	json_open(out, NULL, '{');
	json_name(out, "name", t.name ? t.name : "thread");
	json_bool(out, "isMainThread", t.tid && t.tid == t.pid);
	json_text(out, "processType", "default");
	json_name(out, "processName", t.process ? t.process : "Python");
	json_text(out, "pid", pid);
	json_number(out, "tid", profile_thread_id(w->p, thread));
	json_decimal(out, "registerTime", spans[0].start, 3);
	json_null(out, "unregisterTime");
	json_number(out, "processStartupTime", 0);
	json_null(out, "processShutdownTime");
	write_samples(w, spans, n);
	write_tables(w);
	buf_str(out, no_resources);
	json_close(out, '}');
}

static void
write_meta(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);

	json_open(out, "meta", '{');
	json_number(out, "preprocessedProfileVersion", 57);
	json_number(out, "version", 31);
	json_text(out, "product", run->title ? run->title : run->command ? run->command : "Python");
	json_text(out, "importedFrom", "pyflame " PYFLAME_VERSION);
	json_decimal(out, "startTime", timeline_start(p), 3);
	json_decimal(out, "interval", run->period ? run->period : 1000000, 6);
	json_number(out, "processType", 0);
	json_number(out, "stackwalk", 0);
	json_bool(out, "symbolicated", 1);
	json_text(out, "platform", "Linux");
	json_text(out, "toolkit", "");
	json_text(out, "misc", "");
	json_text(out, "oscpu", "");
	json_text(out, "abi", "");
	buf_str(out, categories);
	json_close(out, '}');
}

void
gecko_write(const struct profile *p, struct buf *out)
{
	struct writer w = { .p = p, .out = out, .owners = profile_owners(p) };
	uint32_t functions;
	size_t n, part;
	struct span *spans = timeline(p, 0, &n);

	w.functions = profile_functions(p, &functions);
	table_begin(&w.stacks, profile_stack_count(p));
	table_begin(&w.frames, profile_frame_count(p));
	table_begin(&w.funcs, functions);
	json_open(out, NULL, '{');
	write_meta(p, out);
	json_open(out, "libs", '[');
	json_close(out, ']');
	json_open(out, "shared", '{');
	json_open(out, "stringArray", '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_string(out, NULL, p, i);
	json_close(out, ']');
	json_close(out, '}');
	json_open(out, "threads", '[');
	for (size_t i = 0; i < n; i += part) {
		part = timeline_thread(spans + i, n - i);
		write_thread(&w, spans + i, part);
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_str(out, "\n");
	table_end(&w.stacks);
	table_end(&w.frames);
	table_end(&w.funcs);
	free(w.owners);
	free(w.functions);
	free(spans);
}
