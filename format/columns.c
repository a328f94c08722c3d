/* SPDX-License-Identifier: Apache-2.0 */
/* Text in columns; see columns.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util.h"
#include "format/columns.h"

enum { WIDTH = 80, LEAST_WIDTH = 40 };

static int width = WIDTH, colours;

void
columns_fit(int terminal)
{
	const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");
	struct winsize size = { 0 };
	int known = terminal >= 0 && !ioctl(terminal, TIOCGWINSZ, &size);

	width = known && size.ws_col ? size.ws_col : WIDTH;
	if (width < LEAST_WIDTH)
		width = LEAST_WIDTH;
	colours = known && !(no && *no) && kind && strcmp(kind, "dumb");
}

size_t
columns_width(void)
{
	return (size_t)width;
}

void
columns_colour(struct buf *out, const char *code)
{
	if (colours)
		buf_printf(out, "\033[%sm", code);
}

void
columns_heading(struct buf *out, const char *text)
{
	struct buf line = { (char *)text, strlen(text), 0, NULL };

	buf_str(out, "\n");
	columns_colour(out, "1");
	columns_cut(out, &line, columns_width());
	columns_colour(out, "0");
	buf_str(out, "\n");
}

void
columns_pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_str(out, " ");
}

/* How many columns of a terminal a character takes: East Asian wide ones two, marks that
 * stand on others none (Unicode Standard Annex #11). */
static size_t
columns_of(uint32_t code)
{
	static const struct { uint32_t from, to; } wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff },
		{ 0x20000, 0x3fffd },
	};

	if ((code >= 0x300 && code <= 0x36f) || (code >= 0xfe00 && code <= 0xfe0f))
		return 0;
	for (size_t i = 0; i < LEN(wide); i++)
		if (code >= wide[i].from && code <= wide[i].to)
			return 2;
	return 1;
}

/* How many a text takes, from that byte on. */
static size_t
measure(const struct buf *text, size_t from)
{
	size_t n = 0;
	uint32_t code;

	for (size_t i = from, len; i < text->len; i += len) {
		len = utf8_read(text->data + i, text->len - i, &code);
		n += len ? columns_of(code) : 1;
		len += !len;
	}
	return n;
}

size_t
columns_cut(struct buf *out, const struct buf *text, size_t room)
{
	size_t used = 0, at = 0, len;
	uint32_t code;

	if (measure(text, 0) <= room) {
		buf_add(out, text->data, text->len);
		return measure(text, 0);
	}
	if (room < 2)
		return 0;
	for (; at < text->len; at += len) {
		len = utf8_read(text->data + at, text->len - at, &code);
		if (!len || used + columns_of(code) > room - 2)
			break;
		used += columns_of(code);
	}
	buf_add(out, text->data, at);
	buf_str(out, "..");
	return used + 2;
}

size_t
columns_path(struct buf *out, const struct buf *path, size_t room)
{
	struct buf end = { 0 };
	size_t at = 0, n;

	while (at < path->len && measure(path, at) > room) {
		const char *slash = memchr(path->data + at + 1, '/', path->len - at - 1);

		if (!slash)
			break;
		at = (size_t)(slash - path->data);
	}
	buf_add(&end, path->data + at + (at > 0), path->len - at - (at > 0));
	n = columns_cut(out, &end, room);
	buf_free(&end);
	return n;
}

void
columns_share(struct buf *out, uint64_t n, uint64_t of)
{
	uint64_t tenths = of ? (uint64_t)((double)n / (double)of * 1000 + 0.5) : 0;

	columns_pad(out, (tenths < 100) + (tenths < 1000) + (tenths < 10000));
	buf_printf(out, "%" PRIu64 ".%" PRIu64 "%%", tenths / 10, tenths % 10);
}

void
columns_number(struct buf *out, uint64_t n, size_t digits)
{
	struct buf text = { 0 };

	buf_printf(&text, "%" PRIu64, n);
	if (text.len < digits)
		columns_pad(out, digits - text.len);
	buf_add(out, text.data, text.len);
	buf_free(&text);
}

