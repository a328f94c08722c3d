/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of the folder page/, with the profile as JSON in its middle.  page/embed
 * packs it.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "packed/inflate.h"
#include "format/saved.h"
#include "format/page.h"

enum { HEAD, TAIL, SVG };

extern const unsigned char packed_page[]; /* made by page/embed */

/* Appends one of the parts, each of which a form feed ends. */
static void
add_part(struct buf *out, int part)
{
	struct buf parts = { 0 };
	const char *begin, *end;

	inflate(packed_page, &parts);
	begin = parts.data;
	while (end = strchr(begin, '\f'), part--)
		begin = end + 1;
	buf_add(out, begin, (size_t)(end - begin));
	buf_free(&parts);
}

void
page_write(const struct profile *profile, struct buf *out)
{
	add_part(out, HEAD);
	saved_write(profile, out);
	add_part(out, TAIL);
}

void
page_add_svg(struct buf *out)
{
	add_part(out, SVG);
}
