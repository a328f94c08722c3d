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
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "profile.h"
#include "proc.h"
#include "sandbox.h"
#include "process.h"
#include "target.h"
#include "clock.h"
#include "sample.h"
#include "group.h"
#include "options.h"
#include "output.h"
#include "report.h"

/* ---- in the profile ---- */

/* "3.12.1", "3.13.0rc2". */
static char *
version_text(unsigned hex)
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
describe_target(const struct report *r, struct profile_run *run)
{
	const struct target *target;
	struct buf command = { 0 }, visible = { 0 };

	run->pid = r->pid;
	if (group_ready(r->group)) { /* the first one, if there are several */
		target = group_target(r->group, 0);
		run->python = version_text(target->hex);
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
remember_counts(struct report *r)
{
	struct sample_counts c = group_counts(r->group);

	r->ticks = c.ticks;
	r->missed = r->clock->missed;
	r->left_out = r->clock->left_out;
	for (int i = 0; i < WHY_COUNT; i++)
		r->failures[i] = c.failed[i];
}

void
report_begin(struct report *r, struct profile_run *run)
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
report_update(const struct report *r, struct profile_run *run)
{
	struct sample_counts c = group_counts(r->group);

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

void
report_stats(const struct report *r)
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
	if (r->options->threads)
		warn("of %" PRIu64 " samples looked at, %" PRIu64 " are of threads that wait for the GIL",
		     c.asked, c.waits);
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (c.failed[i])
			warn("failed: %s %" PRIu64, why_word((enum why)i), c.failed[i]);
	warn("reads a tick: %" PRIu64 ".%02" PRIu64 " calls, %" PRIu64 " bytes", hundredths / 100,
	     hundredths % 100, c.bytes / n);
	warn("sandbox %s", sandbox_is_on() ? "on" : "off");
}

/* What of the CPU time no sample stands for, if that is much. */
static void
say_cpu(const struct report *r, const struct sample_counts *c, int64_t elapsed, struct buf *out)
{
	enum { MUCH = 2 * TENTH };
	int64_t used = tenths_of(c->cpu), lost = tenths_of(c->cpu - c->cpu_sampled);

	if (!c->samples && c->cpu > TENTH && c->cpu > elapsed / 10)
		buf_printf(out, "; %" PRId64 ".%" PRId64 " s of CPU time were used meanwhile, by "
		           "threads that did not run Python then, or whose ids are not known",
		           used / 10, used % 10);
	else if (r->options->mode == MODE_CPU && c->cpu - c->cpu_sampled > MUCH && lost > used / 5)
		buf_printf(out, "; %" PRId64 ".%" PRId64 " of %" PRId64 ".%" PRId64 " s of CPU time "
		           "are in no sample, as threads did not run Python then, or ended too soon",
		           lost / 10, lost % 10, used / 10, used % 10);
	if (c->unfit)
		buf_printf(out, "; %" PRIu64 " of those that failed had names or stacks for which the "
		           "profile has no room", c->unfit);
	if (c->unplaced * 100 > c->samples)
		buf_printf(out, "; %" PRIu64 " samples are of threads whose ids are not known",
		           c->unplaced);
}

void
report_end(const struct report *r, int64_t elapsed)
{
	struct sample_counts c = group_counts(r->group);
	size_t processes = group_sampled(r->group);
	int64_t tenths = tenths_of(elapsed);
	struct buf line = { 0 };

	buf_printf(&line, "%" PRIu64 " samples", c.samples);
	if (c.idle)
		buf_printf(&line, " and %" PRIu64 " idle", c.idle);
	if (processes > 1)
		buf_printf(&line, " of %zu processes", processes);
	buf_printf(&line, " in %" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
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
		buf_printf(&line, "; %" PRIu64 " ticks left out, to stop the program for less than "
		           "%s of the time", r->clock->left_out,
		           r->options->pause ? "half" : "a fiftieth");
	if (c.may_not_stop)
		buf_str(&line, "; not permitted to stop threads, so fast ones may be missing");
	say_cpu(r, &c, elapsed, &line);
	group_tell(r->group, &line);
	if (!r->options->quiet && (isatty(STDERR_FILENO) || line.len > plain))
		warn("%.*s", (int)line.len, line.data);
	buf_free(&line);
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
	int64_t tenths = tenths_of(elapsed), of = tenths_of(total);
	struct buf text = { 0 };

	if (tcgetpgrp(STDERR_FILENO) != getpgrp() || poll(&terminal, 1, 0) != 1 || !tenths)
		return;
	buf_printf(&text, "\rpyflame: %" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
	if (total)
		buf_printf(&text, " of %" PRId64 ".%" PRId64, of / 10, of % 10);
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
