/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and their evidence as JSON; the manual says what it means. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "process.h"
#include "target.h"
#include "values/listing.h"
#include "sample.h"
#include "why/look.h"
#include "why/finding.h"
#include "why/words.h"
#include "why/twin.h"

void
twin_begin(struct buf *out)
{
	enum { VERSION = 1 };

	json_begin_processes(out, "pyflame why", VERSION);
}

/* The text that a function of words.h makes. */
static void
add_words(const struct look *l, const struct member *m, const char *key, struct buf *out)
{
	struct buf text = { 0 };

	words_does(l, m, &text);
	json_add_text(out, key, buf_terminate(&text));
	buf_free(&text);
}

static void
add_finding(const struct look *l, const struct finding *f, struct buf *out)
{
	struct buf text = { 0 };

	words_finding(l, f, &text);
	json_open(out, "finding", '{');
	json_add_text(out, "kind", finding_word(f->kind));
	json_add_text(out, "text", buf_terminate(&text));
	if (f->member != NOBODY)
		json_add_number(out, "tid", l->members[f->member].tid);
	json_close(out, '}');
	buf_free(&text);
}

static void
add_need(const struct look *l, const struct member *m, struct buf *out)
{
	json_open(out, "needs", '{');
	json_add_text(out, "kind",
	              look_string("\0lock\0rlock\0import\0join\0future\0futures\0condition\0event\0"
	                          "semaphore\0barrier\0item\0room\0tasks\0semlock\0threads\0work\0"
	                          "events", m->need.kind));
	if (m->need.key)
		json_add_number(out, "id", (int64_t)(m->need.key & (JSON_MOST - 1)));
	if (m->need.name)
		json_add_text(out, "name", m->need.name);
	if (m->blocker != NOBODY) {
		json_add_number(out, "owner", l->members[m->blocker].tid);
		json_add_bool(out, "sure", !m->need.seems);
	}
	json_close(out, '}');
}

static void
add_variables(const struct listing *list, size_t frame, struct buf *out)
{
	size_t n;

	listing_of(list, frame, &n);
	json_open(out, "locals", '[');
	for (size_t i = 0; i < n; i++) {
		struct listed v = listing_get(list, frame, i);

		json_open(out, NULL, '{');
		json_add_text(out, "name", v.name);
		json_add_text(out, "kind", v.kind);
		json_add_text(out, "value", v.value);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void
add_frames(const struct look *l, const struct member *m, struct listing *list, struct buf *out)
{
	if (list && m->n)
		look_locals(m, list);
	json_open(out, "frames", '[');
	for (size_t i = m->n_shown, left = m->n; i-- > 0;) {
		json_open(out, NULL, '{');
		json_add_place(out, l->profile, m->shown[i]);
		if (profile_is_next(m->frames, m->shown[i], &left) && list)
			add_variables(list, left, out);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void
add_member(const struct look *l, const struct member *m, struct listing *list, struct buf *out)
{
	json_open(out, NULL, '{');
	json_add_number(out, "tid", m->tid);
	json_add_shown(out, "name", m->name);
	json_add_number(out, "group", l->members[m->group].tid);
	add_words(l, m, "does", out);
	json_add_bool(out, "runs", m->state == 'R');
	json_add_bool(out, "holds_gil", m->holds_gil);
	json_add_bool(out, "wants_gil", m->wants_gil);
	json_add_bool(out, "same_stack", m->same);
	if (m->used >= 0)
		json_add_number(out, "cpu_us", m->used / 1000);
	if (*m->wait)
		json_add_text(out, "wait", m->wait);
	if (m->need.kind)
		add_need(l, m, out);
	if (m->handler)
		json_add_number(out, "signal", m->handler);
	if (m->why != OK)
		json_add_text(out, "failed", why_word(m->why));
	add_frames(l, m, list, out);
	json_close(out, '}');
}

static void
add_tasks(const struct crowd *c, struct buf *out)
{
	json_open(out, "tasks", '{');
	json_add_number(out, "number", (int64_t)c->n);
	json_add_number(out, "ready", (int64_t)c->ready);
	json_add_number(out, "waiting", (int64_t)c->waiting);
	json_add_number(out, "alike", (int64_t)c->alike);
	if (c->what)
		json_add_text(out, "wait", c->what);
	json_close(out, '}');
}

void
twin_add(const struct look *l, const struct finding *f, const char *rank, struct listing *list,
         struct buf *out)
{
	const struct process *p = sampler_target(l->sampler)->process;
	struct buf name = { 0 };

	process_name(p, &name);
	json_open(out, NULL, '{');
	json_add_number(out, "pid", process_pid(p));
	json_add_shown(out, "command", buf_terminate(&name));
	if (*rank)
		json_add_shown(out, "rank", rank);
	add_finding(l, f, out);
	json_add_number(out, "elapsed_us", l->elapsed / 1000);
	json_add_number(out, "cpu_us", l->used / 1000);
	if (l->crowd.n)
		add_tasks(&l->crowd, out);
	json_open(out, "threads", '[');
	for (size_t i = 0; i < l->n; i++)
		add_member(l, &l->members[i], list, out);
	json_close(out, ']');
	json_close(out, '}');
	buf_free(&name);
}
