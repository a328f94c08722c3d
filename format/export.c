/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a split profile that others' formats share; see export.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "format/export.h"

enum { UNKNOWN_PERIOD = 1000 };

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

void
export_frame(struct buf *out, const struct profile *p, uint32_t frame, const char *text)
{
	struct profile_frame f = profile_frame_get(p, frame);

	json_add_string(out, "name", p, f.function);
	buf_str(out, text);
	if (f.file != PROFILE_NO_FILE)
		json_add_string(out, "file", p, f.file);
	if (f.line > 0)
		json_add_number(out, "line", f.line);
}

/* ---- when threads did what ---- */

static int64_t
period(const struct profile *p)
{
	int64_t period = profile_run_get(p)->period / 1000;

	return period > 0 ? period : UNKNOWN_PERIOD;
}

int64_t
timeline_start(const struct profile *p)
{
	return profile_log_count(p) ? profile_log_get(p, 0).time : profile_run_get(p)->start;
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

/* When what was sampled at the tick of sample i ended, *next being the first
 * sample of a later tick. */
static int64_t
end_of(const struct profile *p, size_t i, size_t *next)
{
	int64_t time = profile_log_get(p, i).time, end = time + period(p), later;

	if (*next < i)
		*next = i;
	while (*next < profile_log_count(p) && profile_log_get(p, *next).time == time)
		++*next;
	later = *next < profile_log_count(p) ? profile_log_get(p, *next).time : 0;
	if (later < time) /* there is none, or somebody has set the clock */
		return end;
	return later > end + period(p) ? end + period(p) : later;
}

static size_t
by_log(const struct profile *p, int merge, const uint32_t *owners, struct span *spans)
{
	/* Of each thread its last span, plus one. */
	size_t *last = xcalloc(profile_thread_count(p), sizeof *last), n = 0, next = 0;
	int64_t from = timeline_start(p);

	for (size_t i = 0; i < profile_log_count(p); i++) {
		struct profile_sample s = profile_log_get(p, i);
		uint32_t thread = owners[s.stack];
		struct span *before = last[thread] ? &spans[last[thread] - 1] : NULL;
		int64_t start = s.time - from, end = end_of(p, i, &next) - from;

		if (start < 0 || (before && start < before->end)) /* somebody set the clock */
			start = before ? before->end : 0;
		if (end < start)
			end = start;
		if (merge && before && before->end == start && before->stack == s.stack &&
		    before->idle == s.idle) {
			before->end = end;
			before->count++;
			continue;
		}
		spans[n++] = (struct span){ start, end, 1, thread, s.stack, s.idle };
		last[thread] = n;
	}
	free(last);
	return n;
}

/* A file may say what it likes: more than that is that much. */
static int64_t
duration(const struct profile *p, uint64_t samples)
{
	uint64_t each = (uint64_t)period(p);

	return (int64_t)(samples < PROFILE_MOST / each ? samples * each : PROFILE_MOST);
}

/* Every stack begins where its parent does, after what came before it there,
 * its own samples before those of its children. */
static size_t
by_counts(const struct profile *p, const uint32_t *owners, struct span *spans)
{
	uint32_t stacks = profile_stack_count(p);
	uint64_t *totals = xcalloc(stacks, sizeof *totals), *at = xcalloc(stacks, sizeof *at);
	size_t n = 0;

	for (uint32_t i = stacks; --i > 0;) {
		totals[i] += profile_get(p, PROFILE_SAMPLES, i);
		totals[profile_stack_parent(p, i)] += totals[i];
	}
	for (uint32_t i = 1; i < stacks; i++) {
		uint32_t parent = profile_stack_parent(p, i);
		uint64_t count = profile_get(p, PROFILE_SAMPLES, i);
		uint64_t parts[2] = { profile_get(p, PROFILE_IDLE, i), 0 };

		if (parent != PROFILE_ROOT) { /* all threads begin at 0 */
			at[i] = at[parent];
			at[parent] += totals[i];
		}
		parts[1] = count - parts[0];
		for (int part = 0; part < 2; at[i] += parts[part++])
			if (parts[part])
				spans[n++] = (struct span){
					duration(p, at[i]), duration(p, at[i] + parts[part]), parts[part],
					owners[i], i, !part };
	}
	free(totals);
	free(at);
	return n;
}

struct span *
timeline(const struct profile *p, int merge, size_t *n)
{
	size_t samples = profile_log_count(p), stacks = profile_stack_count(p);
	struct span *spans = xcalloc(samples ? samples : stacks * 2, sizeof *spans);
	uint32_t *owners = export_owners(p);

	*n = samples ? by_log(p, merge, owners, spans) : by_counts(p, owners, spans);
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

static int
has_frame(const struct profile *p, uint32_t stack)
{
	return stack != PROFILE_ROOT && !(profile_stack_frame(p, stack) & PROFILE_THREAD);
}

/* How many frames a stack has above another one that it stands on. */
static size_t
frames_above(const struct profile *p, uint32_t stack, uint32_t base)
{
	size_t n = 0;

	for (; stack != base && has_frame(p, stack); stack = profile_stack_parent(p, stack))
		n++;
	return n;
}

size_t
timeline_path(const struct profile *p, uint32_t stack, uint32_t **path, size_t *cap)
{
	size_t n = frames_above(p, stack, PROFILE_ROOT), i;

	while (*cap < n)
		*path = grow(*path, *cap, cap, sizeof **path);
	for (i = n; i > 0; stack = profile_stack_parent(p, stack))
		(*path)[--i] = stack;
	return n;
}

/* The stack that two have in common.  A stack's parent has a lower number. */
static uint32_t
common_stack(const struct profile *p, uint32_t a, uint32_t b)
{
	while (a != b)
		if (a > b)
			a = profile_stack_parent(p, a);
		else
			b = profile_stack_parent(p, b);
	return a;
}

void
timeline_walk(const struct profile *p, const struct span *spans, size_t n, timeline_event *event,
              void *context)
{
	uint32_t *open = NULL, base, stack;
	size_t cap = 0, opened = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t common = 0, len;

		base = PROFILE_ROOT;
		if (i < n && i && spans[i - 1].end == spans[i].start) {
			base = common_stack(p, spans[i - 1].stack, spans[i].stack);
			common = opened - frames_above(p, spans[i - 1].stack, base);
		}
		while (opened > common)
			event(context, 0, profile_stack_frame(p, open[--opened]), spans[i - 1].end);
		if (i == n)
			break;
		stack = spans[i].stack;
		len = common + frames_above(p, stack, base);
		while (cap < len)
			open = grow(open, cap, &cap, sizeof *open);
		for (size_t at = len; at > common; stack = profile_stack_parent(p, stack))
			open[--at] = stack;
		while (opened < len)
			event(context, 1, profile_stack_frame(p, open[opened++]), spans[i].start);
	}
	free(open);
}
