/* SPDX-License-Identifier: Apache-2.0 */
/* What is sampled of one target at each tick of the clock, and counted. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "preempt.h"
#include "kernel/kernel.h"
#include "waits/waits.h"
#include "waits/contention.h"
#include "native/native.h"
#include "layouts.h"
#include "target.h"
#include "snapshot.h"
#include "gil.h"
#include "thread.h"
#include "threads.h"
#include "codes.h"
#include "stack.h"
#include "tasks/logical.h"
#include "capture.h"
#include "sample.h"

enum {
	HANDOVERS = 8,         /* of the GIL during one sample */
	BROKEN_TICKS = 5,      /* in a row: this is another program by now */
	NOTE_CPU_EACH = 16,    /* ticks */
};

/* What one tick found of one thread, or of none. */
struct counted {
	enum { COUNT_STACK, COUNT_IDLE, COUNT_FAILED } kind;
	uint32_t stack;
	raddr tstate;
	uint32_t contender; /* see thread.h, of one that waits for the GIL */
	uint32_t times; /* with -m cpu: for how many ticks' worth of CPU time it stands */
	unsigned char wait, unplaced, why;
};

struct lost { /* a sample that failed */
	raddr tstate;
	enum why why;
};

struct sampler {
	const struct target *t;
	struct profile *profile;
	struct sample_options options;
	struct codes *codes;
	struct stacks *stacks;
	struct threads *threads;
	struct capturer *capturer;
	struct batch batch;  /* what one tick reads of all threads */
	struct cpu *cpu;     /* for -m cpu */
	struct waits *waits; /* NULL: nobody wants to know */
	struct contention *contention; /* the same */
	struct native *native; /* the same of C frames */
	struct logical *logical; /* the same of tasks */
	uint32_t blamed, blame; /* a frame, and the one that blames it for the GIL's being held */
	uint32_t process;    /* the process's frame */
	struct buf command;  /* its name, where the profile has threads */
	uint32_t root, idle; /* the stack below all others, and that of nothing running */
	raddr last_holder;
	int64_t ticked, elapsed; /* when it began, and how long after the one before */
	int64_t asked; /* when it was last found out which threads wait for the GIL */
	int asks;      /* whether it is at this tick */
	int64_t covered; /* for how many ticks it stands, those right before it included */
	struct counted *counted; /* by the last tick */
	size_t n_counted, cap_counted;
	struct lost *lost; /* of this tick */
	size_t cap_lost;
	int noted_holders; /* of the GIL, at this tick */
	uint64_t tick;     /* its number */
	uint64_t gils_counted; /* at it: a bit for each GIL whose holder was, of the first 64 */
	struct sleepers sleepers;
	int64_t now;       /* when it began, now_ns(), */
	int64_t since;     /* and how long after the one before */
	int rouse;         /* sleepers are to be asked */
	int bad_ticks;
	struct sample_counts counts;
	struct mem_counts before;
	int64_t cpu_before;
};

static uint32_t
name_process(struct sampler *s)
{
	struct buf text = { 0 };
	uint32_t name;

	process_title(s->t->process, &text);
	name = profile_string(s->profile, text.data, text.len);
	buf_free(&text);
	return name;
}

static uint32_t
frame_of_name(struct sampler *s, uint32_t name)
{
	return profile_frame(s->profile, (struct profile_frame){ PROFILE_NO_FILE, name, 0 });
}

/* The stack of idle moments on top of another one. */
static uint32_t
idle_on(struct sampler *s, uint32_t root)
{
	static const char idle[] = "(idle)";

	return profile_stack(s->profile, root, frame_of_name(s,
		profile_string(s->profile, idle, sizeof idle - 1)));
}

/* The root frame of the process, and the stack of its idle moments. */
static void
begin_process(struct sampler *s)
{
	s->process = frame_of_name(s, name_process(s));
	s->root = profile_stack(s->profile, PROFILE_ROOT, s->process);
	s->idle = idle_on(s, s->root);
}

/* What the process is called now, terminated. */
static struct buf
read_command(const struct sampler *s)
{
	struct buf command = { 0 };

	process_name(s->t->process, &command);
	buf_terminate(&command);
	return command;
}

void
sampler_rename(struct sampler *s)
{
	if (s->options.by_process)
		profile_rename(s->profile, s->process, name_process(s));
	if (s->options.tell_threads) {
		struct buf now = read_command(s);

		profile_rename_process(s->profile, process_pid(s->t->process), s->command.data, now.data);
		buf_free(&s->command);
		s->command = now;
	}
}

static void
end_thread(struct thread *t)
{
	stack_free(t->stack);
}

static void
begin_tasks(struct sampler *s)
{
	const struct sample_options *o = &s->options;

	s->logical = logical_new(&(struct logical_options){
		.target = s->t, .threads = s->threads, .profile = s->profile, .codes = s->codes,
		.apart = o->tell_threads ? LOGICAL_AS_THREADS :
		         o->by_thread ? LOGICAL_ON_NAMES : LOGICAL_TOGETHER,
		.command = &s->command, .root = s->root, .waits = o->tasks > 1,
		.tell_idle = o->tell_idle, .log = o->log });
	if (HAS_LOGICAL && s->logical)
		capturer_tell(s->capturer, logical_look, s->logical);
}

struct sampler *
sampler_new(const struct target *t, struct profile *profile, const struct sample_options *options)
{
	struct sampler *s = xcalloc(1, sizeof *s);

	s->profile = profile;
	s->options = *options;
	s->t = t;
	s->codes = codes_new(t->mem, t->layout, s->profile, s->options.with_lines);
	s->stacks = stacks_new(t->mem, t->layout, s->codes);
	s->threads = threads_new(t, end_thread);
	if (HAS_NATIVE && options->native)
		s->native = native_new(t->process, profile, (unsigned)t->layout->ptr,
		                       options->native == NATIVE_ALL);
	s->capturer = capturer_new(s->stacks, s->threads, s->native, s->options.pausing,
	                             options->newborn, options->mode == MODE_GIL);
	s->cpu = cpu_new(t->process, options->newborn);
	s->sleepers.process = t->process;
	if (HAS_WAITS && options->waits)
		s->waits = waits_new(t->process, (unsigned)t->layout->ptr);
	if (HAS_WAITS && (options->waits || (options->tell_idle && options->count_waits)))
		s->contention = contention_new();
	s->cpu_before = process_cpu_time(t->process);
	s->before = mem_counts(t->mem);
	s->root = s->idle = PROFILE_ROOT;
	if (options->by_process)
		begin_process(s);
	if (options->tell_threads)
		s->command = read_command(s);
	if (HAS_LOGICAL && options->tasks)
		begin_tasks(s);
	return s;
}

void
sampler_free(struct sampler *s)
{
	if (!s)
		return;
	/* What none of has been made may not have been unpacked; see packed.h. */
	if (s->waits)
		waits_free(s->waits);
	if (s->contention)
		contention_free(s->contention);
	if (s->native)
		native_free(s->native);
	if (HAS_LOGICAL && s->logical)
		logical_free(s->logical);
	capturer_free(s->capturer);
	threads_free(s->threads);
	stacks_free(s->stacks);
	batch_free(&s->batch);
	cpu_free(s->cpu);
	codes_free(s->codes);
	buf_free(&s->command);
	free(s->counted);
	free(s->lost);
	free(s);
}

/* Once it has ended that can't be found out any more. */
static void
note_cpu(struct sampler *s)
{
	int64_t used = process_cpu_time(s->t->process);

	if (used > s->cpu_before)
		s->counts.cpu = used - s->cpu_before;
}

static void
count_tasks(const struct sampler *s, struct sample_counts *counts)
{
	const uint64_t *tasks = logical_counts(s->logical);

	memcpy(counts->tasks, tasks, sizeof counts->tasks);
	counts->samples += tasks[LOGICAL_WAITING];
	for (int i = 0; i < WHY_COUNT; i++)
		counts->failed[i] += tasks[LOGICAL_FAILED + i];
}

struct sample_counts
sampler_counts(struct sampler *s)
{
	struct sample_counts counts = s->counts;
	struct mem_counts now = mem_counts(s->t->mem);
	struct capture_counts captured = capturer_counts(s->capturer);

	note_cpu(s);
	counts.cpu = s->counts.cpu;
	counts.calls = now.calls - s->before.calls;
	counts.bytes = now.bytes - s->before.bytes;
	counts.retried = captured.retried;
	counts.stopped = captured.stopped;
	counts.preempted = captured.preempted;
	if (HAS_KERNEL) {
		counts.copied = captured.copied;
		counts.uncopied = captured.uncopied;
	}
	counts.may_not_stop = captured.may_not_stop;
	if (HAS_LOGICAL && s->logical)
		count_tasks(s, &counts);
	return counts;
}

int64_t
sampler_stopped_ns(const struct sampler *s)
{
	return capturer_counts(s->capturer).stopped_ns;
}

void
sampler_say_gil(const struct sampler *s, struct buf *out)
{
	if (HAS_WAITS && s->contention)
		contention_say(s->contention, s->profile, out);
}

int
sampler_is_troubled(const struct sampler *s)
{
	return s->bad_ticks > 0;
}

const struct target *
sampler_target(const struct sampler *s)
{
	return s->t;
}

struct codes *
sampler_codes(struct sampler *s)
{
	return s->codes;
}

struct threads *
sampler_threads(struct sampler *s)
{
	return s->threads;
}

/* ---- counting ---- */

/* What stacks stand on in another interpreter than the main one. */
static uint32_t
root_in_interpreter(struct sampler *s, uint32_t root, int64_t interpreter)
{
	char text[40];

	text_format(text, sizeof text, "interpreter %" PRId64, interpreter);
	return profile_stack(s->profile, root, frame_of_name(s,
		profile_string(s->profile, text, strlen(text))));
}

static uint32_t
name_thread(struct sampler *s, const struct thread *t)
{
	int64_t interpreter = threads_interpreter(s->threads, t);
	struct buf name = { 0 }, text = { 0 };
	uint32_t root;

	threads_name(s->threads, t, &name);
	buf_terminate(&name);
	if (s->options.tell_threads) {
		root = profile_thread(s->profile, process_pid(s->t->process), t->task.tid, name.data,
		                      s->command.data);
	} else {
		buf_printf(&text, "thread %d %s", t->task.tid, name.data);
		root = profile_stack(s->profile, s->root, frame_of_name(s,
			profile_string(s->profile, text.data, text.len)));
	}
	buf_free(&name);
	buf_free(&text);
	return interpreter ? root_in_interpreter(s, root, interpreter) : root;
}

/* What the stacks of a thread stand on, where the profile tells threads apart.  Its name
 * has the id in it, which may become known later. */
static uint32_t
thread_root(struct sampler *s, struct thread *t)
{
	if (!t->root || t->root_tid != t->task.tid) {
		t->root = 1 + name_thread(s, t);
		t->both = 0;
		t->root_tid = t->task.tid;
	}
	return t->root - 1;
}

/* Notes what the tick found; count_tick() counts it. */
static void
note(struct sampler *s, struct counted c)
{
	s->counted = grow(s->counted, s->n_counted, &s->cap_counted, sizeof *s->counted);
	s->counted[s->n_counted++] = c;
}

static void
count_stack_once(struct sampler *s, const struct counted *c)
{
	profile_count(s->profile, c->stack);
	if (c->wait && s->options.tell_idle)
		profile_add(s->profile, PROFILE_IDLE, c->stack, 1);
	if (c->wait == PROFILE_WAITS_FOR_GIL && s->options.tell_idle)
		profile_add(s->profile, PROFILE_GIL, c->stack, 1);
	if (s->options.log)
		profile_log(s->profile, c->stack, (enum profile_wait)c->wait);
}

static void
count_failed_once(struct sampler *s, enum why why)
{
	s->counts.failed[why]++;
	profile_count_failed(s->profile);
	if (s->options.log)
		profile_log(s->profile, PROFILE_FAILED, PROFILE_RUNS);
}

/* Whether it is to be in the profile, which has no room for its stack. */
static int
is_unfit(const struct sampler *s, const struct counted *c)
{
	if (c->kind == COUNT_IDLE && (s->options.exclude_idle || s->options.mode != MODE_WALL))
		return 0;
	return c->kind != COUNT_FAILED && c->stack == PROFILE_FAILED;
}

static void
count_once(struct sampler *s, const struct counted *c)
{
	if (is_unfit(s, c)) {
		s->counts.unfit++;
		count_failed_once(s, DEEP);
		return;
	}
	switch (c->kind) {
	case COUNT_STACK:
		count_stack_once(s, c);
		s->counts.samples++;
		s->counts.unplaced += c->unplaced;
		break;
	case COUNT_IDLE:
		s->counts.idle++;
		if (!s->options.exclude_idle && s->options.mode == MODE_WALL)
			count_stack_once(s, c);
		break;
	case COUNT_FAILED:
		count_failed_once(s, (enum why)c->why);
		break;
	}
}

/* Counts what this tick found, for it and for those missed right before it. */
static void
count_tick(struct sampler *s)
{
	for (int64_t before = s->covered; before-- > 0;)
		for (size_t i = 0; i < s->n_counted; i++)
			if (before < s->counted[i].times)
				count_once(s, &s->counted[i]);
	if (HAS_LOGICAL && s->logical)
		logical_count_waits(s->logical, (uint64_t)s->covered);
}

void
sampler_stand_in(struct sampler *s, int64_t ticks)
{
	if (HAS_LOGICAL && s->logical && ticks > 0)
		logical_count_waits(s->logical, (uint64_t)ticks);
	while (ticks-- > 0)
		for (size_t i = 0; i < s->n_counted; i++)
			count_once(s, &s->counted[i]);
}

int
sampler_wants_gil(const struct sampler *s, struct thread *t)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);

	return thread_wants_gil(t, gils, n);
}

static enum why
read_holder(struct sampler *s, const struct gil *gil, raddr *holder)
{
	return gil_read_holder(s->t->mem, s->t->layout, gil, holder);
}

static void
note_holders(struct sampler *s)
{
	size_t n_gils, n;
	const struct gil *gils = threads_gils(s->threads, &n_gils);
	struct thread *const *threads = threads_all(s->threads, &n);

	for (size_t i = 0; i < n; i++)
		threads[i]->holds_gil = 0;
	for (size_t i = 0; i < n_gils; i++) {
		raddr holder = 0;
		struct thread *t = NULL;

		if (read_holder(s, &gils[i], &holder) == OK && holder)
			t = threads_find(s->threads, holder);
		if (t)
			t->holds_gil = 1;
	}
}

/* Who has a GIL is asked once a tick, and only if somebody needs to know. */
static void
note_holders_once(struct sampler *s)
{
	if (!s->noted_holders)
		note_holders(s);
	s->noted_holders = 1;
}

/* Whether it may run.  One that waited for the GIL and was woken has either got it, or had
 * it meanwhile, which takes CPU time, or waits on. */
static int
may_run(struct sampler *s, struct thread *t)
{
	if (thread_is_idle(t))
		return 0;
	if (t->wait != PROFILE_WAITS_FOR_GIL)
		return 1;
	note_holders_once(s);
	return t->holds_gil || thread_has_used(t, s->since, !s->counts.ticks);
}

/* ---- what is waited for ---- */

static uint32_t
frame_of_text(struct sampler *s, const struct buf *text)
{
	return frame_of_name(s, profile_string(s->profile, text->data, text->len));
}

/* Finds the frame that says what a thread waits for.  While it is in the same call that is the
 * same, but for a descriptor that became another file, so it is not believed for ever. */
static void
name_wait(struct sampler *s, struct thread *t)
{
	enum { BELIEVED_MS = 1000 };
	struct proc_call call;
	struct buf text = { 0 };
	uint64_t key;

	if (!HAS_WAITS || !s->waits)
		return;
	key = task_call(s->t->process, &t->task, &call) ? 0 :
	      (uint64_t)hash_words((uint64_t)call.number, call.args[0]) + 1;
	if (key && key == t->wait_call && s->now < t->wait_named)
		return;
	t->wait_call = key;
	t->wait_named = s->now + BELIEVED_MS * MS;
	t->wait_frame = 0;
	if (waits_describe(s->waits, &t->task, 1, &text))
		t->wait_frame = 1 + frame_of_text(s, &text);
	buf_free(&text);
}

/* Who has the GIL, if that was sampled at this tick: its thread state, and innermost frame;
 * else 0. */
static raddr
find_blamed(struct sampler *s, uint32_t *frame)
{
	size_t n, n_gils, n_frames;
	struct thread *const *threads = threads_all(s->threads, &n);

	threads_gils(s->threads, &n_gils);
	for (size_t i = 0; n_gils == 1 && i < n; i++) {
		if (!threads[i]->holds_gil || threads[i]->counted != s->tick)
			continue;
		const uint32_t *frames = stack_frames(threads[i]->stack, &n_frames);

		if (n_frames)
			*frame = frames[n_frames - 1];
		return n_frames ? threads[i]->tstate : 0;
	}
	return 0;
}

/* "waits: the GIL, held by app.py:hog:12" */
static uint32_t
blame_frame(struct sampler *s, int known, uint32_t blamed)
{
	struct buf text = { 0 };

	if (known && s->blame && blamed == s->blamed)
		return s->blame - 1;
	buf_str(&text, "waits: the GIL");
	if (known) {
		buf_str(&text, ", held by ");
		profile_add_place(s->profile, profile_frame_get(s->profile, blamed), &text);
		s->blamed = blamed;
		s->blame = 1 + frame_of_text(s, &text);
	}
	blamed = frame_of_text(s, &text);
	buf_free(&text);
	return blamed;
}

static void
blame_for(struct sampler *s, const struct counted *c, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(s->profile, frame);

	contention_blames(s->contention, c->contender, (uint64_t)f.file << 32 | f.function, c->times);
}

/* Puts what they wait for on the stacks of those that wait for the GIL: who has it is known
 * when all have been sampled. */
static void
add_blame(struct sampler *s)
{
	uint32_t frame = 0;
	raddr holder = 0;
	int asked = 0, known;

	for (size_t i = 0; HAS_WAITS && s->contention && i < s->n_counted; i++) {
		struct counted *c = &s->counted[i];

		if (c->wait != PROFILE_WAITS_FOR_GIL || c->stack == PROFILE_FAILED)
			continue;
		if (!asked++) {
			note_holders_once(s);
			holder = find_blamed(s, &frame);
		}
		/* Who has got it meanwhile has waited for somebody else. */
		known = holder && holder != c->tstate;
		if (known)
			blame_for(s, c, frame);
		if (s->waits)
			c->stack = profile_stack(s->profile, c->stack, blame_frame(s, known, frame));
	}
}

/* Notes whether a thread waits for the GIL.  Its name is asked when it does for the first time. */
static uint32_t
note_contention(struct sampler *s, struct thread *t, enum profile_wait wait)
{
	struct contention *c = s->contention;
	struct buf name = { 0 };

	if (!HAS_WAITS || !c)
		return 0;
	if (!t->contender)
		t->contender = contention_thread(c, t->task.tid);
	if (wait != PROFILE_WAITS_FOR_GIL) {
		contention_runs(c, t->contender, s->now, (uint64_t)s->covered);
	} else if (contention_waits(c, t->contender, s->now, (uint64_t)s->covered)) {
		threads_name(s->threads, t, &name);
		contention_name(c, t->contender, buf_terminate(&name));
		buf_free(&name);
	}
	return t->contender;
}

/* Whether it waits, and if so for the GIL: that is asked when it begins to, and then as
 * often as one that does wakes up to look after itself (sys.getswitchinterval).  What waits are
 * about is wanted to be right at each tick: but one that has used no CPU time since still waits
 * for the same, and to see that is one read. */
static enum profile_wait
find_wait(struct sampler *s, struct thread *t)
{
	enum { GOOD_MS = 5 };
	struct proc_times times = { .ran = -1 };

	if (!s->options.tell_idle && !s->waits)
		return PROFILE_RUNS;
	if (s->waits && t->wait != PROFILE_RUNS && !thread_times(t, &times) &&
	    times.ran == t->wait_ran && s->now < t->wait_named)
		return (enum profile_wait)t->wait;
	if (may_run(s, t)) {
		t->wait = PROFILE_RUNS;
	} else if (t->wait == PROFILE_RUNS ||
	           ((s->now >= t->wait_until || times.ran != t->wait_ran) && thread_is_idle(t))) {
		t->wait = sampler_wants_gil(s, t) ? PROFILE_WAITS_FOR_GIL : PROFILE_WAITS;
		t->wait_until = s->now + GOOD_MS * MS;
		t->wait_ran = times.ran;
		name_wait(s, t);
	}
	return (enum profile_wait)t->wait;
}

/* The frames that were captured last, with those of C. */
static const uint32_t *
merged_frames(struct sampler *s, const struct thread *t, size_t *n)
{
	const uint32_t *frames = stack_frames(t->stack, n);
	const struct native_entry *entries;
	size_t n_entries;

	if (!HAS_NATIVE || !s->native)
		return frames;
	entries = stack_entries(s->stacks, t->stack, native_word, s->native, &n_entries);
	return native_merge(s->native, frames, *n, entries, n_entries, stacks_have_objects(s->stacks),
	                    n);
}

/* That stack's number, on top of the stack `root`. */
static uint32_t
number_stack(struct sampler *s, struct thread *t, uint32_t root)
{
	const uint32_t *frames;
	uint32_t number;
	uint64_t unknown;
	size_t n;

	if (HAS_LOGICAL && s->logical) {
		unknown = logical_unknown(s->logical);
		frames = merged_frames(s, t, &n);
		if (logical_number(s->logical, t, frames, n, root, &number))
			return number;
		if (logical_unknown(s->logical) != unknown)
			capture_was_late(s->capturer, t);
	}
	if (!HAS_NATIVE || !s->native)
		return stack_in_profile(t->stack, s->profile, root);
	if (t->both)
		return t->both - 1;
	frames = merged_frames(s, t, &n);
	for (size_t i = 0; i < n && root != PROFILE_FAILED; i++)
		root = profile_stack(s->profile, root, frames[i]);
	if (t->rested)
		t->both = root + 1;
	return root;
}

/* The stack of a thread that has no frame, but the GIL. */
static uint32_t
bare_stack(struct sampler *s, struct thread *t, uint32_t root)
{
	struct buf name = { 0 }, text = { 0 };

	if (!t->bare || t->bare_tid != t->task.tid) {
		threads_name(s->threads, t, &name);
		buf_terminate(&name);
		buf_printf(&text, "(GIL held by %s)", name.data);
		t->bare = 1 + profile_stack(s->profile, root, frame_of_name(s,
			profile_string(s->profile, text.data, text.len)));
		t->bare_tid = t->task.tid;
		buf_free(&name);
		buf_free(&text);
	}
	return t->bare - 1;
}

/* Returns 0 if there was nothing to count: a thread that runs no Python, and has not
 * kept others from it either. */
static int
count_stack(struct sampler *s, struct thread *t, int holds_gil)
{
	uint32_t stack, root = s->root;
	int64_t times = s->options.mode == MODE_CPU ? t->periods : s->covered;
	enum profile_wait wait;
	size_t n;

	if (s->options.tell_threads || s->options.by_thread)
		root = thread_root(s, t);
	stack = number_stack(s, t, root);
	stack_frames(t->stack, &n);
	if (!n && !s->options.by_thread) {
		if (!holds_gil)
			return 0;
		stack = bare_stack(s, t, root);
	}
	wait = find_wait(s, t);
	if (HAS_LOGICAL && s->logical && logical_is_represented(s->logical, t)) {
		t->counted = s->tick;
		return 1;
	}
	if (HAS_WAITS && s->waits && wait == PROFILE_WAITS && t->wait_frame && stack != PROFILE_FAILED)
		stack = profile_stack(s->profile, stack, t->wait_frame - 1);
	note(s, (struct counted){ .kind = COUNT_STACK, .stack = stack, .tstate = t->tstate,
	                          .times = (uint32_t)times,
	                          .contender = note_contention(s, t, wait),
	                          .wait = (unsigned char)wait, .unplaced = !t->task.tid });
	t->counted = s->tick;
	if (wait == PROFILE_RUNS)
		thread_note_sampled(t, s->now, s->since);
	s->counts.cpu_sampled += times * (s->elapsed / s->covered);
	if (s->asks) {
		s->counts.asked++;
		s->counts.waits += (uint64_t)sampler_wants_gil(s, t);
	}
	return 1;
}

static void
count_idle(struct sampler *s)
{
	if (s->options.idle_apart && s->idle == PROFILE_ROOT)
		s->idle = idle_on(s, profile_thread(s->profile, process_pid(s->t->process), 0,
		                                    "(no thread)", s->command.data));
	note(s, (struct counted){ .kind = COUNT_IDLE, .stack = s->idle,
	                          .times = (uint32_t)s->covered });
}

static void
count_failed(struct sampler *s, enum why why)
{
	note(s, (struct counted){ .kind = COUNT_FAILED, .why = (unsigned char)why,
	                          .times = (uint32_t)s->covered });
}

/* ---- one thread ---- */

static struct thread *
find_thread(struct sampler *s, raddr tstate)
{
	struct thread *t = tstate ? threads_find(s->threads, tstate) : NULL;

	if (!t && tstate && threads_refresh(s->threads) == OK)
		t = threads_find(s->threads, tstate);
	return t;
}

/* What is remembered of its stack. */
static struct stack *
stack_of(struct sampler *s, struct thread *t)
{
	if (!t->stack)
		t->stack = stack_new(s->t->mem);
	return t->stack;
}

/* Captures the stack of the thread, if it holds the GIL.  Where the read that was to tell who
 * does has failed, and another one was good, that is asked once more. */
static enum why
capture_holder(struct sampler *s, struct thread *t, const struct gil *gil, raddr *holder)
{
	const raddr untold = UINT64_MAX;
	enum why why;

	*holder = untold;
	stack_of(s, t);
	why = capture_stack(s->capturer, t, gil, 0, holder);
	return why == OK && *holder == untold ? read_holder(s, gil, holder) : why;
}

/* Samples the thread that holds this GIL, if any does; *ran is set then. */
static enum why
sample_holder(struct sampler *s, struct gil gil, int *ran)
{
	struct thread *t = threads_find(s->threads, s->last_holder); /* most likely */
	raddr holder = 0;
	enum why why = t ? OK : read_holder(s, &gil, &holder);

	for (int i = 0; why == OK && i < HANDOVERS; i++) {
		if (!t && !holder)
			return OK;
		if (!t)
			t = find_thread(s, holder);
		if (!t) { /* it came and went: the list was older or is newer */
			why = read_holder(s, &gil, &holder);
			continue;
		}
		s->last_holder = t->tstate;
		why = capture_holder(s, t, &gil, &holder);
		if (why == OK && holder == t->tstate) {
			*ran |= count_stack(s, t, 1);
			return OK;
		}
		t = NULL;
	}
	s->last_holder = 0;
	return why == OK ? TORN : why;
}

static enum why
sample_holders(struct sampler *s, int *ran)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);
	enum why why = OK;

	for (size_t i = 0; i < n && why == OK; i++) {
		int counted = 0;

		why = sample_holder(s, gils[i], &counted);
		*ran |= counted;
		s->gils_counted |= (uint64_t)counted << (i & 63);
		gils = threads_gils(s->threads, &n); /* may have been listed again */
	}
	return why;
}

/* Whether a thread runs that may do without the GIL: in C code that let go of it, or on its
 * way to it. */
static int
is_on_cpu(const struct sampler *s, struct thread *t)
{
	return thread_is_awake(t, s->now, s->rouse, !s->counts.ticks) && thread_state(t) == 'R';
}

/* Of what is on a CPU without the GIL: whether it has used that, or may have. */
static int
has_used_cpu(const struct sampler *s, struct thread *t)
{
	return thread_has_used(t, s->since, !s->counts.ticks) || thread_may_have_used(t, s->since);
}

/* Whether a thread is one to be sampled at this tick.  Several states of one task are
 * wanted or not together; they are asked newest first. */
static int
is_wanted(const struct sampler *s, struct thread *t)
{
	if (t->dead)
		return 0;
	if (s->options.mode != MODE_CPU && !s->options.all_threads && s->t->layout->free_threaded)
		return t->attached ||
		       (s->options.mode != MODE_GIL && is_on_cpu(s, t) && has_used_cpu(s, t));
	if (t->newer) {
		t->periods = t->newer->periods;
		return t->newer->wanted == WANTED;
	}
	if (s->options.mode == MODE_CPU)
		return (t->periods = cpu_periods(s->cpu, t)) > 0;
	return (s->options.all_threads && !s->options.exclude_idle) || !thread_is_idle(t);
}

static void
ask(const struct sampler *s, struct thread *t)
{
	t->wanted = is_wanted(s, t) ? WANTED : UNWANTED;
}

/* Counts the samples that failed, but not those of threads that have ended, if there is
 * time to find out. */
static void
count_lost(struct sampler *s, const struct lost *lost, size_t n)
{
	if (n)
		threads_refresh(s->threads);
	for (size_t i = 0; i < n; i++) {
		struct thread *t = threads_find(s->threads, lost[i].tstate);

		if (!t && !mem_is_over())
			continue;
		count_failed(s, lost[i].why);
		if (t)
			cpu_settle(s->cpu, t, 1);
	}
}

/* Counts a thread that was found without a frame, if it has the GIL and still has none. */
static int
count_bare(struct sampler *s, struct thread *t)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);
	raddr holder = 0;

	if (s->options.mode == MODE_CPU)
		return 0;
	note_holders_once(s);
	for (size_t i = 0; t->holds_gil && i < n; i++)
		if (capture_holder(s, t, &gils[i], &holder) == OK && holder == t->tstate)
			return count_stack(s, t, 1);
	return 0;
}

/* Whether it has taken a GIL whose holder was counted at this tick: one runs after the
 * other then, and not both. */
static int
has_counted_gil(struct sampler *s, const struct thread *t)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);
	raddr holder = 0;

	for (size_t i = 0; i < n && s->gils_counted; i++)
		if (s->gils_counted >> (i & 63) & 1 && read_holder(s, &gils[i], &holder) == OK &&
		    holder == t->tstate)
			return 1;
	return 0;
}

/* Samples and counts one thread that is wanted; what fails is listed.  *ran: whether it ran
 * Python, as far as is known. */
static enum why
sample_thread(struct sampler *s, struct thread *t, unsigned flags, int *ran, size_t *n_lost)
{
	raddr holder = t->tstate;
	int planned = t->planned != NULL;
	size_t frames;
	enum why why;

	stack_of(s, t);
	t->planned = NULL;
	why = t->early == s->tick ? OK : capture_planned(s->capturer, t, planned, flags, &holder);
	if (why == OK && holder != t->tstate && is_on_cpu(s, t)) { /* detached meanwhile */
		holder = t->tstate;
		why = capture_planned(s->capturer, t, 0, 0, &holder);
	}
	if (why == OK && holder == t->tstate) {
		if (has_counted_gil(s, t))
			return OK;
		t->still_since = HAS_KERNEL && t->copied ? 0 : threads_spell(s->threads);
		stack_frames(t->stack, &frames);
		cpu_settle(s->cpu, t, frames > 0);
		if (frames && !threads_is_as_listed(s->threads, t))
			why = TORN;
		else if (frames || !t->older) /* else that one may run Python */
			*ran = count_stack(s, t, 0) || count_bare(s, t);
	}
	if (why != OK && why != GONE) {
		s->lost = grow(s->lost, *n_lost, &s->cap_lost, sizeof *s->lost);
		s->lost[(*n_lost)++] = (struct lost){ t->tstate, why };
	}
	return why;
}

/* The state of a task's that has the GIL, NULL if none has.  t: the newest. */
static struct thread *
holder_of_task(struct sampler *s, struct thread *t)
{
	if (!t->older)
		return NULL;
	note_holders_once(s);
	while (t && !t->holds_gil)
		t = t->older;
	return t;
}

/* Samples one task: of its thread states, that which has the GIL, else the newest that runs
 * Python.  (To enter another interpreter, a thread takes on another state.) */
static enum why
sample_task(struct sampler *s, struct thread *t, unsigned flags, int *ran, size_t *n_lost)
{
	struct thread *first;
	enum why why = OK;
	int done = 0;

	while (t->newer)
		t = t->newer;
	first = holder_of_task(s, t);
	if (first && first->wanted == WANTED)
		why = sample_thread(s, first, flags, &done, n_lost);
	for (; t && why == OK && !done; t = t->older)
		if (t->wanted == WANTED && t != first)
			why = sample_thread(s, t, flags, &done, n_lost);
	*ran |= done;
	for (; t; t = t->older)
		t->planned = NULL;
	return why;
}

/* ---- all threads in one call ---- */

/* Plans what to read of the threads that are wanted, less those that stand still: the
 * newest first, as the lists have them. */
static void
plan_stacks(struct sampler *s, int quick)
{
	size_t head = threads_head(s->threads), n;
	struct thread *const *threads = threads_all(s->threads, &n);

	while (n-- > 0) {
		struct thread *t = threads[n];

		t->planned = NULL;
		if (t->wanted != WANTED || t->restless || (HAS_NATIVE && s->native) ||
		    (quick && threads_is_still(s->threads, t)))
			continue;
		t->planned = stack_plan(s->stacks, stack_of(s, t), t->tstate, head);
		if (t->planned)
			batch_add(&s->batch, t->planned);
	}
}

/* What could not be read is not planned any more. */
static void
drop_unread(struct sampler *s)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	for (size_t i = 0; i < n; i++)
		if (threads[i]->planned && snap_is_empty(threads[i]->planned))
			threads[i]->planned = NULL;
}

static void
drop_planned(struct sampler *s)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	for (size_t i = 0; i < n; i++)
		threads[i]->planned = NULL;
}

/* Reads, in one call, who there is and what those that are wanted are doing.  For
 * `quick` see threads.h. */
static enum why
read_batch(struct sampler *s, int quick)
{
	struct snap *shared;
	enum why why;

	batch_begin(&s->batch);
	batch_add(&s->batch, threads_snap(s->threads));
	shared = stacks_begin(s->stacks);
	plan_stacks(s, quick);
	threads_plan(s->threads, quick);
	batch_add(&s->batch, shared);
	why = batch_read(&s->batch);
	if (why != OK)
		drop_unread(s);
	return threads_conclude(s->threads, why, quick);
}

/* Finds out which threads are wanted, of those that are known and of those that are
 * new, and reads them. */
static enum why
read_threads(struct sampler *s)
{
	int attached = !s->options.all_threads && s->t->layout->free_threaded;
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);
	enum why why = AGAIN;

	for (size_t i = n; i-- > 0;)
		ask(s, threads[i]);
	if (s->options.pausing == PAUSE_ALWAYS)
		why = threads_refresh(s->threads);
	else if (threads_may_stand(s->threads))
		why = read_batch(s, 1);
	if (why == AGAIN)
		why = read_batch(s, 0);
	threads = threads_all(s->threads, &n);
	for (size_t i = n; i-- > 0 && why == OK;)
		if (threads[i]->wanted == UNASKED || attached)
			ask(s, threads[i]);
	return why;
}

/* Reads the thread that can't run as long as we are on its CPU, before all else. */
static void
read_waiting(struct sampler *s)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	if (preempt_pid() != process_pid(s->t->process))
		return;
	for (size_t i = 0; i < n; i++)
		if (threads[i]->task.tid == preempt_tid() && threads[i]->stack &&
		    capture_preempted(s->capturer, threads[i]))
			threads[i]->early = s->tick;
}

/*
 * Samples every thread, or every one that runs: in a free-threaded build those
 * attached to the interpreter, and where nobody says who holds the GIL those
 * that the kernel runs.
 */
static enum why
sample_all(struct sampler *s, int *ran)
{
	unsigned flags = !s->options.all_threads && s->t->layout->free_threaded ? STACK_ATTACHED : 0;
	struct thread *const *threads;
	enum why why = read_threads(s);
	size_t n, n_lost = 0;

	if (why != OK) {
		drop_planned(s);
		return why;
	}
	threads = threads_all(s->threads, &n);
	for (size_t i = 0; i < n && why != GONE; i++)
		if (!threads[i]->older)
			why = sample_task(s, threads[i], flags, ran, &n_lost);
	if (why == GONE) {
		drop_planned(s);
		return GONE;
	}
	count_lost(s, s->lost, n_lost);
	/* Those that failed are counted already; all of them means more. */
	return *ran || !n_lost ? OK : COUNTED;
}

/* ---- what runs without the GIL ---- */

/* Begins a tick of this, and now and then looks who there is. */
static enum why
look_for_sleepers(struct sampler *s)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	if (!sleepers_window(&s->sleepers, threads, n, s->now, &s->rouse))
		return OK;
	return sampler_list(s);
}

/* Whether a task was sampled at this tick, by any state of it.  t: the newest. */
static int
is_counted(const struct sampler *s, const struct thread *t)
{
	for (; t; t = t->older)
		if (t->counted == s->tick)
			return 1;
	return 0;
}

static void
want_task(struct thread *t)
{
	for (; t; t = t->older)
		t->wanted = WANTED;
}

/* Finds those that are on a CPU, but not one that was sampled as it has the GIL.  wanted:
 * those that have used it, UNASKED: those of which that is not seen. */
static void
ask_others(struct sampler *s)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	for (size_t i = 0; i < n; i++) {
		struct thread *t = threads[i];
		int is_first = !t->newer && !t->dead && !is_counted(s, t);

		t->wanted = UNWANTED;
		if (is_first && is_on_cpu(s, t))
			t->wanted = thread_has_used(t, s->since, !s->counts.ticks) ? WANTED :
			            thread_may_have_used(t, s->since) ? UNASKED : UNWANTED;
	}
	if (s->rouse)
		sleepers_asked(&s->sleepers, s->now, now_ns());
}

static enum why
sample_used(struct sampler *s, int *ran, size_t *n_lost)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);
	enum why why = OK;

	for (size_t i = 0; i < n && why != GONE; i++) {
		if (threads[i]->newer || threads[i]->wanted != WANTED)
			continue;
		want_task(threads[i]);
		why = sample_task(s, threads[i], 0, ran, n_lost);
	}
	return why == GONE ? GONE : OK;
}

/* Samples one that seems to be on a CPU, and if it can only be on its way to the GIL: one
 * after the other if there are several. */
static enum why
sample_seeming(struct sampler *s, int *ran, size_t *n_lost)
{
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	for (size_t i = 0; i < n && !*ran; i++) {
		struct thread *t = threads[(i + s->tick) % n];

		if (t->newer || t->wanted != UNASKED)
			continue;
		want_task(t);
		if (sample_task(s, t, 0, ran, n_lost) == GONE)
			return GONE;
	}
	return OK;
}

/* Samples what runs beside the holder of the GIL; where nothing is sure to, what seems to. */
static enum why
sample_others(struct sampler *s, int *ran)
{
	enum why why;
	size_t n_lost = 0;

	if (look_for_sleepers(s) == GONE)
		return GONE;
	ask_others(s);
	why = sample_used(s, ran, &n_lost);
	if (why == OK && !*ran && !n_lost)
		why = sample_seeming(s, ran, &n_lost);
	if (why == OK)
		count_lost(s, s->lost, n_lost);
	return why;
}

/* ---- one tick ---- */

/* Asking the kernel what each thread waits for takes longer than sampling it, so
 * that is done now and then. */
static void
note_time(struct sampler *s)
{
	enum { ASK_EACH_NS = 10000000 };
	int64_t before = s->ticked;

	if (s->options.mode != MODE_CPU && !s->options.count_waits)
		return;
	s->ticked = s->now;
	s->elapsed = before ? s->ticked - before : s->options.period;
	s->asks = s->options.count_waits && s->ticked - s->asked >= ASK_EACH_NS;
	if (s->asks)
		s->asked = s->ticked;
	if (s->options.mode == MODE_CPU)
		cpu_tick(s->cpu, s->elapsed / s->covered, s->covered);
}

/* Whether the GIL of a free-threaded build has been turned off meanwhile. */
static int
has_lost_gil(struct sampler *s)
{
	return s->t->layout->free_threaded && sampler_list(s) == OK && !sampler_has_gil(s);
}

/* Samples what this tick is to find; *ran is set if anything ran. */
static enum why
sample_tick(struct sampler *s, int *ran)
{
	enum why why = OK;

	if (s->options.all_threads) {
		read_waiting(s);
		return sample_all(s, ran);
	}
	if (!sampler_has_gil(s)) /* as far as has been listed */
		why = sampler_list(s);
	if (why != OK)
		return why;
	if (!sampler_has_gil(s))
		return look_for_sleepers(s) == GONE ? GONE : sample_all(s, ran);
	why = sample_holders(s, ran);
	if (why != OK || s->options.mode == MODE_GIL)
		return why;
	return !*ran && has_lost_gil(s) ? sample_all(s, ran) : sample_others(s, ran);
}

/* before: see sampler_tick(). */
static void
begin_tick(struct sampler *s, int64_t before)
{
	int64_t now = now_ns();

	s->covered = 1 + (s->counts.ticks ? before : 0); /* it has to have been there */
	s->n_counted = 0;
	s->gils_counted = 0;
	s->rouse = 0;
	s->tick++;
	s->since = s->now ? now - s->now : s->options.period;
	s->now = now;
}

enum why
sampler_tick(struct sampler *s, int64_t before)
{
	int ran = 0;
	enum why why;

	begin_tick(s, before);
	note_time(s);
	s->noted_holders = 0;
	why = sample_tick(s, &ran);
	if (why == OK && !ran && !s->options.all_threads)
		count_idle(s);
	if (HAS_LOGICAL && s->logical)
		logical_look_for_waits(s->logical, s->options.period);
	if (why != OK && why != COUNTED && why != GONE)
		count_failed(s, why);
	add_blame(s);
	count_tick(s);
	if (why == GONE)
		return GONE;
	if (s->counts.ticks++ % NOTE_CPU_EACH == 0)
		note_cpu(s);
	s->bad_ticks = why == OK || why == TORN ? 0 : s->bad_ticks + 1;
	return s->bad_ticks < BROKEN_TICKS ? OK : BROKEN;
}

void
sampler_leave_out(struct sampler *s, int64_t before)
{
	begin_tick(s, before);
	count_failed(s, DEEP);
	count_tick(s);
	s->counts.ticks++;
}

/* ---- for dumps ---- */

enum why
sampler_list(struct sampler *s)
{
	return threads_refresh(s->threads);
}

int
sampler_has_gil(const struct sampler *s)
{
	size_t n;

	threads_gils(s->threads, &n);
	return n > 0;
}

enum why
sampler_stack(struct sampler *s, struct thread *t, const uint32_t **frames, size_t *n)
{
	raddr holder = t->tstate;
	struct stack *stack = stack_of(s, t);
	enum why why = capture_stack(s->capturer, t, NULL, 0, &holder);

	if (why == OK)
		*frames = merged_frames(s, t, n);
	else
		*frames = stack_frames(stack, n);
	return why;
}

const uint32_t *
sampler_frames(struct sampler *s, const struct thread *t, size_t *n)
{
	return merged_frames(s, t, n);
}

enum why
sampler_stack_stopped(struct sampler *s, struct thread *t, void (*then)(void *), void *context)
{
	stack_of(s, t);
	return capture_stopped(s->capturer, t, then, context);
}

void
sampler_forget_stack(struct thread *t)
{
	stack_free(t->stack);
	t->planned = NULL; /* that was a part of it */
	t->stack = NULL;
	t->still_since = 0;
}

/* Threads that start or end while they are listed make it fail. */
static enum why
list_all(struct sampler *s)
{
	enum { TRIES = 20 };
	enum why why = TORN;

	for (int i = 0; i < TRIES && why != OK && why != GONE; i++)
		why = sampler_list(s);
	return why;
}

enum why
sampler_look(struct sampler *s, struct waits **waits)
{
	enum why why = list_all(s);
	size_t n;
	struct thread *const *threads = threads_all(s->threads, &n);

	if (why != OK)
		return why;
	note_holders(s);
	/* It is to know which of all wait for the same. */
	*waits = waits_new(s->t->process, (unsigned)s->t->layout->ptr);
	for (size_t i = 0; i < n; i++)
		if (!threads[i]->older)
			waits_note(*waits, &threads[i]->task);
	return OK;
}
