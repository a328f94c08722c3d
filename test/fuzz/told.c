/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a process that is not there; see told.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "process.h"
#include "target.h"
#include "capture.h"
#include "sample.h"
#include "dump.h"
#include "why/why.h"
#include "simulated.h"
#include "told.h"

void
told_check(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < ' ' && text->data[i] != '\n')
			abort();
}

static int
do_not_wait(void *context, int64_t due)
{
	(void)context;
	(void)due;
	return 0;
}

void
told_explain(struct sampler *s, const struct profile *p, int locals, int as_json,
             struct buf *text)
{
	struct question q = { &s, 1, p, locals, as_json, do_not_wait, NULL };

	why_explain(&q, text);
	told_check(text);
}

static void
dump(const struct target *t, struct dump_what what, int as_json, int explain)
{
	struct sample_options options = { .period = 1000000, .pausing = PAUSE_NEVER,
	                                  .all_threads = 1, .with_lines = 1 };
	struct profile *p = profile_new();
	struct sampler *s = sampler_new(t, p, &options);
	struct buf text = { 0 };

	if (as_json)
		dump_json(s, p, &what, &text);
	else
		dump_write(s, p, &what, &text);
	told_check(&text);
	if (explain)
		told_explain(s, p, 0, as_json, &text);
	sampler_free(s);
	profile_free(p);
	buf_free(&text);
}

void
told_dump(struct dump_what what, int as_json, int explain)
{
	struct buf reason = { 0 };
	struct target t;

	if (target_open(sim_process(), 0, &t, &reason) == TARGET_READY) {
		dump(&t, what, as_json, explain);
		target_close(&t);
	}
	buf_free(&reason);
}
