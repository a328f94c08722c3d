/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings and frames, threads, and the call tree; see profile.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"

/* Small rather than fast, other than the rest of this file. */
#define COLD __attribute__((cold))

/* A set of numbers, found by hash: open addressing, empty slots are 0. */
struct set {
	uint32_t *slots; /* number + 1 */
	size_t n, cap;   /* cap is a power of two */
};

/* Most of what is kept is these; what does not fit in `samples` is in more[]. */
struct node {
	uint32_t parent, frame, samples;
};

/* What each takes with its place in its set, about. */
enum { STRING_SIZE = 16, FRAME_SIZE = 28, STACK_SIZE = 28 };

struct profile {
	struct buf text;     /* all strings, one after another */
	size_t *strings;     /* where each ends in text */
	size_t n_strings, cap_strings;
	struct profile_frame *frames;
	size_t n_frames, cap_frames;
	struct node *nodes;  /* nodes[0] is the root: no frame at all */
	size_t n_nodes, cap_nodes;
	struct set string_set, frame_set, node_set, thread_set;
	struct profile_thread *threads;
	size_t n_threads, cap_threads;
	int split, compared;
	struct profile_sample *log;
	size_t n_log, cap_log;
	int64_t *ticks;      /* when each was */
	size_t n_ticks, cap_ticks;
	uint64_t failed[PROFILE_COLUMNS];
	uint64_t *more[PROFILE_COLUMNS]; /* what few runs count, by stack, and the upper
	                                  * halves of samples */
	size_t cap_more[PROFILE_COLUMNS];
	uint64_t added[PROFILE_COLUMNS]; /* by profile_add */
	size_t room;         /* bytes */
	int has_spare;       /* these: what stands for all that is left out */
	uint32_t spare_string, spare_frame;
	struct profile_run run;
};

const char *const profile_modes[3] = { "wall", "cpu", "gil" };

COLD struct profile *
profile_new(void)
{
	struct profile *p = xcalloc(1, sizeof *p);

	p->nodes = grow(p->nodes, 0, &p->cap_nodes, sizeof *p->nodes);
	p->nodes[p->n_nodes++] = (struct node){ 0 };
	p->room = SIZE_MAX;
	return p;
}

COLD void
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
	free(p->thread_set.slots);
	for (size_t i = 0; i < p->n_threads; i++) {
		free(p->threads[i].name);
		free(p->threads[i].process);
	}
	free(p->threads);
	for (int i = 0; i < PROFILE_COLUMNS; i++)
		free(p->more[i]);
	free(p->run.title);
	free(p->run.command);
	free(p->run.gil);
	free(p->run.host);
	free(p->run.python);
	free(p->log);
	free(p->ticks);
	free(p);
}

struct profile_run *
profile_run(struct profile *p)
{
	return &p->run;
}

const struct profile_run *
profile_run_get(const struct profile *p)
{
	return &p->run;
}

/* Where the period is not known, as of runs that are merged, their sum is. */
int64_t
profile_ns(const struct profile *p, uint64_t samples)
{
	const struct profile_run *r = &p->run;
	double each = (double)r->period, ns;

	if (r->known && r->ticks && r->period)
		each *= (double)(r->ticks + r->missed + r->left_out) / (double)r->ticks;
	else if (r->known && r->ticks)
		each = (double)r->duration * 1000 / (double)r->ticks;
	ns = each * (double)samples + .5;
	return ns < 9e18 ? (int64_t)ns : INT64_C(9000000000000000000);
}

void
profile_split(struct profile *p)
{
	p->split = 1;
}

const char *
profile_string_get(const struct profile *p, uint32_t string, size_t *len)
{
	size_t start = string ? p->strings[string - 1] : 0;

	*len = p->strings[string] - start;
	return p->text.data ? p->text.data + start : "";
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

static uint32_t
thread_hash(const struct profile_thread *t)
{
	const char *name = t->name ? t->name : "", *process = t->process ? t->process : "";
	uint32_t names = hash_words(hash_bytes(name, strlen(name)),
	                            hash_bytes(process, strlen(process)));

	return hash_words((uint64_t)t->pid << 32 | (uint32_t)t->tid, names);
}

/* What the set's members hash to, for when it grows. */
static uint32_t
rehash(const struct profile *p, const struct set *set, uint32_t i)
{
	if (set == &p->string_set)
		return string_hash(p, i);
	if (set == &p->frame_set)
		return frame_hash(p->frames[i]);
	if (set == &p->thread_set)
		return thread_hash(&p->threads[i]);
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

/* ---- what there is room for ---- */

size_t
profile_room(struct profile *p, size_t bytes)
{
	size_t old = p->room;

	p->room = bytes;
	return old;
}

/* Whether there is room for that many bytes more, which then are taken. */
static int
take(struct profile *p, size_t bytes)
{
	if (bytes > p->room)
		return 0;
	p->room -= bytes;
	return 1;
}

/* Makes the string and the frame that stand for all that is left out. */
COLD static void
make_spare(struct profile *p)
{
	static const char text[] = "(left out)";
	size_t room = p->room;

	if (p->has_spare)
		return;
	p->room = SIZE_MAX;
	p->spare_string = profile_string(p, text, sizeof text - 1);
	p->spare_frame = profile_frame(p, (struct profile_frame){
		PROFILE_NO_FILE, p->spare_string, 0 });
	p->has_spare = 1;
	p->room = room;
}

COLD static uint32_t
spare_string(struct profile *p)
{
	make_spare(p);
	return p->spare_string;
}

COLD static uint32_t
spare_frame(struct profile *p)
{
	make_spare(p);
	return p->spare_frame;
}

static int
is_spare_string(const struct profile *p, uint32_t string)
{
	return p->has_spare && string == p->spare_string;
}

static int
is_spare_frame(const struct profile *p, uint32_t frame)
{
	return p->has_spare && frame == p->spare_frame;
}

int
profile_is_next(const uint32_t *listed, uint32_t frame, size_t *left)
{
	if (!*left || listed[*left - 1] != frame)
		return 0;
	--*left;
	return 1;
}

uint32_t
profile_string(struct profile *p, const char *bytes, size_t len)
{
	uint32_t hash = hash_bytes(bytes, len), slot;

	FOR_CANDIDATES(&p->string_set, hash, slot) {
		size_t known;
		const char *s = profile_string_get(p, slot - 1, &known);

		if (known == len && (!len || !memcmp(s, bytes, len)))
			return slot - 1;
	}
	if (!take(p, len + STRING_SIZE))
		return spare_string(p);
	p->strings = grow(p->strings, p->n_strings, &p->cap_strings, sizeof *p->strings);
	buf_add(&p->text, bytes, len);
	p->strings[p->n_strings] = p->text.len;
	set_insert(p, &p->string_set, hash, (uint32_t)p->n_strings);
	return (uint32_t)p->n_strings++;
}

/* Writers keep what they write of a frame. */
static size_t
label_size(const struct profile *p, struct profile_frame f)
{
	size_t function, file = 0;

	profile_string_get(p, f.function, &function);
	if (f.file != PROFILE_NO_FILE)
		profile_string_get(p, f.file, &file);
	return function + file;
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
	if (is_spare_string(p, f.function) || is_spare_string(p, f.file) ||
	    !take(p, label_size(p, f) + FRAME_SIZE))
		return spare_frame(p);
	p->frames = grow(p->frames, p->n_frames, &p->cap_frames, sizeof *p->frames);
	p->frames[p->n_frames] = f;
	set_insert(p, &p->frame_set, hash, (uint32_t)p->n_frames);
	return (uint32_t)p->n_frames++;
}

/* The set of frames does not learn of it, so the same frame may be made anew. */
void
profile_rename(struct profile *p, uint32_t frame, uint32_t function)
{
	if (!is_spare_frame(p, frame) && !is_spare_string(p, function))
		p->frames[frame].function = function;
}

/* Most of a new stack follows what it stands on, as its first branch: that is found
 * without the set, and is not in it. */
uint32_t
profile_stack(struct profile *p, uint32_t parent, uint32_t frame)
{
	uint32_t hash = node_hash(parent, frame), slot, first = parent + 1;

	if (parent == PROFILE_FAILED || is_spare_frame(p, frame))
		return PROFILE_FAILED;
	if (first < p->n_nodes && p->nodes[first].parent == parent && p->nodes[first].frame == frame)
		return first;
	FOR_CANDIDATES(&p->node_set, hash, slot)
		if (p->nodes[slot - 1].parent == parent && p->nodes[slot - 1].frame == frame)
			return slot - 1;
	if (!take(p, STACK_SIZE))
		return PROFILE_FAILED;
	p->nodes = grow(p->nodes, p->n_nodes, &p->cap_nodes, sizeof *p->nodes);
	p->nodes[p->n_nodes] = (struct node){ parent, frame, 0 };
	if (p->n_nodes != first)
		set_insert(p, &p->node_set, hash, (uint32_t)p->n_nodes);
	return (uint32_t)p->n_nodes++;
}

/* ---- threads ---- */

COLD static int
is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

COLD static size_t
thread_size(const struct profile_thread *t)
{
	return sizeof *t + 8 + (t->name ? strlen(t->name) : 0) +
	       (t->process ? strlen(t->process) : 0);
}

/* PROFILE_FAILED: it is left out. */
COLD static uint32_t
thread_number(struct profile *p, const struct profile_thread *t)
{
	uint32_t hash = thread_hash(t), slot;

	FOR_CANDIDATES(&p->thread_set, hash, slot) {
		const struct profile_thread *u = &p->threads[slot - 1];

		if (u->pid == t->pid && u->tid == t->tid && is_same(u->name, t->name) &&
		    is_same(u->process, t->process))
			return slot - 1;
	}
	if (!take(p, thread_size(t)))
		return PROFILE_FAILED;
	p->threads = grow(p->threads, p->n_threads, &p->cap_threads, sizeof *p->threads);
	p->threads[p->n_threads] = (struct profile_thread){
		t->pid, t->tid, copy_text(t->name), copy_text(t->process) };
	set_insert(p, &p->thread_set, hash, (uint32_t)p->n_threads);
	return (uint32_t)p->n_threads++;
}

COLD void
profile_rename_process(struct profile *p, int pid, const char *from, const char *to)
{
	free(p->thread_set.slots);
	p->thread_set = (struct set){ 0 };
	for (uint32_t i = 0; i < p->n_threads; i++) {
		struct profile_thread *t = &p->threads[i];

		if (t->pid == pid && is_same(t->process, from)) {
			free(t->process);
			t->process = copy_text(to);
		}
		set_insert(p, &p->thread_set, thread_hash(t), i);
	}
}

uint32_t
profile_text(struct profile *p, const char *text, size_t len)
{
	return profile_frame(p, (struct profile_frame){ PROFILE_NO_FILE,
		profile_string(p, text, len), 0 });
}

COLD static uint32_t
named_root(struct profile *p, uint32_t parent, const char *kind, int id, const char *name)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s %d %s", kind, id, name ? name : "");
	parent = profile_stack(p, parent, profile_text(p, text.data, text.len));
	buf_free(&text);
	return parent;
}

COLD uint32_t
profile_thread(struct profile *p, int pid, int tid, const char *name, const char *process)
{
	const struct profile_thread t = { pid, tid, (char *)name, (char *)process };
	uint32_t stack = PROFILE_ROOT;

	if (p->split) {
		uint32_t number = thread_number(p, &t);

		return number == PROFILE_FAILED ? PROFILE_FAILED :
		       profile_stack(p, stack, PROFILE_THREAD | number);
	}
	if (p->run.by_process && (pid || process))
		stack = named_root(p, stack, "process", pid, process);
	if (p->run.by_thread && (tid || name))
		stack = named_root(p, stack, "thread", tid, name);
	return stack;
}

/* ---- counts ---- */

COLD static uint64_t *
counter(struct profile *p, enum profile_column column, uint32_t stack)
{
	size_t old = p->cap_more[column];

	if (stack >= old) { /* as many as there may be stacks before that grows */
		p->cap_more[column] = p->cap_nodes;
		p->more[column] = xrealloc(p->more[column], p->cap_nodes, sizeof(uint64_t));
		memset(p->more[column] + old, 0, (p->cap_nodes - old) * sizeof(uint64_t));
	}
	return &p->more[column][stack];
}

void
profile_count(struct profile *p, uint32_t stack)
{
	if (!++p->nodes[stack].samples)
		*counter(p, PROFILE_SAMPLES, stack) += UINT64_C(1) << 32;
}

void
profile_count_failed(struct profile *p)
{
	p->failed[PROFILE_SAMPLES]++;
}

COLD void
profile_set(struct profile *p, enum profile_column column, uint32_t stack, uint64_t n)
{
	if (stack == PROFILE_FAILED) {
		p->failed[column] = n;
	} else if (column == PROFILE_SAMPLES) {
		p->nodes[stack].samples = (uint32_t)n;
		if (n >> 32 || stack < p->cap_more[column])
			*counter(p, column, stack) = n >> 32 << 32;
	} else {
		*counter(p, column, stack) = n;
	}
}

/* Whether it counts some of the column before. */
static int
is_part(enum profile_column column)
{
	return column == PROFILE_IDLE || column == PROFILE_GIL;
}

COLD void
profile_add(struct profile *p, enum profile_column column, uint32_t stack, uint64_t n)
{
	uint64_t old = profile_get(p, column, stack), room = PROFILE_MOST - p->added[column];

	if (is_part(column))
		room = profile_get(p, (enum profile_column)(column - 1), stack) - old;
	else if (n > room)
		p->run.saturated = 1;
	if (n > room)
		n = room;
	if (!is_part(column))
		p->added[column] += n;
	profile_set(p, column, stack, old + n);
}

COLD uint64_t
profile_get(const struct profile *p, enum profile_column column, uint32_t stack)
{
	uint64_t n = column == PROFILE_SAMPLES && stack != PROFILE_FAILED ?
	             p->nodes[stack].samples : 0;

	if (stack == PROFILE_FAILED)
		return p->failed[column];
	return n + (stack < p->cap_more[column] ? p->more[column][stack] : 0);
}

COLD uint64_t
profile_total(const struct profile *p, enum profile_column column)
{
	uint64_t sum = p->failed[column];

	for (uint32_t i = 0; i < p->n_nodes; i++)
		sum += profile_get(p, column, i);
	return sum;
}

void
profile_compare(struct profile *p)
{
	p->compared = 1;
}

int
profile_compared(const struct profile *p)
{
	return p->compared;
}

void
profile_tick(struct profile *p, int64_t time)
{
	p->ticks = grow(p->ticks, p->n_ticks, &p->cap_ticks, sizeof *p->ticks);
	p->ticks[p->n_ticks++] = time;
}

void
profile_log(struct profile *p, uint32_t stack, enum profile_wait wait)
{
	p->log = grow(p->log, p->n_log, &p->cap_log, sizeof *p->log);
	p->log[p->n_log++] = (struct profile_sample){ (uint32_t)p->n_ticks - 1, stack, wait };
}

void
profile_log_move(struct profile *p, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < p->n_log; i++)
		if (p->log[i].stack == from)
			p->log[i].stack = to;
}

/* ---- for writers ---- */

uint32_t
profile_string_count(const struct profile *p)
{
	return (uint32_t)p->n_strings;
}

uint32_t
profile_thread_count(const struct profile *p)
{
	return (uint32_t)p->n_threads;
}

COLD struct profile_thread
profile_thread_get(const struct profile *p, uint32_t thread)
{
	return p->threads[thread];
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

uint32_t
profile_tick_count(const struct profile *p)
{
	return (uint32_t)p->n_ticks;
}

int64_t
profile_tick_get(const struct profile *p, uint32_t tick)
{
	return p->ticks[tick];
}

void
profile_add_place(const struct profile *p, struct profile_frame f, struct buf *out)
{
	const char *name, *slash;
	size_t len;

	if (f.file != PROFILE_NO_FILE) {
		name = profile_string_get(p, f.file, &len);
		slash = memrchr(name, '/', len);
		if (slash) {
			len -= (size_t)(slash + 1 - name);
			name = slash + 1;
		}
		buf_add(out, name, len);
		buf_str(out, ":");
	}
	name = profile_string_get(p, f.function, &len);
	buf_add(out, name, len);
	if (f.line > 0)
		buf_printf(out, ":%d", f.line);
}
