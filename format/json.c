/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259); see json.h.  The reader cannot leave its text, as no step
 * leads over the zero byte at its end.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"

enum { MAX_DEPTH = 32 };

/* ---- writing ---- */

static void
begin(struct buf *out, const char *key)
{
	if (out->len && !strchr("[{:>\n", out->data[out->len - 1]))
		buf_str(out, ",");
	if (key)
		buf_printf(out, "\"%s\":", key);
}

void
json_open(struct buf *out, const char *key, char bracket)
{
	begin(out, key);
	buf_add(out, &bracket, 1);
}

void
json_close(struct buf *out, char bracket)
{
	buf_add(out, &bracket, 1);
}

static void
add_bytes(struct buf *out, const char *key, const char *bytes, size_t len)
{
	const char *end = len ? bytes + len : bytes;

	begin(out, key);
	buf_str(out, "\"");
	while (bytes < end) {
		uint32_t code;
		size_t n = utf8_read(bytes, (size_t)(end - bytes), &code);

		if (!n)
			buf_str(out, "\xef\xbf\xbd");
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (is_control(code) || code == '<')
			buf_printf(out, "\\u%04x", code);
		else
			buf_add(out, bytes, n);
		bytes += n ? n : 1;
	}
	buf_str(out, "\"");
}

void
json_add_text(struct buf *out, const char *key, const char *text)
{
	if (text)
		add_bytes(out, key, text, strlen(text));
}

/* Escaped by label_name(), or just buf_visible(). */
static void
add_escaped(struct buf *out, const char *key, const char *name, size_t len,
            void (*escape)(struct buf *, const char *, size_t))
{
	struct buf text = { 0 };

	escape(&text, name, len);
	add_bytes(out, key, text.data, text.len);
	buf_free(&text);
}

void
json_add_name(struct buf *out, const char *key, const char *text)
{
	if (text)
		add_escaped(out, key, text, strlen(text), label_name);
}

void
json_add_shown(struct buf *out, const char *key, const char *text)
{
	if (text)
		add_escaped(out, key, text, strlen(text), buf_visible);
}

void
json_add_shown_string(struct buf *out, const char *key, const struct profile *p, uint32_t string)
{
	size_t len;
	const char *s = profile_string_get(p, string, &len);

	add_escaped(out, key, s, len, buf_visible);
}

void
json_add_place(struct buf *out, const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);

	json_add_shown_string(out, "function", p, f.function);
	if (f.file != PROFILE_NO_FILE)
		json_add_shown_string(out, "file", p, f.file);
	if (f.line > 0)
		json_add_number(out, "line", f.line);
}

void
json_add_string(struct buf *out, const char *key, const struct profile *p, uint32_t string)
{
	size_t len;
	const char *s = profile_string_get(p, string, &len);

	add_escaped(out, key, s, len, label_name);
}

void
json_add_strings(struct buf *out, const char *key, const struct profile *p)
{
	json_open(out, key, '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_add_string(out, NULL, p, i);
	json_close(out, ']');
}

void
json_add_number(struct buf *out, const char *key, int64_t n)
{
	begin(out, key);
	buf_printf(out, "%" PRId64, n);
}

void
json_add_decimal(struct buf *out, const char *key, int64_t n, int digits)
{
	int64_t scale = 1;
	char part[24];
	size_t len;

	for (int i = 0; i < digits; i++)
		scale *= 10;
	json_add_number(out, key, n / scale);
	text_format(part, sizeof part, "%" PRId64, scale + n % scale); /* a 1, then the digits */
	part[0] = '.';
	len = strlen(part);
	while (part[len - 1] == '0')
		len--;
	if (len > 1)
		buf_add(out, part, len);
}

void
json_add_bool(struct buf *out, const char *key, int value)
{
	begin(out, key);
	buf_str(out, value ? "true" : "false");
}

void
json_add_array(struct buf *out, const char *key, size_t n,
               int64_t (*get)(const void *context, size_t i), const void *context)
{
	json_open(out, key, '[');
	for (size_t i = 0; i < n; i++) {
		int64_t value = get(context, i);

		if (value == JSON_NULL) {
			begin(out, NULL);
			buf_str(out, "null");
		} else if (value != JSON_NONE) {
			json_add_number(out, NULL, value);
		}
	}
	json_close(out, ']');
}

void
json_begin_processes(struct buf *out, const char *format, int version)
{
	json_open(out, NULL, '{');
	json_add_text(out, "format", format);
	json_add_number(out, "version", version);
	json_add_text(out, "generator", "pyflame " PYFLAME_VERSION);
	json_open(out, "processes", '[');
}

void
json_end_processes(struct buf *out)
{
	json_close(out, ']');
	json_close(out, '}');
	buf_str(out, "\n");
}

/* ---- reading ---- */

void
json_read_fail(struct json_reader *r, const char *what)
{
	if (!r->wrong) {
		r->wrong = what;
		r->wrong_at = r->at;
	}
	r->at = r->end;
}

static void
blanks(struct json_reader *r)
{
	while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')
		r->at++;
}

/* Whether this text comes next, which it then does no longer. */
static int
accept(struct json_reader *r, const char *text)
{
	size_t n = strlen(text);

	if (*r->at != *text || strncmp(r->at, text, n))
		return 0;
	r->at += n;
	blanks(r);
	return 1;
}

/* ---- reading strings ---- */

static void
add_utf8(struct buf *out, unsigned c)
{
	unsigned char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; --i > 0; c >>= 6)
		bytes[i] = 0x80 | (c & 0x3f);
	bytes[0] = n == 1 ? (unsigned char)c : (unsigned char)(0xf00 >> n | c);
	buf_add(out, bytes, n);
}

/* Reads "uXXXX". */
static unsigned
code_unit(struct json_reader *r)
{
	char digits[5] = { 0 };
	const char *q = digits;
	uint64_t value = 0;

	if (strspn(r->at + 1, "0123456789abcdefABCDEF") < 4) {
		json_read_fail(r, "a \\u without four digits");
		return 0;
	}
	memcpy(digits, r->at + 1, 4);
	parse_digits(&q, 16, &value);
	r->at += 5;
	return (unsigned)value;
}

/* What follows a backslash. */
static void
escape(struct json_reader *r, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = *r->at ? strchr(from, *r->at) : NULL;
	unsigned c;

	if (known) {
		buf_add(out, &to[known - from], 1);
		r->at++;
	} else if (*r->at == 'u') {
		c = code_unit(r);
		if (c >> 10 == 0x36 && r->at[0] == '\\' && r->at[1] == 'u') { /* half of one */
			r->at++;
			c = 0x10000 + ((c & 0x3ff) << 10) + (code_unit(r) & 0x3ff);
		}
		add_utf8(out, c);
	} else {
		json_read_fail(r, "an unknown escape");
	}
}

void
json_read_string(struct json_reader *r, struct buf *out)
{
	if (*r->at != '"') {
		json_read_fail(r, "no string where one has to be");
		return;
	}
	r->at++;
	while (!r->wrong && *r->at != '"') {
		const char *from = r->at;

		while ((unsigned char)*r->at >= ' ' && *r->at != '"' && *r->at != '\\')
			r->at++;
		buf_add(out, from, (size_t)(r->at - from));
		if (*r->at == '\\') {
			r->at++;
			escape(r, out);
		} else if (*r->at != '"') {
			json_read_fail(r, "a string with a control character or without an end");
		}
	}
	accept(r, "\"");
}

/* ---- reading numbers ---- */

static void
digits(struct json_reader *r)
{
	const char *from = r->at;

	while (*r->at >= '0' && *r->at <= '9')
		r->at++;
	if (r->at == from)
		json_read_fail(r, "something that is no JSON");
}

static void
number(struct json_reader *r)
{
	r->at += *r->at == '-';
	if (*r->at == '0')
		r->at++;
	else
		digits(r);
	if (*r->at == '.') {
		r->at++;
		digits(r);
	}
	if ((*r->at | 32) == 'e') {
		r->at++;
		r->at += *r->at == '+' || *r->at == '-';
		digits(r);
	}
	blanks(r);
}

/* ---- reading values ---- */

int
json_read_next(struct json_reader *r, char open, size_t *n)
{
	int array = open == '[';
	struct buf key = { 0 };

	if (!*n && !accept(r, array ? "[" : "{"))
		json_read_fail(r, array ? "no array where one has to be" :
		               "no object where one has to be");
	if (r->wrong || accept(r, array ? "]" : "}"))
		return 0;
	if (*n && !accept(r, ","))
		json_read_fail(r, "no comma where one has to be");
	++*n;
	if (!array) {
		json_read_string(r, &key);
		text_format(r->key, sizeof r->key, "%.*s", (int)key.len, key.len ? key.data : "");
		buf_free(&key);
		if (!accept(r, ":"))
			json_read_fail(r, "no colon where one has to be");
	}
	return !r->wrong;
}

static void
skip(struct json_reader *r, int depth)
{
	struct buf text = { 0 };
	size_t n = 0;
	char open = *r->at;

	if (depth > MAX_DEPTH) {
		json_read_fail(r, "it is nested too deeply");
	} else if (open == '[' || open == '{') {
		while (json_read_next(r, open, &n))
			skip(r, depth + 1);
	} else if (open == '"') {
		json_read_string(r, &text);
		buf_free(&text);
	} else if (!accept(r, "true") && !accept(r, "false") && !accept(r, "null")) {
		number(r);
	}
}

void
json_read_skip(struct json_reader *r)
{
	skip(r, 0);
}

void
json_read_begin(struct json_reader *r, const char *text, size_t len)
{
	*r = (struct json_reader){ .at = text, .end = text + len };
	blanks(r);
	text = r->at;
	json_read_skip(r);
	if (r->at != r->end)
		json_read_fail(r, "something behind the end");
	if (!r->wrong)
		r->at = text;
}

void
json_read_members(struct json_reader *r, const char *names, const char **at)
{
	size_t n = 0, len;

	do {
		const char **to = at;

		for (const char *name = names; *name; name += len + (name[len] == ' ')) {
			len = strcspn(name, " ");
			if (!n)
				*to = NULL;
			else if (strlen(r->key) == len && !memcmp(r->key, name, len))
				*to = r->at;
			to++;
		}
		if (n)
			json_read_skip(r);
	} while (json_read_next(r, '{', &n));
}

int
json_read_at(struct json_reader *r, const char *at)
{
	if (r->wrong || !at)
		return 0;
	r->at = at;
	return 1;
}

int64_t
json_read_integer(struct json_reader *r, int64_t least, int64_t most)
{
	int negative = *r->at == '-';
	const char *q = r->at + negative;
	uint64_t value = 0;
	int64_t n;

	if (parse_digits(&q, 10, &value) || *q == '.' || (*q | 32) == 'e' || value > INT64_MAX)
		value = INT64_MAX; /* which is too much for all */
	n = negative ? -(int64_t)value : (int64_t)value;
	if (n < least || n > most) {
		json_read_fail(r, "not an integer, or one that can't be here");
		return 0;
	}
	r->at = q;
	blanks(r);
	return n;
}

int64_t
json_read_scaled(struct json_reader *r, double scale)
{
	double value = 0;
	const char *rest;

	if (parse_decimal(r->at, &value, &rest) || !(value * scale < 9e15))
		json_read_fail(r, "not a number, or one that can't be here");
	else
		number(r);
	return r->wrong ? 0 : (int64_t)(value * scale + 0.5);
}

int
json_read_bool(struct json_reader *r)
{
	int yes = accept(r, "true");

	if (!yes && !accept(r, "false"))
		json_read_fail(r, "neither true nor false");
	return yes;
}

int64_t *
json_read_integers(struct json_reader *r, int64_t least, int64_t most, size_t *n)
{
	int64_t *array = NULL;
	size_t cap = 0;

	*n = 0;
	for (size_t steps = 0; json_read_next(r, '[', &steps);) {
		array = grow(array, *n, &cap, sizeof *array);
		array[(*n)++] = json_read_integer(r, least, most);
	}
	return array;
}
