/* SPDX-License-Identifier: Apache-2.0 */
/* All formats, one a row; of two suffixes that fit a name the first counts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "format/collapsed.h"
#include "format/page.h"
#include "format/saved.h"
#include "format/svg.h"
#include "format/speedscope.h"
#include "format/pprof.h"
#include "format/gecko.h"
#include "format/chrome.h"
#include "format/formats.h"

static void
write_saved(const struct profile *p, struct buf *out)
{
	saved_write(p, out);
	buf_str(out, "\n");
}

static const struct format formats[] = {
	{ "collapsed", ".txt .folded ", FORMAT_BEFORE, collapsed_write },
	{ "html", ".html .htm ", FORMAT_THREADS | FORMAT_IDLE | FORMAT_BEFORE, page_write },
	{ "svg", ".svg ", FORMAT_BEFORE, svg_write },
	{ "speedscope", ".speedscope.json ", FORMAT_THREADS | FORMAT_TIMES | FORMAT_FOREIGN,
	  speedscope_write },
	{ "pprof", ".pb .pb.gz ", FORMAT_THREADS | FORMAT_FOREIGN, pprof_write },
	{ "gecko", ".gecko.json ", FORMAT_THREADS | FORMAT_TIMES | FORMAT_IDLE | FORMAT_FOREIGN,
	  gecko_write },
	{ "chrome", ".chrome.json ", FORMAT_THREADS | FORMAT_TIMES | FORMAT_FOREIGN, chrome_write },
	{ "json", ".json ", FORMAT_THREADS | FORMAT_IDLE | FORMAT_BEFORE, write_saved },
};

const struct format *
format_named(const char *name)
{
	for (size_t i = 0; i < LEN(formats); i++)
		if (!strcmp(name, formats[i].name))
			return &formats[i];
	return NULL;
}

static int
has_suffix(const char *path, const char *suffixes)
{
	size_t len = strlen(path), n;

	for (const char *s = suffixes; *s; s += n + 1) {
		n = strcspn(s, " ");
		if (len > n && !memcmp(path + len - n, s, n))
			return 1;
	}
	return 0;
}

const struct format *
format_of_file(const char *path)
{
	for (size_t i = 0; path && i < LEN(formats); i++)
		if (has_suffix(path, formats[i].suffixes))
			return &formats[i];
	return &formats[0];
}

void
format_names(struct buf *out)
{
	for (size_t i = 0; i < LEN(formats); i++)
		buf_printf(out, i ? " %s" : "%s", formats[i].name);
}
