/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks in a dump; see async.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/json.h"
#include "process.h"
#include "waits/files.h"
#include "layouts.h"
#include "target.h"
#include "tasks/chain.h"
#include "tasks/tasks.h"
#include "tasks/parents.h"
#include "tasks/state.h"
#include "tasks/greenlets.h"
#include "tasks/greenwords.h"
#include "tasks/tree.h"
#include "tasks/greenlist.h"
#include "tasks/async.h"

struct async {
	struct tasks *ts;
	struct greenlets *greenlets;
	struct files *files;
	struct parents parents;
	int read, related; /* whether there are any; whether it is known who awaits whom */
	enum why why, greenlets_why; /* OK, or why not all could be found */
};

struct async *
async_new(const struct target *t, struct threads *threads, struct profile *p, struct codes *codes)
{
	struct tasks *ts = tasks_new(t, threads, p, codes);
	struct async *a;

	if (!ts)
		return NULL;
	a = xcalloc(1, sizeof *a);
	a->ts = ts;
	a->greenlets = greenlets_new(ts, p, codes);
	a->files = files_new(process_pid(t->process));
	return a;
}

void
async_free(struct async *a)
{
	if (!a)
		return;
	greenlets_free(a->greenlets);
	tasks_free(a->ts);
	files_free(a->files);
	parents_free(&a->parents);
	free(a);
}

void
async_note(struct async *a, int tid, const raddr *addresses, const uint32_t *frames, size_t n)
{
	if (a)
		tasks_note(a->ts, tid, addresses, frames, n);
}

void
async_read(struct async *a, int count, void (*restack)(void *), void *context)
{
	const int64_t brief = 50 * MS, most = 3000 * MS;

	if (!a)
		return;
	a->why = tasks_read(a->ts, restack, context);
	a->greenlets_why = greenlets_read(a->greenlets, count ? brief : most);
	if (!count && a->greenlets_why == OK)
		greenlets_read_names(a->greenlets, greenwords_name);
}

size_t
async_count(const struct async *a, size_t *places)
{
	size_t n = 0;

	*places = 0;
	if (a)
		tasks_all(a->ts, &n);
	if (n)
		*places = tasks_places(a->ts);
	return n;
}

size_t
async_count_greenlets(const struct async *a, size_t *places)
{
	*places = 0;
	return a && a->greenlets_why != DEEP ? greenlets_count(a->greenlets, places) : 0;
}

static void
relate(struct async *a)
{
	if (!a->related)
		parents_find(a->ts, &a->parents);
	a->related = 1;
}

void
async_write(struct async *a, struct buf *out)
{
	size_t n;

	if (!a)
		return;
	relate(a);
	tasks_all(a->ts, &n);
	if (n)
		tree_write(a->ts, &a->parents, a->files, out);
	if (out->len > STATE_MOST_TEXT)
		a->why = DEEP;
	if (a->why != OK)
		buf_printf(out, "%sasyncio tasks: (failed: %s)\n", out->len ? "\n" : "",
		           why_word(a->why));
	greenlist_write(a->greenlets, a->files, out);
	if (a->greenlets_why != OK)
		buf_printf(out, "%sgreenlets: (failed: %s)\n", out->len ? "\n" : "",
		           why_word(a->greenlets_why));
}

/* ---- JSON ---- */

static void
write_state(const struct async *a, const struct async_task *t, struct buf *out)
{
	struct buf wait = { 0 };

	json_add_text(out, "state", state_name(t));
	if (t->why != OK)
		json_add_text(out, "failed", why_word(t->why));
	state_wait(a->ts, t, a->files, &wait);
	if (wait.len)
		json_add_text(out, "wait", buf_terminate(&wait));
	if (t->tid)
		json_add_number(out, "tid", t->tid);
	if (t->cancelled)
		json_add_bool(out, "to_be_cancelled", 1);
	if (t->unknown)
		json_add_bool(out, "parent_unknown", 1);
	buf_free(&wait);
}

static void
write_task(const struct async *a, size_t i, struct buf *out)
{
	size_t n;
	const struct async_task *t = &tasks_all(a->ts, &n)[i];
	const struct kin *k = &a->parents.parents;
	struct buf name = { 0 };

	tasks_name(a->ts, t, &name);
	json_open(out, NULL, '{');
	json_add_number(out, "id", (int64_t)i);
	json_add_shown(out, "name", buf_terminate(&name));
	write_state(a, t, out);
	json_open(out, "awaited_by", '[');
	for (size_t at = k->first[i]; at < k->first[i + 1]; at++)
		json_add_number(out, NULL, k->at[at]);
	json_close(out, ']');
	greenlist_frames(tasks_profile(a->ts), t->why == OK ? t->stack : PROFILE_ROOT, out);
	json_close(out, '}');
	buf_free(&name);
}

void
async_write_json(struct async *a, struct buf *out)
{
	size_t n = 0;

	json_open(out, "tasks", '[');
	if (a) {
		relate(a);
		tasks_all(a->ts, &n);
	}
	for (size_t i = 0; i < n; i++)
		if (out->len <= STATE_MOST_TEXT)
			write_task(a, i, out);
		else
			a->why = DEEP;
	json_close(out, ']');
	if (a && a->why != OK)
		json_add_text(out, "tasks_failed", why_word(a->why));
	if (!a)
		return;
	greenlist_write_json(a->greenlets, a->files, out);
	if (a->greenlets_why != OK)
		json_add_text(out, "greenlets_failed", why_word(a->greenlets_why));
}
