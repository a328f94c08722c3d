/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes at a glance.  They do the same if what was found is of one kind, and what they
 * run last of the program's own is one line of code; which of many one is says the environment
 * that launchers give (torchrun, mpirun, srun).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "proc.h"
#include "process.h"
#include "target.h"
#include "sample.h"
#include "why/look.h"
#include "why/finding.h"
#include "why/words.h"
#include "why/census.h"

static int
pid_of(const struct one *o)
{
	return process_pid(sampler_target(o->look->sampler)->process);
}

static void
find_rank(struct one *o)
{
	static const char *const names[] = { "RANK=", "LOCAL_RANK=", "OMPI_COMM_WORLD_RANK=",
	                                     "SLURM_PROCID=" };
	struct buf text = { 0 }, shown = { 0 };

	if (proc_read(pid_of(o), "environ", &text))
		text.len = 0;
	buf_terminate(&text);
	for (size_t i = 0; i < LEN(names) && !*o->rank; i++)
		for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
			if (!strncmp(text.data + at, names[i], strlen(names[i]))) {
				buf_visible(&shown, text.data + at, strlen(text.data + at));
				text_format(o->rank, sizeof o->rank, "%s", buf_terminate(&shown));
				break;
			}
	buf_free(&text);
	buf_free(&shown);
}

static const struct member *
member_of(const struct one *o)
{
	return o->finding->member == NOBODY ? NULL : &o->look->members[o->finding->member];
}

static int
are_alike(const struct one *a, const struct one *b)
{
	const struct member *m = member_of(a), *o = member_of(b);

	if (a->finding->kind != b->finding->kind || !m != !o)
		return 0;
	if (!m || (!m->n && !o->n))
		return 1;
	return m->n && o->n && m->need.kind == o->need.kind &&
	       m->frames[look_own_frame(a->look, m)] == o->frames[look_own_frame(b->look, o)];
}

void
census_take(struct one *ones, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;

		find_rank(&ones[i]);
		while (first < i && (ones[first].group != first || !are_alike(&ones[first], &ones[i])))
			first++;
		ones[i].group = first;
		ones[first].n++;
	}
}

size_t
census_next(const struct one *ones, size_t n, size_t done)
{
	for (size_t size = 1; size <= n; size++)
		for (size_t i = 0; i < n; i++)
			if (ones[i].group == i && ones[i].n == size && !done--)
				return i;
	return n;
}

static void
add_pids(const struct one *ones, size_t n, size_t first, struct buf *out)
{
	enum { SHOWN = 8 };
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		if (ones[i].group != first)
			continue;
		if (told++ < SHOWN) {
			buf_printf(out, told > 1 ? ", %d" : "%d", pid_of(&ones[i]));
			if (*ones[i].rank)
				buf_printf(out, " (%s)", ones[i].rank);
		}
	}
	if (told > SHOWN)
		buf_printf(out, " and %zu more", told - SHOWN);
}

void
census_write(const struct one *ones, size_t n, struct buf *out)
{
	for (size_t done = 0, i; (i = census_next(ones, n, done)) < n; done++) {
		buf_printf(out, "%zu of %zu, ", ones[i].n, n);
		add_pids(ones, n, i, out);
		buf_str(out, ": ");
		words_finding(ones[i].look, ones[i].finding, out);
		buf_str(out, "\n");
	}
}
