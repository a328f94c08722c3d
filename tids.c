/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a thread state to a task of the kernel.
 *
 * From 3.11 on a thread state has the kernel's number of its thread.  A fork(2) that
 * Python does not know of leaves the parent's there; and up to 3.10 there is none.  Then
 * the thread's pthread_t says it: it is the address of the C library's structure, which
 * fork(2) sets right, and in which the kernel puts 0 when the thread ends.  Where neither
 * helps, a process of one task and one thread leaves no choice.
 *
 * A sub-interpreter's first state has both from the thread that made it, whichever runs it
 * (up to 3.12: CPython v3.12.0 Modules/_xxsubinterpretersmodule.c,
 * _run_script_in_interpreter()).  Where a _PyCFrame is on the C stack, that says whose it
 * is; up to 3.10 nothing does.
 *
 * Numbers are those of the target's pid namespace; proc_tasks() says which ours are.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "target.h"
#include "thread.h"
#include "tids.h"

enum {
	SEARCHED = 1024 / 4, /* words of a pthread structure, for the tid */
	COMPARED = 64,       /* threads: that many do not agree by chance */
	CHECK_EACH_NS = 1000000000, /* whether all tasks are still there */
	WORD_UNREAD = -1,
};

struct tids {
	const struct target *t;
	struct proc_task *tasks;
	size_t n_tasks;
	int fresh;          /* they were listed for these threads */
	int64_t checked_at; /* when all threads were last placed anew */
	int offset;         /* of the tid in a pthread structure; 0: not known */
	size_t compared;    /* threads by which it was found, or was not */
	struct mem_vec *vecs;
	int32_t *words;     /* of all threads */
	size_t cap;
};

struct tids *
tids_new(const struct target *t)
{
	struct tids *ts = xcalloc(1, sizeof *ts);

	ts->t = t;
	return ts;
}

void
tids_free(struct tids *ts)
{
	if (!ts)
		return;
	free(ts->tasks);
	free(ts->vecs);
	free(ts->words);
	free(ts);
}

/* ---- tasks ---- */

static int
compare(const void *pa, const void *pb)
{
	const struct proc_task *a = pa, *b = pb;

	return a->inner < b->inner ? -1 : a->inner > b->inner;
}

static void
list_tasks(struct tids *ts)
{
	free(ts->tasks);
	ts->n_tasks = process_tasks(ts->t->process, &ts->tasks);
	sort(ts->tasks, ts->n_tasks, sizeof *ts->tasks, compare);
	ts->fresh = 1;
}

/* The task with that number in its own namespace, 0 if there is none. */
static int
outer_tid(const struct tids *ts, int64_t inner)
{
	const struct proc_task key = { .inner = (int)inner }, *found = NULL;

	if (inner > 0 && inner <= INT_MAX)
		found = bsearch(&key, ts->tasks, ts->n_tasks, sizeof key, compare);
	return found ? found->tid : 0;
}

/* The same, after another look at /proc if it is not known: a new thread.  Once for all
 * threads is enough: what is new was there before it was listed. */
static int
find_task(struct tids *ts, int64_t inner)
{
	int tid = outer_tid(ts, inner);

	if (tid || inner <= 0 || ts->fresh)
		return tid;
	list_tasks(ts);
	return outer_tid(ts, inner);
}

/* ---- pthread structures ---- */

/* Whether another thread state before this one is of the same pthread. */
static int
is_repeated(struct thread *const *threads, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (threads[k]->ident == threads[i]->ident)
			return 1;
	return 0;
}

/* In how many of n structures the word k is the number of a task, each time another one's;
 * 0 if two agree.  (Half a pointer can look like a number, too, but is the same in all.) */
static size_t
count_votes(const struct tids *ts, int32_t (*words)[SEARCHED], size_t n, size_t k)
{
	size_t votes = 0;

	for (size_t i = 0; i < n; i++) {
		if (!outer_tid(ts, words[i][k]))
			continue;
		for (size_t j = 0; j < i; j++)
			if (words[j][k] == words[i][k])
				return 0;
		votes++;
	}
	return votes;
}

/* Reads the structures of the first threads, each pthread's once; their number. */
static size_t
read_structures(const struct tids *ts, struct thread *const *threads, size_t n,
                int32_t (*words)[SEARCHED])
{
	size_t used = 0;

	for (size_t i = 0; i < n && used < COMPARED; i++)
		if (!is_repeated(threads, i) &&
		    mem_read(ts->t->mem, threads[i]->ident, words[used], sizeof words[0]) == OK)
			used++;
	return used;
}

/*
 * The tid lies at an offset that differs between C libraries: it is the one at which most
 * threads' structures have the number of a task.  (Those of threads that have ended do
 * not.)  Looked for again when there are more threads to compare.
 */
static void
find_offset(struct tids *ts, struct thread *const *threads, size_t n)
{
	int32_t (*words)[SEARCHED];
	size_t used, most = 0;

	n = n < COMPARED ? n : COMPARED;
	if (n <= ts->compared)
		return;
	ts->compared = n;
	if (!ts->fresh)
		list_tasks(ts);
	words = xcalloc(n, sizeof *words);
	used = read_structures(ts, threads, n, words);
	ts->offset = 0;
	for (size_t k = 1; k < SEARCHED; k++) {
		size_t votes = count_votes(ts, words, used, k);

		if (votes > most) {
			most = votes;
			ts->offset = (int)k * 4;
		}
	}
	free(words);
}

/* Reads that word of all threads: WORD_UNREAD where that is not possible. */
static void
read_words(struct tids *ts, struct thread *const *threads, size_t n)
{
	size_t done, got;

	if (ts->cap < n) {
		ts->cap = n + n / 2;
		ts->vecs = xrealloc(ts->vecs, ts->cap, sizeof *ts->vecs);
		ts->words = xrealloc(ts->words, ts->cap, sizeof *ts->words);
	}
	for (size_t i = 0; i < n; i++)
		ts->vecs[i] = (struct mem_vec){ threads[i]->ident + (raddr)ts->offset,
		                                sizeof *ts->words };
	for (size_t i = 0; i < n; i = got + 1) { /* goes on after one that is not there */
		mem_readv(ts->t->mem, ts->vecs + i, n - i, ts->words + i, &done);
		got = i + done / sizeof *ts->words;
		if (got < n)
			ts->words[got] = WORD_UNREAD;
	}
}

/* ---- placing ---- */

/* Whether nothing has changed that says which task it is. */
static int
is_placed(const struct thread *t, int32_t word)
{
	return (t->task.tid || t->dead || t->placed_by.to) && t->placed_by.native == t->native_id &&
	       t->placed_by.word == word;
}

/* Whether pthread structures have to be looked at: where nothing else says what a thread
 * is, or has said so before. */
static int
needs_words(struct tids *ts, struct thread *const *threads, size_t n)
{
	if (ts->t->layout->thread.native_id == ABSENT)
		return 1;
	for (size_t i = 0; i < n; i++) {
		const struct thread *t = threads[i];

		if (t->placed_by.word || (!is_placed(t, 0) && !find_task(ts, (int64_t)t->native_id)))
			return 1;
	}
	return 0;
}

/* The only task there is, if there is only one thread; else 0. */
static int
only_task(struct tids *ts, struct thread *const *threads, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (threads[i]->ident != threads[0]->ident)
			return 0;
	if (!ts->fresh)
		list_tasks(ts);
	return ts->n_tasks == 1 ? ts->tasks[0].tid : 0;
}

/* Whether it is another one now: then it is not known whether that is to be sampled. */
static int
set_task(struct thread *t, int tid)
{
	if (tid == t->task.tid)
		return 0;
	task_close(&t->task);
	t->task.tid = tid;
	t->wanted = UNASKED;
	return 1;
}

/* Whether it may be run by another thread than it says, without a trace of which. */
static int
may_be_elsewhere(const struct tids *ts, struct thread *const *threads, const struct thread *t)
{
	return ts->t->layout->frames == FRAMES_HEAP && t->interp != threads[0]->interp;
}

/* word: the tid of its pthread structure, WORD_UNREAD: it can't be had, 0 also: it was
 * not asked for.  A thread is dead if all that can be known of it is no task. */
static int
place(struct tids *ts, struct thread *const *threads, size_t n, size_t i, int32_t word)
{
	struct thread *t = threads[i];
	int tid = find_task(ts, (int64_t)t->native_id);

	if (!tid)
		tid = find_task(ts, word);
	if (!tid && !ts->offset)
		tid = only_task(ts, threads, n);
	t->placed_by.native = t->native_id;
	t->placed_by.word = word;
	t->placed_by.from = t->placed_by.to = 0;
	t->dead = !tid && ts->offset && !may_be_elsewhere(ts, threads, t);
	return set_task(t, tid);
}

/* ---- C stacks ---- */

/* Whose stack that mapping is: of the thread whose structure is in it, next above the
 * address; 0: nobody's that is known. */
static int
stack_owner(const struct tids *ts, struct thread *const *threads, size_t n,
            const struct proc_map *map, raddr addr)
{
	uint64_t nearest = map->end;
	int tid = 0;

	if (strcmp(map->path, "[stack]") == 0)
		return process_pid(ts->t->process);
	for (size_t i = 0; i < n; i++) {
		const struct thread *t = threads[i];

		/* What was placed by its stack may have somebody else's. */
		if (!t->dead && !t->placed_by.to && t->ident > addr && t->ident < nearest) {
			nearest = t->ident;
			tid = t->task.tid;
		}
	}
	return tid;
}

static int
place_by_stack(const struct tids *ts, struct thread *const *threads, size_t n,
               const struct proc_maps *maps, struct thread *t)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct proc_map *map = &maps->maps[i];

		if (t->cframe < map->start || t->cframe >= map->end)
			continue;
		t->placed_by.from = map->start;
		t->placed_by.to = map->end;
		t->dead = 0;
		return set_task(t, stack_owner(ts, threads, n, map, t->cframe));
	}
	return 0;
}

int
tids_is_on_stack(const struct thread *t, raddr cframe)
{
	return !t->placed_by.to || !cframe ||
	       (cframe >= t->placed_by.from && cframe < t->placed_by.to);
}

/* Whether that has to be looked at: the main interpreter's states are of who made them. */
static int
needs_stack(struct thread *const *threads, const struct thread *t)
{
	return t->cframe && t->interp != threads[0]->interp &&
	       (!t->placed_by.to || !tids_is_on_stack(t, t->cframe));
}

/* The memory map is read once for all of which it is not known. */
static int
place_by_stacks(const struct tids *ts, struct thread *const *threads, size_t n)
{
	struct proc_maps maps = { 0 };
	enum why why = OK;
	int changed = 0;

	for (size_t i = 0; i < n && why == OK; i++) {
		if (!needs_stack(threads, threads[i]))
			continue;
		if (!maps.maps)
			why = process_maps(ts->t->process, &maps);
		if (why == OK)
			changed |= place_by_stack(ts, threads, n, &maps, threads[i]);
	}
	if (maps.maps)
		proc_maps_free(&maps);
	return changed;
}

/* ---- all of them ---- */

int
tids_place(struct tids *ts, struct thread *const *threads, size_t n)
{
	int64_t now = now_ns();
	int changed = 0, words = 0, all = now - ts->checked_at > CHECK_EACH_NS;

	ts->fresh = 0;
	if (all) {
		ts->checked_at = now;
		list_tasks(ts);
	}
	if (needs_words(ts, threads, n)) {
		find_offset(ts, threads, n);
		words = ts->offset != 0;
	}
	if (words)
		read_words(ts, threads, n);
	for (size_t i = 0; i < n; i++) {
		int32_t word = words ? ts->words[i] : 0;

		if (all || !is_placed(threads[i], word))
			changed |= place(ts, threads, n, i, word);
	}
	return place_by_stacks(ts, threads, n) | changed;
}
