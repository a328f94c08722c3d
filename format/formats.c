/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All formats, one a row of the table.  A new one is a file format/NAME.c with its
 * writer, which sees the profile and nothing else, a row here, and its name in
 * FORMATS in the Makefile; what the fields of a row mean is in formats.h.  It has to
 * be named in the man page, in contrib/pyflame.bash and in the tests of formats, too.
 *
 * `make FORMATS="..."` defines WITHOUT_NAME here for each that is not named there:
 * such a row keeps its name and its suffixes, so that whoever asks for it learns that, and has
 * no functions.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "format/collapsed.h"
#include "format/saved.h"
#include "format/export.h"
#include "format/columns.h"
#include "format/report.h"
#include "format/page.h"
#include "format/svg.h"
#include "format/pprof.h"
#include "format/gecko.h"
#include "format/speedscope.h"
#include "format/chrome.h"
#include "format/formats.h"

/* Of two suffixes that fit a file's name the first counts; the first row is what is
 * written if none fits. */
static const struct format formats[] = {
	{
		.name = "collapsed", .suffixes = ".txt .folded ", .needs = FORMAT_BEFORE,
		.write = collapsed_write,
	}, {
		.name = "report", .suffixes = "", .needs = FORMAT_THREADS | FORMAT_IDLE | FORMAT_ALL,
#ifndef WITHOUT_report
		.write = report_write, .fit = columns_fit, .sources = report_sources,
#endif
	}, {
		.name = "html", .suffixes = ".html .htm ",
		.needs = FORMAT_THREADS | FORMAT_IDLE | FORMAT_BEFORE,
#ifndef WITHOUT_html
		.write = page_write, .read = saved_read,
#endif
	}, {
		.name = "svg", .suffixes = ".svg ", .needs = FORMAT_BEFORE,
#ifndef WITHOUT_svg
		.write = svg_write,
#endif
	}, {
		.name = "speedscope", .suffixes = ".speedscope.json ",
		.needs = FORMAT_THREADS | FORMAT_TIMES | FORMAT_IDLE,
#ifndef WITHOUT_speedscope
		.write = speedscope_write, .prepare = export_prepare,
#endif
	}, {
		.name = "pprof", .suffixes = ".pb .pb.gz ",
		.needs = FORMAT_THREADS | FORMAT_IDLE,
#ifndef WITHOUT_pprof
		.write = pprof_write, .prepare = export_prepare,
#endif
	}, {
		.name = "gecko", .note = "Firefox Profiler", .suffixes = ".gecko.json ",
		.needs = FORMAT_THREADS | FORMAT_TIMES | FORMAT_IDLE,
#ifndef WITHOUT_gecko
		.write = gecko_write, .prepare = export_prepare,
#endif
	}, {
		.name = "chrome", .note = "Perfetto", .suffixes = ".trace.json .chrome.json ",
		.needs = FORMAT_THREADS | FORMAT_TIMES | FORMAT_IDLE,
#ifndef WITHOUT_chrome
		.write = chrome_write, .prepare = export_prepare,
#endif
	}, {
		.name = "json", .suffixes = ".json ",
		.needs = FORMAT_THREADS | FORMAT_IDLE | FORMAT_BEFORE,
#ifndef WITHOUT_json
		.write = saved_write_file, .read = saved_read,
#endif
	},
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
format_endings(struct buf *out)
{
	for (size_t i = 0; i < LEN(formats); i++)
		if (formats[i].write && *formats[i].suffixes)
			buf_printf(out, " %.*s", (int)strlen(formats[i].suffixes) - 1, formats[i].suffixes);
}

void
format_names(struct buf *out)
{
	for (size_t i = 0; i < LEN(formats); i++)
		if (formats[i].write)
			buf_printf(out, i ? " %s" : "%s", formats[i].name);
}

/* The next one from that row on that is in this build; LEN(formats): there is none. */
static size_t
next_built(size_t i)
{
	while (i < LEN(formats) && !formats[i].write)
		i++;
	return i;
}

size_t
format_list(struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0, next; i < LEN(formats); i = next) {
		next = next_built(i + 1);
		if (n++)
			buf_str(out, next < LEN(formats) ? ", " : " or ");
		buf_str(out, formats[i].name);
		if (formats[i].note)
			buf_printf(out, " (%s)", formats[i].note);
	}
	return n;
}

_Noreturn void
format_left_out(const struct format *f, int status, const char *option, const char *value)
{
	struct buf names = { 0 };

	format_names(&names);
	warn("%s%s: this pyflame was built without the format %s; it has: %.*s", option,
	     value, f->name, (int)names.len, names.data);
	exit(status);
}
