/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof's protocol buffer (github.com/google/pprof, proto/profile.proto).  A
 * message is a row of fields: a number with a type, then a varint, or a length
 * and as many bytes.  Around it is gzip (RFC 1952) of stored blocks (RFC 1951),
 * as nothing here compresses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/export.h"
#include "format/pprof.h"

enum field { /* of the messages that are written */
	PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_LOCATION = 4, PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6, PROFILE_TIME = 9, PROFILE_DURATION = 10, PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	TYPE_NAME = 1, TYPE_UNIT = 2,
	SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3,
	LABEL_KEY = 1, LABEL_STRING = 2, LABEL_NUMBER = 3,
	LOCATION_ID = 1, LOCATION_LINE = 4,
	LINE_FUNCTION = 1, LINE_LINE = 2,
	FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_FILE = 4,
};

/* Strings are numbered: "", these, the threads' names, those of the profile. */
enum { NONE, SAMPLES, COUNT, TIME, NANOSECONDS, THREAD, TID, PID, FIRST_THREAD };

struct writer {
	const struct profile *p;
	uint32_t first_string;
	int64_t period; /* 0: not known */
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

static void
write_sample(const struct writer *w, uint32_t stack, uint32_t thread)
{
	struct profile_thread t = profile_thread_get(w->p, thread);
	uint64_t count = profile_get(w->p, PROFILE_SAMPLES, stack);
	struct buf sample = { 0 }, list = { 0 };

	for (uint32_t frame, s = stack;
	     !((frame = profile_stack_frame(w->p, s)) & PROFILE_THREAD);
	     s = profile_stack_parent(w->p, s))
		varint(&list, frame + 1);
	message(&sample, SAMPLE_LOCATION, &list);
	varint(&list, count);
	if (w->period)
		varint(&list, count < INT64_MAX / (uint64_t)w->period ?
		       count * (uint64_t)w->period : INT64_MAX);
	message(&sample, SAMPLE_VALUE, &list);
	add_label(&sample, THREAD, LABEL_STRING, t.name ? FIRST_THREAD + (int64_t)thread : 0);
	add_label(&sample, TID, LABEL_NUMBER, t.tid);
	add_label(&sample, PID, LABEL_NUMBER, t.pid);
	message(w->out, PROFILE_SAMPLE, &sample);
}

static void
write_samples(const struct writer *w)
{
	uint32_t *owners = export_owners(w->p);

	for (uint32_t i = 1; i < profile_stack_count(w->p); i++)
		if (profile_get(w->p, PROFILE_SAMPLES, i))
			write_sample(w, i, owners[i]);
	free(owners);
}

/* ---- functions and lines ---- */

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
		message(&location, LOCATION_LINE, &line);
		message(w->out, PROFILE_LOCATION, &location);
	}
	free(functions);
}

/* ---- strings ---- */

static void
write_string(const struct writer *w, const char *text, size_t len)
{
	struct buf name = { 0 };

	label_name(&name, text, len);
	message(w->out, PROFILE_STRING, &name);
}

static void
write_strings(const struct writer *w)
{
	const char *mode = profile_run_get(w->p)->mode;
	const char *const fixed[FIRST_THREAD] = {
		[NONE] = "", [SAMPLES] = "samples", [COUNT] = "count", [TIME] = mode ? mode : "wall",
		[NANOSECONDS] = "nanoseconds", [THREAD] = "thread", [TID] = "tid", [PID] = "pid",
	};

	for (int i = 0; i < FIRST_THREAD; i++)
		write_string(w, fixed[i], strlen(fixed[i]));
	for (uint32_t i = 0; i < profile_thread_count(w->p); i++) {
		const char *name = profile_thread_get(w->p, i).name;

		write_string(w, name, name ? strlen(name) : 0);
	}
	for (uint32_t i = 0; i < profile_string_count(w->p); i++) {
		size_t len;
		const char *text = profile_string_get(w->p, i, &len);

		write_string(w, text, len);
	}
}

/* ---- gzip ---- */

static uint32_t
crc32(const char *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= (unsigned char)*data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void
little_endian(struct buf *out, uint32_t n, int size)
{
	for (; size--; n >>= 8)
		buf_add(out, &(char){ (char)n }, 1);
}

static void
gzip(struct buf *out, const struct buf *content)
{
	size_t at = 0, part;

	buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	do {
		part = content->len - at < 0xffff ? content->len - at : 0xffff;
		little_endian(out, at + part == content->len, 1); /* the last one? */
		little_endian(out, (uint32_t)part, 2);
		little_endian(out, ~(uint32_t)part, 2);
		buf_add(out, content->data + at, part);
		at += part;
	} while (at < content->len);
	little_endian(out, crc32(content->data, content->len), 4);
	little_endian(out, (uint32_t)content->len, 4);
}

void
pprof_write(const struct profile *p, struct buf *out)
{
	const struct profile_run *run = profile_run_get(p);
	struct buf content = { 0 };
	const struct writer w = { p, FIRST_THREAD + profile_thread_count(p), run->period, &content };

	write_type(&w, PROFILE_SAMPLE_TYPE, SAMPLES, COUNT);
	if (w.period) {
		write_type(&w, PROFILE_SAMPLE_TYPE, TIME, NANOSECONDS);
		write_type(&w, PROFILE_PERIOD_TYPE, TIME, NANOSECONDS);
	}
	write_samples(&w);
	write_locations(&w);
	write_strings(&w);
	number(&content, PROFILE_TIME, run->start * 1000);
	number(&content, PROFILE_DURATION, (int64_t)((uint64_t)run->duration * 1000));
	number(&content, PROFILE_PERIOD, run->period);
	gzip(out, &content);
	buf_free(&content);
}
