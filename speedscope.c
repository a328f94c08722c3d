/* SPDX-License-Identifier: Apache-2.0 */
/* speedscope's own format (https://www.speedscope.app/file-format-schema.json). */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "json.h"
#include "profile.h"
#include "timeline.h"
#include "speedscope.h"

static void
write_frames(const struct profile *p, struct buf *out)
{
	json_open(out, "shared", '{');
	json_open(out, "frames", '[');
	for (uint32_t i = 0; i < profile_frame_count(p); i++) {
		struct profile_frame f = profile_frame_get(p, i);

		json_open(out, NULL, '{');
		json_string(out, "name", p, f.function);
		if (f.file != PROFILE_NO_FILE)
			json_string(out, "file", p, f.file);
		if (f.line > 0)
			json_number(out, "line", f.line);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
}

/* "MainThread (4711)" */
static void
write_name(const struct profile *p, uint32_t thread, struct buf *out)
{
	struct profile_thread t = profile_thread_get(p, thread);
	struct buf name = { 0 };

	buf_str(&name, t.name ? t.name : t.tid ? "thread" : "all threads");
	if (t.tid)
		buf_printf(&name, " (%d)", t.tid);
	buf_add(&name, "", 1);
	json_name(out, "name", name.data);
	buf_free(&name);
}

static void
write_event(void *context, int open, uint32_t frame, int64_t time)
{
	struct buf *out = context;

	json_open(out, NULL, '{');
	json_text(out, "type", open ? "O" : "C");
	json_number(out, "at", time);
	json_number(out, "frame", frame);
	json_close(out, '}');
}

static void
write_samples(const struct profile *p, const struct span *spans, size_t n, struct buf *out)
{
	uint32_t *path = NULL;
	size_t cap = 0;

	json_open(out, "samples", '[');
	for (size_t i = 0; i < n; i++) {
		size_t len = timeline_path(p, spans[i].stack, &path, &cap);

		json_open(out, NULL, '[');
		for (size_t k = 0; k < len; k++)
			json_number(out, NULL, profile_stack_frame(p, path[k]));
		json_close(out, ']');
	}
	json_close(out, ']');
	json_open(out, "weights", '[');
	for (size_t i = 0; i < n; i++)
		json_number(out, NULL, (int64_t)spans[i].count);
	json_close(out, ']');
	free(path);
}

static void
write_thread(const struct profile *p, const struct span *spans, size_t n, struct buf *out)
{
	int timed = profile_log_count(p) > 0;
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += spans[i].count;
	json_open(out, NULL, '{');
	json_text(out, "type", timed ? "evented" : "sampled");
	if (n)
		write_name(p, spans[0].thread, out);
	else
		json_text(out, "name", "no samples");
	json_text(out, "unit", timed ? "microseconds" : "none");
	json_number(out, "startValue", 0);
	json_number(out, "endValue", timed && n ? spans[n - 1].end : (int64_t)total);
	if (timed) {
		json_open(out, "events", '[');
		timeline_walk(p, spans, n, write_event, out);
		json_close(out, ']');
	} else {
		write_samples(p, spans, n, out);
	}
	json_close(out, '}');
}

void
speedscope_write(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);
	struct span *spans;
	size_t n, part;

	json_open(out, NULL, '{');
	json_text(out, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_text(out, "exporter", "pyflame " PYFLAME_VERSION);
	json_text(out, "name", run->title ? run->title : run->command);
	write_frames(p, out);
	spans = timeline(p, 1, &n);
	json_open(out, "profiles", '[');
	if (!n) /* it wants one */
		write_thread(p, NULL, 0, out);
	for (size_t i = 0; i < n; i += part) {
		part = timeline_thread(spans + i, n - i);
		write_thread(p, spans + i, part, out);
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_str(out, "\n");
	free(spans);
}
