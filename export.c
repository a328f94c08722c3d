/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a split profile; see export.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "json.h"
#include "profile.h"
#include "export.h"

/* Of what was idle, of what failed; 0: there was none. */
static uint32_t exposed[2];

void
export_prepare(struct profile *p)
{
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "(failed)" : "(idle)";
		uint64_t n = profile_get(p, PROFILE_SAMPLES, i ? PROFILE_FAILED : PROFILE_ROOT);
		uint32_t root;

		if (!n)
			continue;
		root = profile_thread(p, profile_run(p)->pid, 0, "(no thread)", NULL);
		exposed[i] = profile_stack(p, root, profile_frame(p, (struct profile_frame){
			PROFILE_NO_FILE, profile_string(p, name, strlen(name)), 0 }));
		profile_add(p, PROFILE_SAMPLES, exposed[i],
		            n - profile_get(p, PROFILE_SAMPLES, exposed[i]));
	}
}

uint32_t
export_stack(uint32_t stack)
{
	return stack == PROFILE_ROOT ? exposed[0] : stack == PROFILE_FAILED ? exposed[1] : stack;
}

uint32_t *
export_owners(const struct profile *p)
{
	uint32_t n = profile_stack_count(p), *owners = xcalloc(n, sizeof *owners);

	owners[PROFILE_ROOT] = UINT32_MAX;
	for (uint32_t i = 1; i < n; i++) {
		uint32_t frame = profile_stack_frame(p, i);

		owners[i] = frame & PROFILE_THREAD ? frame & ~PROFILE_THREAD :
		            owners[profile_stack_parent(p, i)];
	}
	return owners;
}

uint32_t *
export_functions(const struct profile *p, uint32_t *n)
{
	uint32_t frames = profile_frame_count(p), cap = 16, slot;
	uint32_t *numbers = xcalloc(frames, sizeof *numbers), *slots;

	while (cap / 2 < frames)
		cap *= 2;
	slots = xcalloc(cap, sizeof *slots); /* of each function its first frame + 1 */
	*n = 0;
	for (uint32_t i = 0; i < frames; i++) {
		struct profile_frame f = profile_frame_get(p, i), g;

		for (slot = hash_words(f.file, f.function); slots[slot &= cap - 1]; slot++) {
			g = profile_frame_get(p, slots[slot] - 1);
			if (g.file == f.file && g.function == f.function)
				break;
		}
		if (!slots[slot]) {
			slots[slot] = i + 1;
			numbers[i] = (*n)++;
		}
		numbers[i] = numbers[slots[slot] - 1];
	}
	free(slots);
	return numbers;
}

int
export_thread_id(const struct profile *p, uint32_t thread)
{
	enum { UNKNOWN = 1 << 30 }; /* no kernel has so many */
	struct profile_thread t = profile_thread_get(p, thread), u;
	int known = t.tid != 0;

	for (uint32_t i = 0; i < thread; i++) {
		u = profile_thread_get(p, i);
		known &= u.tid != t.tid || u.pid != t.pid;
	}
	return known ? t.tid : UNKNOWN + (int)thread;
}

const char *
export_title(const struct profile *p)
{
	const struct profile_run *run = profile_run_get(p);

	return run->title ? run->title : run->command ? run->command : "Python";
}

void
export_frame(struct buf *out, const struct profile *p, uint32_t frame, const char *text)
{
	struct profile_frame f = profile_frame_get(p, frame);

	json_string(out, "name", p, f.function);
	buf_str(out, text);
	if (f.file != PROFILE_NO_FILE)
		json_string(out, "file", p, f.file);
	if (f.line > 0)
		json_number(out, "line", f.line);
}
