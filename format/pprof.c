/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof's protocol buffer (github.com/google/pprof, proto/profile.proto).  A
 * message is a row of fields: a number with a type, then a varint, or a length
 * and as many bytes.  Around it is gzip.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/export.h"
#include "format/gzip.h"
#include "format/pprof.h"

enum field { /* of the messages that are written */
	PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_MAPPING = 3, PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5, PROFILE_STRING = 6, PROFILE_TIME = 9, PROFILE_DURATION = 10,
	PROFILE_PERIOD_TYPE = 11, PROFILE_PERIOD = 12, PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
	TYPE_NAME = 1, TYPE_UNIT = 2,
	SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3,
	LABEL_KEY = 1, LABEL_STRING = 2, LABEL_NUMBER = 3,
	MAPPING_ID = 1, MAPPING_FILE = 5, MAPPING_HAS_FUNCTIONS = 7, MAPPING_HAS_FILES = 8,
	MAPPING_HAS_LINES = 9,
	LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_LINE = 4,
	LINE_FUNCTION = 1, LINE_LINE = 2,
	FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_FILE = 4,
};

/* Strings are numbered: "", these, the threads' names, and their processes', comments,
 * those of the profile. */
enum { NONE, SAMPLES, COUNT, TIME, NANOSECONDS, THREAD, TID, PID, PROCESS, COMMAND, STATE,
       RUNNING, IDLE, GIL, FIRST_THREAD };

struct comments {
	struct buf texts; /* each with a zero byte at its end */
	size_t n;
};

struct writer {
	const struct profile *p;
	uint32_t first_process, first_comment, first_string;
	int timed; /* what the samples stand for is known */
	struct comments comments;
	struct buf *out;
};

static void
varint(struct buf *out, uint64_t n)
{
	for (; n >= 128; n >>= 7)
		buf_add(out, &(char){ (char)(n | 128) }, 1);
	buf_add(out, &(char){ (char)n }, 1);
}

static void
number(struct buf *out, enum field field, int64_t n)
{
	if (n) {
		varint(out, (uint64_t)field << 3);
		varint(out, (uint64_t)n);
	}
}

static void
bytes(struct buf *out, enum field field, const struct buf *content)
{
	varint(out, (uint64_t)field << 3 | 2);
	varint(out, content->len);
	buf_add(out, content->data, content->len);
}

/* The same, and ends the content. */
static void
message(struct buf *out, enum field field, struct buf *content)
{
	bytes(out, field, content);
	buf_free(content);
}

static void
write_type(const struct writer *w, enum field field, int name, int unit)
{
	struct buf type = { 0 };

	number(&type, TYPE_NAME, name);
	number(&type, TYPE_UNIT, unit);
	message(w->out, field, &type);
}

/* ---- samples ---- */

static void
add_label(struct buf *sample, int key, enum field field, int64_t value)
{
	struct buf label = { 0 };

	if (!value)
		return;
	number(&label, LABEL_KEY, key);
	number(&label, field, value);
	message(sample, SAMPLE_LABEL, &label);
}

/* state: a string, or NONE. */
static void
write_sample(const struct writer *w, uint32_t stack, uint32_t thread, uint64_t count, int state)
{
	struct profile_thread t = profile_thread_get(w->p, thread);
	struct buf sample = { 0 }, list = { 0 };

	if (!count)
		return;

	for (uint32_t frame, s = stack;
	     !((frame = profile_stack_frame(w->p, s)) & PROFILE_THREAD);
	     s = profile_stack_parent(w->p, s))
		varint(&list, frame + 1);
	message(&sample, SAMPLE_LOCATION, &list);
	varint(&list, count);
	if (w->timed)
		varint(&list, (uint64_t)profile_ns(w->p, count));
	message(&sample, SAMPLE_VALUE, &list);
	add_label(&sample, THREAD, LABEL_STRING, t.name ? FIRST_THREAD + (int64_t)thread : 0);
	add_label(&sample, TID, LABEL_NUMBER, t.tid);
	add_label(&sample, PID, LABEL_NUMBER, t.pid);
	add_label(&sample, PROCESS, LABEL_STRING,
	          t.process ? (int64_t)w->first_process + thread : 0);
	add_label(&sample, STATE, LABEL_STRING, state);
	message(w->out, PROFILE_SAMPLE, &sample);
}

/* As what ran, what waited, and what waited for the GIL; if somebody looked after that. */
static void
write_stack(const struct writer *w, uint32_t stack, uint32_t thread)
{
	uint64_t count = profile_get(w->p, PROFILE_SAMPLES, stack);
	uint64_t idle = profile_get(w->p, PROFILE_IDLE, stack);
	uint64_t gil = profile_get(w->p, PROFILE_GIL, stack);
	enum export_kind kind = export_kind(w->p, stack);
	int known = idle || profile_run_get(w->p)->known;

	write_sample(w, stack, thread, count - idle, kind == EXPORT_IDLE ? IDLE :
	             known && kind == EXPORT_STACK ? RUNNING : NONE);
	write_sample(w, stack, thread, idle - gil, IDLE);
	write_sample(w, stack, thread, gil, GIL);
}

static void
write_samples(const struct writer *w)
{
	uint32_t *owners = export_owners(w->p);

	for (uint32_t i = 1; i < profile_stack_count(w->p); i++)
		if (profile_get(w->p, PROFILE_SAMPLES, i))
			write_stack(w, i, owners[i]);
	free(owners);
}

/* ---- functions and lines ---- */

/* One, which stands for the program: all is known of it. */
static void
write_mapping(const struct writer *w)
{
	struct buf mapping = { 0 };

	number(&mapping, MAPPING_ID, 1);
	number(&mapping, MAPPING_FILE, COMMAND);
	number(&mapping, MAPPING_HAS_FUNCTIONS, 1);
	number(&mapping, MAPPING_HAS_FILES, 1);
	number(&mapping, MAPPING_HAS_LINES, 1);
	message(w->out, PROFILE_MAPPING, &mapping);
}

static void
write_function(const struct writer *w, struct profile_frame f, uint32_t id)
{
	struct buf function = { 0 };

	number(&function, FUNCTION_ID, id);
	number(&function, FUNCTION_NAME, w->first_string + f.function);
	if (f.file != PROFILE_NO_FILE)
		number(&function, FUNCTION_FILE, w->first_string + f.file);
	message(w->out, PROFILE_FUNCTION, &function);
}

static void
write_locations(const struct writer *w)
{
	uint32_t n, written = 0, *functions = export_functions(w->p, &n);

	for (uint32_t i = 0; i < profile_frame_count(w->p); i++) {
		struct profile_frame f = profile_frame_get(w->p, i);
		struct buf location = { 0 }, line = { 0 };

		if (functions[i] == written) /* the first of this function */
			write_function(w, f, ++written);
		number(&line, LINE_FUNCTION, functions[i] + 1);
		number(&line, LINE_LINE, f.line);
		number(&location, LOCATION_ID, i + 1);
		number(&location, LOCATION_MAPPING, 1);
		message(&location, LOCATION_LINE, &line);
		message(w->out, PROFILE_LOCATION, &location);
	}
	free(functions);
}

/* ---- strings ---- */

static void
note_comment(void *context, const char *name, const char *value)
{
	struct comments *c = context;

	buf_printf(&c->texts, "%s: %s", name, value);
	buf_add(&c->texts, "", 1);
	c->n++;
}

static void
write_comments(const struct writer *w)
{
	struct buf list = { 0 };

	for (size_t i = 0; i < w->comments.n; i++)
		varint(&list, w->first_comment + i);
	message(w->out, PROFILE_COMMENT, &list);
}

static void
write_string(const struct writer *w, const char *text, size_t len)
{
	struct buf name = { 0 };

	buf_visible(&name, text, len);
	message(w->out, PROFILE_STRING, &name);
}

static void
write_strings(const struct writer *w)
{
	const char *mode = profile_run_get(w->p)->mode, *command = profile_run_get(w->p)->command;
	const char *const fixed[FIRST_THREAD] = {
		[NONE] = "", [SAMPLES] = "samples", [COUNT] = "count", [TIME] = mode ? mode : "wall",
		[NANOSECONDS] = "nanoseconds", [THREAD] = "thread", [TID] = "tid", [PID] = "pid",
		[PROCESS] = "process", [COMMAND] = command ? command : "Python", [STATE] = "state",
		[RUNNING] = "running", [IDLE] = "idle", [GIL] = "gil",
	};
	const char *comment = w->comments.texts.data;

	for (int i = 0; i < FIRST_THREAD; i++)
		write_string(w, fixed[i], strlen(fixed[i]));
	for (uint32_t i = 0; i < profile_thread_count(w->p); i++) {
		const char *name = profile_thread_get(w->p, i).name;

		write_string(w, name, name ? strlen(name) : 0);
	}
	for (uint32_t i = 0; i < profile_thread_count(w->p); i++) {
		const char *name = profile_thread_get(w->p, i).process;

		write_string(w, name, name ? strlen(name) : 0);
	}
	for (size_t i = 0; i < w->comments.n; i++, comment += strlen(comment) + 1)
		write_string(w, comment, strlen(comment));
	for (uint32_t i = 0; i < profile_string_count(w->p); i++) {
		size_t len;
		const char *text = profile_string_get(w->p, i, &len);

		write_string(w, text, len);
	}
}

void
pprof_write(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);
	uint32_t threads = profile_thread_count(p);
	struct buf content = { 0 };
	struct writer w = { .p = p, .first_process = FIRST_THREAD + threads,
	                    .first_comment = FIRST_THREAD + 2 * threads, .out = &content };

	w.timed = profile_ns(p, 1) > 0;
	export_notes(p, note_comment, &w.comments);
	w.first_string = w.first_comment + (uint32_t)w.comments.n;
	write_type(&w, PROFILE_SAMPLE_TYPE, SAMPLES, COUNT);
	if (w.timed)
		write_type(&w, PROFILE_SAMPLE_TYPE, TIME, NANOSECONDS);
	write_samples(&w);
	write_mapping(&w);
	write_locations(&w);
	write_strings(&w);
	number(&content, PROFILE_TIME, run->start * 1000);
	number(&content, PROFILE_DURATION, (int64_t)((uint64_t)run->duration * 1000));
	if (w.timed)
		write_type(&w, PROFILE_PERIOD_TYPE, TIME, NANOSECONDS);
	number(&content, PROFILE_PERIOD, run->period ? run->period : profile_ns(p, 1));
	write_comments(&w);
	number(&content, PROFILE_DEFAULT_TYPE, w.timed ? TIME : SAMPLES);
	gzip_add(out, content.data, content.len);
	buf_free(&content);
	buf_free(&w.comments.texts);
}
