/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is mapped in pieces, of which one may be executed, most often; the piece of its first
 * bytes comes before that one.  Which pieces there are is asked again now and then, as libraries
 * may be loaded and unloaded; what is as it was keeps what is known of it.
 *
 * Where the unwind table is: .eh_frame_hdr, Linux Standard Base 5.0 Core, section 10.6.2: a
 * version, three encodings, where .eh_frame is, how many rows, and a row for each function in
 * the order of addresses: where it begins, and where it is described, from the section's start.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "elf.h"
#include "process.h"
#include "native/symbols.h"
#include "native/modules.h"

enum { MAX_MODULES = 1 << 14, LOOK_EACH_MS = 1000, MOST_ROWS = 1 << 24 };

struct modules {
	const struct process *process;
	struct module *all; /* in the order of addresses */
	size_t n;
	int64_t looked;
	int failed;
};

struct modules *
modules_new(const struct process *process)
{
	struct modules *ms = xcalloc(1, sizeof *ms);

	ms->process = process;
	return ms;
}

static void
free_module(struct module *m)
{
	symbols_free(m->symbols);
	free(m->path);
}

void
modules_free(struct modules *ms)
{
	for (size_t i = 0; i < ms->n; i++)
		free_module(&ms->all[i]);
	free(ms->all);
	free(ms);
}

/* ---- which there are ---- */

/* Where the first byte of what map number i is a piece of is mapped; 0: nowhere. */
static uint64_t
base_of(const struct proc_maps *maps, size_t i)
{
	enum { MAX_PIECES = 64 };
	const struct proc_map *m = &maps->maps[i];

	for (size_t k = i + 1; k-- > 0 && i - k < MAX_PIECES;) {
		const struct proc_map *other = &maps->maps[k];

		if (other->inode != m->inode || strcmp(other->path, m->path))
			return 0;
		if (!other->offset)
			return other->start;
	}
	return 0;
}

static void
fill(struct module *m, const struct proc_maps *maps, size_t i)
{
	const struct proc_map *map = &maps->maps[i];

	*m = (struct module){ .start = map->start, .end = map->end, .offset = map->offset,
	                      .inode = map->inode, .path = copy_text(map->path) };
	m->name = base_name(m->path);
	if (map->inode || !strcmp(map->path, "[vdso]")) {
		m->base = base_of(maps, i);
		m->image = m->base != 0;
	}
}

static int
is_same(const struct module *a, const struct module *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->inode == b->inode && a->base == b->base && !strcmp(a->path, b->path);
}

/* Has what is known of the old ones go to the new: whether one of the old is no more. */
static int
carry_over(struct module *old, size_t n_old, struct module *new, size_t n)
{
	int lost = 0;

	for (size_t i = 0, k = 0; i < n_old; i++) {
		while (k < n && new[k].start < old[i].start)
			k++;
		if (k < n && is_same(&old[i], &new[k])) {
			struct module known = old[i];

			old[i] = new[k];
			new[k] = known;
		} else {
			lost = 1;
		}
	}
	return lost;
}

int
modules_look(struct modules *ms, int64_t now, int at_once)
{
	struct module *old = ms->all;
	size_t n_old = ms->n, cap = 0;
	struct proc_maps maps;
	int lost;

	if (!at_once && ms->looked && now - ms->looked < LOOK_EACH_MS * MS)
		return 0;
	ms->looked = now;
	if (process_maps(ms->process, &maps) != OK)
		return 0;
	ms->all = NULL;
	ms->n = 0;
	for (size_t i = 0; i < maps.n && ms->n < MAX_MODULES; i++) {
		if (!maps.maps[i].executable)
			continue;
		ms->all = grow(ms->all, ms->n, &cap, sizeof *ms->all);
		fill(&ms->all[ms->n++], &maps, i);
	}
	proc_maps_free(&maps);
	lost = carry_over(old, n_old, ms->all, ms->n);
	for (size_t i = 0; i < n_old; i++)
		free_module(&old[i]);
	free(old);
	return lost;
}

/* ---- one of them ---- */

static int
read_memory(void *mem, uint64_t addr, void *buf, size_t len)
{
	return mem_read(mem, addr, buf, len) == OK ? 0 : -1;
}

/* Where the rows are, if they are of the one kind that linkers make: the section's address from
 * where that stands, 4 bytes for their number, and 4 for each of a row's. */
static void
find_table(struct module *m, struct mem *mem)
{
	static const unsigned char kinds[] = { 1, 0x1b, 0x03, 0x3b };
	struct { unsigned char kinds[4]; int32_t frames; uint32_t n; } head;

	if (!m->elf.unwind || mem_read(mem, m->elf.unwind, &head, sizeof head) != OK ||
	    memcmp(head.kinds, kinds, sizeof kinds) || head.n > MOST_ROWS)
		return;
	m->table = m->elf.unwind + sizeof head;
	m->rows = head.n;
}

static void
open_module(struct modules *ms, struct module *m)
{
	struct mem *mem = process_mem(ms->process);

	m->state = MODULE_BROKEN;
	if (m->image && !elf_open(&m->elf, read_memory, mem, m->base)) {
		m->state = MODULE_OPEN;
		find_table(m, mem);
	}
	if (mem_is_over()) /* once more, later */
		m->state = MODULE_NEW;
}

struct module *
modules_find(struct modules *ms, uint64_t pc)
{
	size_t low = 0, high = ms->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ms->all[middle].end <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ms->n || pc < ms->all[low].start)
		return NULL;
	if (ms->all[low].state == MODULE_NEW)
		open_module(ms, &ms->all[low]);
	return &ms->all[low];
}
