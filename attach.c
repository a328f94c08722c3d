/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching.  A process that was given has to be a Python that can be read, though one
 * that is just starting gets a moment; where processes are followed, those that were
 * given are only where that begins.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "util.h"
#include "watch.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "target.h"
#include "sample.h"
#include "group.h"
#include "options.h"
#include "summary.h"
#include "attach.h"

enum { START_PATIENCE_MS = 2000, POLL_MS = 2, MOST_MS = 10000 };

int
attach_is_following(const struct options *o)
{
	return o->children || o->all;
}

static enum status
status_of(enum target_answer answer)
{
	switch (answer) {
	case TARGET_DENIED:
		return NOT_PERMITTED;
	case TARGET_GONE:
		return NO_PROCESS;
	case TARGET_READY:
		return DONE;
	default:
		return NOT_PYTHON;
	}
}

/* ---- those that were given ---- */

/* Appends the descendants that are Python, as "; its Python children: ...". */
static void
list_python_children(int pid, struct buf *out)
{
	struct buf children = { 0 };

	summary_children(pid, &children);
	if (children.len)
		buf_printf(out, "; its Python children: %.*s", (int)children.len - 2, children.data + 2);
	buf_free(&children);
}

static void
say_stuck(int pid)
{
	warn("pid %d is stuck, reads of it do not come back", pid);
}

/* Opens a target or says why that can't be done.  *ended: it is time to end. */
static enum status
open_target(const struct attach *a, int pid, int *ended)
{
	struct buf reason = { 0 };
	struct target target;
	enum target_answer answer;
	unsigned given_up = watch_given_up();

	for (int waited = 0;; waited += POLL_MS) {
		reason.len = 0;
		mem_limit(MOST_MS * MS);
		answer = target_open(process_open(pid), a->options->abi, &target, &reason);
		if (answer != TARGET_STARTING || waited >= START_PATIENCE_MS)
			break;
		*ended = a->wait(a->context, now_ns() + POLL_MS * MS);
		if (*ended)
			break;
	}
	if (answer != TARGET_READY && watch_given_up() != given_up) {
		say_stuck(pid);
		buf_free(&reason);
		return FAILURE;
	}
	if (answer == TARGET_NOT_PYTHON)
		list_python_children(pid, &reason);
	if (answer == TARGET_READY)
		group_adopt(a->group, &target);
	if (reason.len && (answer != TARGET_READY || !a->options->quiet))
		warn("%.*s", (int)reason.len, reason.data);
	buf_free(&reason);
	return status_of(answer);
}

/* Opens all that were given; one of them has to be there.  If that had to be given up it
 * goes on after the one that was to be opened. */
static enum status
open_targets(struct attach *a)
{
	enum status first = a->opened ? FAILURE : DONE;
	int ended = 0;

	if (a->opened)
		say_stuck(a->options->pids[a->opened - 1]);
	while (a->opened < a->options->n_pids && !ended) {
		enum status status = open_target(a, a->options->pids[a->opened++], &ended);

		if (first == DONE)
			first = status;
	}
	return group_ready(a->group) ? DONE : first;
}

/* ---- those that are followed ---- */

enum status
attach_nothing_sampled(const struct attach *a)
{
	const struct options *o = a->options;
	struct buf reason = { 0 };
	enum target_answer answer = group_answer(a->group, &reason);
	int ended = answer == TARGET_STARTING && !group_is_starting(a->group);

	if (o->all && answer == TARGET_DENIED)
		warn("no Python that may be read is running; for one: %.*s", (int)reason.len,
		     reason.data);
	else if (o->all)
		warn("no Python is running; start it first, or use -t");
	else if (ended)
		warn("pid %d ended before the first sample", o->pids[0]);
	else if (answer == TARGET_NOT_PYTHON)
		warn("%.*s, and no process that descends from it is Python", (int)reason.len,
		     reason.data);
	else
		warn("%.*s", (int)reason.len, reason.data);
	buf_free(&reason);
	return status_of(ended ? TARGET_GONE : answer);
}

/* Whether a Python may come to be among the descendants of what was given, to wait for. */
static int
may_come(const struct attach *a)
{
	const struct options *o = a->options;
	struct buf reason = { 0 };
	enum target_answer answer = group_answer(a->group, &reason);

	buf_free(&reason);
	return answer == TARGET_NOT_PYTHON && group_size(a->group) && !o->all && !o->dump;
}

/* Finds the first of those that are to be followed. */
static enum status
find_targets(const struct attach *a)
{
	int64_t deadline = now_ns() + START_PATIENCE_MS * MS;

	for (size_t i = 0; i < a->options->n_pids; i++)
		group_add(a->group, a->options->pids[i]);
	do {
		group_look(a->group);
		if (group_ready(a->group))
			return DONE;
	} while (group_is_starting(a->group) && now_ns() < deadline &&
	         !a->wait(a->context, group_look_due(a->group)));
	return may_come(a) ? DONE : attach_nothing_sampled(a);
}

enum status
attach_targets(struct attach *a)
{
	return attach_is_following(a->options) ? find_targets(a) : open_targets(a);
}

static void
say_launched(const struct attach *a)
{
	struct buf first = { 0 };

	process_title(group_target(a->group, 0)->process, &first);
	warn("hint: %s is not Python, so its children are followed, as with --children; the first "
	     "is %.*s", a->options->command[0], (int)first.len, first.data);
	buf_free(&first);
}

int
attach_command(struct attach *a, int pid)
{
	group_add(a->group, pid);
	for (;;) {
		group_look(a->group);
		if (group_ready(a->group))
			break;
		if (a->wait(a->context, group_look_due(a->group)))
			return -1;
	}
	a->launched = group_settle(a->group);
	a->options->children |= a->launched;
	if (a->launched && !a->options->quiet)
		say_launched(a);
	return 0;
}
