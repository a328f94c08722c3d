/* SPDX-License-Identifier: Apache-2.0 */
/* The Trace Event Format in JSON: frames as begin (B) and end (E) events,
 * microseconds, names of threads and processes as metadata (M). */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "format/export.h"
#include "format/chrome.h"

struct writer {
	const struct profile *p;
	struct buf *out;
	int pid, tid;
};

static void
begin(const struct writer *w, char phase)
{
	json_open(w->out, NULL, '{');
	buf_printf(w->out, "\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", phase, w->pid, w->tid);
}

static void
write_event(void *context, int open, uint32_t frame, int64_t time)
{
	const struct writer *w = context;

	begin(w, open ? 'B' : 'E');
	json_add_number(w->out, "ts", time);
	if (open) {
		export_frame(w->out, w->p, frame, ",\"args\":{");
		json_close(w->out, '}');
	}
	json_close(w->out, '}');
}

static void
write_metadata(const struct writer *w, const char *what, const char *name)
{
	if (!name)
		return;
	begin(w, 'M');
	buf_printf(w->out, ",\"name\":\"%s\",\"args\":{", what);
	json_add_name(w->out, "name", name);
	buf_str(w->out, "}}");
}

void
chrome_write(const struct profile *p, struct buf *out)
{
	size_t n, part;
	struct span *spans = timeline(p, 1, &n);
	int *ids = export_thread_ids(p);

	buf_str(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	for (size_t i = 0; i < n; i += part) {
		uint32_t thread = spans[i].thread;
		struct profile_thread t = profile_thread_get(p, thread);
		struct writer w = { p, out, t.pid, ids[thread] };

		part = timeline_thread(spans + i, n - i);
		write_metadata(&w, "process_name", t.process);
		write_metadata(&w, "thread_name", t.name);
		timeline_walk(p, spans + i, part, write_event, &w);
	}
	buf_str(out, "]}\n");
	free(spans);
	free(ids);
}
