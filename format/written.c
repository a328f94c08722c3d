/* SPDX-License-Identifier: Apache-2.0 */
/* What label.c has written, read; see written.h. */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/written.h"

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
written_name(struct buf *out, const char *text, size_t len)
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
written_string(struct profile *p, const char *text, size_t len)
{
	struct buf name = { 0 };
	uint32_t string;

	written_name(&name, text, len);
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
written_frame(struct profile *p, const char *text, size_t len)
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
		f.file = written_string(p, text, (size_t)(colon - text));
		len -= (size_t)(colon + 1 - text);
		text = colon + 1;
	}
	f.function = written_string(p, text, len);
	return profile_frame(p, f);
}
