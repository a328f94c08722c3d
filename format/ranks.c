/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of a profile; see ranks.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "profile.h"
#include "format/ranks.h"

/* sort's comparison has no room for it. */
static const uint64_t *sorted;
static const struct profile *tree;

static uint32_t
copy_string(struct profile *to, const struct profile *from, uint32_t string)
{
	size_t len;
	const char *bytes = profile_string_get(from, string, &len);

	return profile_string(to, bytes, len);
}

static void
merge_frames(struct ranks *r)
{
	uint32_t n = profile_frame_count(r->p);

	r->function = xcalloc(n, sizeof *r->function);
	for (uint32_t i = 0; i < n; i++) {
		struct profile_frame f = profile_frame_get(r->p, i);

		if (f.file != PROFILE_NO_FILE)
			f.file = copy_string(r->merged, r->p, f.file);
		f.function = copy_string(r->merged, r->p, f.function);
		f.line = 0;
		r->function[i] = profile_frame(r->merged, f);
	}
}

static void
merge_stacks(struct ranks *r)
{
	uint32_t n = profile_stack_count(r->p);

	r->stack = xcalloc(n, sizeof *r->stack);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(r->p, i);
		uint64_t busy = profile_get(r->p, PROFILE_SAMPLES, i) - profile_get(r->p, PROFILE_IDLE, i);

		if (frame & PROFILE_THREAD)
			continue;
		r->stack[i] = profile_stack(r->merged, r->stack[profile_stack_parent(r->p, i)],
		                            r->function[frame]);
		if (busy)
			profile_add(r->merged, PROFILE_SAMPLES, r->stack[i], busy);
	}
}

/* Where a walk goes on that has been at a stack and all that stands on it; what it leaves
 * is not active any more. */
static uint32_t
leave(const struct profile *m, uint32_t stack, const uint32_t *next, uint32_t *active)
{
	while (stack != PROFILE_ROOT) {
		active[profile_stack_frame(m, stack)]--;
		if (next[stack])
			return next[stack];
		stack = profile_stack_parent(m, stack);
	}
	return PROFILE_ROOT;
}

/* A function that calls itself counts where it is outermost: the walk goes through the tree
 * and knows which functions it is in. */
static void
add_up_totals(struct ranks *r)
{
	const struct profile *m = r->merged;
	uint32_t n = profile_stack_count(m), *first = xcalloc(n, sizeof *first);
	uint32_t *next = xcalloc(n, sizeof *next);
	uint32_t *active = xcalloc(profile_frame_count(m), sizeof *active);

	for (uint32_t i = n; --i > 0;) {
		uint32_t parent = profile_stack_parent(m, i);

		next[i] = first[parent];
		first[parent] = i;
	}
	for (uint32_t at = first[PROFILE_ROOT]; at != PROFILE_ROOT;
	     at = first[at] ? first[at] : leave(m, at, next, active)) {
		uint32_t function = profile_stack_frame(m, at);

		if (!active[function]++)
			r->total[function] += r->below[at];
	}
	free(first);
	free(next);
	free(active);
}

static void
add_up(struct ranks *r)
{
	const struct profile *m = r->merged;
	uint32_t n = profile_stack_count(m);

	r->below = xcalloc(n, sizeof *r->below);
	r->self = xcalloc(profile_frame_count(m), sizeof *r->self);
	r->total = xcalloc(profile_frame_count(m), sizeof *r->total);
	for (uint32_t i = n; --i > 0;) {
		uint64_t own = profile_get(m, PROFILE_SAMPLES, i);

		r->self[profile_stack_frame(m, i)] += own;
		r->below[i] += own;
		r->below[profile_stack_parent(m, i)] += r->below[i];
	}
	r->busy = r->below[PROFILE_ROOT];
	add_up_totals(r);
}

struct ranks
ranks_of(const struct profile *p)
{
	struct ranks r = { .p = p, .merged = profile_new() };

	merge_frames(&r);
	merge_stacks(&r);
	add_up(&r);
	return r;
}

void
ranks_free(struct ranks *r)
{
	profile_free(r->merged);
	free(r->function);
	free(r->stack);
	free(r->below);
	free(r->self);
	free(r->total);
}

/* Most first; of equal ones the one that was there first. */
static int
compare(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	if (sorted[a] != sorted[b])
		return sorted[a] > sorted[b] ? -1 : 1;
	return (a > b) - (a < b);
}

/* Sets the n of `all` with the highest values, if these are not 0; how many. */
static size_t
highest(const uint64_t *values, uint32_t *all, size_t n_all, uint32_t *out, size_t n)
{
	size_t found = 0;

	sorted = values;
	sort(all, n_all, sizeof *all, compare);
	while (found < n && found < n_all && values[all[found]]) {
		out[found] = all[found];
		found++;
	}
	return found;
}

size_t
ranks_functions(const struct ranks *r, int by_total, uint32_t *functions, size_t n)
{
	uint32_t all = profile_frame_count(r->merged), *numbers = xcalloc(all, sizeof *numbers);
	size_t found;

	for (uint32_t i = 0; i < all; i++)
		numbers[i] = i;
	found = highest(by_total ? r->total : r->self, numbers, all, functions, n);
	free(numbers);
	return found;
}

size_t
ranks_lines(const struct ranks *r, uint32_t function, uint32_t *frames, uint64_t *samples,
            size_t n)
{
	uint32_t all = profile_frame_count(r->p), *numbers = xcalloc(all, sizeof *numbers);
	uint64_t *values = xcalloc(all, sizeof *values);
	size_t n_numbers = 0, found;

	for (uint32_t i = profile_stack_count(r->p); --i > 0;) {
		uint32_t frame = profile_stack_frame(r->p, i);

		if (!(frame & PROFILE_THREAD) && r->function[frame] == function)
			values[frame] += profile_get(r->p, PROFILE_SAMPLES, i) -
			                 profile_get(r->p, PROFILE_IDLE, i);
	}
	for (uint32_t i = 0; i < all; i++)
		if (r->function[i] == function && profile_frame_get(r->p, i).line > 0)
			numbers[n_numbers++] = i;
	found = highest(values, numbers, n_numbers, frames, n);
	for (size_t i = 0; i < found; i++)
		samples[i] = values[frames[i]];
	free(numbers);
	free(values);
	return found;
}

static int
compare_paths(const void *pa, const void *pb)
{
	uint32_t a = profile_stack_parent(tree, *(const uint32_t *)pa);
	uint32_t b = profile_stack_parent(tree, *(const uint32_t *)pb);

	return a != b ? (a > b) - (a < b) : compare(pa, pb);
}

uint32_t *
ranks_paths(const struct ranks *r, uint64_t least, size_t *n)
{
	uint32_t all = profile_stack_count(r->merged), *paths = xcalloc(all, sizeof *paths);

	*n = 0;
	for (uint32_t i = 1; i < all; i++)
		if (r->below[i] >= least)
			paths[(*n)++] = i;
	sorted = r->below;
	tree = r->merged;
	sort(paths, *n, sizeof *paths, compare_paths);
	return paths;
}
