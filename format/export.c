/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a split profile that others' formats share; see export.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "format/export.h"

/* Makes a stack of that name of what belongs to none: PROFILE_ROOT or PROFILE_FAILED. */
static void
expose(struct profile *p, uint32_t special, const char *name)
{
	uint64_t n = profile_get(p, PROFILE_SAMPLES, special);
	struct profile_frame f = { PROFILE_NO_FILE, 0, 0 };
	uint32_t stack;

	if (!n)
		return;
	stack = profile_thread(p, profile_run(p)->pid, 0, "(no thread)", NULL);
	f.function = profile_string(p, name, strlen(name));
	stack = profile_stack(p, stack, profile_frame(p, f));
	profile_set(p, PROFILE_SAMPLES, stack, n);
	profile_log_move(p, special, stack);
}

void
export_prepare(struct profile *p)
{
	size_t room = profile_room(p, SIZE_MAX);

	expose(p, PROFILE_ROOT, "(idle)");
	expose(p, PROFILE_FAILED, "(failed)");
	profile_room(p, room);
}

static int
is_named(const struct profile *p, struct profile_frame f, const char *name)
{
	size_t len;
	const char *function = profile_string_get(p, f.function, &len);

	return f.file == PROFILE_NO_FILE && len == strlen(name) && !memcmp(function, name, len);
}

enum export_kind
export_kind(const struct profile *p, uint32_t stack)
{
	uint32_t frame = profile_stack_frame(p, stack);
	struct profile_frame f;

	if (frame & PROFILE_THREAD)
		return EXPORT_STACK;
	f = profile_frame_get(p, frame);
	return is_named(p, f, "(idle)") ? EXPORT_IDLE : is_named(p, f, "(failed)") ? EXPORT_FAILED :
	       EXPORT_STACK;
}

int
export_has_frame(const struct profile *p, uint32_t stack)
{
	return stack != PROFILE_ROOT && !(profile_stack_frame(p, stack) & PROFILE_THREAD);
}

uint32_t *
export_owners(const struct profile *p)
{
	uint32_t n = profile_stack_count(p), *owners = xcalloc(n, sizeof *owners);

	owners[PROFILE_ROOT] = UINT32_MAX;
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(p, i);

		owners[i] = frame & PROFILE_THREAD ? frame & ~PROFILE_THREAD :
		            owners[profile_stack_parent(p, i)];
	}
	return owners;
}

/* A power of two, for a table of hashes that is half empty. */
static uint32_t
table_size(uint32_t members)
{
	uint32_t size = 16;

	while (size / 2 < members)
		size *= 2;
	return size;
}

uint32_t *
export_functions(const struct profile *p, uint32_t *n)
{
	uint32_t frames = profile_frame_count(p), cap = table_size(frames), slot;
	uint32_t *numbers = xcalloc(frames, sizeof *numbers);
	uint32_t *slots = xcalloc(cap, sizeof *slots); /* of each function its first frame + 1 */

	*n = 0;
	for (uint32_t i = 0; i < frames; i++) {
		struct profile_frame f = profile_frame_get(p, i), g;

		for (slot = hash_words(f.file, f.function); slots[slot &= cap - 1]; slot++) {
			g = profile_frame_get(p, slots[slot] - 1);
			if (g.file == f.file && g.function == f.function)
				break;
		}
		if (!slots[slot]) {
			slots[slot] = i + 1;
			numbers[i] = (*n)++;
		}
		numbers[i] = numbers[slots[slot] - 1];
	}
	free(slots);
	return numbers;
}

int *
export_thread_ids(const struct profile *p)
{
	enum { UNKNOWN = 1 << 30 }; /* more than any kernel has */
	uint32_t threads = profile_thread_count(p), cap = table_size(threads), slot;
	uint32_t *slots = xcalloc(cap, sizeof *slots); /* of each id its first thread + 1 */
	int *ids = xcalloc(threads, sizeof *ids);

	for (uint32_t i = 0; i < threads; i++) {
		struct profile_thread t = profile_thread_get(p, i), u;

		for (slot = hash_words((uint32_t)t.pid, (uint32_t)t.tid); slots[slot &= cap - 1]; slot++) {
			u = profile_thread_get(p, slots[slot] - 1);
			if (u.tid == t.tid && u.pid == t.pid)
				break;
		}
		ids[i] = t.tid && !slots[slot] ? t.tid : UNKNOWN + (int)i;
		if (!slots[slot])
			slots[slot] = i + 1;
	}
	free(slots);
	return ids;
}

const char *
export_title(const struct profile *p)
{
	const struct profile_run *run = profile_run_get(p);

	return run->title ? run->title : run->command ? run->command : "Python";
}

static void
note_number(export_note *note, void *context, const char *name, uint64_t n)
{
	char text[24];

	text_format(text, sizeof text, "%" PRIu64, n);
	note(context, name, text);
}

/* Seconds, to the microsecond. */
static void
note_time(export_note *note, void *context, const char *name, int64_t us)
{
	struct buf text = { 0 };

	if (us)
		json_add_decimal(&text, NULL, us, 6);
	if (us)
		note(context, name, (buf_str(&text, " s"), buf_terminate(&text)));
	buf_free(&text);
}

void
export_notes(const struct profile *p, export_note *note, void *context)
{
	const struct profile_run *r = profile_run_get(p);

	note(context, "generator", "pyflame " PYFLAME_VERSION);
	if (r->command)
		note(context, "command", r->command);
	if (r->host)
		note(context, "host", r->host);
	if (r->python)
		note(context, "python", r->python);
	if (r->mode)
		note(context, "mode", r->mode);
	note_time(note, context, "duration", r->duration);
	note_time(note, context, "period", r->period / 1000);
	if (!r->known)
		return;
	note_number(note, context, "ticks", r->ticks);
	note_number(note, context, "ticks missed", r->missed);
	note_number(note, context, "ticks left out", r->left_out);
	note_number(note, context, "samples that failed",
	            profile_get(p, PROFILE_SAMPLES, PROFILE_FAILED));
}

void
export_note_json(void *out, const char *name, const char *value)
{
	json_add_shown(out, name, value);
}

void
export_frame(struct buf *out, const struct profile *p, uint32_t frame, const char *text)
{
	struct profile_frame f = profile_frame_get(p, frame);

	json_add_shown_string(out, "name", p, f.function);
	buf_str(out, text);
	if (f.file != PROFILE_NO_FILE)
		json_add_shown_string(out, "file", p, f.file);
	if (f.line > 0)
		json_add_number(out, "line", f.line);
}

/* ---- when threads did what ---- */

int
timeline_is_known(const struct profile *p)
{
	return profile_log_count(p) || profile_ns(p, 1);
}

int64_t
timeline_start(const struct profile *p)
{
	const struct profile_run *r = profile_run_get(p);
	int64_t first;

	if (!profile_log_count(p))
		return r->start;
	first = profile_tick_get(p, 0);
	return r->start <= first && first - r->start <= r->duration ? r->start : first;
}

static int
compare(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

/* What is known of a thread while its spans are made. */
struct last {
	size_t span;      /* its last one, plus one; 0: none */
	uint32_t tick;    /* that this is of */
	uint32_t n, done; /* samples at the tick being looked at, and how many are spans */
	int64_t early;    /* how long before it these begin */
};

struct maker {
	const struct profile *p;
	const uint32_t *owners;
	struct last *last; /* by thread */
	struct span *spans;
	size_t n;
	int merge;
	int64_t period;    /* microseconds */
	uint32_t seen;     /* the last tick before at which all could be seen */
};

static int
is_same(const struct span *a, const struct span *b)
{
	return a->stack == b->stack && a->idle == b->idle;
}

/* Whether there were ticks, so long ago, that are missing since. */
static int
are_missing(const struct maker *m, int64_t gap)
{
	return gap > 2 * m->period;
}

/* From that tick to the next; a period after the last one. */
static int64_t
gap_after(const struct maker *m, uint32_t tick)
{
	return tick + 1 < profile_tick_count(m->p) ?
	       profile_tick_get(m->p, tick + 1) - profile_tick_get(m->p, tick) : m->period;
}

/* How long before its tick something is taken to have begun, where it was not there at the
 * tick before; and how long it lasts if it is not at the next. */
static int64_t
time_before(const struct maker *m, uint32_t tick)
{
	int64_t gap = tick ? gap_after(m, tick - 1) : 0;

	if (!tick)
		return profile_tick_get(m->p, 0) - timeline_start(m->p);
	return are_missing(m, gap) ? gap - gap / 2 : 0;
}

static int64_t
time_after(const struct maker *m, uint32_t tick)
{
	int64_t gap = gap_after(m, tick);

	return are_missing(m, gap) ? gap / 2 : gap;
}

/* Where a thread was not seen between two samples for want of ticks, or as they failed, these
 * share the time, or if they are the same have all of it.  How long before its tick the later
 * one begins. */
static int64_t
bridge(const struct maker *m, const struct last *l, struct span *before, const struct span *span,
       uint32_t tick)
{
	int64_t since = profile_tick_get(m->p, l->tick), gap = profile_tick_get(m->p, tick) - since;
	int64_t part = is_same(before, span) ? gap : gap / 2;

	if (tick == l->tick + 1 && !are_missing(m, gap))
		return 0;
	before->end = since - timeline_start(m->p) + part;
	return gap - part;
}

/* Adds a span to its thread's, or has the one before go on. */
static void
add_span(struct maker *m, struct last *l, const struct span *span)
{
	struct span *before = l->span ? &m->spans[l->span - 1] : NULL;

	if (m->merge && before && before->end == span->start && is_same(before, span)) {
		before->end = span->end;
		before->count++;
		return;
	}
	m->spans[m->n++] = *span;
	l->span = m->n;
}

/* Several samples of one thread at one tick share its time. */
static void
add_sample(struct maker *m, const struct profile_sample *s)
{
	struct span span = { 0, 0, 1, m->owners[s->stack], s->stack, s->idle };
	struct last *l = &m->last[span.thread];
	int64_t from = profile_tick_get(m->p, s->tick) - timeline_start(m->p), all;

	if (!l->done)
		l->early = l->span && l->tick >= m->seen ?
		           bridge(m, l, &m->spans[l->span - 1], &span, s->tick) :
		           time_before(m, s->tick);
	all = l->early + time_after(m, s->tick);
	span.start = from - l->early + all * l->done / l->n;
	span.end = from - l->early + all * ++l->done / l->n;
	l->tick = s->tick;
	add_span(m, l, &span);
}

/* The samples of one tick, the first one being sample i.  The first one after it. */
static size_t
add_tick(struct maker *m, size_t i)
{
	size_t end = i, samples = profile_log_count(m->p);
	uint32_t tick = profile_log_get(m->p, i).tick;
	int failed = 0;

	for (; end < samples && profile_log_get(m->p, end).tick == tick; end++) {
		struct last *l = &m->last[m->owners[profile_log_get(m->p, end).stack]];

		l->n++;
		l->done = 0;
	}
	if (i && tick > profile_log_get(m->p, i - 1).tick + 1)
		m->seen = tick - 1; /* there was nothing at it */
	for (size_t k = i; k < end; k++) {
		struct profile_sample s = profile_log_get(m->p, k);

		add_sample(m, &s);
		failed |= export_kind(m->p, s.stack) == EXPORT_FAILED;
	}
	for (size_t k = i; k < end; k++)
		m->last[m->owners[profile_log_get(m->p, k).stack]].n = 0;
	m->seen = failed ? m->seen : tick;
	return end;
}

static size_t
by_log(struct maker *m)
{
	m->last = xcalloc(profile_thread_count(m->p), sizeof *m->last);
	for (size_t i = 0; i < profile_log_count(m->p);)
		i = add_tick(m, i);
	free(m->last);
	return m->n;
}

/* Of so many samples, microseconds.  A file may say what it likes: more than that is that
 * much. */
static int64_t
duration(const struct profile *p, uint64_t samples)
{
	uint64_t most = PROFILE_MOST / TIMELINE_UNKNOWN;

	if (timeline_is_known(p))
		return profile_ns(p, samples) / 1000;
	return (int64_t)((samples < most ? samples : most) * TIMELINE_UNKNOWN);
}

/* Adds what was counted of one stack, which begins after so many samples: what waited for
 * the GIL, for something else, and what ran. */
static void
add_counts(struct maker *m, uint32_t stack, uint64_t at)
{
	uint64_t idle = profile_get(m->p, PROFILE_IDLE, stack);
	uint64_t gil = profile_get(m->p, PROFILE_GIL, stack);
	const uint64_t parts[] = { [PROFILE_WAITS_FOR_GIL] = gil, [PROFILE_WAITS] = idle - gil,
		[PROFILE_RUNS] = profile_get(m->p, PROFILE_SAMPLES, stack) - idle };

	for (uint32_t wait = LEN(parts); wait-- > 0; at += parts[wait])
		if (parts[wait])
			m->spans[m->n++] = (struct span){
				duration(m->p, at), duration(m->p, at + parts[wait]), parts[wait],
				m->owners[stack], stack, wait };
}

/* Every stack begins where its parent does, after what came before it there,
 * its own samples before those of its children. */
static size_t
by_counts(struct maker *m)
{
	uint32_t stacks = profile_stack_count(m->p);
	uint64_t *totals = xcalloc(stacks, sizeof *totals), *at = xcalloc(stacks, sizeof *at);

	for (uint32_t i = stacks; --i > 0;) {
		totals[i] += profile_get(m->p, PROFILE_SAMPLES, i);
		totals[profile_stack_parent(m->p, i)] += totals[i];
	}
	for (uint32_t i = 1; i < stacks; i++) {
		uint32_t parent = profile_stack_parent(m->p, i);

		if (parent != PROFILE_ROOT) { /* all threads begin at 0 */
			at[i] = at[parent];
			at[parent] += totals[i];
		}
		add_counts(m, i, at[i]);
		at[i] += profile_get(m->p, PROFILE_SAMPLES, i);
	}
	free(totals);
	free(at);
	return m->n;
}

/* How many there are at most, of what was counted. */
static size_t
most_spans(const struct profile *p)
{
	enum { KINDS = 3 }; /* as of add_counts */
	size_t n = 0;

	for (uint32_t i = 1; i < profile_stack_count(p); i++)
		if (profile_get(p, PROFILE_SAMPLES, i))
			n += profile_get(p, PROFILE_IDLE, i) ? KINDS : 1;
	return n;
}

struct span *
timeline(const struct profile *p, int merge, size_t *n)
{
	size_t samples = profile_log_count(p);
	struct span *spans = xcalloc(samples ? samples : most_spans(p), sizeof *spans);
	uint32_t *owners = export_owners(p);
	struct maker m = { .p = p, .owners = owners, .spans = spans, .merge = merge,
	                   .period = profile_run_get(p)->period / 1000 };

	*n = samples ? by_log(&m) : by_counts(&m);
	sort(spans, *n, sizeof *spans, compare);
	free(owners);
	return spans;
}

size_t
timeline_thread(const struct span *spans, size_t n)
{
	size_t i = 0;

	while (i < n && spans[i].thread == spans[0].thread)
		i++;
	return i;
}

/* ---- frames that begin and end ---- */

enum { INNERMOST = 50 }; /* levels that are never folded */

struct level {
	uint32_t frame, wait;
	uint32_t folded; /* not 0: so many */
	size_t slice;
};

struct slicer {
	const struct profile *p;
	size_t levels, inner, outer; /* innermost and outermost ones, if there are more */
	uint32_t *depths, *bottoms;  /* of each stack: its frames; its last outermost one */
	struct level *open, *next;   /* those that are, those that are to be */
	size_t n, cap, cap_next;
	struct slice *slices;
	size_t n_slices, cap_slices;
};

struct slicer *
slicer_new(const struct profile *p, size_t levels)
{
	struct slicer *s = xcalloc(1, sizeof *s);
	uint32_t n = profile_stack_count(p);

	s->p = p;
	s->levels = levels;
	s->inner = levels / 2 < INNERMOST ? levels / 2 : INNERMOST;
	s->outer = levels - s->inner - 1;
	s->depths = xcalloc(n, sizeof *s->depths);
	s->bottoms = xcalloc(n, sizeof *s->bottoms);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t parent = profile_stack_parent(p, i);

		if (!export_has_frame(p, i))
			continue;
		s->depths[i] = s->depths[parent] + 1;
		s->bottoms[i] = s->depths[i] <= s->outer ? i : s->bottoms[parent];
	}
	return s;
}

void
slicer_free(struct slicer *s)
{
	free(s->depths);
	free(s->bottoms);
	free(s->open);
	free(s->next);
	free(s->slices);
	free(s);
}

/* Puts so many levels, of a stack and of those that it stands on, before that place in
 * next. */
static void
put_levels(struct slicer *s, uint32_t stack, size_t n, size_t place)
{
	for (; n-- > 0; stack = profile_stack_parent(s->p, stack))
		s->next[--place] = (struct level){ profile_stack_frame(s->p, stack), PROFILE_RUNS, 0, 0 };
}

/* Puts the levels of a span's stack into next; how many there are. */
static size_t
find_levels(struct slicer *s, const struct span *span)
{
	size_t depth = s->depths[span->stack], n = depth > s->levels ? s->levels : depth;

	while (s->cap_next < n)
		s->next = grow(s->next, s->cap_next, &s->cap_next, sizeof *s->next);
	if (n == depth) {
		put_levels(s, span->stack, n, n);
	} else {
		put_levels(s, span->stack, s->inner, n);
		put_levels(s, s->bottoms[span->stack], s->outer, s->outer);
		s->next[s->outer] = (struct level){ 0, PROFILE_RUNS, (uint32_t)(depth - n + 1), 0 };
	}
	if (n)
		s->next[n - 1].wait = span->idle;
	return n;
}

/* Frames that are folded go on whatever their number. */
static int
goes_on(const struct level *was, const struct level *is)
{
	return was->wait == is->wait && (was->folded && is->folded ? 1 :
	       was->frame == is->frame && was->folded == is->folded);
}

/* Begins a level's slice, or has one go on. */
static void
note_level(struct slicer *s, struct level *level, const struct level *was, int64_t time)
{
	struct slice *slice;

	if (was) {
		level->slice = was->slice;
		slice = &s->slices[level->slice];
		slice->least = level->folded < slice->least ? level->folded : slice->least;
		slice->most = level->folded > slice->most ? level->folded : slice->most;
		return;
	}
	s->slices = grow(s->slices, s->n_slices, &s->cap_slices, sizeof *s->slices);
	level->slice = s->n_slices;
	s->slices[s->n_slices++] = (struct slice){ time, 0, level->frame, level->wait,
	                                           level->folded, level->folded };
}

/* Goes on to the levels in next, of which the first `common` are open already. */
static void
change_levels(struct slicer *s, size_t len, size_t common, int64_t end, int64_t start)
{
	struct level *was = s->open;
	size_t cap = s->cap;

	while (s->n > common)
		s->slices[s->open[--s->n].slice].end = end;
	for (size_t i = 0; i < len; i++)
		note_level(s, &s->next[i], i < common ? &was[i] : NULL, start);
	s->open = s->next;
	s->cap = s->cap_next;
	s->next = was;
	s->cap_next = cap;
	s->n = len;
}

const struct slice *
slicer_cut(struct slicer *s, const struct span *spans, size_t n, size_t *n_slices)
{
	int64_t end = 0;

	s->n_slices = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len, common = 0;

		if (spans[i].end == spans[i].start)
			continue;
		len = find_levels(s, &spans[i]);
		while (end == spans[i].start && common < len && common < s->n &&
		       goes_on(&s->open[common], &s->next[common]))
			common++;
		change_levels(s, len, common, end, spans[i].start);
		end = spans[i].end;
	}
	change_levels(s, 0, 0, end, end);
	*n_slices = s->n_slices;
	return s->slices;
}

void
timeline_folded(struct buf *out, const struct slice *s)
{
	buf_printf(out, "(%" PRIu32, s->least);
	if (s->most > s->least)
		buf_printf(out, " to %" PRIu32, s->most);
	buf_str(out, " more frames)");
}
