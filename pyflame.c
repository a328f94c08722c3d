/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyflame: where a running Python program spends its time.
 *
 * The files, in the order in which data passes them:
 *
 *   options.c    the command line
 *   target.c     pid -> where its interpreter is  (elf.c: symbols in memory;
 *                proc.c: what the kernel knows; layouts.c: CPython's
 *                structures by version; explain.c: why it can't be done)
 *   ptrace.c     running a command; stopping a thread for an instant
 *   sample.c     the clock; what to sample and how
 *   threads.c    interpreters -> GILs and threads
 *   stack.c      thread -> stack, proven and in words
 *   frames.c     thread -> frames, by walking  (regions.c: which memory that
 *                will need; snapshot.c: a copy of it; memory.c: reading it)
 *   code.c       frame -> file, function, line  (linetab.c: line tables;
 *                objects.c: strings, dictionaries, attributes)
 *   profile.c    the call tree and its counts
 *   collapsed.c, dump.c   profile -> text  (label.c: a frame as text)
 *   saved.c      profile -> our own JSON and back  (json.c, parse.c: JSON;
 *                record.c: what runs and threads are)
 *   input.c      files -> profile
 *   speedscope.c, pprof.c, gecko.c, chrome.c   profile -> formats of others
 *                (export.c: what they share; timeline.c:
 *                which thread did what when)
 *   html.c, svg.c   profile -> flame graphs  (colour.c; page.c: what is in page/)
 *   formats.c    all formats by name
 *   output.c     text -> file;  progress.c: what a person sees meanwhile
 *
 * util.c has what all of them use.  A file sees only those before it; nothing
 * of the target is ever executed or changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "profile.h"
#include "ptrace.h"
#include "target.h"
#include "sample.h"
#include "collapsed.h"
#include "dump.h"
#include "saved.h"
#include "input.h"
#include "export.h"
#include "formats.h"
#include "progress.h"
#include "options.h"
#include "output.h"

enum { START_PATIENCE_MS = 2000, POLL_MS = 2 };

struct run {
	struct options options;
	struct profile *profile;
	struct target *target, slots[2]; /* two, for moving from one to the other */
	struct sampler *sampler; /* NULL until the target is ready */
	int64_t began;           /* the sampling, now_ns() */
	int64_t total;           /* how long it is to take, nanoseconds; 0: not known */
	sigset_t signals;
	int child;       /* of -t, 0: none */
	int interrupted; /* somebody wants us to end */
};

/* ---- what the profile says of its run ---- */

/* "3.12.1", "3.15.0rc2". */
static char *
version_text(unsigned hex)
{
	static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	const char *level = levels[hex >> 4 & 15];
	struct buf text = { 0 };

	buf_printf(&text, "%u.%u.%u", hex >> 24, hex >> 16 & 255, hex >> 8 & 255);
	if (level)
		buf_printf(&text, "%s%u", level, hex & 15);
	buf_add(&text, "", 1);
	return text.data;
}

/* What is known from the start. */
static void
describe_run(struct run *r)
{
	const struct options *o = &r->options;
	struct profile_run *run = profile_run(r->profile);
	struct buf command = { 0 };
	struct utsname host;
	struct timespec now;

	proc_command(r->target->pid, &command);
	buf_add(&command, "", 1);
	run->command = command.data;
	uname(&host);
	run->host = copy_text(host.nodename);
	run->python = version_text(r->target->hex);
	run->mode = profile_modes[o->mode];
	run->pid = r->target->pid;
	clock_gettime(CLOCK_REALTIME, &now);
	run->start = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	r->began = now_ns();
	run->title = copy_text(o->title);
	run->period = o->period;
	run->known = 1;
	run->all_threads = o->threads;
	run->lines = !o->no_lines;
}

/* What is known so far. */
static void
describe_progress(struct run *r)
{
	struct profile_run *run = profile_run(r->profile);
	struct sample_counts c = sampler_counts(r->sampler);

	run->duration = (now_ns() - r->began) / 1000;
	run->ticks = c.ticks;
	run->missed = c.missed;
	run->left_out = c.spared;
	memcpy(run->failures, c.failed, sizeof run->failures);
}

static void
write_profile(struct run *r)
{
	struct buf text = { 0 };
	int result;

	if (r->sampler)
		describe_progress(r);
	if (r->options.format->needs & FORMAT_FOREIGN)
		export_prepare(r->profile);
	if (r->options.flamechart)
		flamechart_write(r->profile, &text);
	else
		r->options.format->write(r->profile, &text);
	result = output_write(&text);
	buf_free(&text);
	if (result > 0) /* whoever read it has had enough */
		exit(DONE);
	if (result < 0)
		die(FAILURE, "cannot write %s:", r->options.output ? r->options.output : "to stdout");
}

/* ---- signals ---- */

static void
block_signals(struct run *r)
{
	static const int always[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE };
	static const int forwarded[] = { SIGQUIT, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT };

	sigemptyset(&r->signals);
	for (size_t i = 0; i < LEN(always); i++) {
		struct sigaction old;

		/* nohup ignores it, but what is blocked comes in all the same. */
		sigaction(always[i], NULL, &old);
		if (always[i] != SIGHUP || old.sa_handler != SIG_IGN)
			sigaddset(&r->signals, always[i]);
	}
	for (size_t i = 0; i < LEN(forwarded) && r->options.command; i++)
		sigaddset(&r->signals, forwarded[i]);
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
}

/* From here on the next signal kills. */
static void
unblock_signals(const struct run *r)
{
	sigset_t set = r->signals;

	sigdelset(&set, SIGCHLD);
	sigdelset(&set, SIGPIPE);
	sigdelset(&set, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
draw_progress(const struct run *r)
{
	struct sample_counts c = sampler_counts(r->sampler);

	progress_draw(now_ns() - r->began, r->total, c.ticks, c.samples + c.idle);
}

static int
on_event(void *context, const void *siginfo)
{
	const siginfo_t *info = siginfo;
	struct run *r = context;
	int status, signal = info ? info->si_signo : 0;

	if (progress_is_due(signal))
		draw_progress(r);
	else if (signal == SIGUSR1 && r->sampler)
		write_profile(r);
	else if (signal && signal != SIGCHLD && signal != SIGPIPE && signal != SIGUSR1) {
		if (!r->child)
			r->interrupted = 1;
		else if (info->si_code <= 0) /* a terminal's have reached it already */
			kill(r->child, signal);
	}
	return r->interrupted || (r->child && launch_ended(&status));
}

/* ---- profiles from files ---- */

static unsigned
input_flags(const struct options *o)
{
	return (o->no_lines ? SAVED_NO_LINES : 0) | (o->exclude_idle ? SAVED_NO_IDLE : 0) |
	       (o->diff ? SAVED_NO_BEFORE : 0);
}

static enum status
read_inputs(struct run *r)
{
	const struct options *o = &r->options;

	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGPIPE);
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	for (size_t i = 0; i < o->n_inputs; i++)
		input_read(r->profile, o->inputs[i], input_flags(o));
	if (o->title) {
		free(profile_run(r->profile)->title);
		profile_run(r->profile)->title = copy_text(o->title);
	}
	write_profile(r);
	return DONE;
}

/* ---- the target ---- */

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

/* Appends the descendants that are Python, as "; its Python children: ...". */
static void
list_python_children(int pid, struct buf *out)
{
	enum { SHOWN = 20 };
	int *pids, shown = 0;
	size_t n = proc_descendants(pid, &pids);

	for (size_t i = 0; i < n && shown < SHOWN; i++) {
		struct buf reason = { 0 };
		struct target t;
		enum target_answer answer = target_open(pids[i], 0, &t, &reason);

		buf_free(&reason);
		if (answer != TARGET_READY && answer != TARGET_STARTING && answer != TARGET_UNSUPPORTED)
			continue;
		if (answer == TARGET_READY)
			target_close(&t);
		buf_printf(out, "%s%d ", shown++ ? ", " : "; its Python children: ", pids[i]);
		proc_command(pids[i], out);
	}
	free(pids);
}

/* Opens the target or says why that can't be done.  One that is just starting
 * gets a moment to do so. */
static enum status
open_target(struct run *r)
{
	struct buf reason = { 0 };
	enum target_answer answer;

	for (int waited = 0;; waited += POLL_MS) {
		reason.len = 0;
		answer = target_open(r->options.pid, r->options.abi, r->target, &reason);
		if (answer != TARGET_STARTING || waited >= START_PATIENCE_MS)
			break;
		if (sample_wait(POLL_MS * INT64_C(1000000), &r->signals, on_event, r))
			break;
	}
	if (answer == TARGET_NOT_PYTHON)
		list_python_children(r->options.pid, &reason);
	if (answer != TARGET_READY)
		warn("%.*s", (int)reason.len, reason.data);
	buf_free(&reason);
	return status_of(answer);
}

/* Polls until the command (or what it executes) is a Python that can be read.
 * 0 when it is; -1 when it ended first or sampling was ended. */
static int
await_python(struct run *r)
{
	struct buf reason = { 0 };
	enum target_answer answer;
	int64_t since = now_ns();
	int said = 0;

	for (;;) {
		reason.len = 0;
		answer = target_open(r->child ? r->child : r->options.pid, r->options.abi,
		                     r->target, &reason);
		if (answer == TARGET_READY)
			break;
		if ((answer == TARGET_DENIED || answer == TARGET_UNSUPPORTED) && !said++)
			warn("%.*s", (int)reason.len, reason.data);
		/* Attached to it: it was Python once, so it need not stay so. */
		if (!r->child && now_ns() - since > START_PATIENCE_MS * INT64_C(1000000))
			break;
		/* Look often at first, when an interpreter is about to start. */
		if (sample_wait((now_ns() - since < INT64_C(1000000000) ? 1 : 20) * INT64_C(1000000),
		                &r->signals, on_event, r))
			break;
	}
	buf_free(&reason);
	return answer == TARGET_READY ? 0 : -1;
}

/* ---- the end ---- */

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

/* One line; in a pipe only if there is something that a person has to know. */
static void
summarise(const struct run *r, int64_t tenths)
{
	struct sample_counts c = sampler_counts(r->sampler);
	struct buf line = { 0 };

	buf_printf(&line, "%" PRIu64 " samples", c.samples);
	if (c.idle)
		buf_printf(&line, " and %" PRIu64 " idle", c.idle);
	buf_printf(&line, " in %" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
	if (isatty(STDERR_FILENO) && r->options.output)
		buf_printf(&line, ", written to %s", r->options.output);
	size_t plain = line.len;

	say_failures(&c, &line);
	if (c.missed)
		buf_printf(&line, "; %" PRIu64 " ticks missed", c.missed);
	if (c.spared)
		buf_printf(&line, "; %" PRIu64 " ticks left out, to stop the program for less than "
		           "a fiftieth of the time", c.spared);
	if (c.may_not_stop)
		buf_str(&line, "; not permitted to stop threads, so fast ones may be missing");
	if (!r->options.quiet && (isatty(STDERR_FILENO) || line.len > plain))
		warn("%.*s", (int)line.len, line.data);
	buf_free(&line);
}

static void
print_stats(const struct run *r)
{
	struct sample_counts c = sampler_counts(r->sampler);
	uint64_t n = c.ticks ? c.ticks : 1, hundredths = c.calls * 100 / n;

	warn("ticks %" PRIu64 ", missed %" PRIu64 ", left out %" PRIu64, c.ticks, c.missed, c.spared);
	warn("samples %" PRIu64 ", idle %" PRIu64 ", not proven at first %" PRIu64
	     ", taken with the thread stopped %" PRIu64, c.samples, c.idle, c.retried, c.stopped);
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (c.failed[i])
			warn("failed: %s %" PRIu64, why_word((enum why)i), c.failed[i]);
	warn("reads a tick: %" PRIu64 ".%02" PRIu64 " calls, %" PRIu64 " bytes", hundredths / 100,
	     hundredths % 100, c.bytes / n);
}

/* Two runs have other threads, so they are compared over all of them. */
static int
is_split(const struct options *o)
{
	return o->format->needs & FORMAT_THREADS && !o->diff;
}

static struct sample_options
sample_options(const struct options *o)
{
	int split = is_split(o), idle = o->format->needs & FORMAT_IDLE;
	struct sample_options s = {
		.period = o->period, .ticks = -1, .seed = o->seed,
		.pausing = o->pause ? PAUSE_ALWAYS : o->no_pause ? PAUSE_NEVER : PAUSE_IF_NEEDED,
		.mode = (enum mode)o->mode,
		.all_threads = o->mode == MODE_CPU || (o->threads && o->mode != MODE_GIL),
		.by_thread = o->by_thread && !split, .tell_threads = o->by_thread || split,
		.tell_idle = idle && o->threads && !o->exclude_idle && o->mode == MODE_WALL,
		.log = o->flamechart || o->format->needs & FORMAT_TIMES,
		.exclude_idle = o->exclude_idle, .with_lines = !o->no_lines,
	};
	double seconds = o->seconds < 0 && !o->command ? 1 : o->seconds;

	if (seconds >= 0)
		s.ticks = (int64_t)(seconds * 1e9 / (double)o->period + 0.5);
	if (s.ticks == 0)
		s.ticks = 1;
	return s;
}

/* Samples until there is a reason to end; follows the target through exec.
 * USAGE: what was asked for does not fit the target. */
static enum status
sample(struct run *r)
{
	struct sample_options options = sample_options(&r->options);

	describe_run(r);
	r->total = options.ticks > 0 ? options.ticks * options.period : 0;
	if (!r->options.quiet && !r->child) /* the command may have the terminal */
		progress_begin(&r->signals);
	/* Wake up to the microsecond: the default slack is 50 of them. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	r->sampler = sampler_new(r->target, r->profile, &options);
	if (options.mode == MODE_GIL && !sampler_has_gil(r->sampler)) {
		warn("-m gil: pid %d has no GIL, it is a free-threaded Python; use -m cpu",
		     r->target->pid);
		return USAGE;
	}
	while (sampler_run(r->sampler, &r->signals, on_event, r) == BROKEN) {
		struct target *old = r->target;

		r->target = old == &r->slots[0] ? &r->slots[1] : &r->slots[0];
		if (await_python(r)) {
			r->target = old;
			return DONE;
		}
		sampler_retarget(r->sampler, r->target);
		target_close(old);
	}
	return DONE;
}

static enum status
dump(struct run *r)
{
	struct sample_options options = sample_options(&r->options);
	struct buf text = { 0 };
	enum why why;

	r->sampler = sampler_new(r->target, r->profile, &options);
	why = dump_write(r->sampler, r->target, r->profile, &text);
	if (why == OK && output_write(&text) < 0)
		die(FAILURE, "cannot write %s:", r->options.output ? r->options.output : "to stdout");
	buf_free(&text);
	if (why == OK)
		return DONE;
	warn("cannot list the threads of pid %d: %s", r->target->pid, why_word(why));
	return why == GONE ? NO_PROCESS : FAILURE;
}

static enum status
profile(struct run *r)
{
	struct sample_counts counts;

	enum status status = sample(r);

	progress_end();
	if (status != DONE)
		return status;
	if (!r->child) /* its signals are handed on until it ends */
		unblock_signals(r);
	counts = sampler_counts(r->sampler);
	write_profile(r);
	if (r->options.stats)
		print_stats(r);
	summarise(r, (now_ns() - r->began) / 100000000);
	if (!counts.ticks && !r->interrupted && !r->child) {
		warn("pid %d ended before the first sample", r->target->pid);
		return NO_PROCESS;
	}
	return DONE;
}

static enum status
run_command(struct run *r)
{
	int error, status;

	r->child = launch(r->options.command, &error);
	if (r->child < 0) {
		errno = error;
		die(error == ENOENT ? NOT_FOUND : CANNOT_EXECUTE, "cannot run %s:",
		    r->options.command[0]);
	}
	if (!await_python(r))
		profile(r);
	else
		warn("%s ended before pyflame saw a Python in it", r->options.command[0]);
	while (!launch_ended(&status))
		sample_wait(INT64_C(1000000000), &r->signals, on_event, r);
	return (enum status)status;
}

static struct profile *
new_profile(const struct options *o)
{
	struct profile *p = profile_new();
	struct profile_run *run = profile_run(p);

	run->by_thread = o->by_thread;
	if (is_split(o))
		profile_split(p);
	if (o->diff) {
		profile_compare(p);
		input_read(p, o->diff, input_flags(o) | SAVED_BEFORE);
	}
	return p;
}

static enum status
sample_process(struct run *r)
{
	enum status status;

	if (access("/proc/self/maps", F_OK))
		die(FAILURE, "/proc is not mounted; run: mount -t proc proc /proc");
	ptrace_init();
	block_signals(r);
	r->profile = new_profile(&r->options);
	if (r->options.command)
		return run_command(r);
	status = open_target(r);
	if (status != DONE)
		return status;
	return r->options.dump ? dump(r) : profile(r);
}

int
main(int argc, char *argv[])
{
	struct run r = { .options = options_parse(argc, argv) };
	enum status status;

	r.target = &r.slots[0];
	output_open(r.options.output);
	if (r.options.n_inputs) {
		r.profile = new_profile(&r.options);
		status = read_inputs(&r);
	} else {
		status = sample_process(&r);
	}
	sampler_free(r.sampler);
	target_close(r.target);
	profile_free(r.profile);
	free(r.options.inputs);
	return status;
}
