/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock, and what is taken at each of its ticks.
 *
 * Ticks are at absolute times; one that is over before it could be taken is
 * counted and not made up for.
 *
 * A thread is read while it runs.  Where the result can't be proven it is read
 * again, which favours code that holds still; so a thread that needs that more
 * than now and then (restless) is stopped for all its samples, microseconds
 * each, until it has been calm for a while.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "proc.h"
#include "profile.h"
#include "ptrace.h"
#include "code.h"
#include "target.h"
#include "stack.h"
#include "threads.h"
#include "sample.h"

enum {
	RESTLESS_AT = 3,       /* of the last 64 samples not proven at first */
	CALM_FOR = 0xff,       /* the last 8: after one that was not proven */
	READS = 3,             /* of a thread that moves now and then */
	READS_WITHOUT_STOP = 12, /* of one that moves all the time */
	AGREEING_READS = 3,
	STOPS = 3,
	STOP_AGAIN_NS = 50000,
	REFUSAL_NS = 10000000,
	MAX_REFUSAL_NS = 1000000000,
	STOP_COST_NS = 8000,   /* of noticing the stop and waking up, beside reading */
	STOPPED_PART = 50,     /* a thread may be stopped for one part in so many */
	WINDOW = 64,           /* ticks after which that is looked at again */
	STRIDE_1 = 256,        /* a stride of one tick */
	HANDOVERS = 8,         /* of the GIL during one sample */
	BROKEN_TICKS = 5,      /* in a row: this is another program by now */
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
	struct walker *walker;
	struct threads *threads;
	raddr last_holder;
	int64_t refused, refusal; /* when stopping a thread was last refused, and
	                           * for how long that is believed */
	int64_t start, next; /* of the clock: when tick 0 was, and which is due */
	uint64_t random;     /* see jitter() */
	int64_t stride, debt; /* ticks from one taken to the next, see spare() */
	int64_t window_ticks, window_stopped; /* since that was last decided */
	int64_t time;        /* of this tick, microseconds since the epoch */
	struct lost *lost; /* of this tick */
	size_t cap_lost;
	int bad_ticks;
	struct sample_counts counts;
	struct mem_counts before;
};

static void
attach(struct sampler *s, const struct target *t)
{
	s->t = t;
	s->codes = codes_new(t->mem, t->layout, s->profile, s->options.with_lines);
	s->walker = walker_new(t->mem, t->layout, s->codes);
	s->threads = threads_new(t);
	s->last_holder = 0;
	s->bad_ticks = 0;
	s->before = mem_counts(t->mem);
}

static void
detach(struct sampler *s)
{
	struct mem_counts now = mem_counts(s->t->mem);

	s->counts.calls += now.calls - s->before.calls;
	s->counts.bytes += now.bytes - s->before.bytes;
	threads_free(s->threads);
	walker_free(s->walker);
	codes_free(s->codes);
}

struct sampler *
sampler_new(const struct target *t, struct profile *profile, const struct sample_options *options)
{
	struct sampler *s = xcalloc(1, sizeof *s);

	s->profile = profile;
	s->options = *options;
	s->stride = STRIDE_1;
	attach(s, t);
	return s;
}

void
sampler_free(struct sampler *s)
{
	if (!s)
		return;
	detach(s);
	free(s->lost);
	free(s);
}

void
sampler_retarget(struct sampler *s, const struct target *t)
{
	detach(s);
	attach(s, t);
}

struct sample_counts
sampler_counts(const struct sampler *s)
{
	struct sample_counts counts = s->counts;
	struct mem_counts now = mem_counts(s->t->mem);

	counts.calls += now.calls - s->before.calls;
	counts.bytes += now.bytes - s->before.bytes;
	return counts;
}

struct threads *
sampler_threads(struct sampler *s)
{
	return s->threads;
}

/* ---- one stack ---- */

static void
remember_try(struct sampler *s, struct thread *t, int proven)
{
	t->history = t->history << 1 | !proven;
	if (!proven)
		s->counts.retried++;
	if (!proven || __builtin_popcountll(t->history) >= RESTLESS_AT)
		t->restless = 1;
	else if (!(t->history & CALM_FOR))
		t->restless = 0;
}

/* A refusal may be another tracer's visit: ask again after a while, a longer
 * one each time. */
static int
may_stop(const struct sampler *s)
{
	return s->options.pausing != PAUSE_NEVER &&
	       (!s->refused || now_ns() - s->refused > s->refusal);
}

static enum why
stop_and_read(struct sampler *s, struct thread *t)
{
	raddr holder;
	enum why why = t->tid ? ptrace_stop(t->tid) : DENIED;
	int64_t since;
	int first;

	if (why != OK) /* GONE is the thread only: it has ended meanwhile */
		return why == GONE ? TORN : why;
	s->refused = s->refusal = 0;
	since = now_ns();
	why = stack_read(s->walker, t->stack, t->tstate, NULL, STACK_STOPPED, &holder, &first);
	s->window_stopped += now_ns() - since + STOP_COST_NS;
	ptrace_resume(t->tid);
	s->counts.stopped++;
	return why;
}

/* Reads a stopped thread, once more if it was stopped in the few instructions
 * during which its frames do not hang together (it has to run in between), or
 * if another tracer has it, which may be as quick as we are. */
static enum why
read_stopped(struct sampler *s, struct thread *t)
{
	enum why why = stop_and_read(s, t);

	for (int i = 1; i < STOPS && why != OK && why != GONE; i++) {
		nanosleep(&(struct timespec){ 0, STOP_AGAIN_NS }, NULL);
		why = stop_and_read(s, t);
	}
	if (why == DENIED) {
		s->counts.may_not_stop = 1;
		s->refused = now_ns();
		s->refusal = s->refusal ? s->refusal * 2 : REFUSAL_NS;
		if (s->refusal > MAX_REFUSAL_NS)
			s->refusal = MAX_REFUSAL_NS;
	}
	return why;
}

/* Reads a thread that somebody else holds (stopped, frozen), if it has been
 * held throughout. */
static enum why
read_held(struct sampler *s, struct thread *t)
{
	char before = thread_state(s->threads, t);
	enum why why;
	raddr holder;
	int first;

	if (before != 'T' && before != 't' && before != 'D')
		return TORN;
	why = stack_read(s->walker, t->stack, t->tstate, NULL, STACK_HELD, &holder, &first);
	return thread_state(s->threads, t) == before ? why : TORN;
}

/*
 * Reads a restless thread that must not be stopped.  What one read accepts may
 * be the chance agreement of a program that goes round and round, so the thread
 * has to be found in the very same place several times in a row.
 */
static enum why
read_unstoppable(struct sampler *s, struct thread *t)
{
	raddr holder;
	int first, agreed = 0;

	if (read_held(s, t) == OK)
		return OK;
	for (int i = 0; i < READS_WITHOUT_STOP; i++) {
		enum why why = stack_read(s->walker, t->stack, t->tstate, NULL, 0, &holder, &first);

		if (why == GONE || why == DENIED)
			return why;
		agreed = why == OK && stack_unchanged(t->stack) ? agreed + 1 : 0;
		if (agreed == AGREEING_READS)
			return OK;
	}
	return TORN;
}

static int
is_idle(const struct sampler *s, struct thread *t)
{
	char state = thread_state(s->threads, t);

	return state && state != 'R';
}

/*
 * Reads a thread's stack, by whichever way its movements ask for.  The first
 * read decides whether the thread holds the GIL (or is attached), which takes
 * but one word and so cannot be torn; the stack may then be some microseconds
 * younger than that answer, so that threads that let go of the GIL meanwhile
 * are not left out.
 *
 * One that waits in the kernel does not move, and is not to be stopped: some
 * system calls (epoll_wait) would end with EINTR.
 */
static enum why
take(struct sampler *s, struct thread *t, const struct gil *gil, unsigned flags, raddr *holder)
{
	int asks = gil || flags, may = may_stop(s), first;
	int always = may && s->options.pausing == PAUSE_ALWAYS;
	enum why why = stack_read(s->walker, t->stack, t->tstate, gil, flags, holder, &first);

	if (why == GONE || why == DENIED || (why == OK && asks && *holder != t->tstate))
		return why;
	remember_try(s, t, why == OK && first);
	if (why == OK && !t->restless && !always)
		return OK;
	if (may && (always || t->restless) && !is_idle(s, t)) {
		enum why stopped = read_stopped(s, t);

		if (stopped != DENIED)
			return stopped;
		may = 0;
	}
	if (!may && t->restless)
		return why == OK && is_idle(s, t) ? OK : read_unstoppable(s, t);
	if (why != OK && read_held(s, t) == OK)
		return OK;
	for (int i = 1; i < READS && why != OK && why != GONE; i++)
		why = stack_read(s->walker, t->stack, t->tstate, NULL, 0, holder, &first);
	if (why == OK || why == GONE || !may)
		return why;
	return read_stopped(s, t);
}

/* ---- counting ---- */

/* Below the stacks of a thread, where the profile tells threads apart. */
static uint32_t
thread_root(struct sampler *s, struct thread *t)
{
	struct buf name = { 0 }, command = { 0 };

	if (!t->root) {
		thread_name(s->threads, t, &name);
		proc_command(s->t->pid, &command);
		buf_add(&name, "", 1);
		buf_add(&command, "", 1);
		t->root = 1 + profile_thread(s->profile, s->t->pid, t->tid, name.data, command.data);
		buf_free(&name);
		buf_free(&command);
	}
	return t->root - 1;
}

static void
count(struct sampler *s, uint32_t stack, int idle)
{
	profile_count(s->profile, stack);
	if (idle)
		profile_add(s->profile, PROFILE_IDLE, stack, 1);
	if (s->options.log)
		profile_log(s->profile, stack, s->time, idle);
}

/* Returns 0 if there was nothing to count: a thread that runs no Python. */
static int
count_stack(struct sampler *s, struct thread *t)
{
	uint32_t stack, root = s->options.tell_threads ? thread_root(s, t) : PROFILE_ROOT;

	stack = stack_in_profile(t->stack, s->profile, root);
	if (stack == root && !s->options.by_thread)
		return 0;
	count(s, stack, s->options.tell_idle && is_idle(s, t));
	s->counts.samples++;
	return 1;
}

static void
count_idle(struct sampler *s)
{
	s->counts.idle++;
	if (!s->options.exclude_idle && s->options.mode == MODE_WALL)
		count(s, PROFILE_ROOT, 0);
}

static void
count_failed(struct sampler *s, enum why why)
{
	s->counts.failed[why]++;
	profile_count_failed(s->profile);
	if (s->options.log)
		profile_log(s->profile, PROFILE_FAILED, s->time, 0);
}

/* ---- one tick ---- */

static struct thread *
find_thread(struct sampler *s, raddr tstate)
{
	struct thread *t = tstate ? threads_find(s->threads, tstate) : NULL;

	if (!t && tstate && threads_refresh(s->threads) == OK)
		t = threads_find(s->threads, tstate);
	return t;
}

static enum why
read_holder(struct sampler *s, const struct gil *gil, raddr *holder)
{
	unsigned char bytes[64];
	enum why why = gil->len <= sizeof bytes ?
	               mem_read(s->t->mem, gil->addr, bytes, gil->len) : BROKEN;

	if (why == OK)
		*holder = gil_holder(s->t->layout, gil, bytes);
	return why;
}

/* Samples the thread that holds this GIL, if any does; *ran is set then. */
static enum why
take_holder(struct sampler *s, struct gil gil, int *ran)
{
	struct thread *t = threads_find(s->threads, s->last_holder);
	raddr holder = 0;
	enum why why = OK;

	if (!t)
		why = read_holder(s, &gil, &holder);
	for (int i = 0; why == OK && i < HANDOVERS; i++) {
		if (!t) {
			if (!holder)
				return OK;
			t = find_thread(s, holder);
			if (!t) {
				/* It came and went: the list was older or is newer. */
				why = read_holder(s, &gil, &holder);
				continue;
			}
		}
		s->last_holder = t->tstate;
		why = take(s, t, &gil, 0, &holder);
		if (why == OK && holder == t->tstate) {
			*ran |= count_stack(s, t);
			return OK;
		}
		t = NULL;
	}
	s->last_holder = 0;
	return why == OK ? TORN : why;
}

static enum why
take_holders(struct sampler *s, int *ran)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);
	enum why why = OK;

	for (size_t i = 0; i < n && why == OK; i++) {
		why = take_holder(s, gils[i], ran);
		gils = threads_gils(s->threads, &n); /* may have been listed again */
	}
	return why;
}

/* Whether a thread of this tick is one to be sampled. */
static int
is_wanted(const struct sampler *s, struct thread *t)
{
	if (s->options.mode == MODE_CPU)
		return thread_on_cpu(s->threads, t, s->options.period);
	if (s->options.all_threads)
		return !s->options.exclude_idle || !is_idle(s, t);
	return s->t->layout->free_threaded ? t->attached : !is_idle(s, t);
}

/* Counts the samples that failed, but not those of threads that have ended. */
static void
count_lost(struct sampler *s, const struct lost *lost, size_t n)
{
	if (n)
		threads_refresh(s->threads);
	for (size_t i = 0; i < n; i++)
		if (threads_find(s->threads, lost[i].tstate))
			count_failed(s, lost[i].why);
}

/*
 * Samples every thread, or every one that runs: in a free-threaded build those
 * attached to the interpreter, and where nobody tells who holds the GIL those
 * that the kernel runs.
 */
static enum why
take_all(struct sampler *s, int *ran)
{
	unsigned flags = !s->options.all_threads && s->t->layout->free_threaded ? STACK_ATTACHED : 0;
	struct thread *const *threads;
	enum why why = threads_refresh(s->threads);
	size_t n, n_lost = 0;

	if (why != OK)
		return why;
	threads = threads_all(s->threads, &n);
	for (size_t i = 0; i < n && why != GONE; i++) {
		struct thread *t = threads[i];
		raddr holder = t->tstate;

		if (!is_wanted(s, t))
			continue;
		why = take(s, t, NULL, flags, &holder);
		if (why == OK && holder == t->tstate) {
			*ran |= count_stack(s, t);
		} else if (why != OK && why != GONE) {
			s->lost = grow(s->lost, n_lost, &s->cap_lost, sizeof *s->lost);
			s->lost[n_lost++] = (struct lost){ t->tstate, why };
		}
	}
	count_lost(s, s->lost, n_lost);
	if (why == GONE)
		return GONE;
	/* Those that failed are counted already; all of them means more. */
	return *ran || !n_lost ? OK : WHY_COUNT;
}

static int64_t
epoch_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static enum why
tick(struct sampler *s)
{
	size_t n;
	int ran = 0;
	enum why why = OK;

	if (s->options.log)
		s->time = epoch_us();
	threads_gils(s->threads, &n);
	if (!n && !s->options.all_threads)
		why = threads_refresh(s->threads);
	threads_gils(s->threads, &n);
	if (why == OK)
		why = n && !s->options.all_threads ? take_holders(s, &ran) : take_all(s, &ran);
	if (why == OK && !ran && n && s->t->layout->free_threaded && !sampler_has_gil(s))
		why = take_all(s, &ran); /* it was turned off meanwhile */
	if (why == GONE)
		return GONE;
	if (why == OK && !ran && !s->options.all_threads)
		count_idle(s);
	if (why != OK && why != WHY_COUNT)
		count_failed(s, why);
	s->counts.ticks++;
	s->bad_ticks = why == OK || why == TORN ? 0 : s->bad_ticks + 1;
	return s->bad_ticks < BROKEN_TICKS ? OK : BROKEN;
}

/* ---- the clock ---- */

int
sample_wait(int64_t ns, const void *sigset, sample_event *event, void *context)
{
	int64_t deadline = now_ns() + ns;
	siginfo_t info;
	int signal;

	do {
		int64_t left = deadline - now_ns();
		struct timespec timeout = { 0, 0 };

		if (left > 0)
			timeout = (struct timespec){ left / 1000000000, left % 1000000000 };
		signal = sigtimedwait(sigset, &info, &timeout);
		ptrace_service();
		if (event(context, signal > 0 ? &info : NULL))
			return 1;
	} while (signal > 0 || now_ns() < deadline);
	return 0;
}

/* Ticks whose time is over when the next one's has come already are missed;
 * the last one of all is taken however late. */
static void
skip_missed(struct sampler *s)
{
	int64_t due = (now_ns() - s->start) / s->options.period, last = s->options.ticks - 1;

	if (s->options.ticks >= 0 && due > last)
		due = last;
	if (due <= s->next)
		return;
	s->counts.missed += (uint64_t)(due - s->next);
	s->next = due;
}

/*
 * How long after its time a tick is taken: up to half a period, at random, so
 * that no program's own rhythm is in step with the samples.  (xorshift64*,
 * S. Vigna, "An experimental exploration of Marsaglia's xorshift generators".)
 */
static int64_t
jitter(struct sampler *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (int64_t)((s->random * 0x2545f4914f6cdd1du >> 33) % (uint64_t)(s->options.period / 2));
}

/*
 * If samples take so much stopping that the target would stand still for more
 * than one part in fifty, ticks are left out: evenly, whatever the target does
 * at the time, since to leave out only where stopping was needed would favour
 * code that holds still.
 */
static void
spare(struct sampler *s)
{
	int64_t left = s->options.ticks - 1 - s->next, skip;

	if (++s->window_ticks == WINDOW) {
		int64_t allowed = s->options.period * WINDOW / STOPPED_PART;

		s->stride = s->window_stopped * STRIDE_1 / allowed;
		if (s->stride < STRIDE_1 || s->options.pausing == PAUSE_ALWAYS)
			s->stride = STRIDE_1;
		s->window_ticks = s->window_stopped = 0;
	}
	s->debt += s->stride - STRIDE_1;
	skip = s->debt / STRIDE_1;
	s->debt -= skip * STRIDE_1;
	if (s->options.ticks >= 0 && skip > left)
		skip = left > 0 ? left : 0;
	s->next += skip;
	s->counts.spared += (uint64_t)skip;
}

enum why
sampler_run(struct sampler *s, const void *sigset, sample_event *event, void *context)
{
	if (!s->start) {
		s->start = now_ns();
		s->random = s->options.seed ? s->options.seed : (uint64_t)s->start;
	}
	while (s->options.ticks < 0 || s->next < s->options.ticks) {
		enum why why;

		int64_t due = s->start + s->next * s->options.period + jitter(s);

		if (sample_wait(due - now_ns(), sigset, event, context))
			return OK;
		skip_missed(s);
		why = tick(s);
		spare(s);
		s->next++;
		if (why != OK)
			return why;
	}
	return OK;
}

/* ---- for dumps ---- */

enum why
sampler_stack(struct sampler *s, struct thread *t, const uint32_t **frames, size_t *n)
{
	raddr holder = t->tstate;
	enum why why = take(s, t, NULL, 0, &holder);

	*frames = stack_frames(t->stack, n);
	return why;
}

int
sampler_has_gil(struct sampler *s)
{
	size_t n;

	threads_refresh(s->threads);
	threads_gils(s->threads, &n);
	return n > 0;
}

int
sampler_holds_gil(struct sampler *s, const struct thread *t)
{
	size_t n;
	const struct gil *gils = threads_gils(s->threads, &n);

	for (size_t i = 0; i < n; i++) {
		raddr holder;

		if (read_holder(s, &gils[i], &holder) == OK && holder == t->tstate)
			return 1;
	}
	return 0;
}
