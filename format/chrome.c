/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Trace Event Format in JSON ("Trace Event Format", the Chromium project): frames as
 * complete events (X), microseconds, outer ones first; names and order of threads and
 * processes as metadata (M).
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/origin.h"
#include "format/json.h"
#include "format/export.h"
#include "format/chrome.h"

struct writer {
	const struct profile *p;
	struct buf *out;
	struct slicer *slicer;
	int pid, tid;
};

static void
begin(const struct writer *w, char phase)
{
	json_open(w->out, NULL, '{');
	buf_printf(w->out, "\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", phase, w->pid, w->tid);
}

/* ---- frames ---- */

static void
write_frame(const struct writer *w, const struct slice *s)
{
	static const char *const categories[] = { [ORIGIN_APPLICATION] = "application",
		[ORIGIN_PACKAGES] = "library", [ORIGIN_LIBRARY] = "standard library",
		[ORIGIN_NATIVE] = "native", [ORIGIN_WAIT] = "idle" };
	static const char *const waits[] = { [PROFILE_WAITS] = "idle",
		[PROFILE_WAITS_FOR_GIL] = "waits for the GIL" };
	const char *wait = waits[s->wait];

	buf_printf(w->out, ",\"cat\":\"%s\"", wait ? wait : categories[origin_of(w->p, s->frame)]);
	export_frame(w->out, w->p, s->frame, ",\"args\":{");
	if (wait)
		json_add_text(w->out, "state", wait);
	json_close(w->out, '}');
}

static void
write_slice(const struct writer *w, const struct slice *s)
{
	begin(w, 'X');
	json_add_number(w->out, "ts", s->start);
	json_add_number(w->out, "dur", s->end - s->start);
	if (s->most) {
		buf_str(w->out, ",\"cat\":\"folded\",\"name\":\"");
		timeline_folded(w->out, s);
		buf_str(w->out, "\"");
	} else {
		write_frame(w, s);
	}
	json_close(w->out, '}');
}

/* ---- threads and processes ---- */

static void
begin_metadata(const struct writer *w, const char *what)
{
	begin(w, 'M');
	buf_printf(w->out, ",\"name\":\"%s\",\"args\":{", what);
}

static void
write_name(const struct writer *w, const char *what, const char *name)
{
	if (!name)
		return;
	begin_metadata(w, what);
	json_add_shown(w->out, "name", name);
	buf_str(w->out, "}}");
}

/* Those come first that were seen first. */
static void
write_order(const struct writer *w, const char *what, uint32_t place)
{
	begin_metadata(w, what);
	buf_printf(w->out, "\"sort_index\":%" PRIu32 "}}", place);
}

static void
write_thread(struct writer *w, uint32_t thread, int last_pid, const struct span *spans, size_t n)
{
	struct profile_thread t = profile_thread_get(w->p, thread);
	size_t n_slices;
	const struct slice *slices = slicer_cut(w->slicer, spans, n, &n_slices);

	w->pid = t.pid;
	if (t.pid != last_pid) {
		write_name(w, "process_name", t.process);
		write_order(w, "process_sort_index", thread);
	}
	write_name(w, "thread_name", t.name);
	write_order(w, "thread_sort_index", thread);
	for (size_t i = 0; i < n_slices; i++)
		write_slice(w, &slices[i]);
}

void
chrome_write(const struct profile *p, struct buf *out)
{
	size_t n, part;
	struct span *spans = timeline(p, 1, &n);
	int *ids = export_thread_ids(p), last_pid = -1;
	struct writer w = { .p = p, .out = out, .slicer = slicer_new(p, TIMELINE_LEVELS) };

	buf_str(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	for (size_t i = 0; i < n; i += part) {
		part = timeline_thread(spans + i, n - i);
		w.tid = ids[spans[i].thread];
		write_thread(&w, spans[i].thread, last_pid, spans + i, part);
		last_pid = w.pid;
	}
	json_close(out, ']');
	json_open(out, "otherData", '{');
	export_notes(p, export_note_json, out);
	buf_str(out, "}}\n");
	slicer_free(w.slicer);
	free(spans);
	free(ids);
}
