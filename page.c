/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of the folder page/, with the profile as JSON in its middle.  page/embed
 * packs it; page/pack.awk tells how.
 */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "saved.h"
#include "page.h"

/* Made by page/embed. */
extern const unsigned char packed_head[], packed_tail[], packed_svg[];

static void
unpack(const unsigned char *p, struct buf *out)
{
	for (; *p; p++) {
		unsigned n;

		if (*p < 0x80) {
			buf_add(out, p, 1);
			continue;
		}
		n = (*p & 0x7f) + 4u;
		for (size_t back = (size_t)p[1] << 8 | p[2]; n--;) {
			char c = out->data[out->len - back];

			buf_add(out, &c, 1);
		}
		p += 2;
	}
}

void
page_write(const struct profile *profile, struct buf *out)
{
	unpack(packed_head, out);
	saved_write(profile, out);
	unpack(packed_tail, out);
}

void
page_add_svg(struct buf *out)
{
	unpack(packed_svg, out);
}
