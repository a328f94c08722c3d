/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a run: to its profile as numbers and texts, which the formats
 * write down, and on stderr as sentences.  The sentences are of the whole run.
 * A profile may begin later (--rotate): what had been counted by then is none of
 * its own.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "proc.h"
#include "memory.h"
#include "ptrace.h"
#include "sandbox.h"
#include "process.h"
#include "kernel/kernel.h"
#include "waits/waits.h"
#include "target.h"
#include "thread.h"
#include "threads.h"
#include "tasks/logical.h"
#include "clock.h"
#include "sample.h"
#include "follow.h"
#include "group.h"
#include "options.h"
#include "output.h"
#include "summary.h"

/* ---- in the profile ---- */

char *
summary_version(unsigned hex)
{
	static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	const char *level = levels[hex >> 4 & 15];
	struct buf text = { 0 };

	buf_printf(&text, "%u.%u.%u", hex >> 24, hex >> 16 & 255, hex >> 8 & 255);
	if (level)
		buf_printf(&text, "%s%u", level, hex & 15);
	return buf_terminate(&text);
}

static void
describe_target(const struct summary *r, struct profile_run *run)
{
	const struct target *target;
	struct buf command = { 0 }, visible = { 0 };

	run->pid = r->pid;
	if (group_ready(r->group)) { /* the first one, if there are several */
		target = group_target(r->group, 0);
		run->python = summary_version(target->hex);
		run->pid = process_pid(target->process);
	}
	if (!run->pid)
		return;
	proc_command(run->pid, &command);
	buf_visible(&visible, command.data, command.len);
	run->command = buf_terminate(&visible);
	buf_free(&command);
}

static void
remember_counts(struct summary *r)
{
	struct sample_counts c = group_counts(r->group);

	r->ticks = c.ticks;
	r->missed = r->clock->missed;
	r->left_out = r->clock->left_out;
	for (int i = 0; i < WHY_COUNT; i++)
		r->failures[i] = c.failed[i];
}

void
summary_begin(struct summary *r, struct profile_run *run)
{
	const struct options *o = r->options;
	struct utsname host;
	struct timespec now;

	describe_target(r, run);
	uname(&host);
	run->host = copy_text(host.nodename);
	run->mode = profile_modes[o->mode];
	run->title = copy_text(o->title);
	run->period = o->period;
	run->known = 1;
	run->all_threads = o->threads;
	run->lines = !o->no_lines;
	remember_counts(r);
	clock_gettime(CLOCK_REALTIME, &now);
	run->start = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	r->since = now_ns();
}

void
summary_update(const struct summary *r, struct profile_run *run)
{
	struct sample_counts c = group_counts(r->group);

	if (HAS_WAITS) {
		struct buf gil = { 0 };

		group_say_gil(r->group, &gil);
		free(run->gil);
		run->gil = buf_terminate(&gil);
	}
	run->duration = (now_ns() - r->since) / 1000;
	run->ticks = c.ticks - r->ticks;
	run->missed = r->clock->missed - r->missed;
	run->left_out = r->clock->left_out - r->left_out;
	for (int i = 0; i < WHY_COUNT; i++)
		run->failures[i] = c.failed[i] - r->failures[i];
}

/* ---- on stderr ---- */

enum { TENTH = 100000000 }; /* of a second */

static int64_t
tenths_of(int64_t ns)
{
	return (ns + TENTH / 2) / TENTH;
}

static void
say_failures(const struct sample_counts *c, struct buf *out)
{
	uint64_t total = 0;
	const char *comma = "";

	for (int i = OK + 1; i < WHY_COUNT; i++)
		total += c->failed[i];
	if (!total)
		return;
	buf_printf(out, "; %" PRIu64 " failed (", total);
	for (int i = OK + 1; i < WHY_COUNT; i++) {
		if (!c->failed[i])
			continue;
		buf_printf(out, "%s%" PRIu64 " %s", comma, c->failed[i], why_word((enum why)i));
		comma = ", ";
	}
	buf_str(out, ")");
}

/* Lengths are known to a tick. */
static void
say_gil(const struct summary *r)
{
	struct buf text = { 0 };

	group_say_gil(r->group, &text);
	buf_terminate(&text);
	for (char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1)
		warn("waits for the GIL, to %d.%d ms: %.*s", (int)(r->options->period / MS),
		     (int)(r->options->period / (MS / 10) % 10), (int)(end - line), line);
	buf_free(&text);
}

static void
say_kernel(const struct sample_counts *c)
{
	if (!HAS_KERNEL)
		return;
	if (kernel_is_open())
		warn("kernel samples: %" PRIu64 ", asked for in vain %" PRIu64, c->copied, c->uncopied);
	else
		warn("kernel samples: %s", kernel_is_refused() ? "refused" : "off");
}

static void
say_tasks(const struct sample_counts *c)
{
	const uint64_t *n = c->tasks;

	warn("samples of tasks %" PRIu64, n[LOGICAL_FOUND]);
	if (n[LOGICAL_LOOKED])
		warn("samples of tasks that wait %" PRIu64 ", of looks at one %" PRIu64,
		     n[LOGICAL_WAITING], n[LOGICAL_LOOKED]);
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (n[LOGICAL_UNKNOWN + i])
			warn("tasks not proven: %s %" PRIu64, why_word((enum why)i),
			     n[LOGICAL_UNKNOWN + i]);
}

void
summary_stats(const struct summary *r)
{
	struct sample_counts c = group_counts(r->group);
	uint64_t read = c.ticks - r->clock->stood_for, n = read ? read : 1;
	uint64_t hundredths = c.calls * 100 / n;

	warn("ticks %" PRIu64 ", missed %" PRIu64 ", left out %" PRIu64, c.ticks,
	     r->clock->missed, r->clock->left_out);
	warn("of these ticks, %" PRIu64 " are missed ones, counted like those next to them",
	     r->clock->stood_for);
	warn("samples %" PRIu64 ", idle %" PRIu64 ", not proven at first %" PRIu64
	     ", taken with the thread stopped %" PRIu64, c.samples, c.idle, c.retried, c.stopped);
	warn("taken from the thread's own CPU %" PRIu64, c.preempted);
	say_kernel(&c);
	if (r->options->threads)
		warn("of %" PRIu64 " samples looked at, %" PRIu64 " are of threads that wait for the GIL",
		     c.asked, c.waits);
	if (HAS_LOGICAL && r->options->tasks)
		say_tasks(&c);
	if (HAS_WAITS)
		say_gil(r);
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (c.failed[i])
			warn("failed: %s %" PRIu64, why_word((enum why)i), c.failed[i]);
	warn("reads a tick: %" PRIu64 ".%02" PRIu64 " calls, %" PRIu64 " bytes", hundredths / 100,
	     hundredths % 100, c.bytes / n);
	warn("sandbox %s", sandbox_is_on() ? "on" : "off");
}

/* What of the CPU time no sample stands for, if that is much. */
static void
say_cpu(const struct summary *r, const struct sample_counts *c, int64_t elapsed, struct buf *out)
{
	enum { MUCH = 2 * TENTH };
	int64_t lost = c->cpu - c->cpu_sampled;
	uint64_t unknown = 0;

	for (int i = 0; HAS_LOGICAL && i < WHY_COUNT; i++)
		unknown += c->tasks[LOGICAL_UNKNOWN + i];
	if (!c->samples && c->cpu > TENTH && c->cpu > elapsed / 10) {
		buf_str(out, "; ");
		buf_seconds(out, c->cpu);
		buf_str(out, " s of CPU time were used meanwhile, by threads that did not run Python then, "
		        "or whose ids are not known");
	} else if (r->options->mode == MODE_CPU && lost > MUCH && lost > c->cpu / 5) {
		buf_str(out, "; ");
		buf_seconds(out, lost);
		buf_str(out, " of ");
		buf_seconds(out, c->cpu);
		buf_str(out, " s of CPU time are in no sample, as threads did not run Python then, or "
		        "ended too soon");
	}
	if (c->unfit)
		buf_printf(out, "; %" PRIu64 " of those that failed had names or stacks for which the "
		           "profile has no room", c->unfit);
	if (HAS_LOGICAL && unknown * 100 > c->tasks[LOGICAL_FOUND])
		buf_printf(out, "; %" PRIu64 " samples of tasks are not below those that await them",
		           unknown);
	if (c->unplaced * 100 > c->samples)
		buf_printf(out, "; %" PRIu64 " samples are of threads whose ids are not known",
		           c->unplaced);
}

void
summary_end(const struct summary *r, int64_t elapsed)
{
	struct sample_counts c = group_counts(r->group);
	size_t processes = group_sampled(r->group);
	struct buf line = { 0 };

	buf_printf(&line, "%" PRIu64 " samples", c.samples);
	if (c.idle)
		buf_printf(&line, " and %" PRIu64 " idle", c.idle);
	if (processes > 1)
		buf_printf(&line, " of %zu processes", processes);
	buf_str(&line, " in ");
	buf_seconds(&line, elapsed);
	buf_str(&line, " s");
	if (isatty(STDERR_FILENO) && output_name())
		buf_printf(&line, ", written to %s", output_name());
	size_t plain = line.len;

	say_failures(&c, &line);
	if (r->clock->stood_for)
		buf_printf(&line, "; %" PRIu64 " missed ticks counted like those next to them",
		           r->clock->stood_for);
	if (r->clock->missed)
		buf_printf(&line, "; %" PRIu64 " ticks missed", r->clock->missed);
	if (r->clock->left_out)
		buf_printf(&line, "; %" PRIu64 " ticks left out, to take less than %s of the "
		           "program's time", r->clock->left_out,
		           r->options->pause ? "half" : "a fiftieth");
	if (c.may_not_stop)
		buf_str(&line, "; not permitted to stop threads, so fast ones may be missing");
	say_cpu(r, &c, elapsed, &line);
	group_tell(r->group, &line);
	if (!r->options->quiet && (isatty(STDERR_FILENO) || line.len > plain))
		warn("%.*s", (int)line.len, line.data);
	buf_free(&line);
}

/* ---- the hint ---- */

enum {
	ENOUGH = 100, /* ticks, to tell something by them */
	MOST_NAMED = 20, FEW_NAMED = 3, /* children */
	MOST_READING_MS = 500,
};

struct kin {
	int pid;
	uint64_t start_time;
	int64_t from, to; /* CPU time that it had used when the run began, and when last looked at */
};

static int
is_python(int pid)
{
	struct buf reason = { 0 };
	struct target t;
	enum target_answer answer;

	if (proc_lender(pid)) /* its parent is, or nobody */
		return 0;
	answer = target_open(process_open(pid), 0, &t, &reason);

	buf_free(&reason);
	if (answer == TARGET_READY)
		target_close(&t);
	return answer == TARGET_READY || answer == TARGET_STARTING || answer == TARGET_UNSUPPORTED;
}

static int
is_alive(const struct kin *k)
{
	return proc_start_time(k->pid) == k->start_time;
}

/* What CPU time they had used when they are first seen counts, if they have come meanwhile. */
static void
look_at_children(struct summary *r, int meanwhile)
{
	size_t n;
	const struct followed *fresh = follow_look(r->follow, &n);

	for (size_t i = 0; i < n; i++) {
		r->kin = grow(r->kin, r->n_kin, &r->cap_kin, sizeof *r->kin);
		r->kin[r->n_kin++] = (struct kin){ fresh[i].pid, fresh[i].start_time,
			meanwhile ? 0 : proc_cpu_time(fresh[i].pid), 0 };
	}
	for (struct kin *k = r->kin; k < r->kin + r->n_kin; k++)
		if (is_alive(k))
			k->to = proc_cpu_time(k->pid);
}

static void
follow_children(struct summary *r, int pid)
{
	r->follow = follow_new(0);
	follow_root(r->follow, pid);
}

static void
forget_children(struct summary *r)
{
	follow_free(r->follow);
	free(r->kin);
}

void
summary_begin_looking(struct summary *r)
{
	if (r->options->quiet || r->options->children || r->options->all || group_ready(r->group) != 1)
		return;
	follow_children(r, process_pid(group_target(r->group, 0)->process));
	if (!r->options->command)
		look_at_children(r, 0);
	r->began = now_ns();
	r->look = r->began + 1000 * MS;
}

/* Takes some milliseconds, so that is done less and less often. */
void
summary_look(struct summary *r)
{
	int64_t now = now_ns();

	if (!r->follow || now < r->look)
		return;
	look_at_children(r, 1);
	r->look = now + (now - r->began);
}

/* What those children have used that are Python or have ended, and each `least`; names some. */
static int64_t
used_by_children(const struct summary *r, int64_t least, int most, struct buf *names)
{
	int64_t sum = 0;

	for (const struct kin *k = r->kin; k < r->kin + r->n_kin; k++) {
		int64_t used = k->to - k->from;
		int alive = is_alive(k);

		if (used < least || (alive && !is_python(k->pid)))
			continue;
		sum += used;
		if (alive && most-- > 0) {
			buf_printf(names, ", %d ", k->pid);
			proc_short_command(k->pid, names);
		}
	}
	return sum;
}

void
summary_children(int pid, struct buf *names)
{
	struct summary r = { 0 };

	follow_children(&r, pid);
	look_at_children(&r, 1);
	used_by_children(&r, 0, MOST_NAMED, names);
	forget_children(&r);
}

/* A server whose workers do the work, say: children do more than the process that is sampled.  Of
 * a command that has ended all are known that it has waited for. */
static void
hint_children(struct summary *r, const struct sample_counts *c, int64_t elapsed, struct buf *out)
{
	struct buf names = { 0 };

	if (!r->follow)
		return;
	look_at_children(r, 1);
	/* What is left of them when it has ended is not what worked; and some of the command's was
	 * used before there was a Python to be sampled. */
	if (used_by_children(r, elapsed / 100, FEW_NAMED, &names) > c->cpu ||
	    launch_cpu_time() - c->cpu - 3 * TENTH > c->cpu)
		buf_printf(out, "its children used more CPU time than it did: --children samples those "
		           "that are Python%.*s", group_ready(r->group) ? (int)names.len : 0, names.data);
	buf_free(&names);
}

/* Where the main thread waits just now, if that can be told. */
static void
say_place(struct sampler *s, const struct profile *p, struct buf *out)
{
	struct thread *const *threads, *t = NULL;
	const uint32_t *frames;
	size_t n, n_frames;
	struct buf label = { 0 };

	if (sampler_list(s) != OK)
		return;
	threads = threads_all(sampler_threads(s), &n);
	for (size_t i = 0; i < n; i++)
		if (thread_is_main(threads[i]))
			t = threads[i];
	if (!t || !thread_is_idle(t) || sampler_stack(s, t, &frames, &n_frames) != OK || !n_frames)
		return;
	label_frame(&label, p, frames[n_frames - 1]);
	buf_printf(out, "; its main thread, of %zu, waits in %s", n, base_name(buf_terminate(&label)));
	buf_free(&label);
}

/* Then there is nothing that runs, whoever has the GIL. */
static void
hint_stopped(const struct summary *r, struct buf *out)
{
	struct proc_stat stat;

	if (group_ready(r->group) == 1 &&
	    !process_stat(group_target(r->group, 0)->process, &stat) && stat.state == 'T')
		buf_str(out, "it is stopped, so this is where it stands; kill -CONT lets it go on");
}

static void
hint_idle(const struct summary *r, const struct profile *p, const struct sample_counts *c,
          struct buf *out)
{
	uint64_t all = c->idle + c->samples;

	if (!all || c->idle * 10 < all * 9 || r->options->mode != MODE_WALL || r->options->threads ||
	    r->options->exclude_idle)
		return;
	buf_printf(out, "mostly idle (%" PRIu64 " %%)", c->idle * 100 / all);
	if (group_ready(r->group) == 1)
		say_place(group_sampler(r->group, 0), p, out);
	buf_str(out, "; --threads shows what all wait in, -d where they are now");
}

/* Ticks are left out at random, and for missed ones others stand, but where times are kept.  A
 * share among n samples then is off by no more than 1 / sqrt(n), 19 times of 20. */
static void
hint_lost(const struct summary *r, const struct sample_counts *c, struct buf *out)
{
	const struct clock *k = r->clock;
	uint64_t n = c->ticks - k->stood_for, points = 1;

	if (k->left_out + k->missed + k->stood_for <= n || (!k->stood_for && k->missed > n / 10))
		return;
	if (n > c->samples)
		n = c->samples;
	if (HAS_LOGICAL && c->tasks[LOGICAL_LOOKED] && n > c->tasks[LOGICAL_LOOKED])
		n = c->tasks[LOGICAL_LOOKED]; /* those that wait */
	while (points < 100 && points * points * n < 10000)
		points++;
	if (points == 1 || !n)
		return;
	buf_printf(out, "most ticks were left out or missed; shares are right all the same, to about %"
	           PRIu64 " points of 100; a longer run has more samples", points);
	if (HAS_KERNEL && kernel_is_refused())
		buf_str(out, ", and one as root would most likely have all");
}

void
summary_hint(struct summary *r, const struct profile *p, int64_t elapsed)
{
	struct sample_counts c = group_counts(r->group);
	struct buf text = { 0 };

	mem_limit(MOST_READING_MS * MS);
	if (c.ticks >= ENOUGH && elapsed >= 5 * TENTH && !r->options->quiet) {
		hint_stopped(r, &text);
		if (!text.len)
			hint_children(r, &c, elapsed, &text);
		if (!text.len)
			hint_idle(r, p, &c, &text);
		if (!text.len)
			hint_lost(r, &c, &text);
		if (text.len)
			warn("hint: %.*s", (int)text.len, text.data);
	}
	buf_free(&text);
	forget_children(r);
}

/* ---- the progress line ---- */

/* A timer's signal comes between ticks, where all signals are handled, so that nothing is
 * done for it at a tick. */
enum { DRAW_EACH_US = 250000 };

static int drawing, drawn;

static void
set_timer(int us)
{
	struct itimerval every = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	setitimer(ITIMER_REAL, &every, NULL);
}

void
progress_begin(sigset_t *set)
{
	drawing = isatty(STDERR_FILENO);
	if (!drawing)
		return;
	sigaddset(set, SIGALRM);
	sigprocmask(SIG_BLOCK, set, NULL);
	progress_continue();
}

void
progress_continue(void)
{
	if (drawing)
		set_timer(DRAW_EACH_US);
}

int
progress_is_due(int signal)
{
	return drawing && signal == SIGALRM;
}

void
progress_draw(int64_t elapsed, int64_t total, uint64_t ticks, uint64_t samples)
{
	struct pollfd terminal = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct buf text = { 0 };

	if (tcgetpgrp(STDERR_FILENO) != getpgrp() || poll(&terminal, 1, 0) != 1 ||
	    !tenths_of(elapsed))
		return;
	buf_str(&text, "\rpyflame: ");
	buf_seconds(&text, elapsed);
	if (total) {
		buf_str(&text, " of ");
		buf_seconds(&text, total);
	}
	buf_printf(&text, " s, %" PRIu64 " samples, %" PRIu64 " ticks a second\033[K", samples,
	           ticks * 1000000 / (uint64_t)(elapsed / 1000));
	drawn = !write_all(STDERR_FILENO, text.data, text.len);
	buf_free(&text);
}

void
progress_end(void)
{
	if (drawing)
		set_timer(0);
	if (drawn)
		write_all(STDERR_FILENO, "\r\033[K", 4);
	drawing = drawn = 0;
}
