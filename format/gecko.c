/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Firefox Profiler's "processed profile format", version 57
 * (github.com/firefox-devtools/profiler, docs-developer/CHANGELOG-formats.md,
 * src/types/profile).  Strings are shared; each thread has tables of its own,
 * made of arrays in parallel, in which a thing is named by its place.
 *
 * A frame has a category, which colours the samples that it is the leaf of.  What waited
 * has another frame there: the same, but in a category of waits.  A sample without a weight
 * counts as 1, and lasts until the next one; one without a stack is where a thread was not
 * seen.  CPU use (threadCPUDelta) is that since the sample before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/origin.h"
#include "format/json.h"
#include "format/export.h"
#include "format/gecko.h"

enum category { OTHER, APPLICATION, LIBRARY, STANDARD, NATIVE, IDLE, GIL };

/* What is the same in all profiles: of meta, and of threads. */
static const char meta[] =
	",\"preprocessedProfileVersion\":57,\"version\":31,\"processType\":0,\"stackwalk\":0,"
	"\"symbolicated\":true,\"importedFrom\":\"pyflame " PYFLAME_VERSION "\","
	"\"platform\":\"X11\",\"oscpu\":\"Linux\",\"toolkit\":\"\",\"misc\":\"\",\"abi\":\"\","
	"\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"\xc2\xb5s\"},"
	"\"markerSchema\":[{\"name\":\"GIL\",\"tooltipLabel\":\"Waits for the GIL\","
	"\"tableLabel\":\"Waits for the GIL\",\"chartLabel\":\"Waits for the GIL\","
	"\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],\"fields\":[]}],"
	"\"extensions\":{\"baseURL\":[],\"id\":[],\"name\":[],\"length\":0},"
	"\"categories\":[";

static const char *const categories[] = {
	[OTHER] = "Other\",\"color\":\"grey",
	[APPLICATION] = "Application\",\"color\":\"yellow",
	[LIBRARY] = "Library\",\"color\":\"blue",
	[STANDARD] = "Standard library\",\"color\":\"green",
	[NATIVE] = "Native\",\"color\":\"orange",
	[IDLE] = "Idle\",\"color\":\"transparent",
	[GIL] = "Waits for the GIL\",\"color\":\"red",
};

static const char no_resources[] =
	",\"resourceTable\":{\"lib\":[],\"name\":[],\"host\":[],\"type\":[],\"length\":0},"
	"\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],"
	"\"length\":0},\"pausedRanges\":[]";

/* A thread's own frames, functions and stacks: their numbers in the profile, in
 * the order of the thread's tables.  A waiting one has an enum profile_wait in its upper
 * bits. */
enum { WAIT_SHIFT = 30, WAITS = 3 };
#define NUMBER(member) ((member) & ((1u << WAIT_SHIFT) - 1))

struct table {
	uint32_t *members, *places; /* places: by number * WAITS + wait, base + place + 1 */
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
	const struct span *spans; /* of a thread, with those that have no stack */
};

static void
table_begin(struct table *t, size_t most)
{
	t->places = xcalloc(most * WAITS, sizeof *t->places);
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
table_place(const struct table *t, uint32_t number, uint32_t wait)
{
	uint32_t place = t->places[(size_t)number * WAITS + wait];

	return place > t->base ? (int64_t)place - t->base - 1 : -1;
}

static void
table_add(struct table *t, uint32_t number, uint32_t wait, uint32_t member)
{
	if (table_place(t, number, wait) >= 0)
		return;
	t->members = grow(t->members, t->n, &t->cap, sizeof *t->members);
	t->members[t->n++] = member | wait << WAIT_SHIFT;
	t->places[(size_t)number * WAITS + wait] = t->base + (uint32_t)t->n;
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
		[ORIGIN_PACKAGES] = LIBRARY, [ORIGIN_LIBRARY] = STANDARD, [ORIGIN_WAIT] = IDLE };
	enum origin origin = origin_of(p, frame);
	size_t len;
	const char *name = profile_string_get(p, profile_frame_get(p, frame).function, &len);

	if (origin != ORIGIN_NATIVE)
		return of[origin];
	return len == 8 && !memcmp(name, "(failed)", len) ? OTHER : NATIVE;
}

static int64_t
frame_category(const void *context, size_t i)
{
	static const enum category waits[] = { [PROFILE_WAITS] = IDLE,
		[PROFILE_WAITS_FOR_GIL] = GIL };
	const struct writer *w = context;
	uint32_t frame = w->frames.members[i], wait = frame >> WAIT_SHIFT;

	return wait ? waits[wait] : category(w->p, frame);
}

static int64_t
frame_func(const void *context, size_t i)
{
	const struct writer *w = context;

	return table_place(&w->funcs, w->functions[NUMBER(w->frames.members[i])], 0);
}

static int64_t
frame_line(const void *context, size_t i)
{
	const struct writer *w = context;
	int line = profile_frame_get(w->p, NUMBER(w->frames.members[i])).line;

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
	uint32_t stack = w->stacks.members[i];

	return table_place(&w->frames, profile_stack_frame(w->p, NUMBER(stack)),
	                   stack >> WAIT_SHIFT);
}

static int64_t
stack_prefix(const void *context, size_t i)
{
	const struct writer *w = context;
	uint32_t parent = profile_stack_parent(w->p, NUMBER(w->stacks.members[i]));
	int64_t place = table_place(&w->stacks, parent, 0); /* -1 for the thread's root */

	return place < 0 ? JSON_NULL : place;
}

static int64_t
sample_stack(const void *context, size_t i)
{
	const struct writer *w = context;
	const struct span *s = &w->spans[i];

	return s->count ? table_place(&w->stacks, s->stack, s->idle) : JSON_NULL;
}

static int64_t
sample_weight(const void *context, size_t i)
{
	const struct writer *w = context;

	return (int64_t)w->spans[i].count;
}

/* Microseconds. */
static int64_t
sample_cpu(const void *context, size_t i)
{
	const struct writer *w = context;
	const struct span *before = i ? &w->spans[i - 1] : NULL;
	int ran = before && before->count && before->idle == PROFILE_RUNS &&
	          export_kind(w->p, before->stack) == EXPORT_STACK;

	return ran ? w->spans[i].start - before->start : 0;
}

/* ---- threads ---- */

static void
add_stack(struct writer *w, uint32_t stack, uint32_t wait)
{
	uint32_t frame = profile_stack_frame(w->p, stack);

	table_add(&w->stacks, stack, wait, stack);
	table_add(&w->frames, frame, wait, frame);
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
		uint64_t gil = profile_get(w->p, PROFILE_GIL, i);

		add_stack(w, i, PROFILE_RUNS);
		if (profile_get(w->p, PROFILE_IDLE, i) > gil)
			add_stack(w, i, PROFILE_WAITS);
		if (gil)
			add_stack(w, i, PROFILE_WAITS_FOR_GIL);
	}
}

static void
end_table(struct buf *out, size_t length)
{
	buf_printf(out, ",\"length\":%zu}", length);
}

/* Which functions are scripts: those that have a file.  What is relevant for these is shown
 * with them. */
static void
write_flags(const struct writer *w, const char *key, int of_scripts)
{
	json_open(w->out, key, '[');
	for (size_t i = 0; i < w->funcs.n; i++)
		json_add_bool(w->out, NULL, (func_file(w, i) != JSON_NULL) == of_scripts);
	json_close(w->out, ']');
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
	write_flags(w, "isJS", 1);
	write_flags(w, "relevantForJS", 0);
	write_constants(out, "resource -1 lineNumber null columnNumber null ", funcs);
	end_table(out, funcs);
}

/* Milliseconds: when spans begin, or how long they last. */
static void
write_times(const struct writer *w, const char *key, size_t n, int lengths)
{
	json_open(w->out, key, '[');
	for (size_t i = 0; i < n; i++)
		json_add_decimal(w->out, NULL, lengths ? w->spans[i].end - w->spans[i].start :
		                 w->spans[i].start, 3);
	json_close(w->out, ']');
}

/* What was laid out as it was counted has weights: times, if these are known. */
static void
write_samples(const struct writer *w, size_t n)
{
	struct buf *out = w->out;
	int logged = profile_log_count(w->p) > 0, timed = !logged && timeline_is_known(w->p);

	json_open(out, "samples", '{');
	json_add_text(out, "weightType", timed ? "tracing-ms" : "samples");
	json_add_array(out, "stack", n, sample_stack, w);
	if (logged)
		buf_str(out, ",\"weight\":null");
	else if (timed)
		write_times(w, "weight", n, 1);
	else
		json_add_array(out, "weight", n, sample_weight, w);
	write_times(w, "time", n, 0);
	if (logged)
		json_add_array(out, "threadCPUDelta", n, sample_cpu, w);
	end_table(out, n);
}

/* The spans of a thread with one that has no stack wherever it was not seen: at its end,
 * too.  To be freed. */
static struct span *
fill_holes(const struct span *spans, size_t n, size_t *filled)
{
	struct span *all = xcalloc(2 * n, sizeof *all);

	*filled = 0;
	for (size_t i = 0; i < n; i++) {
		const struct span *s = &spans[i];

		all[(*filled)++] = *s;
		if (i + 1 == n || spans[i + 1].start > s->end)
			all[(*filled)++] = (struct span){ s->end, i + 1 < n ? spans[i + 1].start : s->end,
			                                  0, s->thread, s->stack, PROFILE_WAITS };
	}
	return all;
}

/* How many spans, from that one on, are one wait for the GIL. */
static size_t
gil_wait(const struct writer *w, size_t i, size_t n)
{
	size_t from = i;

	while (i < n && w->spans[i].idle == PROFILE_WAITS_FOR_GIL &&
	       (i == from || w->spans[i].start == w->spans[i - 1].end))
		i++;
	return i - from;
}

/* What a marker's columns have of each: its time, or a constant. */
static size_t
write_markers_column(const struct writer *w, size_t n, const char *key, int end,
                     const char *constant)
{
	size_t markers = 0, part;

	json_open(w->out, key, '[');
	for (size_t i = 0; i < n; i += part ? part : 1) {
		part = gil_wait(w, i, n);
		if (!part)
			continue;
		if (constant)
			buf_printf(w->out, markers ? ",%s" : "%s", constant);
		else
			json_add_decimal(w->out, NULL, end ? w->spans[i + part - 1].end :
			                 w->spans[i].start, 3);
		markers++;
	}
	json_close(w->out, ']');
	return markers;
}

static void
write_markers(const struct writer *w, size_t n)
{
	char name[16];

	if (!profile_log_count(w->p)) /* there is no "when" */
		n = 0;
	text_format(name, sizeof name, "%u", profile_string_count(w->p)); /* the one after them */
	json_open(w->out, "markers", '{');
	write_markers_column(w, n, "data", 0, "{\"type\":\"GIL\"}");
	write_markers_column(w, n, "name", 0, name);
	write_markers_column(w, n, "startTime", 0, NULL);
	write_markers_column(w, n, "endTime", 1, NULL);
	write_markers_column(w, n, "phase", 0, "1");
	end_table(w->out, write_markers_column(w, n, "category", 0, "6"));
}

static void
write_thread(struct writer *w, const struct span *spans, size_t n)
{
	uint32_t thread = spans[0].thread;
	struct span *filled = NULL;
	struct profile_thread t = profile_thread_get(w->p, thread);
	struct buf *out = w->out;

	find_members(w, thread);
	json_open(out, NULL, '{');
	json_add_shown(out, "name", t.name ? t.name : "thread");
	json_add_shown(out, "processName", t.process ? t.process : "Python");
	json_add_decimal(out, "registerTime", spans[0].start, 3);
	buf_printf(out, ",\"isMainThread\":%s,\"pid\":\"%d\",\"tid\":%d,\"processType\":\"default\","
	           "\"processStartupTime\":0,\"processShutdownTime\":null,\"unregisterTime\":null",
	           t.tid && t.tid == t.pid ? "true" : "false", t.pid,
	           w->ids[thread]);
	w->spans = spans;
	if (profile_log_count(w->p))
		w->spans = filled = fill_holes(spans, n, &n);
	write_samples(w, n);
	write_markers(w, n);
	write_tables(w);
	buf_str(out, no_resources);
	json_close(out, '}');
	free(filled);
}

static void
write_note(void *out, const char *name, const char *value)
{
	json_open(out, NULL, '{');
	json_add_text(out, "label", name);
	json_add_text(out, "format", "string");
	json_add_shown(out, "value", value);
	json_close(out, '}');
}

static void
write_meta(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);
	int64_t each = profile_ns(p, 1);

	json_open(out, "meta", '{');
	json_add_text(out, "product", export_title(p));
	json_add_decimal(out, "startTime", timeline_start(p), 3);
	json_add_decimal(out, "interval", each ? each : TIMELINE_UNKNOWN * INT64_C(1000), 6);
	json_add_shown(out, "arguments", run->command);
	json_open(out, "extra", '[');
	json_open(out, NULL, '{');
	json_add_text(out, "label", "pyflame");
	json_open(out, "entries", '[');
	export_notes(p, write_note, out);
	buf_str(out, "]}]");
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
	json_open(out, "stringArray", '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_add_shown_string(out, NULL, p, i);
	json_add_text(out, NULL, "Waits for the GIL"); /* a marker's name */
	buf_str(out, "]}");
	json_open(out, "threads", '[');
	for (size_t i = 0; i < n; i += part) {
		part = timeline_thread(spans + i, n - i);
		write_thread(&w, spans + i, part);
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
