/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread is read while it runs.  Where the result can't be proven it is read
 * again, which favours code that holds still; so of a thread that needs that more
 * than now and then (restless) all samples that run are taken by the kernel, or, where that
 * may not be, by us on its own CPU, where it cannot run then, until it has been quiet for a
 * while.  What is left is taken with the thread stopped, microseconds each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "util.h"
#include "proc.h"
#include "process.h"
#include "preempt.h"
#include "kernel/kernel.h"
#include "native/native.h"
#include "thread.h"
#include "threads.h"
#include "stack.h"
#include "tasks/logical.h"
#include "capture.h"

enum {
	RESTLESS_AT = 3,       /* of the last 64 samples not proven at first */
	QUIET_FOR = 0xff,      /* the last 8 samples, all proven at first: it is not any more */
	READS = 3,             /* of a thread that moves now and then */
	READS_WITHOUT_STOP = 12, /* of one that moves all the time */
	AGREEING_READS = 3,    /* in a row, of those: enough to believe them */
	STOPS = 5,             /* of a thread whose frames do not hang together when it stops */
	STOP_AGAIN_NS = 50000, /* and four times as long before each further one */
	REFUSAL_NS = 10000000,
	MAX_REFUSAL_NS = 1000000000,
	AROUND_NS = 40000,     /* that a stop costs a thread besides: what the scheduler takes for
	                        * running, being stopped and let go, and finding the caches cold */
	PROBE_EACH = 16,       /* samples that the kernel takes: whether it still has to */
	REST = 8,              /* samples that are taken otherwise, where it often can't; */
	MAX_REST = 1 << 20,    /* twice as many each further time */
	PREEMPTED = 4,         /* samples of one that cannot run meanwhile, after which it has to show
	                        * again that it is restless; and twice as many each further time */
	MAX_PREEMPTED = 1 << 16,
	CALM = 8,              /* samples in a row after which that begins anew; */
	MORE = 16,             /* so many times as many where more is to be known of the moment */
};

struct capturer {
	struct stacks *stacks;
	struct threads *threads;
	struct native *native; /* NULL: nobody wants C stacks */
	enum pausing pausing;
	int hasty, strict;
	int64_t refused, refusal; /* when stopping a thread was last refused, and
	                           * for how long that is believed */
	uint64_t refusals;        /* of all times */
	void (*then)(void *);     /* to be called while a thread is stopped; NULL: nothing is */
	void *context;
	enum why (*seen)(void *, struct thread *); /* the same, whenever one is; NULL: nothing */
	void *seen_context;
	struct capture_counts counts;
};

struct capturer *
capturer_new(struct stacks *stacks, struct threads *threads, struct native *native,
             enum pausing pausing, int hasty, int strict)
{
	struct capturer *k = xcalloc(1, sizeof *k);

	*k = (struct capturer){ .stacks = stacks, .threads = threads, .native = native,
	                        .pausing = pausing, .hasty = hasty, .strict = strict };
	return k;
}

void
capturer_free(struct capturer *k)
{
	free(k);
}

void
capturer_tell(struct capturer *k, enum why (*seen)(void *, struct thread *), void *context)
{
	k->seen = seen;
	k->seen_context = context;
}

/* Another tracer may have had a thread for a moment; but what is refused again, and more
 * often than not, is not permitted. */
static int
may_not_stop(const struct capturer *k)
{
	return k->refusals > 1 && k->refusals > k->counts.stopped;
}

struct capture_counts
capturer_counts(const struct capturer *k)
{
	struct capture_counts counts = k->counts;

	counts.may_not_stop = may_not_stop(k);
	return counts;
}

/* It has become restless, or is so no more.  Of one that was quiet for long it is not known for how
 * long that will be. */
static void
set_restless(const struct capturer *k, struct thread *t, int restless)
{
	unsigned calm = HAS_LOGICAL && k->seen ? CALM * MORE : CALM;

	if (restless && t->so_far > calm)
		t->preempts = 0;
	t->restless = restless;
	t->so_far = 0;
}

static void
remember_try(struct capturer *k, struct thread *t, int proven)
{
	int restless = t->restless;

	t->history = t->history << 1 | !proven;
	if (!proven)
		k->counts.retried++;
	if (!proven || __builtin_popcountll(t->history) >= RESTLESS_AT)
		restless = 1;
	else if (!(t->history & QUIET_FOR))
		restless = 0;
	if (restless != t->restless)
		set_restless(k, t, restless);
	else if (!restless)
		t->so_far++;
}

void
capture_was_late(struct capturer *k, struct thread *t)
{
	t->history |= 1;
	if (!t->restless)
		set_restless(k, t, 1);
}

/* A refusal may be another tracer's visit: ask again after a while, a longer
 * one each time. */
static int
may_stop(const struct capturer *k)
{
	return k->pausing != PAUSE_NEVER &&
	       (!k->refused || now_ns() - k->refused > k->refusal);
}

/* One that is ending is refused as well, and so is one whose id is not known. */
static int
is_alive(struct thread *t)
{
	char state = thread_state(t);

	return state && state != 'Z' && state != 'X';
}

/* ---- while it is stopped ---- */

/* Something that is done with a thread while it cannot move. */
typedef enum why stopped_action(struct capturer *, struct thread *);

/* Stops a thread, does that, and lets it go: what came of it, or why not.  *ran_on: it did
 * not stop, as it has no CPU or has ended. */
static enum why
while_stopped(struct capturer *k, struct thread *t, stopped_action *action, int *ran_on)
{
	enum why why = task_stop(t->process, &t->task);
	int64_t since = now_ns();

	*ran_on = why == TORN || why == GONE;
	if (why != OK) /* GONE is the thread only: it has ended meanwhile */
		return why == GONE ? TORN : why;
	k->refused = k->refusal = 0;
	why = action(k, t);
	task_resume(t->process, &t->task);
	k->counts.stopped_ns += now_ns() - since + AROUND_NS;
	k->counts.stopped++;
	return why;
}

static enum why
read_as(struct capturer *k, struct thread *t, unsigned flags)
{
	raddr holder;
	int first;
	enum why why = stack_read(k->stacks, t->stack, t->tstate, NULL, flags, &holder, &first);

	if (HAS_NATIVE && k->native)
		native_take(k->native, &t->task, &t->room);
	if (why == OK && k->then)
		k->then(k->context);
	if (HAS_LOGICAL && why == OK && k->seen)
		why = k->seen(k->seen_context, t);
	return why;
}

static enum why
read_standing(struct capturer *k, struct thread *t)
{
	return read_as(k, t, STACK_STOPPED);
}

/* Unless that would take long. */
static enum why
read_shortly(struct capturer *k, struct thread *t)
{
	return read_as(k, t, STACK_STOPPED | STACK_ONCE);
}

static void
note_refusal(struct capturer *k, struct thread *t)
{
	k->refusals += (uint64_t)is_alive(t);
	k->refused = now_ns();
	k->refusal = k->refusal ? k->refusal * 2 : REFUSAL_NS;
	if (k->refusal > MAX_REFUSAL_NS)
		k->refusal = MAX_REFUSAL_NS;
}

/* What would take long while a thread stands is done while it runs: code objects that are new are
 * decoded, of the stack that it has then, which most likely is much the same. */
static enum why
read_briefly(struct capturer *k, struct thread *t, int *ran_on)
{
	raddr holder;
	int first;
	enum why why = while_stopped(k, t, read_shortly, ran_on);

	if (*ran_on || why != TORN)
		return why;
	stack_read(k->stacks, t->stack, t->tstate, NULL, 0, &holder, &first);
	return while_stopped(k, t, read_standing, ran_on);
}

/* Reads a stopped thread, again if it was stopped in the few instructions
 * during which its frames do not hang together (it has to run in between, for
 * which it may have to wait), or if another tracer has it, which may be as quick
 * as we are. */
static enum why
read_stopped(struct capturer *k, struct thread *t)
{
	int ran_on;
	enum why why = read_briefly(k, t, &ran_on);

	for (int i = 1; i < STOPS && !ran_on && why != OK && why != GONE && why != DEEP; i++) {
		nanosleep(&(struct timespec){ 0, STOP_AGAIN_NS << 2 * (i - 1) }, NULL);
		why = while_stopped(k, t, read_standing, &ran_on);
	}
	if (why == DENIED)
		note_refusal(k, t);
	return why;
}

enum why
capture_stopped(struct capturer *k, struct thread *t, void (*then)(void *), void *context)
{
	enum why why;

	if (!may_stop(k))
		return DENIED;
	k->then = then;
	k->context = context;
	do
		why = read_stopped(k, t);
	while (HAS_NATIVE && k->native && why == OK &&
	       native_end(k->native, &t->task, &t->room) == AGAIN);
	k->then = NULL;
	return why;
}

/* ---- where that does not help ---- */

/* Reads a thread that somebody else holds (stopped, frozen), if it has been
 * held throughout. */
static enum why
read_held(struct capturer *k, struct thread *t)
{
	char before = thread_state(t);
	enum why why;
	raddr holder;
	int first;

	if (before != 'T' && before != 't' && before != 'D')
		return TORN;
	why = stack_read(k->stacks, t->stack, t->tstate, NULL, STACK_HELD, &holder, &first);
	return thread_state(t) == before ? why : TORN;
}

/*
 * Reads a restless thread that must not be stopped.  What one read accepts may
 * be the chance agreement of a program that goes round and round, so the thread
 * has to be found in the very same place several times in a row.
 */
static enum why
read_unstoppable(struct capturer *k, struct thread *t)
{
	raddr holder;
	int first, agreed = 0;
	enum why last = TORN;

	if (read_held(k, t) == OK)
		return OK;
	for (int i = 0; i < READS_WITHOUT_STOP; i++) {
		enum why why = stack_read(k->stacks, t->stack, t->tstate, NULL, 0, &holder, &first);

		if (why == GONE || why == DENIED || why == DEEP)
			return why;
		last = why == OK ? TORN : why;
		agreed = why == OK && stack_unchanged(t->stack) ? agreed + 1 : 0;
		if (agreed == AGREEING_READS)
			return OK;
	}
	return last;
}

/* Whether what runs is stopped for every sample. */
static int
stops_always(const struct capturer *k)
{
	return k->pausing == PAUSE_ALWAYS || (HAS_NATIVE && k->native);
}

/* ---- from its own CPU ---- */

/* Notes one more sample of a thread that can't show that it is restless, as we are where it would
 * run: now and then it is to show that again. */
static void
note_preempted(struct capturer *k, struct thread *t)
{
	k->counts.preempted++;
	preempt_stay(t->process, &t->task);
	if (!t->preempts)
		t->preempts = HAS_LOGICAL && k->seen ? PREEMPTED * MORE : PREEMPTED;
	if (++t->so_far < t->preempts)
		return;
	if (t->preempts < MAX_PREEMPTED)
		t->preempts *= 2;
	t->history = 0;
	set_restless(k, t, 0);
	preempt_unwant();
}

/* Whether somebody else holds what this one had to: then nothing is to be known of it. */
static int
is_another(const struct thread *t, const struct gil *gil, unsigned flags, raddr holder)
{
	return (gil || flags) && holder != t->tstate;
}

/* Reads a thread that does not run, as we are on its CPU. */
static enum why
read_preempted(struct capturer *k, struct thread *t, const struct gil *gil, unsigned flags,
               raddr *holder)
{
	uint64_t turns;
	int first;
	enum why why;

	if (!preempt_begin(t->process, &t->task, &turns))
		return TORN;
	why = stack_read(k->stacks, t->stack, t->tstate, gil, flags | STACK_HELD | STACK_ONCE,
	                 holder, &first);
	if (HAS_LOGICAL && why == OK && k->seen && !is_another(t, gil, flags, *holder))
		why = k->seen(k->seen_context, t);
	if (!preempt_held(t->process, &t->task, turns)) {
		stack_forget(t->stack);
		return TORN;
	}
	if (why == OK && !is_another(t, gil, flags, *holder))
		note_preempted(k, t);
	return why;
}

int
capture_preempted(struct capturer *k, struct thread *t)
{
	raddr holder;

	if (!t->restless || stops_always(k) || !preempt_is_on())
		return 0;
	t->copied = 0;
	return read_preempted(k, t, NULL, 0, &holder) == OK;
}

/* ---- the choice ---- */

/* Reads a thread that did not stop in time: it has no CPU, and will execute nothing until
 * it has stopped, so it may be anywhere, and stay there for long. */
static enum why
read_stopping(struct capturer *k, struct thread *t)
{
	raddr holder;
	int first;

	if (!task_is_stopping(t->process, &t->task))
		return TORN;
	return stack_read(k->stacks, t->stack, t->tstate, NULL, STACK_HELD, &holder, &first);
}

/* Reads a thread that has to be stopped.  DENIED: it may not be. */
static enum why
read_restless(struct capturer *k, struct thread *t)
{
	enum why why = read_stopped(k, t);

	if (why == TORN)
		why = read_stopping(k, t);
	return why == TORN ? read_unstoppable(k, t) : why;
}

/* Reads a thread once more that moves now and then; it is stopped at last, if it may be. */
static enum why
read_again(struct capturer *k, struct thread *t, enum why why, int may, raddr *holder)
{
	int first;

	if (why != OK && read_held(k, t) == OK)
		return OK;
	for (int i = 1; i < READS && why != OK && why != GONE; i++)
		why = stack_read(k->stacks, t->stack, t->tstate, NULL, 0, holder, &first);
	return why == OK || why == GONE || !may ? why : read_restless(k, t);
}

/* Whether there is nothing to gain from another read.  What is too deep does not get less
 * so, and costs most. */
static int
is_final(enum why why)
{
	return why == GONE || why == DENIED || why == DEEP;
}

/* Whether the kernel may take samples of a thread.  What else is to be known of a moment can't be
 * found out later. */
static int
may_ask_kernel(const struct capturer *k, const struct thread *t)
{
	return HAS_KERNEL && kernel_is_open() && !(HAS_LOGICAL && k->seen) && !t->resting;
}

/* Whether it may that of a restless one, which has to run for that.
 * asked: it has been, for this one. */
static int
may_copy(const struct capturer *k, struct thread *t, int asked)
{
	return may_ask_kernel(k, t) && (t->restless || stops_always(k)) && !asked &&
	       (HAS_NATIVE && k->native ? native_room(k->native, &t->room) && native_runs(k->native) :
	                                  !thread_is_idle(t));
}

/* At the next sample we should be on the thread's CPU, unless the kernel is to take that. */
static void
want_preempted(const struct capturer *k, struct thread *t)
{
	if (!may_ask_kernel(k, t))
		preempt_want(t->process, &t->task);
}

/* Where it can't more often than now and then, as stacks are too deep or code objects new, all
 * samples are to be taken otherwise: those few that it can take would have too large a
 * share. */
static void
note_copy(struct capturer *k, struct thread *t, int copied)
{
	k->counts.copied += (uint64_t)copied;
	k->counts.uncopied += (uint64_t)!copied;
	t->in_vain = t->in_vain << 1 | !copied;
	if (__builtin_popcountll(t->in_vain) < RESTLESS_AT)
		return;
	t->rest = t->rest ? t->rest * 2 : REST;
	if (t->rest > MAX_REST)
		t->rest = MAX_REST;
	t->resting = t->rest;
	t->in_vain = 0;
	kernel_leave(t->task.tid);
}

static enum why
read_copied(struct capturer *k, struct thread *t, const struct gil *gil, unsigned flags,
            raddr *holder)
{
	int with_c = HAS_NATIVE && k->native;
	enum why why = stack_take(k->stacks, t->stack, t->tstate, t->task.tid, gil,
	                          flags | (k->hasty ? STACK_HASTY : 0) |
	                          (k->strict ? STACK_THEN : 0),
	                          with_c ? native_room(k->native, &t->room) : 0, holder);

	if (with_c && why == OK && (!gil || *holder == t->tstate) && native_adopt(k->native, &t->room))
		why = DEEP;
	t->copied = why == OK;
	if (why != FAULT && (why != OK || !gil || *holder == t->tstate))
		note_copy(k, t, why == OK);
	return why;
}

/* Now and then a restless thread is read as others are, to see whether it still is. */
static int
is_probed(const struct capturer *k, struct thread *t)
{
	if (!HAS_KERNEL)
		return 0;
	t->resting -= t->resting > 0;
	return stops_always(k) ? !t->copies++ : t->copies++ % PROBE_EACH == 0;
}

/* Whether it does nothing, and what is known of it is enough: of what a signal has stopped the
 * registers may be asked for, which leaves it stopped. */
static int
is_at_rest(const struct capturer *k, struct thread *t)
{
	return thread_is_idle(t) && !(HAS_NATIVE && k->native && native_lacks(k->native) &&
	                              thread_state(t) == 'T');
}

/* A thread that waits in the kernel does not move, and is not to be stopped:
 * some system calls (epoll_wait) would end with EINTR. */
static enum why
capture_once(struct capturer *k, struct thread *t, const struct gil *gil, unsigned flags,
             raddr *holder)
{
	int may = may_stop(k), copying = may_copy(k, t, is_probed(k, t)), first;
	int always = may && stops_always(k);
	enum why why, stopped;

	if (copying && read_copied(k, t, gil, flags, holder) == OK)
		return OK;
	t->copied = 0;
	if (t->restless && !stops_always(k) && preempt_is_on() &&
	    read_preempted(k, t, gil, flags, holder) == OK)
		return OK;
	why = stack_read(k->stacks, t->stack, t->tstate, gil, flags, holder, &first);
	if (is_final(why) || (why == OK && is_another(t, gil, flags, *holder)))
		return why;
	remember_try(k, t, why == OK && first);
	if (why == OK && !t->restless && !always)
		return OK;
	if (may_copy(k, t, copying && !stops_always(k)) && read_copied(k, t, gil, flags, holder) == OK)
		return OK;
	if (may && (always || t->restless) && !is_at_rest(k, t)) {
		preempt_stops();
		stopped = read_restless(k, t);
		if (stopped != DENIED) {
			want_preempted(k, t);
			return stopped;
		}
		may = 0;
	}
	if (!may && t->restless) {
		want_preempted(k, t);
		return why == OK && thread_is_idle(t) ? OK : read_unstoppable(k, t);
	}
	return read_again(k, t, why, may, holder);
}

/* The same with the thread's C stack, if that can be had: Python's is good without.  What waits,
 * and has not run since, is what it was. */
static enum why
capture_both(struct capturer *k, struct thread *t, const struct gil *gil, unsigned flags,
             raddr *holder)
{
	enum { TRIES = 10 };

	for (int i = 0; i < TRIES; i++) {
		int64_t used = native_begin(k->native, &t->task);
		enum why why;

		if (used && used == t->rested && t->both && !gil && !flags)
			return OK;
		t->rested = t->both = 0;
		why = capture_once(k, t, gil, flags, holder);
		if (why != OK || is_another(t, gil, flags, *holder))
			return why;
		why = native_end(k->native, &t->task, &t->room);
		if (why == OK && !(HAS_KERNEL && t->copied))
			t->rested = used;
		if (why == OK || !(used || may_stop(k)))
			break;
	}
	return OK;
}

enum why
capture_stack(struct capturer *k, struct thread *t, const struct gil *gil, unsigned flags,
              raddr *holder)
{
	return HAS_NATIVE && k->native ? capture_both(k, t, gil, flags, holder) :
	                                 capture_once(k, t, gil, flags, holder);
}

enum why
capture_planned(struct capturer *k, struct thread *t, int planned, unsigned flags, raddr *holder)
{
	if (HAS_NATIVE && k->native)
		return capture_stack(k, t, NULL, flags, holder);
	if (k->pausing != PAUSE_ALWAYS && threads_is_still(k->threads, t)) {
		remember_try(k, t, 1);
		return OK;
	}
	if (!planned || k->pausing == PAUSE_ALWAYS ||
	    stack_conclude(k->stacks, t->stack, flags, holder) != OK)
		return capture_stack(k, t, NULL, flags, holder);
	t->copied = 0;
	if (!flags || *holder == t->tstate)
		remember_try(k, t, 1);
	return OK;
}
