/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags: -Dexit=fuzz_exit -Dread=fuzz_read -Dwrite=fuzz_write -Dcalloc=fuzz_calloc
 * flags: -Drealloc=fuzz_realloc -Dfree=fuzz_free
 *
 * Files with profiles, that are read and written again in every format.  Input:
 * flags (those of saved.h; 16: split, 32: read it twice), then the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/saved.h"
#include "format/input.h"
#include "format/export.h"
#include "format/collapsed.h"
#include "format/speedscope.h"
#include "format/pprof.h"
#include "format/gecko.h"
#include "format/chrome.h"
#include "survive.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned flags;

static void
check_text(const struct buf *text, const char *but)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < ' ' && !strchr(but, text->data[i]))
			abort();
}

static void
read_and_write(void)
{
	struct profile *p = profile_new();
	struct buf out = { 0 };

	if (flags & 16)
		profile_split(p);
	input_read(p, "-", flags & 15);
	if (flags & 32)
		input_read(p, "-", flags & 15);
	saved_write(p, &out);
	check_text(&out, "");
	out.len = 0;
	if (!(flags & 16)) {
		collapsed_write(p, &out);
		check_text(&out, "\n");
	} else {
		export_prepare(p);
		speedscope_write(p, &out);
		gecko_write(p, &out);
		chrome_write(p, &out);
		check_text(&out, "\n");
		pprof_write(p, &out);
	}
	buf_free(&out);
	profile_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	if (!len)
		return 0;
	flags = in[0];
	survive(read_and_write, in + 1, len - 1);
	return 0;
}
