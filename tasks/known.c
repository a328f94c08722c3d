/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of tasks and greenlets, by addresses; see known.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "tasks/many.h"
#include "tasks/callers.h"
#include "tasks/known.h"

struct knowns
knowns_new(size_t most)
{
	return (struct knowns){ .all = xcalloc(most, sizeof(struct known)), .most = most };
}

static void
forget_all(struct knowns *k)
{
	for (size_t i = 0; i < k->n; i++)
		callers_free(&k->all[i].callers);
	memset(k->all, 0, k->n * sizeof *k->all);
	k->n = 0;
	index_free(&k->by_addr);
}

void
knowns_free(struct knowns *k)
{
	forget_all(k);
	free(k->all);
}

struct known *
knowns_find(const struct knowns *k, raddr addr)
{
	size_t at = index_get(&k->by_addr, addr);

	return at ? &k->all[at - 1] : NULL;
}

struct known *
knowns_at(struct knowns *k, raddr addr)
{
	struct known *known = knowns_find(k, addr);

	if (known)
		return known;
	if (k->n == k->most)
		forget_all(k);
	index_set(&k->by_addr, addr, k->n);
	return &k->all[k->n++];
}
