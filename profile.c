/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings and frames, and the call tree; see profile.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"

/* A set of numbers, found by hash: open addressing, empty slots are 0. */
struct set {
	uint32_t *slots; /* number + 1 */
	size_t n, cap;   /* cap is a power of two */
};

struct node {
	uint32_t parent, frame;
	uint64_t samples;
};

struct profile {
	struct buf text;     /* all strings, one after another */
	size_t *strings;     /* where each ends in text */
	size_t n_strings, cap_strings;
	struct profile_frame *frames;
	size_t n_frames, cap_frames;
	struct node *nodes;  /* nodes[0] is the root: no frame at all */
	size_t n_nodes, cap_nodes;
	struct set string_set, frame_set, node_set;
	struct profile_sample *log;
	size_t n_log, cap_log;
	uint64_t failed;
};

struct profile *
profile_new(void)
{
	struct profile *p = xcalloc(1, sizeof *p);

	p->nodes = grow(p->nodes, 0, &p->cap_nodes, sizeof *p->nodes);
	p->nodes[p->n_nodes++] = (struct node){ 0 };
	return p;
}

void
profile_free(struct profile *p)
{
	if (!p)
		return;
	buf_free(&p->text);
	free(p->strings);
	free(p->frames);
	free(p->nodes);
	free(p->string_set.slots);
	free(p->frame_set.slots);
	free(p->node_set.slots);
	free(p->log);
	free(p);
}

const char *
profile_string_get(const struct profile *p, uint32_t string, size_t *len)
{
	size_t start = string ? p->strings[string - 1] : 0;

	*len = p->strings[string] - start;
	return p->text.data + start;
}

static uint32_t
string_hash(const struct profile *p, uint32_t i)
{
	size_t len;
	const char *s = profile_string_get(p, i, &len);

	return hash_bytes(s, len);
}

static uint32_t
frame_hash(struct profile_frame f)
{
	return hash_words((uint64_t)f.file << 32 | f.function, (uint32_t)f.line);
}

static uint32_t
node_hash(uint32_t parent, uint32_t frame)
{
	return hash_words(parent, frame);
}

/* What the set's members hash to, for when it grows. */
static uint32_t
rehash(const struct profile *p, const struct set *set, uint32_t i)
{
	if (set == &p->string_set)
		return string_hash(p, i);
	if (set == &p->frame_set)
		return frame_hash(p->frames[i]);
	return node_hash(p->nodes[i].parent, p->nodes[i].frame);
}

static uint32_t *
first_free(struct set *set, uint32_t hash)
{
	size_t i = hash & (set->cap - 1);

	while (set->slots[i])
		i = (i + 1) & (set->cap - 1);
	return &set->slots[i];
}

static void
set_insert(const struct profile *p, struct set *set, uint32_t hash, uint32_t number)
{
	if (set->n * 4 >= set->cap * 3) {
		struct set old = *set;

		set->cap = old.cap ? old.cap * 2 : 64;
		set->slots = xcalloc(set->cap, sizeof *set->slots);
		for (size_t i = 0; i < old.cap; i++)
			if (old.slots[i])
				*first_free(set, rehash(p, set, old.slots[i] - 1)) = old.slots[i];
		free(old.slots);
	}
	*first_free(set, hash) = number + 1;
	set->n++;
}

/* Walks the slots where a member with that hash may be: for (each candidate). */
#define FOR_CANDIDATES(set, hash, slot) \
	for (size_t i_ = (hash); (set)->cap && ((slot) = (set)->slots[i_ & ((set)->cap - 1)]); i_++)

uint32_t
profile_string(struct profile *p, const char *bytes, size_t len)
{
	uint32_t hash = hash_bytes(bytes, len), slot;

	FOR_CANDIDATES(&p->string_set, hash, slot) {
		size_t known;
		const char *s = profile_string_get(p, slot - 1, &known);

		if (known == len && !memcmp(s, bytes, len))
			return slot - 1;
	}
	p->strings = grow(p->strings, p->n_strings, &p->cap_strings, sizeof *p->strings);
	buf_add(&p->text, bytes, len);
	p->strings[p->n_strings] = p->text.len;
	set_insert(p, &p->string_set, hash, (uint32_t)p->n_strings);
	return (uint32_t)p->n_strings++;
}

uint32_t
profile_frame(struct profile *p, struct profile_frame f)
{
	uint32_t hash = frame_hash(f), slot;

	FOR_CANDIDATES(&p->frame_set, hash, slot) {
		struct profile_frame *g = &p->frames[slot - 1];

		if (g->file == f.file && g->function == f.function && g->line == f.line)
			return slot - 1;
	}
	p->frames = grow(p->frames, p->n_frames, &p->cap_frames, sizeof *p->frames);
	p->frames[p->n_frames] = f;
	set_insert(p, &p->frame_set, hash, (uint32_t)p->n_frames);
	return (uint32_t)p->n_frames++;
}

/* The set of frames is not told, so that the same frame may be made anew. */
void
profile_rename(struct profile *p, uint32_t frame, uint32_t function)
{
	p->frames[frame].function = function;
}

uint32_t
profile_stack(struct profile *p, uint32_t parent, uint32_t frame)
{
	uint32_t hash = node_hash(parent, frame), slot;

	FOR_CANDIDATES(&p->node_set, hash, slot)
		if (p->nodes[slot - 1].parent == parent && p->nodes[slot - 1].frame == frame)
			return slot - 1;
	p->nodes = grow(p->nodes, p->n_nodes, &p->cap_nodes, sizeof *p->nodes);
	p->nodes[p->n_nodes] = (struct node){ parent, frame, 0 };
	set_insert(p, &p->node_set, hash, (uint32_t)p->n_nodes);
	return (uint32_t)p->n_nodes++;
}

void
profile_count(struct profile *p, uint32_t stack)
{
	p->nodes[stack].samples++;
}

void
profile_count_failed(struct profile *p)
{
	p->failed++;
}

void
profile_log(struct profile *p, uint32_t stack, int64_t time)
{
	p->log = grow(p->log, p->n_log, &p->cap_log, sizeof *p->log);
	p->log[p->n_log++] = (struct profile_sample){ time, stack };
}

struct profile_frame
profile_frame_get(const struct profile *p, uint32_t frame)
{
	return p->frames[frame];
}

uint32_t
profile_frame_count(const struct profile *p)
{
	return (uint32_t)p->n_frames;
}

uint32_t
profile_stack_count(const struct profile *p)
{
	return (uint32_t)p->n_nodes;
}

uint32_t
profile_stack_parent(const struct profile *p, uint32_t stack)
{
	return p->nodes[stack].parent;
}

uint32_t
profile_stack_frame(const struct profile *p, uint32_t stack)
{
	return p->nodes[stack].frame;
}

uint64_t
profile_stack_samples(const struct profile *p, uint32_t stack)
{
	return p->nodes[stack].samples;
}

uint64_t
profile_failed(const struct profile *p)
{
	return p->failed;
}

size_t
profile_log_count(const struct profile *p)
{
	return p->n_log;
}

struct profile_sample
profile_log_get(const struct profile *p, size_t i)
{
	return p->log[i];
}
