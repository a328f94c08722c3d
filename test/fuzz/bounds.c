/* SPDX-License-Identifier: Apache-2.0 */
/*
 * with: simulated.c clock.c code.c collapsed.c dump.c elf.c frames.c json.c label.c layouts.c linetab.c
 * with: naming.c objects.c parse.c profile.c record.c regions.c sample.c saved.c snapshot.c stack.c take.c
 * with: target.c threads.c util.c
 *
 * Targets that are broken in one way each, imitated.  What they come to is
 * counted, and what they cost is bounded: reads, bytes, time and memory.  A line
 * `ok NAME` or `not ok NAME` for each; the exit status is 1 if any failed.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "profile.h"
#include "collapsed.h"
#include "target.h"
#include "take.h"
#include "sample.h"
#include "dump.h"
#include "simulated.h"

static int failed;

static void
check(int good, const char *format, ...)
{
	va_list args;

	printf(good ? "ok " : "not ok ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed |= !good;
}

/* ---- a target, and what becomes of it ---- */

struct scene {
	raddr codes[8], lines, interp, thread, modules;
};

struct outcome {
	int found;
	struct sample_counts counts;
	uint64_t calls, read, lists; /* of the whole */
	double seconds;              /* of the processor */
	size_t dumped;               /* bytes */
	size_t frames;               /* lines of the dump that are frames */
};

enum { KINDS_312 = 8 * 3, KIND_310 = 6 * 3, KIND_36 = 1 * 3, KIND_315 = 9 * 3 + 5 };

static struct scene
begin_sized(unsigned kind, size_t n_frames, size_t size)
{
	static const uint8_t table[] = { 0x80 | 11 << 3 | 3, 1, 1, 0x80 | 11 << 3 | 7, 2, 2 };
	struct scene s = { 0 };
	raddr *stack = calloc(n_frames, sizeof *stack), file, name;

	sim_begin(size);
	sim.seed = 1;
	sim_python(kind, 0);
	file = sim_str("/a.py", 5);
	s.lines = sim_bytes(table, sizeof table);
	for (size_t i = 0; i < LEN(s.codes); i++)
		s.codes[i] = sim_code(file, sim_str(&"abcdefgh"[i], 1), s.lines, 32);
	for (size_t i = 0; i < n_frames; i++)
		stack[i] = s.codes[i % LEN(s.codes)];
	s.interp = sim_interpreter(0, 0);
	s.thread = sim_thread(s.interp, SIM_PID, stack, n_frames);
	free(stack);
	memcpy(&file, sim.bytes + (s.thread + (raddr)sim.l->thread.thread_id - SIM_ORIGIN),
	       (size_t)sim.ptr);
	name = sim_str("Named", 5);
	s.modules = sim_modules(&file, &name, 1);
	sim_pointer(s.interp + (raddr)sim.l->interp.modules, s.modules);
	return s;
}

static struct scene
begin(unsigned kind, size_t n_frames)
{
	return begin_sized(kind, n_frames, 64 << 20);
}

static void
dump_it(struct sampler *s, const struct target *t, struct profile *p, struct outcome *o)
{
	struct buf text = { 0 };

	dump_write(s, t, p, &text);
	o->dumped = text.len;
	for (size_t i = 0; i + 6 <= text.len; i++)
		o->frames += !memcmp(text.data + i, "/a.py:", 6);
	buf_free(&text);
}

/* Ticks and one dump; the memory goes with it. */
static struct outcome
run(int ticks, int all_threads)
{
	struct sample_options options = { .period = 1000000, .pausing = PAUSE_NEVER,
	                                  .all_threads = all_threads, .with_lines = 1 };
	struct outcome o = { 0 };
	struct buf reason = { 0 };
	clock_t began = clock();
	struct target t;

	sim.calls = sim.read = sim.lists = 0;
	if (target_open(SIM_PID, 0, &t, &reason) == TARGET_READY) {
		struct profile *p = profile_new();
		struct sampler *s = sampler_new(&t, p, &options);

		o.found = 1;
		while (ticks-- > 0)
			sampler_tick(s);
		o.counts = sampler_counts(s);
		dump_it(s, &t, p, &o);
		sampler_free(s);
		profile_free(p);
		target_close(&t);
	}
	buf_free(&reason);
	o.calls = sim.calls;
	o.read = sim.read;
	o.lists = sim.lists;
	o.seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	sim_end();
	return o;
}

/* Says what it has cost, if that is too much. */
static int
is_cheap(const struct outcome *o, uint64_t calls, uint64_t bytes)
{
	int good = o->calls <= calls && o->read <= bytes;

	printf("# %llu calls, %llu bytes, %.2f s\n", (unsigned long long)o->calls,
	       (unsigned long long)o->read, o->seconds);
	return good;
}

/* ---- nothing is wrong ---- */

static void
test_kinds(void)
{
	for (unsigned kind = 0; kind < sim_kinds(); kind++) {
		struct outcome o;

		begin(kind, 20);
		unsigned hex = sim.hex, machine = (unsigned)sim.machine;

		o = run(5, 1);
		check(o.found && o.counts.samples == 5 && o.frames == 20 && o.dumped > 100,
		      "kind %u, %x on %u: %d, %u samples, %u frames", kind, hex >> 8, machine, o.found,
		      (unsigned)o.counts.samples, (unsigned)o.frames);
	}
}

int
main(void)
{
	struct rlimit memory = { 2048u << 20, 2048u << 20 };

	if (!getenv("UNLIMITED"))
		setrlimit(RLIMIT_DATA, &memory);
	test_kinds();
	return failed;
}
