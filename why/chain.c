/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of threads that wait for one another; see chain.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "why/look.h"
#include "why/locks.h"
#include "why/roles.h"
#include "why/chain.h"

enum { MOST_SEARCHES = 16 }; /* for who has a lock */

/* Of those that wait for the same lock the first was asked about. */
static int
find_rival(const struct look *l, size_t member)
{
	for (size_t i = 0; i < member; i++)
		if (l->members[i].same && l->members[i].need.key == l->members[member].need.key &&
		    l->members[i].need.kind == l->members[member].need.kind)
			return (int)i;
	return NOBODY;
}

/* Whom a thread waits for.  One that moves, if only a little, may wait for somebody else by now:
 * a circle of those that do not is one. */
static int
find_blocker(struct look *l, size_t i)
{
	struct need *need = &l->members[i].need;
	int rival = need->kind == NEED_LOCK && need->key ? find_rival(l, i) : NOBODY;
	int blocker, seems, several;

	if (!l->members[i].same)
		return NOBODY;
	if (rival != NOBODY) {
		need->seems = l->members[rival].need.seems;
		need->several = l->members[rival].need.several;
		return l->members[rival].blocker;
	}
	switch (need->kind) {
	case NEED_LOCK:
		if (!need->key || l->searched++ >= MOST_SEARCHES)
			return NOBODY;
		blocker = locks_holder(l, &l->members[i], &seems, &several);
		need->seems = (unsigned char)seems;
		need->several = (unsigned char)several;
		return blocker;
	case NEED_RLOCK:
	case NEED_IMPORT:
	case NEED_JOIN: return look_find(l, need->owner);
	case NEED_FUTURE: return need->pending ? NOBODY : roles_runner(l, need->object);
	default: return NOBODY;
	}
}

void
chain_link(struct look *l)
{
	l->searched = 0;
	for (size_t i = 0; l->values && i < l->n; i++) {
		locks_find(l, &l->members[i]);
		roles_find(l, &l->members[i]);
		if (!look_stands(&l->members[i]))
			l->members[i].need.key = l->members[i].need.kind = NEED_NOTHING;
	}
	for (size_t i = 0; i < l->n; i++)
		l->members[i].blocker = find_blocker(l, i);
}

int
chain_end(const struct look *l, size_t member, size_t *length)
{
	int at = (int)member;

	for (*length = 0; l->members[at].blocker != NOBODY; ++*length) {
		at = l->members[at].blocker;
		if (*length > l->n)
			return NOBODY;
	}
	return at;
}

/* Goes as far as there are members, and is in the cycle then. */
int
chain_cycle(const struct look *l)
{
	size_t length;

	for (size_t i = 0; i < l->n; i++) {
		int at = (int)i;

		if (l->members[i].blocker == NOBODY || chain_end(l, i, &length) != NOBODY)
			continue;
		for (size_t step = 0; step < l->n; step++)
			at = l->members[at].blocker;
		return at;
	}
	return NOBODY;
}

size_t
chain_waiters(const struct look *l, size_t member)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		int at = l->members[i].blocker;

		for (size_t step = 0; step < l->n && at != NOBODY && at != (int)member; step++)
			at = l->members[at].blocker;
		n += at == (int)member && i != member;
	}
	return n;
}

size_t
chain_rivals(const struct look *l, size_t member)
{
	const struct need *need = &l->members[member].need;
	size_t n = 0;

	for (size_t i = 0; need->key && i < l->n; i++)
		n += i != member && l->members[i].need.key == need->key &&
		     l->members[i].need.kind == need->kind;
	return n;
}

/* Whether a worker waits for what is in the queue that it takes its work from.  A Future that
 * nobody has begun may as well be of another pool, or of an event loop. */
static int
starves(const struct look *l, const struct member *m, raddr pool)
{
	return m->need.kind == NEED_FUTURE && m->need.pending && m->same &&
	       roles_queued(l, pool, m->need.object);
}

/* If one of them does something else, or waits for work, it may yet take that up. */
static int
all_starve(const struct look *l, const raddr *pools, raddr pool)
{
	for (size_t i = 0; i < l->n; i++)
		if (pools[i] == pool && !starves(l, &l->members[i], pool))
			return 0;
	return 1;
}

int
chain_starved(const struct look *l)
{
	raddr *pools = xcalloc(l->n + 1, sizeof *pools);
	int found = NOBODY;

	for (size_t i = 0; i < l->n; i++)
		pools[i] = roles_pool(l, &l->members[i]);
	for (size_t i = 0; i < l->n && found == NOBODY; i++)
		if (pools[i] && l->members[i].need.pending && all_starve(l, pools, pools[i]))
			found = (int)i;
	free(pools);
	return found;
}

/* ---- groups ---- */

static int
is_alike(const struct member *a, const struct member *b)
{
	return a->n == b->n && a->need.kind == b->need.kind && a->need.key == b->need.key &&
	       a->wants_gil == b->wants_gil && (a->state == 'R') == (b->state == 'R') &&
	       (!a->n || !memcmp(a->frames, b->frames, a->n * sizeof *a->frames)) &&
	       !strncmp(a->wait, b->wait, strcspn(a->wait, ",")) && a->holds_gil == b->holds_gil;
}

void
chain_group(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t first = 0;

		while (first < i && (l->members[first].group != first ||
		                     !is_alike(&l->members[first], &l->members[i])))
			first++;
		l->members[i].group = first;
	}
}
