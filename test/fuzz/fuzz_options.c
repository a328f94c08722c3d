/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags: -Dexit=fuzz_exit -Dread=fuzz_read -Dwrite=fuzz_write -Dcalloc=fuzz_calloc
 * flags: -Drealloc=fuzz_realloc -Dfree=fuzz_free
 *
 * The command line.  Input: words, each followed by a newline.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "options.h"
#include "survive.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX_WORDS = 32 };

static char *words[MAX_WORDS + 1];
static int n_words;

static void
parse(void)
{
	struct options o = options_parse(n_words, words);

	if (o.period < 1000 || !o.format || (!o.command && !o.n_pids && !o.n_inputs && !o.all))
		abort();
	for (size_t i = 0; i < o.n_pids; i++)
		if (o.pids[i] < 1)
			abort();
	free(o.pids);
	free(o.inputs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static char text[4096];
	char *at = text;

	if (len >= sizeof text || memchr(in, 0, len))
		return 0;
	memcpy(text, in, len);
	text[len] = 0;
	words[0] = "pyflame";
	for (n_words = 1; n_words < MAX_WORDS && at < text + len; at++) {
		words[n_words++] = at;
		at += strcspn(at, "\n");
		*at = 0;
	}
	words[n_words] = NULL;
	optind = 0;
	survive(parse, "", 0);
	return 0;
}
