/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of the folder page/, with the profile as JSON in its middle.  page/embed
 * packs it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "packed/lzma.h"
#include "format/saved.h"
#include "format/page.h"

enum { HEAD, TAIL, SVG };

/* Made by page/embed. */
extern const unsigned char packed_page[];
extern const size_t packed_page_size;

/* Appends one of the parts, each of which a form feed ends. */
static void
add_part(struct buf *out, int part)
{
	char *parts = xcalloc(packed_page_size, 1);
	const char *begin = parts, *end;

	lzma_unpack(packed_page, parts);
	while (end = strchr(begin, '\f'), part--)
		begin = end + 1;
	buf_add(out, begin, (size_t)(end - begin));
	free(parts);
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
