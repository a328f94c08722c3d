/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON (RFC 8259); see json.h. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "label.h"
#include "profile.h"
#include "json.h"

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
		size_t n = label_utf8(bytes, (size_t)(end - bytes));
		unsigned char c = (unsigned char)*bytes;

		if (!n)
			buf_str(out, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 127 || c == '<')
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, bytes, n);
		bytes += n ? n : 1;
	}
	buf_str(out, "\"");
}

void
json_text(struct buf *out, const char *key, const char *text)
{
	if (text)
		add_bytes(out, key, text, strlen(text));
}

static void
add_name(struct buf *out, const char *key, const char *name, size_t len)
{
	struct buf label = { 0 };

	label_name(&label, name, len);
	add_bytes(out, key, label.data, label.len);
	buf_free(&label);
}

void
json_name(struct buf *out, const char *key, const char *text)
{
	if (text)
		add_name(out, key, text, strlen(text));
}

void
json_string(struct buf *out, const char *key, const struct profile *p, uint32_t string)
{
	size_t len;
	const char *s = profile_string_get(p, string, &len);

	add_name(out, key, s, len);
}

void
json_strings(struct buf *out, const char *key, const struct profile *p)
{
	json_open(out, key, '[');
	for (uint32_t i = 0; i < profile_string_count(p); i++)
		json_string(out, NULL, p, i);
	json_close(out, ']');
}

void
json_number(struct buf *out, const char *key, int64_t n)
{
	begin(out, key);
	buf_printf(out, "%" PRId64, n);
}

void
json_decimal(struct buf *out, const char *key, int64_t n, int digits)
{
	int64_t scale = 1;
	char part[24];
	size_t len;

	for (int i = 0; i < digits; i++)
		scale *= 10;
	json_number(out, key, n / scale);
	text_format(part, sizeof part, "%" PRId64, scale + n % scale); /* a 1, then the digits */
	part[0] = '.';
	len = strlen(part);
	while (part[len - 1] == '0')
		len--;
	if (len > 1)
		buf_add(out, part, len);
}

void
json_bool(struct buf *out, const char *key, int value)
{
	begin(out, key);
	buf_str(out, value ? "true" : "false");
}

void
json_array(struct buf *out, const char *key, size_t n,
           int64_t (*get)(const void *context, size_t i), const void *context)
{
	json_open(out, key, '[');
	for (size_t i = 0; i < n; i++) {
		int64_t value = get(context, i);

		if (value == JSON_NULL) {
			begin(out, NULL);
			buf_str(out, "null");
		} else if (value != JSON_NONE) {
			json_number(out, NULL, value);
		}
	}
	json_close(out, ']');
}
