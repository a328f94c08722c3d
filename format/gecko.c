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

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"
#include "format/export.h"
#include "format/gecko.h"

enum category { OTHER, APPLICATION, LIBRARY, STANDARD, NATIVE, IDLE };

/* What is the same in all profiles: of meta, and of threads. */
static const char meta[] =
	",\"preprocessedProfileVersion\":57,\"version\":31,\"processType\":0,\"stackwalk\":0,"
	"\"symbolicated\":true,\"importedFrom\":\"pyflame " PYFLAME_VERSION "\","
	"\"platform\":\"Linux\",\"toolkit\":\"\",\"misc\":\"\",\"oscpu\":\"\",\"abi\":\"\","
	"\"markerSchema\":[],\"extensions\":{\"baseURL\":[],\"id\":[],\"name\":[],\"length\":0},"
	"\"categories\":[";

static const char *const categories[] = {
	[OTHER] = "Other\",\"color\":\"grey",
	[APPLICATION] = "Application\",\"color\":\"yellow",
	[LIBRARY] = "Library\",\"color\":\"blue",
	[STANDARD] = "Standard library\",\"color\":\"green",
	[NATIVE] = "Native\",\"color\":\"orange",
	[IDLE] = "Idle\",\"color\":\"transparent",
};

static const char no_resources[] =
	",\"resourceTable\":{\"lib\":[],\"name\":[],\"host\":[],\"type\":[],\"length\":0},"
	"\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],"
	"\"length\":0},"
	"\"markers\":{\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],\"phase\":[],"
	"\"category\":[],\"length\":0},\"pausedRanges\":[]";

/* A thread's own frames, functions and stacks: their numbers in the profile, in
 * the order of the thread's tables.  An idle one has IS_IDLE set. */
#define IS_IDLE 0x80000000u

struct table {
	uint32_t *members, *places; /* places: by number * 2 + idle, base + place + 1 */
	uint32_t base; /* places up to there are those of earlier threads */
	size_t n, cap;
};

struct writer {
	const struct profile *p;
	struct buf *out;
	uint32_t *functions;
	uint32_t *first, *next; /* by thread its first stack, by stack the next; 0: none */
	int *ids;               /* by thread */
	struct table stacks, frames, funcs;
	const struct span *spans;
};

static void
table_begin(struct table *t, size_t most)
{
	t->places = xcalloc(most * 2, sizeof *t->places);
}

static void
table_clear(struct table *t)
{
	t->base += (uint32_t)t->n;
	t->n = 0;
}

static void
table_end(struct table *t)
{
	free(t->members);
	free(t->places);
}

/* The place of a member; -1 if it has none. */
static int64_t
table_place(const struct table *t, uint32_t number, uint32_t idle)
{
	uint32_t place = t->places[number * 2 + idle];

	return place > t->base ? (int64_t)place - t->base - 1 : -1;
}

static void
table_add(struct table *t, uint32_t number, uint32_t idle, uint32_t member)
{
	if (table_place(t, number, idle) >= 0)
		return;
	t->members = grow(t->members, t->n, &t->cap, sizeof *t->members);
	t->members[t->n++] = member | (idle ? IS_IDLE : 0);
	t->places[number * 2 + idle] = t->base + (uint32_t)t->n;
}

/* ---- columns ---- */

/* Arrays of n times the same: names and values, with blanks between them. */
static void
write_constants(struct buf *out, const char *names, size_t n)
{
	while (*names) {
		const char *value = strchr(names, ' ') + 1, *end = strchr(value, ' ');

		buf_printf(out, ",\"%.*s\":[", (int)(value - names - 1), names);
		for (size_t i = 0; i < n; i++)
			buf_printf(out, i ? ",%.*s" : "%.*s", (int)(end - value), value);
		json_close(out, ']');
		names = end + 1;
	}
}

static enum category
category(const struct profile *p, uint32_t frame)
{
	static const enum category of[] = { [ORIGIN_APPLICATION] = APPLICATION,
		[ORIGIN_PACKAGES] = LIBRARY, [ORIGIN_LIBRARY] = STANDARD };
	enum origin origin = label_origin(p, frame);
	size_t len;
	const char *name = profile_string_get(p, profile_frame_get(p, frame).function, &len);

	if (origin != ORIGIN_NATIVE)
		return of[origin];
	if (len == 6 && !memcmp(name, "(idle)", len))
		return IDLE;
	return len == 8 && !memcmp(name, "(failed)", len) ? OTHER : NATIVE;
}

static int64_t
frame_category(const void *context, size_t i)
{
	const struct writer *w = context;
	uint32_t frame = w->frames.members[i];

	return frame & IS_IDLE ? IDLE : category(w->p, frame);
}

static int64_t
frame_func(const void *context, size_t i)
{
	const struct writer *w = context;

	return table_place(&w->funcs, w->functions[w->frames.members[i] & ~IS_IDLE], 0);
}

static int64_t
frame_line(const void *context, size_t i)
{
	const struct writer *w = context;
	int line = profile_frame_get(w->p, w->frames.members[i] & ~IS_IDLE).line;

	return line > 0 ? line : JSON_NULL;
}

static int64_t
func_name(const void *context, size_t i)
{
	const struct writer *w = context;

	return profile_frame_get(w->p, w->funcs.members[i]).function;
}

static int64_t
func_file(const void *context, size_t i)
{
	const struct writer *w = context;
	uint32_t file = profile_frame_get(w->p, w->funcs.members[i]).file;

	return file == PROFILE_NO_FILE ? JSON_NULL : (int64_t)file;
}

static int64_t
stack_frame(const void *context, size_t i)
{
	const struct writer *w = context;
	uint32_t stack = w->stacks.members[i], frame = profile_stack_frame(w->p, stack & ~IS_IDLE);

	return table_place(&w->frames, frame, stack / IS_IDLE);
}

static int64_t
stack_prefix(const void *context, size_t i)
{
	const struct writer *w = context;
	uint32_t parent = profile_stack_parent(w->p, w->stacks.members[i] & ~IS_IDLE);
	int64_t place = table_place(&w->stacks, parent, 0); /* -1 for the thread's root */

	return place < 0 ? JSON_NULL : place;
}

static int64_t
sample_stack(const void *context, size_t i)
{
	const struct writer *w = context;

	return table_place(&w->stacks, w->spans[i].stack, w->spans[i].idle);
}

static int64_t
sample_weight(const void *context, size_t i)
{
	const struct writer *w = context;

	return (int64_t)w->spans[i].count;
}

/* ---- threads ---- */

static void
add_stack(struct writer *w, uint32_t stack, uint32_t idle)
{
	uint32_t frame = profile_stack_frame(w->p, stack);

	table_add(&w->stacks, stack, idle, stack);
	table_add(&w->frames, frame, idle, frame);
	table_add(&w->funcs, w->functions[frame], 0, frame);
}

/* Lists each thread's stacks, in order. */
static void
list_stacks(struct writer *w)
{
	uint32_t n = profile_stack_count(w->p), *owners = export_owners(w->p);

	w->first = xcalloc(profile_thread_count(w->p), sizeof *w->first);
	w->next = xcalloc(n, sizeof *w->next);
	for (uint32_t i = n; --i > 0;) {
		if (profile_stack_frame(w->p, i) & PROFILE_THREAD)
			continue;
		w->next[i] = w->first[owners[i]];
		w->first[owners[i]] = i;
	}
	free(owners);
}

static void
find_members(struct writer *w, uint32_t thread)
{
	table_clear(&w->stacks);
	table_clear(&w->frames);
	table_clear(&w->funcs);
	for (uint32_t i = w->first[thread]; i; i = w->next[i]) {
		add_stack(w, i, 0);
		if (profile_get(w->p, PROFILE_IDLE, i))
			add_stack(w, i, 1);
	}
}

static void
end_table(struct buf *out, size_t length)
{
	buf_printf(out, ",\"length\":%zu}", length);
}

static void
write_tables(const struct writer *w)
{
	struct buf *out = w->out;
	size_t frames = w->frames.n, funcs = w->funcs.n;

	json_open(out, "stackTable", '{');
	json_add_array(out, "frame", w->stacks.n, stack_frame, w);
	json_add_array(out, "prefix", w->stacks.n, stack_prefix, w);
	end_table(out, w->stacks.n);
	json_open(out, "frameTable", '{');
	json_add_array(out, "category", frames, frame_category, w);
	json_add_array(out, "func", frames, frame_func, w);
	json_add_array(out, "line", frames, frame_line, w);
	write_constants(out, "address -1 inlineDepth 0 subcategory 0 nativeSymbol null "
	                "innerWindowID null column null ", frames);
	end_table(out, frames);
	json_open(out, "funcTable", '{');
	json_add_array(out, "name", funcs, func_name, w);
	json_add_array(out, "fileName", funcs, func_file, w);
	write_constants(out, "isJS false relevantForJS false resource -1 lineNumber null "
	                "columnNumber null ", funcs);
	end_table(out, funcs);
}

static void
write_samples(const struct writer *w, size_t n)
{
	struct buf *out = w->out;

	json_open(out, "samples", '{');
	json_add_text(out, "weightType", "samples");
	json_add_array(out, "stack", n, sample_stack, w);
	json_add_array(out, "weight", n, sample_weight, w);
	json_open(out, "time", '[');
	for (size_t i = 0; i < n; i++)
		json_add_decimal(out, NULL, w->spans[i].start, 3);
	json_close(out, ']');
	end_table(out, n);
}

static void
write_thread(struct writer *w, size_t n)
{
	uint32_t thread = w->spans[0].thread;
	struct profile_thread t = profile_thread_get(w->p, thread);
	struct buf *out = w->out;

	find_members(w, thread);
	json_open(out, NULL, '{');
	json_add_name(out, "name", t.name ? t.name : "thread");
	json_add_name(out, "processName", t.process ? t.process : "Python");
	json_add_decimal(out, "registerTime", w->spans[0].start, 3);
	buf_printf(out, ",\"isMainThread\":%s,\"pid\":\"%d\",\"tid\":%d,\"processType\":\"default\","
	           "\"processStartupTime\":0,\"processShutdownTime\":null,\"unregisterTime\":null",
	           t.tid && t.tid == t.pid ? "true" : "false", t.pid,
	           w->ids[thread]);
	write_samples(w, n);
	write_tables(w);
	buf_str(out, no_resources);
	json_close(out, '}');
}

static void
write_meta(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);

	json_open(out, "meta", '{');
	json_add_text(out, "product", export_title(p));
	json_add_decimal(out, "startTime", timeline_start(p), 3);
	json_add_decimal(out, "interval", run->period ? run->period : 1000000, 6);
	buf_str(out, meta);
	for (size_t i = 0; i < LEN(categories); i++)
		buf_printf(out, "%s{\"name\":\"%s\",\"subcategories\":[\"Other\"]}", i ? "," : "",
		           categories[i]);
	buf_str(out, "]}");
}

void
gecko_write(const struct profile *p, struct buf *out)
{
	struct writer w = { .p = p, .out = out, .ids = export_thread_ids(p) };
	uint32_t functions;
	size_t n, part;
	struct span *spans = timeline(p, 0, &n);

	list_stacks(&w);
	w.functions = export_functions(p, &functions);
	table_begin(&w.stacks, profile_stack_count(p));
	table_begin(&w.frames, profile_frame_count(p));
	table_begin(&w.funcs, functions);
	json_open(out, NULL, '{');
	write_meta(p, out);
	buf_str(out, ",\"libs\":[],\"shared\":{");
	json_add_strings(out, "stringArray", p);
	json_close(out, '}');
	json_open(out, "threads", '[');
	for (size_t i = 0; i < n; i += part) {
		part = timeline_thread(spans + i, n - i);
		w.spans = spans + i;
		write_thread(&w, part);
	}
	buf_str(out, "]}\n");
	table_end(&w.stacks);
	table_end(&w.frames);
	table_end(&w.funcs);
	free(w.first);
	free(w.next);
	free(w.ids);
	free(w.functions);
	free(spans);
}
