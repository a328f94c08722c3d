/* SPDX-License-Identifier: Apache-2.0 */
/* Greenlets as text and as JSON; see greenlist.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"
#include "tasks/tasks.h"
#include "tasks/greenlet.h"
#include "tasks/greenlets.h"
#include "tasks/greenwords.h"
#include "tasks/groups.h"
#include "tasks/greenlist.h"

/* ---- equality ---- */

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

struct shown { /* all but those that run and began with a thread, which is all there is to them */
	const struct greenlets *gs;
	uint32_t *which;
	uint64_t *numbers; /* what they are grouped by */
	size_t n;
};

static struct shown
find_shown(const struct greenlets *gs)
{
	size_t n;
	const struct greenlet *all = greenlets_all(gs, &n);
	struct shown s = { gs, xcalloc(n + 1, sizeof *s.which), xcalloc(n + 1, sizeof *s.numbers), 0 };

	for (size_t i = 0; i < n; i++) {
		if (all[i].kind == GREENLET_MAIN && all[i].state == GREENLET_RUNS)
			continue;
		s.which[s.n] = (uint32_t)i;
		s.numbers[s.n++] = number_of(gs, &all[i]);
	}
	return s;
}

static const struct greenlet *
member_of(const struct shown *s, uint32_t member)
{
	size_t n;

	return &greenlets_all(s->gs, &n)[s->which[member]];
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

static void
add_member_name(void *context, uint32_t member, struct buf *out)
{
	const struct shown *s = context;

	add_name(s->gs, member_of(s, member), out);
}

/* "3 greenlets a, b, c (waits: ...)", and their frames. */
static void
write_group(struct shown *s, const struct groups *g, const struct group *group,
            struct files *files, struct buf *out)
{
	const struct greenlet *first = member_of(s, group->first);

	groups_write(g, group, "greenlet", 0, add_member_name, s, out);
	add_state(s->gs, first, group->n == 1, files, out);
	buf_str(out, ")\n");
	groups_frames(tasks_profile(greenlets_tasks(s->gs)),
	              first->why == OK ? first->stack : PROFILE_ROOT, 0, out);
}

void
greenlist_write(const struct greenlets *gs, struct files *files, struct buf *out)
{
	struct shown s = find_shown(gs);
	struct groups groups;

	groups_make(&groups, s.numbers, s.n);
	for (size_t i = 0; i < groups.n; i++)
		write_group(&s, &groups, &groups.groups[i], files, out);
	groups_free(&groups);
	free(s.which);
	free(s.numbers);
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
