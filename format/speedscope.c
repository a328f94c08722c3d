/* SPDX-License-Identifier: Apache-2.0 */
/* speedscope's own format (https://www.speedscope.app/file-format-schema.json). */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "format/export.h"
#include "format/speedscope.h"

/* "MainThread (4711)" */
static void
write_name(const struct profile *p, const struct span *spans, size_t n, struct buf *out)
{
	struct profile_thread t = { 0 };
	struct buf name = { 0 };

	if (n)
		t = profile_thread_get(p, spans[0].thread);
	buf_str(&name, t.name ? t.name : t.tid ? "thread" : n ? "all threads" : "no samples");
	if (t.tid)
		buf_printf(&name, " (%d)", t.tid);
	buf_add(&name, "", 1);
	json_add_name(out, "name", name.data);
	buf_free(&name);
}

static void
write_event(void *context, int open, uint32_t frame, int64_t time)
{
	struct buf *out = context;

	json_open(out, NULL, '{');
	buf_printf(out, "\"type\":\"%c\",\"at\":%" PRId64 ",\"frame\":%" PRIu32 "}",
	           open ? 'O' : 'C', time, frame);
}

static int64_t
weight(const void *spans, size_t i)
{
	return (int64_t)((const struct span *)spans)[i].count;
}

static void
write_samples(const struct profile *p, const struct span *spans, size_t n, struct buf *out)
{
	uint32_t *path = NULL;
	size_t cap = 0;

	json_add_array(out, "weights", n, weight, spans);
	json_open(out, "samples", '[');
	for (size_t i = 0; i < n; i++) {
		size_t len = timeline_path(p, spans[i].stack, &path, &cap);

		json_open(out, NULL, '[');
		for (size_t k = 0; k < len; k++)
			json_add_number(out, NULL, profile_stack_frame(p, path[k]));
		json_close(out, ']');
	}
	free(path);
}

static void
write_thread(const struct profile *p, const struct span *spans, size_t n, struct buf *out)
{
	int timed = profile_log_count(p) > 0;
	int64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += (int64_t)spans[i].count;
	json_open(out, NULL, '{');
	write_name(p, spans, n, out);
	buf_printf(out, ",\"type\":\"%s\",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64,
	           timed ? "evented" : "sampled", timed ? "microseconds" : "none",
	           timed && n ? spans[n - 1].end : total);
	if (timed) {
		json_open(out, "events", '[');
		timeline_walk(p, spans, n, write_event, out);
	} else {
		write_samples(p, spans, n, out);
	}
	buf_str(out, "]}");
}

void
speedscope_write(const struct profile *p, struct buf *out)
{
	size_t n, part, i = 0;
	struct span *spans = timeline(p, 1, &n);

	json_open(out, NULL, '{');
	json_add_text(out, "name", export_title(p));
	buf_str(out, ",\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
	        "\"exporter\":\"pyflame " PYFLAME_VERSION "\",\"shared\":{\"frames\":[");
	for (uint32_t frame = 0; frame < profile_frame_count(p); frame++) {
		json_open(out, NULL, '{');
		export_frame(out, p, frame, "");
		json_close(out, '}');
	}
	buf_str(out, "]},\"profiles\":[");
	do { /* one at least */
		part = timeline_thread(spans + i, n - i);
		write_thread(p, spans + i, part, out);
	} while ((i += part) < n);
	buf_str(out, "]}\n");
	free(spans);
}
