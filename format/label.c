/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from the target and may hold anything; see label.h. */
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
