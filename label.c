/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from the target and may hold anything; see label.h. */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "profile.h"
#include "label.h"

/* The Unicode Standard, table 3-7: no overlong forms, no surrogates. */
size_t
label_utf8(const char *bytes, size_t left)
{
	const unsigned char *p = (const unsigned char *)bytes;
	unsigned low = 0x80, high = 0xbf;
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (*p == 0xe0)
		low = 0xa0;
	else if (*p == 0xed)
		high = 0x9f;
	else if (*p == 0xf0)
		low = 0x90;
	else if (*p == 0xf4)
		high = 0x8f;
	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return n;
}

void
label_name(struct buf *out, const char *name, size_t len)
{
	const char *end = name + len;

	while (name < end) {
		size_t n = label_utf8(name, (size_t)(end - name));
		unsigned char c = (unsigned char)*name;

		if (!n || c < ' ' || c == 127 || c == ';') {
			buf_printf(out, "\\x%02x", c);
			n = 1;
		} else {
			buf_add(out, name, n);
			if (c == '\\')
				buf_str(out, "\\");
		}
		name += n;
	}
}

static void
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
