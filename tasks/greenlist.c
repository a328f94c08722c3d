/* SPDX-License-Identifier: Apache-2.0 */
/* Greenlets as text and as JSON; see greenlist.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"
#include "tasks/many.h"
#include "tasks/tasks.h"
#include "tasks/greenlet.h"
#include "tasks/greenlets.h"
#include "tasks/greenwords.h"
#include "tasks/greenlist.h"

enum { NAMED = 3 };

/* ---- equality ---- */

struct group { /* of equal ones: some of them, the first found first */
	size_t at[NAMED], n, order;
};

struct groups {
	struct group *at;
	size_t n, cap;
};

/* The larger ones first, those found first of those as large. */
static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The greenlet that has that address and is worth to be told, as it is none of those that nearly
 * all others belong to; else NULL. */
static const struct greenlet *
plain(const struct greenlets *gs, raddr addr)
{
	size_t n, which = addr ? greenlets_find(gs, addr) : 0;
	const struct greenlet *all = greenlets_all(gs, &n);

	return which && all[which - 1].kind == GREENLET_PLAIN ? &all[which - 1] : NULL;
}

/* What stands for all that is to be seen of one. */
static uint64_t
number_of(const struct greenlets *gs, const struct greenlet *g)
{
	int single = g->kind != GREENLET_PLAIN || g->state == GREENLET_RUNS;
	uint64_t state = (uint64_t)g->state << 16 | (uint64_t)g->kind << 8 | g->why;

	return (uint64_t)hash_words(g->stack, plain(gs, g->parent) ? g->parent : 0) << 32 |
	       hash_words(state, single ? g->addr : g->run);
}

static void
make_groups(const struct greenlets *gs, struct groups *groups)
{
	struct index known = { 0 };
	size_t n;
	const struct greenlet *all = greenlets_all(gs, &n);

	*groups = (struct groups){ 0 };
	for (size_t i = 0; i < n; i++) {
		size_t which = index_get(&known, number_of(gs, &all[i]));
		struct group *g;

		if (all[i].kind == GREENLET_MAIN && all[i].state == GREENLET_RUNS)
			continue; /* the thread is all that there is to it */
		if (!which) {
			groups->at = grow(groups->at, groups->n, &groups->cap, sizeof *groups->at);
			groups->at[groups->n] = (struct group){ .order = i };
			index_set(&known, number_of(gs, &all[i]), groups->n);
			which = ++groups->n;
		}
		g = &groups->at[which - 1];
		if (g->n < NAMED)
			g->at[g->n] = i;
		g->n++;
	}
	index_free(&known);
	sort(groups->at, groups->n, sizeof *groups->at, compare_groups);
}

/* ---- text ---- */

/* What it is called; the first one of a thread, a hub, and what has no name by its address. */
static void
add_name(const struct greenlets *gs, const struct greenlet *g, struct buf *out)
{
	struct buf name = { 0 };

	if (g->kind == GREENLET_PLAIN)
		greenwords_name(gs, g, &name);
	if (name.len)
		label_name(out, buf_terminate(&name), name.len);
	else if (g->kind != GREENLET_PLAIN)
		buf_str(out, g->kind == GREENLET_MAIN ? "main" : "hub");
	else
		buf_printf(out, "0x%llx", (unsigned long long)g->addr);
	buf_free(&name);
}

static void
add_other(const struct greenlets *gs, raddr addr, const char *what, struct buf *out)
{
	const struct greenlet *g = plain(gs, addr);

	if (!g)
		return;
	buf_printf(out, ", %s ", what);
	add_name(gs, g, out);
}

static void
add_state(const struct greenlets *gs, const struct greenlet *g, int one, struct files *files,
          struct buf *out)
{
	struct buf wait = { 0 };

	greenwords_wait(gs, g, one ? files : NULL, &wait);
	buf_str(out, greenwords_state(g, wait.len > 0));
	if (g->why != OK)
		buf_printf(out, ": %s", why_word(g->why));
	else if (wait.len)
		buf_printf(out, ": %s", buf_terminate(&wait));
	if (g->tid && (g->kind != GREENLET_PLAIN || g->state == GREENLET_RUNS))
		buf_printf(out, " in thread %d", g->tid);
	add_other(gs, g->parent, "parent", out);
	if (one)
		add_other(gs, g->spawner, "spawned by", out);
	buf_free(&wait);
}

/* "3 greenlets a, b, c (waits: ...)" */
static void
write_group(const struct greenlets *gs, const struct group *group, struct files *files,
            struct buf *out)
{
	const struct profile *p = tasks_profile(greenlets_tasks(gs));
	size_t n;
	const struct greenlet *all = greenlets_all(gs, &n), *first = &all[group->at[0]];

	if (out->len)
		buf_str(out, "\n");
	if (group->n == 1)
		buf_str(out, "greenlet ");
	else
		buf_printf(out, "%zu greenlets ", group->n);
	for (size_t i = 0; i < NAMED && i < group->n; i++) {
		buf_str(out, i ? ", " : "");
		add_name(gs, &all[group->at[i]], out);
	}
	buf_str(out, group->n > NAMED ? ", ... (" : " (");
	add_state(gs, first, group->n == 1, files, out);
	buf_str(out, ")\n");
	for (uint32_t s = first->why == OK ? first->stack : PROFILE_ROOT; s != PROFILE_ROOT;
	     s = profile_stack_parent(p, s)) {
		label_frame(out, p, profile_stack_frame(p, s));
		buf_str(out, "\n");
	}
}

void
greenlist_write(const struct greenlets *gs, struct files *files, struct buf *out)
{
	struct groups groups;

	make_groups(gs, &groups);
	for (size_t i = 0; i < groups.n; i++)
		write_group(gs, &groups.at[i], files, out);
	free(groups.at);
}

/* ---- JSON ---- */

void
greenlist_frames(const struct profile *p, uint32_t stack, struct buf *out)
{
	json_open(out, "frames", '[');
	for (uint32_t s = stack; s != PROFILE_ROOT; s = profile_stack_parent(p, s)) {
		json_open(out, NULL, '{');
		json_add_place(out, p, profile_stack_frame(p, s));
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void
write_address(const char *key, raddr addr, struct buf *out)
{
	char text[24];

	text_format(text, sizeof text, "0x%llx", (unsigned long long)addr);
	json_add_text(out, key, addr ? text : NULL);
}

static void
write_one(const struct greenlets *gs, const struct greenlet *g, struct files *files,
          struct buf *out)
{
	static const char *const kinds[] = { "greenlet", "main", "hub" };
	struct buf name = { 0 }, wait = { 0 };

	greenwords_name(gs, g, &name);
	greenwords_wait(gs, g, files, &wait);
	json_open(out, NULL, '{');
	write_address("id", g->addr, out);
	json_add_text(out, "kind", kinds[g->kind]);
	json_add_shown(out, "name", name.len ? buf_terminate(&name) : NULL);
	json_add_text(out, "state", greenwords_state(g, wait.len > 0));
	json_add_text(out, "failed", g->why != OK ? why_word(g->why) : NULL);
	json_add_text(out, "wait", wait.len ? buf_terminate(&wait) : NULL);
	if (g->tid)
		json_add_number(out, "tid", g->tid);
	write_address("parent", g->parent, out);
	write_address("spawned_by", g->spawner, out);
	greenlist_frames(tasks_profile(greenlets_tasks(gs)), g->why == OK ? g->stack : PROFILE_ROOT,
	                 out);
	json_close(out, '}');
	buf_free(&name);
	buf_free(&wait);
}

void
greenlist_write_json(const struct greenlets *gs, struct files *files, struct buf *out)
{
	size_t n;
	const struct greenlet *all = greenlets_all(gs, &n);

	json_open(out, "greenlets", '[');
	for (size_t i = 0; i < n; i++)
		write_one(gs, &all[i], files, out);
	json_close(out, ']');
}
