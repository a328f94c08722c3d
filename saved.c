/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as JSON: tables of strings, frames, threads and stacks, where a
 * thing is named by its place in its table (FORMAT in the man page).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "json.h"
#include "profile.h"
#include "saved.h"

static void
write_run(const struct profile_run *r, struct buf *out)
{
	json_open(out, "run", '{');
	json_text(out, "title", r->title);
	json_text(out, "command", r->command);
	if (r->pid)
		json_number(out, "pid", r->pid);
	json_text(out, "host", r->host);
	json_text(out, "python", r->python);
	if (r->start)
		json_decimal(out, "start", r->start, 6);
	if (r->duration)
		json_decimal(out, "duration", r->duration, 6);
	if (r->period)
		json_decimal(out, "period", r->period, 9);
	json_text(out, "mode", r->mode);
	if (r->known) {
		json_bool(out, "all_threads", r->all_threads);
		json_bool(out, "by_thread", r->by_thread);
		json_bool(out, "by_process", r->by_process);
		json_bool(out, "lines", r->lines);
		json_number(out, "ticks", (int64_t)r->ticks);
		json_number(out, "missed", (int64_t)r->missed);
		json_number(out, "left_out", (int64_t)r->left_out);
		json_open(out, "failures", '{');
		for (int i = OK + 1; i < WHY_COUNT; i++)
			if (r->failures[i])
				json_number(out, why_word((enum why)i), (int64_t)r->failures[i]);
		json_close(out, '}');
	}
	json_close(out, '}');
}

static void
write_frames(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_frame_count(p);

	json_open(out, "frames", '{');
	json_open(out, "function", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, profile_frame_get(p, i).function);
	json_close(out, ']');
	json_open(out, "file", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, (int32_t)profile_frame_get(p, i).file); /* none: -1 */
	json_close(out, ']');
	json_open(out, "line", '[');
	for (uint32_t i = 0; i < n; i++)
		json_number(out, NULL, profile_frame_get(p, i).line);
	json_close(out, ']');
	json_close(out, '}');
}

static void
write_threads(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_thread_count(p);

	json_open(out, "threads", '[');
	for (uint32_t i = 0; i < n; i++) {
		struct profile_thread t = profile_thread_get(p, i);

		json_open(out, NULL, '{');
		if (t.pid)
			json_number(out, "pid", t.pid);
		if (t.tid)
			json_number(out, "tid", t.tid);
		json_name(out, "name", t.name);
		json_name(out, "process", t.process);
		json_close(out, '}');
	}
	if (!n) {
		json_open(out, NULL, '{');
		json_close(out, '}');
	}
	json_close(out, ']');
}

/* A column of the nodes that are stacks. */
static void
write_column(const struct profile *p, struct buf *out, const char *key, enum profile_column column)
{
	json_open(out, key, '[');
	for (uint32_t i = 1; i < profile_stack_count(p); i++)
		if (!(profile_stack_frame(p, i) & PROFILE_THREAD))
			json_number(out, NULL, (int64_t)profile_get(p, column, i));
	json_close(out, ']');
}

/* As stacks are numbered in the file: threads' roots are not among them. */
static void
write_parents(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_stack_count(p), used = 0;
	int64_t *numbers = xcalloc(n, sizeof *numbers);

	numbers[PROFILE_ROOT] = -1;
	json_open(out, "parent", '[');
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(p, i);

		if (frame & PROFILE_THREAD) {
			numbers[i] = -1 - (int64_t)(frame & ~PROFILE_THREAD);
			continue;
		}
		numbers[i] = used++;
		json_number(out, NULL, numbers[profile_stack_parent(p, i)]);
	}
	json_close(out, ']');
	free(numbers);
}

static void
write_stacks(const struct profile *p, struct buf *out)
{
	json_open(out, "stacks", '{');
	write_parents(p, out);
	json_open(out, "frame", '[');
	for (uint32_t i = 1; i < profile_stack_count(p); i++)
		if (!(profile_stack_frame(p, i) & PROFILE_THREAD))
			json_number(out, NULL, profile_stack_frame(p, i));
	json_close(out, ']');
	write_column(p, out, "count", PROFILE_SAMPLES);
	if (profile_total(p, PROFILE_IDLE))
		write_column(p, out, "idle", PROFILE_IDLE);
	json_close(out, '}');
}

static void
write_totals(const struct profile *p, struct buf *out, enum profile_column column)
{
	json_number(out, "total", (int64_t)profile_total(p, column));
	json_number(out, "idle", (int64_t)profile_get(p, column, PROFILE_ROOT));
	json_number(out, "failed", (int64_t)profile_get(p, column, PROFILE_FAILED));
}

void
saved_write(const struct profile *p, struct buf *out)
{
	json_open(out, NULL, '{');
	json_text(out, "format", "pyflame");
	json_number(out, "version", 1);
	json_text(out, "generator", "pyflame " PYFLAME_VERSION);
	write_run(profile_run_get(p), out);
	write_totals(p, out, PROFILE_SAMPLES);
	json_open(out, "strings", '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_string(out, NULL, p, i);
	json_close(out, ']');
	write_frames(p, out);
	write_threads(p, out);
	write_stacks(p, out);
	if (profile_compared(p)) {
		json_open(out, "before", '{');
		write_totals(p, out, PROFILE_BEFORE);
		write_column(p, out, "count", PROFILE_BEFORE);
		json_close(out, '}');
	}
	json_close(out, '}');
}
