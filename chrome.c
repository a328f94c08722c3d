/* SPDX-License-Identifier: Apache-2.0 */
/* The Trace Event Format in JSON: frames as begin (B) and end (E) events,
 * microseconds, names of threads and processes as metadata (M). */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "json.h"
#include "profile.h"
#include "timeline.h"
#include "chrome.h"

struct writer {
	const struct profile *p;
	struct buf *out;
	int pid, tid;
};

static void
begin(const struct writer *w, const char *phase)
{
	json_open(w->out, NULL, '{');
	json_text(w->out, "ph", phase);
	json_number(w->out, "pid", w->pid);
	json_number(w->out, "tid", w->tid);
}

static void
write_event(void *context, int open, uint32_t frame, int64_t time)
{
	const struct writer *w = context;
	struct profile_frame f = profile_frame_get(w->p, frame);

	begin(w, open ? "B" : "E");
	json_number(w->out, "ts", time);
	if (open) {
		json_string(w->out, "name", w->p, f.function);
		json_open(w->out, "args", '{');
		if (f.file != PROFILE_NO_FILE)
			json_string(w->out, "file", w->p, f.file);
		if (f.line)
			json_number(w->out, "line", f.line);
		json_close(w->out, '}');
	}
	json_close(w->out, '}');
}

static void
write_metadata(const struct writer *w, const char *what, const char *name)
{
	begin(w, "M");
	json_text(w->out, "name", what);
	json_open(w->out, "args", '{');
	json_name(w->out, "name", name);
	json_close(w->out, '}');
	json_close(w->out, '}');
}

void
chrome_write(const struct profile *p, struct buf *out)
{
	size_t n, part;
	struct span *spans = timeline(p, 1, &n);

	json_open(out, NULL, '{');
	json_open(out, "traceEvents", '[');
	for (size_t i = 0; i < n; i += part) {
		uint32_t thread = spans[i].thread;
		struct profile_thread t = profile_thread_get(p, thread);
		struct writer w = { p, out, t.pid, profile_thread_id(p, thread) };

		part = timeline_thread(spans + i, n - i);
		if (t.process)
			write_metadata(&w, "process_name", t.process);
		if (t.name)
			write_metadata(&w, "thread_name", t.name);
		timeline_walk(p, spans + i, part, write_event, &w);
	}
	json_close(out, ']');
	json_text(out, "displayTimeUnit", "ms");
	json_close(out, '}');
	buf_str(out, "\n");
	free(spans);
}
