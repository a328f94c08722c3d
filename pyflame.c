/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyflame: where a running Python program spends its time.
 *
 * The files, lowest layer first.  Each includes only headers of files listed above it, and
 * those of format/ only format/ itself, why/ and Face; "make lint" reads this list and checks every
 * include.  pyflame never runs code in the target or writes to its memory; it may stop a
 * thread briefly.
 *
 * Ground: knows nothing about processes.
 *   libc/alloc.c  malloc(3) and its family
 *   util.c        messages, allocation, byte buffers, numbers, the time
 *   packed/lzma.c     decompression
 *   packed/packed.c   unpacks those parts of the program that are packed in its file
 *   packed/help.c     what --help says
 *   profile.c     strings, frames, the call tree and its counts
 *
 * format/: knows a profile and nothing else.
 *   format/label.c       frame -> escaped text
 *   format/written.c     and back
 *   format/origin.c      whose code a file is
 *   format/json.c        JSON, written and read
 *   format/collapsed.c   collapsed stacks
 *   format/saved.c       pyflame's own JSON, written and read
 *   format/export.c      what the formats of other tools share: threads, times
 *   format/columns.c     text fitted to a terminal
 *   format/ranks.c       what a profile adds up to: functions, lines, paths
 *   format/report.c      the report for people
 *   format/gzip.c        compression
 *   format/page.c        the flame graph as a page for browsers
 *   format/svg.c         the flame graph as a picture; colours
 *   format/pprof.c       pprof's protocol buffer
 *   format/gecko.c       the Firefox Profiler's JSON
 *   format/speedscope.c  speedscope's JSON
 *   format/chrome.c      the Trace Event Format
 *   format/formats.c     the table of formats: start here to add one
 *   format/input.c       reads profiles from files
 *
 * Process: knows the kernel, and nothing about Python.
 *   watch.c       calls that never come back, and signals meanwhile
 *   proc.c        what /proc says
 *   memory.c      reads the target's memory
 *   elf.c         symbols in mapped files
 *   ptrace.c      stopping a thread briefly; starting the command to profile
 *   sandbox.c     dropping what is not needed any more
 *   explain.c     why a process can't be read, and what to do
 *   process.c     the one interface to a process, live or of another kind
 *   preempt.c     being on the CPU of a thread at a tick, so that it does not run
 *
 * kernel/: knows the kernel: how it copies what a thread has, at its own moment.
 *   kernel/bpf.c      programs for the kernel
 *   kernel/program.c  the one that it runs for that
 *   kernel/cstack.c   its part for C stacks
 *   kernel/events.c   when it does
 *   kernel/kernel.c   the copies
 *   kernel/news.c     which processes begin and end
 *
 * waits/: knows the kernel and one process: what a thread that does not run waits for.
 *   waits/calls.c    system calls by their numbers
 *   waits/cgroups.c  files of control groups
 *   waits/names.c    processes and signals by their numbers
 *   waits/locks.c    who has a lock of a file
 *   waits/unix.c     unix sockets, asked of the kernel
 *   waits/sockets.c  sockets by their inodes
 *   waits/files.c    descriptors; who has the other end of a pipe or socket
 *   waits/waits.c    a thread's wait, in words
 *   waits/contention.c  how much threads wait for the GIL, and for whom
 *
 * native/: knows the kernel, memory and one process: its C frames.
 *   native/machine.c     registers, by machine
 *   native/demangle.c    names of functions of C++ and Rust
 *   native/symbols.c     functions by their addresses
 *   native/modules.c     the program and its libraries
 *   native/rows.c        unwind tables
 *   native/places.c      what is known of addresses of code
 *   native/copy.c        copies of C stacks
 *   native/code.c        what instructions tell of a stack
 *   native/unwind.c      from one frame of the C stack to the next
 *   native/merge.c       which C frame runs which Python frames
 *   native/native.c      a thread's C stack, of the same moment as its Python stack
 *
 * CPython: knows its structures.
 *   layouts.c     offsets in them, by version: start here for a new CPython
 *   objects.c     strings, integers, dictionaries, attributes
 *   target.c      where the interpreter is in a process
 *   snapshot.c    a copy, in one call, of the regions that a sample needs; predicts which
 *   gil.c         who holds the GIL, who waits for it, who can have run
 *   thread.c      one thread: its state, CPU time, Python's and the kernel's name
 *   tids.c        which kernel task each Python thread is
 *   threads.c     lists interpreters, GILs and threads
 *   frames.c      walks the chain of frames, and proves that it stood so
 *   code.c        one code object: its names, its line table, the line of a frame
 *   codes.c       the cache of code objects, and whether they still are what they were
 *   stack.c       a thread's stack: proven, and in the profile's words
 *
 * values/: knows CPython's objects: what variables are bound to.
 *   values/shapes.c  offsets that only this needs
 *   values/pages.c   memory by pages that are kept for a while
 *   values/secrets.c names whose values are not shown
 *   values/numbers.c integers and floats in decimal
 *   values/quoted.c  text in quotes
 *   values/types.c   what kind of thing an object is, and its class's name
 *   values/locals.c  the local variables of a frame
 *   values/show.c    what bounds a value that is written; and its kinds:
 *   values/scalars.c numbers and text
 *   values/containers.c what is made of other objects
 *   values/named.c   modules, classes, functions
 *   values/values.c  any object
 *   values/listing.c the variables of a stack, as text
 *
 * tasks/: knows asyncio: what its tasks do, and who awaits whom; and greenlets.
 *   tasks/forms.c    offsets that only this needs
 *   tasks/many.c     many small reads at a time, proven together; numbers by addresses
 *   tasks/rest.c     whether a process has run meanwhile
 *   tasks/chain.c    a task's chain of coroutines, proven
 *   tasks/tasks.c    finds all tasks
 *   tasks/parents.c  who awaits whom
 *   tasks/callers.c  from a task to all that await it
 *   tasks/known.c    what is known of tasks and greenlets, by addresses
 *   tasks/state.c    what a task waits for, in words
 *   tasks/heap.c     what refers to something, in all memory
 *   tasks/greenlet.c a greenlet's frames, proven
 *   tasks/greenlets.c  finds all greenlets
 *   tasks/greenwords.c what a greenlet is called and waits for, in words
 *   tasks/greencalls.c which greenlet a thread runs, and who spawned it
 *   tasks/waiting.c  those that wait, as stacks
 *   tasks/logical.c  which task a thread runs; its stack on top of those
 *
 * Sampling: knows when, and which processes.
 *   clock.c       when samples are due; what stands for ticks that are missed
 *   capture.c     reads one thread's stack; decides whether to stop the thread
 *   sample.c      one tick of one process: what to sample and count
 *   follow.c      finds processes as they start
 *   group.c       the processes that are sampled together
 *
 * why/: knows one process at a few moments: what is the matter with it.
 *   why/look.c    what all threads do at a moment, and since the one before
 *   why/locks.c   which lock a thread waits for, and who has it
 *   why/roles.c   what functions of Python's library say of who called them
 *   why/chain.c   who waits for whom
 *   why/crowd.c   what most tasks of asyncio wait for
 *   why/finding.c what of all that is the matter
 *   why/words.c   the same as text
 *   why/twin.c    the same as JSON
 *   why/census.c  many processes: who does the same
 *   why/why.c     the order of an explanation
 *
 * Face: knows the user.
 *   tasks/groups.c  what is equal once, with its number
 *   tasks/tree.c  trees of tasks, what is equal once
 *   tasks/greenlist.c  greenlets, what is equal once
 *   tasks/async.c the tasks and greenlets of a process in a dump
 *   options.c     the command line
 *   place.c       where a path leads, whatever others put there
 *   output.c      where the result goes; the process that writes it
 *   summary.c     progress, and what is said at the end
 *   dump.c        all threads' stacks, once
 *   attach.c      finds the processes that were asked for, or says why there are none
 *   pyflame.c     the order of a run
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "packed/packed.h"
#include "profile.h"
#include "format/label.h"
#include "format/json.h"
#include "format/collapsed.h"
#include "format/saved.h"
#include "format/formats.h"
#include "format/input.h"
#include "watch.h"
#include "proc.h"
#include "memory.h"
#include "ptrace.h"
#include "sandbox.h"
#include "explain.h"
#include "process.h"
#include "preempt.h"
#include "kernel/kernel.h"
#include "kernel/news.h"
#include "waits/waits.h"
#include "native/native.h"
#include "target.h"
#include "clock.h"
#include "capture.h"
#include "sample.h"
#include "group.h"
#include "why/why.h"
#include "tasks/async.h"
#include "options.h"
#include "place.h"
#include "output.h"
#include "summary.h"
#include "dump.h"
#include "attach.h"

/* The target may be stopped for one part in this many of the time; with --pause. */
enum { STOPPED_PART = 50, PAUSED_PART = 2 };

/* What all stacks of a dump may take; who asked for it can end it. */
#define MOST_DUMPING_NS INT64_C(60000000000)

/* Bytes of what a profile holds: names may be made without end. */
enum { MOST_SAMPLED = 256 << 20 };

struct run {
	struct options options;
	struct profile *profile;
	struct group *group;
	struct clock clock;
	struct summary summary; /* what is said of it */
	struct attach attach; /* to what is sampled */
	struct view view; /* its files, for source text */
	int64_t checked; /* when signals were last looked after */
	int64_t began;   /* the sampling, now_ns() */
	int64_t total;   /* how long it is to take, nanoseconds; 0: not known */
	int dumping;
	int failed;      /* a file could not be written */
	int concluded;   /* that has been written which is to be */
	sigset_t signals; /* that we wait for; of them those to act on at once or soon: */
	sigset_t urgent;
	int child;       /* of -t, 0: none */
	int interrupted; /* somebody wants us to end */
	int stop;        /* or to stop, by this signal */
};

/* ---- what is written ---- */

static const char *
where(void)
{
	return output_name() ? output_name() : "to stdout";
}

#ifndef WITHOUT_report

/* Whether all names in the profile are from processes that are ours.  Of those that have ended
 * that is not known; they matter to root alone, who can read what others cannot. */
static int
is_all_ours(const struct run *r)
{
	size_t n = group_ready(r->group);

	for (size_t i = 0; i < n; i++)
		if (!view_is_ours(process_pid(group_target(r->group, i)->process)))
			return 0;
	return geteuid() || (n == 1 && group_sampled(r->group) == 1);
}

/* Reads all of a source file.  It may lie where nobody answers, and is given up then. */
static int
read_source(void *run, const char *path, struct buf *text)
{
	enum { MOST = 8 << 20 };
	const struct run *r = run;
	struct view view = r->view;
	char bytes[4096];
	ssize_t n = -1;
	int fd;

	for (size_t i = 0; r->group && i < group_ready(r->group); i++)
		if (!view_has_root_of(&view, process_pid(group_target(r->group, i)->process)))
			return -1;
	view.open |= r->group && !is_all_ours(r);
	fd = view_open(&view, path);
	while (fd >= 0 && text->len < MOST && (n = watch_read(fd, bytes, sizeof bytes)) > 0)
		buf_add(text, bytes, (size_t)n);
	if (fd >= 0)
		close(fd);
	return n ? -1 : 0;
}

/* Has a report show source text: of a process that is sampled, or of what was read, if it
 * ran on this machine. */
static void
show_sources(struct run *r)
{
	const struct profile_run *run = profile_run_get(r->profile);
	struct utsname host;
	int failed = 1;

	if (!r->options.format->sources || r->view.root)
		return;
	uname(&host);
	if (r->group && group_ready(r->group))
		failed = view_process(&r->view, process_pid(group_target(r->group, 0)->process));
	else if (!r->group && run->host && !strcmp(run->host, host.nodename))
		failed = view_own(&r->view, run->start);
	if (!failed)
		r->options.format->sources(read_source, r);
}

#else

static void
show_sources(struct run *r)
{
	(void)r;
}

#endif

/* With --rotate the next file may find more room. */
static void
write_profile(struct run *r)
{
	struct buf text;
	int result;

	if (r->group)
		summary_update(&r->summary, profile_run(r->profile));
	show_sources(r);
	if (r->options.format->fit)
		r->options.format->fit(output_name() ? -1 : STDOUT_FILENO);
	if (r->options.format->prepare)
		r->options.format->prepare(r->profile);
	ptrace_serve_by_signal(1);
	output_begin(&text);
	if (r->options.flamechart)
		flamechart_write(r->profile, &text);
	else
		r->options.format->write(r->profile, &text);
	result = output_end(&text);
	ptrace_serve_by_signal(0);
	if (result > 0) /* whoever read it has had enough */
		exit(DONE);
	if (result < 0 && !r->options.rotate)
		die(FAILURE, "cannot write %s:", where());
	if (result < 0) {
		warn("cannot write %s:", where());
		r->failed = 1;
	}
}

/* ---- signals ---- */

static const int stops[] = { SIGTSTP, SIGTTIN, SIGTTOU };

static void
block_signals(struct run *r)
{
	static const int always[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGXFSZ,
	                              SIGTSTP, SIGTTIN, SIGTTOU };
	static const int others[] = { SIGCHLD, SIGPIPE, SIGXFSZ, SIGUSR1, SIGALRM };
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
	r->urgent = r->signals;
	for (size_t i = 0; i < LEN(others); i++)
		sigdelset(&r->urgent, others[i]);
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
}

/* Whether one is waiting, for whoever does not know what a run is. */
static int
is_signalled(void *run)
{
	struct run *r = run;
	sigset_t pending;

	if (watch_is_on())
		return watch_has_urgent();
	sigpending(&pending);
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&pending, i) == 1 && sigismember(&r->urgent, i) == 1)
			return 1;
	return 0;
}

static void
draw_progress(const struct run *r)
{
	struct sample_counts c = group_counts(r->group);

	progress_draw(now_ns() - r->began, r->total, c.ticks, c.samples + c.idle);
}

static int
is_stop(int signal)
{
	for (size_t i = 0; i < LEN(stops); i++)
		if (signal == stops[i])
			return 1;
	return 0;
}

/* Does what the signal would have done at once, had that not left a thread of the target
 * stopped: that has to be let go first. */
static void
stop_if_asked(struct run *r)
{
	if (!r->stop || ptrace_is_busy())
		return;
	watch_stop(r->stop);
	r->stop = 0;
}

/* Whether a write raised it; its error says the same. */
static int
is_of_output(int signal)
{
	return signal == SIGPIPE || signal == SIGXFSZ;
}

/* Deals with a signal that came in, if one did (is not 0).  Non-zero: it is time to
 * end. */
static int
on_event(struct run *r, int signal, int code)
{
	int status;

	if (progress_is_due(signal))
		draw_progress(r);
	else if (signal == SIGUSR1 && group_sampled(r->group))
		write_profile(r);
	else if (is_stop(signal))
		r->stop = signal;
	else if (signal && signal != SIGCHLD && signal != SIGUSR1 && !is_of_output(signal)) {
		if (!r->child)
			r->interrupted = 1;
		else if (code <= 0) /* a terminal's have reached it already */
			kill(r->child, signal);
	}
	return r->interrupted || (r->child && launch_ended(&status));
}

/* Waits for a signal: which, 0 if it takes longer. */
static int
next_signal(const struct run *r, const struct timespec *timeout, int *code)
{
	siginfo_t info;
	int signal = watch_signal(code);

	if (signal)
		return signal;
	signal = sigtimedwait(&r->signals, &info, timeout);
	if (watch_is_on() && signal != SIGALRM) /* it only says that there is something */
		return watch_signal(code);
	*code = signal > 0 ? info.si_code : 0;
	return signal > 0 ? signal : 0;
}

/* Waits until `due` (on CLOCK_MONOTONIC), looking after signals; if that is past
 * already, no more often than makes sense.  Non-zero: it is time to end. */
static int
wait_until(struct run *r, int64_t due)
{
	enum { OFTEN_NS = 200000 };
	int64_t now = now_ns();
	int signal, code;

	if (now >= due && now - r->checked < OFTEN_NS)
		return 0;
	do {
		struct timespec timeout = { 0, 0 };

		if (due > now)
			timeout = (struct timespec){ (due - now) / 1000000000, (due - now) % 1000000000 };
		signal = next_signal(r, &timeout, &code);
		ptrace_service();
		if (on_event(r, signal, code))
			return 1;
		stop_if_asked(r);
		now = r->checked = now_ns();
	} while ((signal > 0 || now < due) && !news_any());
	return 0;
}

/* The same, for whoever does not know what a run is. */
static int
wait_for_attach(void *run, int64_t due)
{
	return wait_until(run, due);
}

/* ---- profiles from files ---- */

static unsigned
input_flags(const struct options *o)
{
	return (o->no_lines ? SAVED_NO_LINES : 0) | (o->exclude_idle ? SAVED_NO_IDLE : 0) |
	       (o->diff ? SAVED_NO_BEFORE : 0);
}

static void
say_saturated(const struct run *r)
{
	if (profile_run_get(r->profile)->saturated && !r->options.quiet)
		warn("the counts add up to more than %" PRIu64 ", and were cut to that", PROFILE_MOST);
}

static enum status
read_inputs(struct run *r)
{
	const struct options *o = &r->options;

	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGPIPE);
	sigaddset(&r->signals, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	for (size_t i = 0; i < o->n_inputs; i++)
		input_read(r->profile, o->inputs[i], input_flags(o));
	say_saturated(r);
	if (o->title) {
		free(profile_run(r->profile)->title);
		profile_run(r->profile)->title = copy_text(o->title);
	}
	write_profile(r);
	return DONE;
}

/* ---- sampling ---- */

/* Two runs have other threads, so they are compared over all of them. */
static int
is_split(const struct options *o)
{
	return o->format->needs & FORMAT_THREADS && !o->diff;
}

/* Whether the time of each sample is kept. */
static int
keeps_times(const struct options *o)
{
	return o->flamechart || o->format->needs & FORMAT_TIMES;
}

static struct sample_options
sample_options(const struct options *o)
{
	int split = is_split(o), idle = o->format->needs & FORMAT_IDLE;
	struct sample_options s = {
		.period = o->period,
		.pausing = o->pause ? PAUSE_ALWAYS : o->no_pause ? PAUSE_NEVER : PAUSE_IF_NEEDED,
		.mode = (enum mode)o->mode,
		.all_threads = o->mode == MODE_CPU || (o->threads && o->mode != MODE_GIL),
		.by_process = o->by_process && !split, .by_thread = o->by_thread && !split,
		.tell_threads = split, .idle_apart = split && o->format->prepare,
		.tell_idle = idle && o->threads && !o->exclude_idle && o->mode == MODE_WALL,
		.log = keeps_times(o),
		.waits = o->waits, .count_waits = o->stats && o->threads,
		.exclude_idle = o->exclude_idle, .with_lines = !o->no_lines, .native = o->native,
		.tasks = HAS_TASKS && o->tasks ? 1 + (o->threads && !o->exclude_idle && !o->mode) : 0,
	};

	return s;
}

/* -1: no end. */
static int64_t
ticks_wanted(const struct options *o)
{
	double seconds = o->seconds < 0 && !o->command && !o->rotate ? 1 : o->seconds;
	int64_t ticks = (int64_t)(seconds * 1e9 / (double)o->period + 0.5);

	return seconds < 0 ? -1 : ticks ? ticks : 1;
}

/* Waits for a tick, looking after the processes meanwhile.  Non-zero: it is
 * time to end. */
static int
wait_for_tick(struct run *r, int64_t due)
{
	int64_t next;

	do {
		next = group_look_due(r->group);
		if (next > due)
			next = due;
		if (wait_until(r, next))
			return 1;
		group_look(r->group);
		summary_look(&r->summary);
	} while (now_ns() < due);
	return !group_size(r->group);
}

static struct profile *
new_profile(const struct options *o)
{
	struct profile *p = profile_new();
	struct profile_run *run = profile_run(p);

	run->by_process = o->by_process;
	run->by_thread = o->by_thread;
	if (is_split(o))
		profile_split(p);
	if (o->diff) {
		profile_compare(p);
		input_read(p, o->diff, input_flags(o) | SAVED_BEFORE);
	}
	if (!o->n_inputs)
		profile_room(p, MOST_SAMPLED);
	return p;
}

/* Ends a file and begins the next, with nothing counted or known. */
static void
rotate(struct run *r)
{
	write_profile(r);
	profile_free(r->profile);
	r->profile = new_profile(&r->options);
	group_restart(r->group, r->profile);
	output_begin_next();
	summary_begin(&r->summary, profile_run(r->profile));
}

/* What ticks are missed, and which stand for them.  after: a tick that found something.  Where
 * times are kept nothing does: at those times the target may have been elsewhere. */
static struct missed
count_missed(struct run *r, int after)
{
	struct missed m = clock_count_missed(&r->clock, after && !keeps_times(&r->options));

	if (r->options.mode == MODE_CPU) /* that has to be used before it is counted */
		m = (struct missed){ 0, m.last + m.next };
	group_stand_in(r->group, m.last);
	return m;
}

/* Takes samples until there is a reason to end. */
static void
take_samples(struct run *r)
{
	int64_t due, stopped;
	struct missed missed;
	uint64_t gap = 0; /* ticks at which there was nothing to sample */

	while ((due = clock_due(&r->clock)) >= 0 && !wait_for_tick(r, due)) {
		preempt_begin_tick(now_ns() - due);
		missed = count_missed(r, !gap && r->clock.ended);
		if (r->options.rotate && now_ns() - r->summary.since >= r->options.rotate)
			rotate(r);
		gap++;
		if (group_tick(r->group, missed.next, &stopped)) {
			if (!attach_is_following(&r->options))
				r->clock.missed += gap - 1;
			gap = 0;
		}
		clock_advance(&r->clock, stopped + preempt_end_tick());
	}
	preempt_leave();
	clock_relax(&r->clock);
	news_end();
}

static void
sample(struct run *r)
{
	show_sources(r);
	summary_begin_looking(&r->summary);
	summary_begin(&r->summary, profile_run(r->profile));
	r->began = r->summary.since;
	if (!r->options.quiet && !r->child) /* the command may have the terminal */
		progress_begin(&r->signals);
	clock_be_precise();
	r->clock = clock_new(r->options.period, ticks_wanted(&r->options), r->options.seed,
	                     r->options.pause ? PAUSED_PART : STOPPED_PART);
	clock_hurry(&r->clock);
	r->total = r->clock.ticks > 0 ? r->clock.ticks * r->clock.period : 0;
	take_samples(r);
}

/* Puts a dump after those of other processes, with a title if there are any. */
static void
add_dump(const struct run *r, const struct process *p, const struct buf *text, struct buf *out)
{
	struct buf title = { 0 };

	if (out->len)
		buf_str(out, "\n");
	if (group_ready(r->group) > 1) {
		process_title(p, &title);
		label_name(out, title.data, title.len);
		buf_str(out, "\n");
	}
	buf_add(out, text->data, text->len);
	buf_free(&title);
}

#ifdef WITHOUT_json
enum { HAS_JSON = 0 };
#else
enum { HAS_JSON = 1 };
#endif

/* Where it is left out so is what would write it. */
static int
is_json(const struct run *r)
{
	return HAS_JSON && r->options.format->write == saved_write_file;
}

/* Appends the stacks of one process.  Non-zero: it is given up. */
static enum status
dump_process(struct run *r, size_t i, struct dump_what *what, struct buf *out)
{
	const struct process *p = group_target(r->group, i)->process;
	struct sampler *s = group_sampler(r->group, i);
	struct buf text = { 0 };
	enum why why = is_json(r) ? dump_json(s, r->profile, what, out) :
	                            dump_write(s, r->profile, what, &text);

	if (why != OK)
		warn("cannot list the threads of pid %d: %s", process_pid(p), why_word(why));
	else if (!is_json(r))
		add_dump(r, p, &text, out);
	buf_free(&text);
	return why == OK ? DONE : why == GONE ? NO_PROCESS : FAILURE;
}

/* One line where another option would have shown more. */
static void
hint_at_tasks(const struct run *r, const struct dump_what *what)
{
	if (HAS_TASKS && what->n_tasks && !what->tasks && !r->options.quiet)
		warn("asyncio tasks: %zu, in different places: %zu; --async shows them",
		     what->n_tasks, what->n_places);
	if (HAS_TASKS && what->n_greenlets && !what->tasks && !r->options.quiet)
		warn("greenlets: %zu, in different places: %zu; --async shows them",
		     what->n_greenlets, what->n_greenlet_places);
}

/* What is done once, and takes a while, ends at once when that is asked for. */
static void
begin_dumping(struct run *r)
{
	r->dumping = 1;
	for (size_t i = 0; i < LEN(stops); i++) /* while a thread of the target is stopped */
		sigdelset(&r->urgent, stops[i]);
	watch_let_kill(&r->urgent);
	mem_limit(MOST_DUMPING_NS);
}

static void
write_text(const struct buf *text)
{
	struct buf out;

	output_begin(&out);
	buf_add(&out, text->data, text->len);
	if (output_end(&out) < 0)
		die(FAILURE, "cannot write %s:", where());
}

static enum status
dump(struct run *r)
{
	struct dump_what what = { .locals = r->options.locals, .tasks = r->options.tasks };
	struct buf text = { 0 };
	enum status first = DONE;
	size_t begun;

	begin_dumping(r);
	if (is_json(r))
		dump_begin_json(&text);
	begun = text.len;
	for (size_t i = 0; i < group_ready(r->group); i++) {
		enum status status = dump_process(r, i, &what, &text);

		if (first == DONE)
			first = status;
	}
	if (text.len > begun)
		first = DONE;
	if (first == DONE) {
		if (is_json(r))
			json_end_processes(&text);
		write_text(&text);
		hint_at_tasks(r, &what);
	}
	buf_free(&text);
	return first;
}

/* Says why the processes are stuck. */
static enum status
explain(struct run *r)
{
	size_t n = group_ready(r->group), told;
	struct sampler **samplers = xcalloc(n, sizeof *samplers);
	struct buf text = { 0 };

	begin_dumping(r);
	for (size_t i = 0; i < n; i++)
		samplers[i] = group_sampler(r->group, i);
	told = why_explain(&(struct question){ samplers, n, r->profile, r->options.locals, is_json(r),
	                                       wait_for_attach, r }, &text);
	if (told)
		write_text(&text);
	buf_free(&text);
	free(samplers);
	return told ? DONE : FAILURE;
}

/* -m gil needs one; of what is followed, group.c takes only those that do. */
static int
have_gils(const struct run *r)
{
	for (size_t i = 0; r->options.mode == MODE_GIL && i < group_ready(r->group); i++) {
		struct sampler *sampler = group_sampler(r->group, i);

		if (sampler_list(sampler) != OK || sampler_has_gil(sampler))
			continue;
		warn("-m gil: pid %d has no GIL, it is a free-threaded Python; use -m cpu",
		     process_pid(group_target(r->group, i)->process));
		return 0;
	}
	return 1;
}

static enum status
await_command(struct run *r)
{
	int status;

	while (!launch_ended(&status))
		wait_until(r, now_ns() + 1000000000);
	return (enum status)status;
}

/* What there is to do once all samples are taken. */
static enum status
conclude(struct run *r)
{
	int64_t elapsed;

	progress_end();
	if (!r->child) /* its signals are handed on until it ends */
		watch_let_kill(&r->urgent);
	write_profile(r);
	if (r->options.stats)
		summary_stats(&r->summary);
	elapsed = now_ns() - r->began;
	summary_end(&r->summary, elapsed);
	r->concluded = 1;
	if (r->child && !group_size(r->group)) /* all that it used is known when it has ended */
		await_command(r);
	if (!r->attach.launched) /* else that was the hint */
		summary_hint(&r->summary, r->profile, elapsed);
	if (r->failed)
		return FAILURE;
	if (r->interrupted || r->child || group_counts(r->group).ticks)
		return DONE;
	if (!group_sampled(r->group))
		return attach_nothing_sampled(&r->attach);
	if (attach_is_following(&r->options))
		warn("each Python that was found ended before the first sample");
	else
		warn("pid %d ended before the first sample", r->options.pids[0]);
	return NO_PROCESS;
}

static enum status
profile(struct run *r)
{
	if (!have_gils(r))
		return USAGE;
	sample(r);
	return conclude(r);
}

/* Each thread may take some descriptors.  Not for a command: it would inherit it. */
static void
raise_limits(void)
{
	struct rlimit files;

	if (prlimit(0, RLIMIT_NOFILE, NULL, &files))
		return;
	files.rlim_cur = files.rlim_max;
	prlimit(0, RLIMIT_NOFILE, &files, NULL);
}

/* While that is still permitted. */
static void
prepare_kernel(const struct options *o)
{
	if (HAS_KERNEL && (o->n_pids || o->command || o->all) && !o->no_kernel && !o->pause &&
	    !o->dump && !o->why && !o->tasks && o->seconds)
		kernel_prepare(o->period, HAS_NATIVE && o->native);
}

/* Of what was made. */
static void
open_kernel(const struct options *o, const int *pids, size_t n)
{
	kernel_open(pids, n);
	if (HAS_NEWS && attach_is_following(o) && !o->dump && !o->why)
		news_open(pids, n);
}

/* What wakes who samples. */
static int
reap(void)
{
	return launch_reap() | news_any();
}

static void
begin_command(struct run *r)
{
	int error;

	prepare_kernel(&r->options);
	r->child = launch(r->options.command, &error);
	if (r->child < 0) {
		errno = error;
		die(error == ENOENT ? NOT_FOUND : CANNOT_EXECUTE, "cannot run %s:",
		    r->options.command[0]);
	}
	output_set_pid(r->child);
	r->summary.pid = r->child;
	open_kernel(&r->options, &r->child, 1);
	sandbox_enter(r->child);
}

static enum status
follow_command(struct run *r)
{
	if (!attach_command(&r->attach, r->child))
		profile(r);
	else
		warn("%s ended before pyflame saw a Python in it", r->options.command[0]);
	return await_command(r);
}

static enum following
following(const struct options *o)
{
	if (o->all)
		return FOLLOW_ALL;
	return o->children ? FOLLOW_CHILDREN : o->command ? FOLLOW_PATIENTLY : FOLLOW_NONE;
}

static enum status
attach(struct run *r)
{
	enum status status = attach_targets(&r->attach);

	if (status != DONE)
		return status;
	if (HAS_WHY && r->options.why)
		return explain(r);
	return r->options.dump ? dump(r) : profile(r);
}

static int
work(void *run)
{
	struct run *r = run;
	enum status status;

	if (watch_is_on()) { /* where signals come from then */
		sigemptyset(&r->signals);
		sigaddset(&r->signals, SIGCHLD);
	}
	status = r->child ? follow_command(r) : attach(r);
	group_free(r->group);
	return (int)status;
}

/* Goes on after something that was being looked at had to be left as it was. */
static int
go_on(void *run)
{
	struct run *r = run;
	enum status status;

	group_abandon(r->group);
	if (r->options.format->sources) /* it may have been one of these that never came */
		r->options.format->sources(NULL, NULL);
	if (r->dumping) {
		warn("a read of a program did not come back, which ends the dump");
		return FAILURE;
	}
	if (!r->began)
		return (int)(r->child ? await_command(r) : attach(r));
	if (r->concluded) /* it was for the hint */
		return (int)(r->child ? await_command(r) : DONE);
	take_samples(r);
	status = conclude(r);
	return (int)(r->child ? await_command(r) : status);
}

/* Does again what a process does not have from its parent. */
static void
begin_anew(void *run)
{
	struct run *r = run;

	ptrace_forget();
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	clock_be_precise();
	preempt_leave();
	if (r->clock.hurries)
		clock_hurry(&r->clock);
	progress_continue();
}

static enum status
sample_processes(struct run *r)
{
	struct sample_options options = sample_options(&r->options);
	struct buf text = { 0 };

	if (explain_proc(&text))
		die(FAILURE, "%.*s", (int)text.len, text.data);
	ptrace_init();
	block_signals(r);
	mem_heed(is_signalled, r);
	say_saturated(r);
	r->group = group_new(r->profile, &options, r->options.abi, following(&r->options));
	r->summary = (struct summary){ .options = &r->options, .group = r->group, .clock = &r->clock,
	                             .pid = r->options.n_pids ? r->options.pids[0] : 0 };
	r->attach = (struct attach){ .options = &r->options, .group = r->group,
	                             .wait = wait_for_attach, .context = r };
	if (r->options.command)
		begin_command(r);
	raise_limits();
	/* What has to be a descendant is not one of the child that would read it. */
	if (!r->child || !explain_is_kin_only())
		watch_run(&(struct watched){ work, begin_anew, go_on, reap, r, r->signals,
		                             r->urgent });
	return (enum status)work(r);
}

/* Collapsed stacks of a process need nothing of what is packed. */
static void
unpack(const struct options *o)
{
	if (o->dump || o->why || o->waits || o->native || (HAS_TASKS && o->tasks) ||
	    o->n_inputs || o->diff || o->format != format_named("collapsed"))
		packed_need(1);
}

int
main(int argc, char *argv[])
{
	struct run r = { .options = options_parse(argc, argv) };
	enum status status;

	unpack(&r.options);
	if (r.options.rotate && !output_tells_time(r.options.output))
		die(USAGE, "--rotate wants -o with %s, the time, in the file's name, as each file would "
		    "replace the one before", "%t");
	output_open(r.options.output, r.options.n_pids ? r.options.pids[0] : 0);
	if (r.options.dump || r.options.waits || r.options.why)
		waits_prepare();
	if (!r.options.command) {
		prepare_kernel(&r.options);
		open_kernel(&r.options, r.options.pids, r.options.n_pids);
		sandbox_enter(0);
	}
	r.profile = new_profile(&r.options);
	status = r.options.n_inputs ? read_inputs(&r) : sample_processes(&r);
	profile_free(r.profile);
	free(r.options.pids);
	free(r.options.inputs);
	return status;
}
