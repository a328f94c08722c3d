/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collapsed stacks.  Lines are sorted by their bytes without being written
 * out first: two stacks are compared from where they part.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/collapsed.h"

/* sort's comparison has no room for these. */
static const struct profile *sorted;
static char **labels; /* by frame, made when first needed */
static struct buf tails[2]; /* what it compares */

static const char *
label(uint32_t frame)
{
	struct buf text = { 0 };

	if (!labels[frame]) {
		label_frame(&text, sorted, frame);
		buf_add(&text, "", 1);
		labels[frame] = text.data;
	}
	return labels[frame];
}

static uint32_t
depth(uint32_t stack)
{
	uint32_t n = 0;

	for (; stack != PROFILE_ROOT; stack = profile_stack_parent(sorted, stack))
		n++;
	return n;
}

static int
is_seen(uint32_t stack)
{
	return profile_get(sorted, PROFILE_SAMPLES, stack) ||
	       profile_get(sorted, PROFILE_BEFORE, stack);
}

/* " N", or where two profiles are compared " BEFORE N", as difffolded.pl does. */
static void
add_counts(struct buf *out, uint32_t stack)
{
	if (profile_compared(sorted))
		buf_printf(out, " %" PRIu64, profile_get(sorted, PROFILE_BEFORE, stack));
	buf_printf(out, " %" PRIu64, profile_get(sorted, PROFILE_SAMPLES, stack));
}

/* What stands in the line from this stack's last frame on: its label, then
 * ';' if the line goes on, or the count. */
static void
tail(struct buf *out, uint32_t stack, uint32_t leaf)
{
	out->len = 0;
	buf_str(out, label(profile_stack_frame(sorted, stack)));
	if (stack == leaf)
		add_counts(out, leaf);
	else
		buf_str(out, ";");
	buf_add(out, "", 1);
}

static int
compare(const void *pa, const void *pb)
{
	uint32_t a, b, leaf_a, leaf_b, depth_a, depth_b;

	memcpy(&leaf_a, pa, sizeof leaf_a);
	memcpy(&leaf_b, pb, sizeof leaf_b);
	if (leaf_a == leaf_b)
		return 0;
	a = leaf_a;
	b = leaf_b;
	depth_a = depth(a);
	depth_b = depth(b);
	for (; depth_a > depth_b; depth_a--)
		a = profile_stack_parent(sorted, a);
	for (; depth_b > depth_a; depth_b--)
		b = profile_stack_parent(sorted, b);
	if (a == b) /* one is the beginning of the other: a blank is less than ';' */
		return a == leaf_a ? -1 : 1;
	while (profile_stack_parent(sorted, a) != profile_stack_parent(sorted, b)) {
		a = profile_stack_parent(sorted, a);
		b = profile_stack_parent(sorted, b);
	}
	tail(&tails[0], a, leaf_a);
	tail(&tails[1], b, leaf_b);
	return strcmp(tails[0].data, tails[1].data);
}

/* The frames of a stack, root first, each followed by a semicolon. */
static void
write_stack(struct buf *out, uint32_t stack, uint32_t **path, size_t *cap)
{
	size_t n = 0;

	for (; stack != PROFILE_ROOT; stack = profile_stack_parent(sorted, stack)) {
		*path = grow(*path, n, cap, sizeof **path);
		(*path)[n++] = profile_stack_frame(sorted, stack);
	}
	while (n-- > 0) {
		buf_str(out, label((*path)[n]));
		buf_str(out, ";");
	}
}

static void
begin(const struct profile *p)
{
	sorted = p;
	labels = xcalloc(profile_frame_count(p), sizeof *labels);
}

static void
end(void)
{
	for (size_t i = 0; i < profile_frame_count(sorted); i++)
		free(labels[i]);
	free(labels);
	buf_free(&tails[0]);
	buf_free(&tails[1]);
}

static void
add_special(struct buf *out, const char *name, uint32_t stack)
{
	if (is_seen(stack)) {
		buf_str(out, name);
		add_counts(out, stack);
		buf_str(out, "\n");
	}
}

void
collapsed_write(const struct profile *p, struct buf *out)
{
	uint32_t n = profile_stack_count(p), *stacks = xcalloc(n, sizeof *stacks), *path = NULL;
	size_t cap = 0, used = 0;

	begin(p);
	add_special(out, "(idle)", PROFILE_ROOT);
	add_special(out, "(failed)", PROFILE_FAILED);
	for (uint32_t i = 1; i < n; i++)
		if (is_seen(i))
			stacks[used++] = i;
	sort(stacks, used, sizeof *stacks, compare);
	for (size_t i = 0; i < used; i++) {
		write_stack(out, stacks[i], &path, &cap);
		out->len--; /* the last semicolon */
		add_counts(out, stacks[i]);
		buf_str(out, "\n");
	}
	free(stacks);
	free(path);
	end();
}

void
flamechart_write(const struct profile *p, struct buf *out)
{
	uint32_t *path = NULL;
	size_t cap = 0;

	begin(p);
	for (size_t i = 0; i < profile_log_count(p); i++) {
		struct profile_sample s = profile_log_get(p, i);

		buf_printf(out, "%" PRId64 "\n", profile_tick_get(p, s.tick));
		if (s.stack == PROFILE_ROOT)
			buf_str(out, "(idle)");
		else if (s.stack == PROFILE_FAILED)
			buf_str(out, "(failed)");
		else
			write_stack(out, s.stack, &path, &cap);
		buf_str(out, "\n");
	}
	free(path);
	end();
}
