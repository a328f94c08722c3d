/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope's own format (https://www.speedscope.app/file-format-schema.json).  Events
 * name only frames that begin or end; its other kind, samples, has each stack in full, which
 * is less if few have much in common.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "format/export.h"
#include "format/speedscope.h"

struct writer {
	const struct profile *p;
	struct buf *out;
	struct slicer *slicer;
	int several; /* processes */
	int64_t unit; /* of times, microseconds */
	struct buf folded; /* the names of frames that stand for several, as JSON */
	uint32_t frames;   /* with these */
	uint32_t *stack;   /* of a sample */
	size_t cap_stack;
};

/* "MainThread (4711)", or "worker.py (4700), MainThread (4711)". */
static void
write_name(const struct writer *w, const struct span *spans, size_t n)
{
	struct profile_thread t = { 0 };
	struct buf name = { 0 };

	if (n)
		t = profile_thread_get(w->p, spans[0].thread);
	if (w->several && t.pid)
		buf_printf(&name, "%s (%d), ", t.process ? t.process : "process", t.pid);
	buf_str(&name, t.name ? t.name : t.tid ? "thread" : n ? "all threads" : "no samples");
	if (t.tid)
		buf_printf(&name, " (%d)", t.tid);
	json_add_shown(w->out, "name", buf_terminate(&name));
	buf_free(&name);
}

/* ---- events ---- */

/* The number of a slice's frame, a new one if it is several. */
static uint32_t
frame_of(struct writer *w, const struct slice *s)
{
	if (!s->most)
		return s->frame;
	buf_str(&w->folded, ",{\"name\":\"");
	timeline_folded(&w->folded, s);
	buf_str(&w->folded, "\"}");
	return w->frames++;
}

static void
write_event(const struct writer *w, char type, int64_t time, uint32_t frame)
{
	json_open(w->out, NULL, '{');
	buf_printf(w->out, "\"type\":\"%c\",\"at\":%" PRId64 ",\"frame\":%" PRIu32 "}", type,
	           time / w->unit, frame);
}

/* An event where each slice begins and where it ends. */
static void
write_events(struct writer *w, const struct slice *slices, size_t n)
{
	struct {
		int64_t end;
		uint32_t frame;
	} open[TIMELINE_LEVELS];
	size_t depth = 0;

	for (size_t i = 0; i <= n; i++) {
		for (; depth && (i == n || open[depth - 1].end <= slices[i].start); depth--)
			write_event(w, 'C', open[depth - 1].end, open[depth - 1].frame);
		if (i == n)
			break;
		open[depth].end = slices[i].end;
		open[depth].frame = frame_of(w, &slices[i]);
		write_event(w, 'O', slices[i].start, open[depth++].frame);
	}
}

/* ---- samples ---- */

/* Whether samples of these spans take less than so many events, about; for what was counted,
 * as other samples have holes between them. */
static int
are_samples_less(const struct profile *p, const struct span *spans, size_t n, size_t events)
{
	enum { EVENT_SIZE = 40, FRAME_SIZE = 6 };
	size_t frames = 0, most = events * EVENT_SIZE / FRAME_SIZE;

	for (size_t i = 0; i < n && frames < most; i++)
		for (uint32_t s = spans[i].stack; export_has_frame(p, s) && frames < most; frames++)
			s = profile_stack_parent(p, s);
	return !profile_log_count(p) && frames < most;
}

static void
write_stack(struct writer *w, uint32_t stack)
{
	size_t n = 0;

	for (; export_has_frame(w->p, stack); stack = profile_stack_parent(w->p, stack)) {
		w->stack = grow(w->stack, n, &w->cap_stack, sizeof *w->stack);
		w->stack[n++] = profile_stack_frame(w->p, stack);
	}
	json_open(w->out, NULL, '[');
	while (n-- > 0)
		json_add_number(w->out, NULL, w->stack[n]);
	json_close(w->out, ']');
}

static void
write_samples(struct writer *w, const struct span *spans, size_t n)
{
	json_open(w->out, "samples", '[');
	for (size_t i = 0; i < n; i++)
		write_stack(w, spans[i].stack);
	json_close(w->out, ']');
	json_open(w->out, "weights", '[');
	for (size_t i = 0; i < n; i++)
		json_add_number(w->out, NULL, spans[i].end / w->unit - spans[i].start / w->unit);
	json_close(w->out, ']');
}

/* ---- the file ---- */

static void
write_frames(const struct writer *w)
{
	json_open(w->out, "shared", '{');
	json_open(w->out, "frames", '[');
	for (uint32_t frame = 0; frame < profile_frame_count(w->p); frame++) {
		json_open(w->out, NULL, '{');
		export_frame(w->out, w->p, frame, "");
		json_close(w->out, '}');
	}
	if (w->folded.len) /* there are others before them */
		buf_add(w->out, w->folded.data, w->folded.len);
	buf_str(w->out, "]}");
}

static void
write_thread(struct writer *w, const struct span *spans, size_t n)
{
	size_t n_slices;
	const struct slice *slices = slicer_cut(w->slicer, spans, n, &n_slices);
	int sampled = are_samples_less(w->p, spans, n, 2 * n_slices);

	json_open(w->out, NULL, '{');
	write_name(w, spans, n);
	buf_printf(w->out, ",\"type\":\"%s\",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%"
	           PRId64, sampled ? "sampled" : "evented", w->unit == 1 ? "microseconds" : "none",
	           n ? spans[n - 1].end / w->unit : 0);
	if (sampled) {
		write_samples(w, spans, n);
	} else {
		json_open(w->out, "events", '[');
		write_events(w, slices, n_slices);
		json_close(w->out, ']');
	}
	json_close(w->out, '}');
}

static int
has_several_processes(const struct profile *p)
{
	int pid = 0;

	for (uint32_t i = 0; i < profile_thread_count(p); i++) {
		int other = profile_thread_get(p, i).pid;

		if (pid && other && other != pid)
			return 1;
		pid = other ? other : pid;
	}
	return 0;
}

/* Which thread is shown at first: the one that ran most.  From then on it does not matter
 * what waited. */
static size_t
find_busiest(struct span *spans, size_t n)
{
	int64_t most = -1, ran = 0;
	size_t busiest = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (spans[i].idle == PROFILE_RUNS)
			ran += spans[i].end - spans[i].start;
		spans[i].idle = PROFILE_RUNS;
		if (i + 1 < n && spans[i + 1].thread == spans[i].thread)
			continue;
		if (ran > most) {
			most = ran;
			busiest = at;
		}
		ran = 0;
		at++;
	}
	return busiest;
}

void
speedscope_write(const struct profile *p, struct buf *out)
{
	struct writer w = { .p = p, .out = out, .slicer = slicer_new(p, TIMELINE_LEVELS),
	                    .several = has_several_processes(p),
	                    .frames = profile_frame_count(p),
	                    .unit = timeline_is_known(p) ? 1 : TIMELINE_UNKNOWN };
	size_t n, part, i = 0;
	struct span *spans = timeline(p, 1, &n);

	json_open(out, NULL, '{');
	json_add_text(out, "name", export_title(p));
	buf_str(out, ",\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
	        "\"exporter\":\"pyflame " PYFLAME_VERSION "\"");
	json_add_number(out, "activeProfileIndex", (int64_t)find_busiest(spans, n));
	json_open(out, "profiles", '[');
	do { /* one at least */
		part = timeline_thread(spans + i, n - i);
		write_thread(&w, spans + i, part);
	} while ((i += part) < n);
	json_close(out, ']');
	write_frames(&w);
	buf_str(out, "}\n");
	buf_free(&w.folded);
	free(w.stack);
	slicer_free(w.slicer);
	free(spans);
}
