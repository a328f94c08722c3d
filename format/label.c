/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from the target and may hold anything; see label.h. */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"

void
label_name(struct buf *out, const char *name, size_t len)
{
	const char *end = len ? name + len : name;

	while (name < end) {
		uint32_t code;
		size_t n = utf8_read(name, (size_t)(end - name), &code);

		if (!n || is_control(code) || code == ';') {
			n = buf_escape(out, name, n);
		} else {
			buf_add(out, name, n);
			if (code == '\\')
				buf_str(out, "\\");
		}
		name += n;
	}
}

void
label_string(struct buf *out, const struct profile *p, uint32_t string)
{
	size_t len;
	const char *s = profile_string_get(p, string, &len);

	label_name(out, s, len);
}

void
label_frame(struct buf *out, const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);

	if (f.file != PROFILE_NO_FILE) {
		label_string(out, p, f.file);
		buf_str(out, ":");
	}
	label_string(out, p, f.function);
	if (f.line)
		buf_printf(out, ":%d", f.line);
}

/* ---- back again ---- */

/* "x3b": the byte; -1: it is none. */
static int
hex_byte(const char *text, size_t len)
{
	char digits[3] = { 0 };
	const char *p = digits;
	uint64_t value;

	if (len < 3 || text[0] != 'x')
		return -1;
	memcpy(digits, text + 1, 2);
	return parse_digits(&p, 16, &value) || p != digits + 2 ? -1 : (int)value;
}

void
label_read(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		const char *backslash = memchr(text + i, '\\', len - i);
		int byte;

		n = backslash ? (size_t)(backslash - text) - i + 1 : len - i;
		buf_add(out, text + i, n);
		if (!backslash || i + n == len)
			continue;
		byte = hex_byte(text + i + n, len - i - n);
		if (byte >= 0)
			out->data[out->len - 1] = (char)byte;
		n += byte >= 0 ? 3 : text[i + n] == '\\';
	}
}

uint32_t
label_read_string(struct profile *p, const char *text, size_t len)
{
	struct buf name = { 0 };
	uint32_t string;

	label_read(&name, text, len);
	string = profile_string(p, name.data ? name.data : "", name.len);
	buf_free(&name);
	return string;
}

/* A line number that would be written as it stands there; 0: it is none. */
static int
line_number(const char *text, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' + !i || text[i] > '9' || value > INT_MAX / 10)
			return 0;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	return value > INT_MAX ? 0 : (int)value;
}

uint32_t
label_read_frame(struct profile *p, const char *text, size_t len)
{
	struct profile_frame f = { PROFILE_NO_FILE, 0, 0 };
	const char *colon = memrchr(text, ':', len);

	if (colon)
		f.line = line_number(colon + 1, (size_t)(text + len - colon) - 1);
	if (f.line) {
		len = (size_t)(colon - text);
		colon = memrchr(text, ':', len);
	} else if (colon && (colon - text < 3 || memcmp(colon - 3, ".py", 3))) {
		colon = NULL;
	}
	if (colon) {
		f.file = label_read_string(p, text, (size_t)(colon - text));
		len -= (size_t)(colon + 1 - text);
		text = colon + 1;
	}
	f.function = label_read_string(p, text, len);
	return profile_frame(p, f);
}

/* ---- where a frame comes from ---- */

/* Whether the path has a folder of that name. */
static int
has_folder(const struct buf *path, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i + len < path->len; i++)
		if ((!i || path->data[i - 1] == '/') && !memcmp(path->data + i, name, len) &&
		    path->data[i + len] == '/')
			return 1;
	return 0;
}

/* Whether it lies in lib/python3.12 or the like. */
static int
is_in_library(const struct buf *path)
{
	static const char *const libraries[] = { "lib/python", "lib32/python", "lib64/python" };

	for (size_t i = 0; i < path->len; i++)
		for (size_t k = 0; (!i || path->data[i - 1] == '/') && k < LEN(libraries); k++) {
			size_t n = strlen(libraries[k]);

			if (i + n < path->len && !memcmp(path->data + i, libraries[k], n) &&
			    path->data[i + n] >= '0' && path->data[i + n] <= '9')
				return 1;
		}
	return 0;
}

static int
is_frozen(const struct buf *path)
{
	static const char frozen[] = "<frozen ";

	return path->len >= sizeof frozen - 1 && !memcmp(path->data, frozen, sizeof frozen - 1);
}

static int
is_wait(const struct profile *p, uint32_t function)
{
	static const char wait[] = "waits: ", idle[] = "(idle)";
	size_t len;
	const char *name = profile_string_get(p, function, &len);

	return (len >= sizeof wait - 1 && !memcmp(name, wait, sizeof wait - 1)) ||
	       (len == sizeof idle - 1 && !memcmp(name, idle, len));
}

enum origin
label_origin(const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);
	enum origin origin = ORIGIN_APPLICATION;
	struct buf file = { 0 };

	if (f.file == PROFILE_NO_FILE)
		return is_wait(p, f.function) ? ORIGIN_WAIT : ORIGIN_NATIVE;
	label_string(&file, p, f.file);
	if (has_folder(&file, "site-packages") || has_folder(&file, "dist-packages"))
		origin = ORIGIN_PACKAGES;
	else if (is_frozen(&file) || is_in_library(&file))
		origin = ORIGIN_LIBRARY;
	buf_free(&file);
	return origin;
}
