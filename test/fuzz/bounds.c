/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets that are broken in one way each, imitated.  What they come to is
 * counted, and what they cost is bounded: reads, bytes, time and memory.  A line
 * `ok NAME` or `not ok NAME` for each; the exit status is 1 if any failed.
 */
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
#include "format/collapsed.h"
#include "target.h"
#include "capture.h"
#include "sample.h"
#include "dump.h"
#include "simulated.h"
#include "../tap.h"

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

enum { KINDS_312 = 8 * 3, KIND_310 = 6 * 3, KIND_311 = 7 * 3, KIND_36 = 1 * 3, KIND_315 = 9 * 3 + 5 };

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
	file = sim_pointer_at(s.thread + (raddr)sim.l->thread.thread_id);
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
	struct dump_what all = { .locals = 1, .tasks = 1 };
	struct buf text = { 0 };

	dump_write(s, p, &all, &text);
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
	if (target_open(sim_process(), 0, &t, &reason) == TARGET_READY) {
		struct profile *p = profile_new();
		struct sampler *s = sampler_new(&t, p, &options);

		o.found = 1;
		while (ticks-- > 0)
			sampler_tick(s, 0);
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

/* ---- lists ---- */

static raddr
field(raddr at, int offset)
{
	return at + (raddr)offset;
}

static void
is_failed(const char *name, struct outcome o, enum why why, uint64_t calls, uint64_t bytes)
{
	int cheap = is_cheap(&o, calls, bytes);

	check(o.counts.failed[why] > 0, "%s: counted as %s", name, why_word(why));
	check(cheap, "%s: at little cost", name);
}

static void
test_lists(void)
{
	struct scene s = begin(KINDS_312, 3);

	sim_pointer(field(s.thread, sim.l->thread.next), s.thread);
	is_failed("a thread that is next to itself", run(6, 1), CYCLE, 5000, 1 << 22);

	s = begin(KINDS_312, 3);
	for (int i = 0; i < 99; i++)
		sim_thread(s.interp, SIM_PID, NULL, 0);
	sim_pointer(field(s.thread, sim.l->thread.next), s.thread + 0);
	sim_pointer(field(s.thread, sim.l->thread.next),
	            sim_thread(s.interp, SIM_PID, NULL, 0));
	is_failed("threads in a ring", run(6, 1), CYCLE, 50000, 1 << 24);

	s = begin(KINDS_312, 3);
	sim_pointer(field(s.interp, sim.l->interp.next), s.interp);
	is_failed("an interpreter that is next to itself", run(6, 1), CYCLE, 5000, 1 << 22);

	s = begin(KINDS_312, 3);
	for (int i = 0; i < 2000; i++)
		s.interp = sim_interpreter(s.interp, 0);
	sim_thread(s.interp, SIM_PID, s.codes, 1);
	is_failed("2000 interpreters", run(3, 1), DEEP, 200000, 1 << 24);
}

static void
test_many_threads(void)
{
	struct scene s = begin_sized(KINDS_312, 3, (size_t)400 << 20);
	raddr last = 0, at;

	for (int i = 0; i < 1000000; i++, last = at) { /* without the rest of a thread */
		at = sim_room(160);
		sim_pointer(field(at, sim.l->thread.next), last);
		sim_pointer(field(at, sim.l->thread.interp), s.interp);
		sim_int(field(at, sim.l->thread.native_id), 77); /* which nobody has */
	}
	sim_pointer(field(s.interp, sim.l->interp.threads), last);
	struct outcome o = run(3, 1);

	check(o.lists < 40, "1000000 threads: /proc is read once a refresh, %u times",
	      (unsigned)o.lists);
	is_failed("1000000 threads", o, DEEP, 1000000, 1 << 28);

	s = begin_sized(KINDS_312, 2, 400 << 20);
	for (int i = 0; i < 16000; i++)
		sim_thread(s.interp, 77, s.codes, 1);
	o = run(2, 1);
	check(o.counts.samples == 32002, "16001 threads are sampled: %u", (unsigned)o.counts.samples);
	check(o.lists < 40, "and /proc read %u times", (unsigned)o.lists);
	check(is_cheap(&o, 1500000, (uint64_t)1 << 30), "at a bounded cost");
}

/* ---- frames ---- */

static raddr
top_frame(raddr thread)
{
	raddr top = sim_pointer_at(field(thread, sim.l->thread.frame));

	return sim.l->frames == FRAMES_CFRAME ? sim_pointer_at(field(top, sim.l->cframe.frame)) : top;
}

static void
copy_frame(raddr to, raddr from)
{
	sim_put(to, sim.bytes + (from - SIM_ORIGIN), (size_t)sim.l->frame.size);
}

/* Frames that lie in any order: every one has to be fetched by itself. */
static void
scatter(raddr thread, size_t n, size_t far)
{
	raddr at = top_frame(thread), room = sim_room(n * far), back;

	for (size_t i = 0; i < n; i++, at = back) {
		back = room + (i * 7919 % n) * far;
		copy_frame(back, at);
		sim_pointer(field(at, sim.l->frame.back), back);
	}
	sim_pointer(field(at, sim.l->frame.back), 0);
}

static void
test_frames(int all)
{
	static const unsigned kinds[] = { KIND_36, KIND_310, KINDS_312, KIND_315 };
	struct outcome o;

	for (size_t i = 0; i < LEN(kinds); i++) {
		struct scene s = begin(kinds[i], 8);
		raddr top = top_frame(s.thread), back = sim_pointer_at(field(top, sim.l->frame.back));

		sim_pointer(field(top, sim.l->frame.back), top);
		is_failed("a frame called by itself", run(6, 1), CYCLE, 20000, 1 << 28);

		s = begin(kinds[i], 8);
		top = top_frame(s.thread);
		back = sim_pointer_at(field(top, sim.l->frame.back));
		sim_pointer(field(back, sim.l->frame.back), top);
		o = run(6, 1);
		check(o.counts.failed[CYCLE] + o.counts.failed[TORN] > 0, "frames in a ring are counted");
		check(is_cheap(&o, 20000, 1 << 28), "at little cost");

		s = begin_sized(kinds[i], 200000, 256 << 20);
		is_failed("200000 frames", run(1, 1), DEEP, 1000000, (uint64_t)4 << 30);

		if (!all)
			continue;
		s = begin_sized(kinds[i], 1, (size_t)1200 << 20);
		scatter(s.thread, 130000, 8192);
		o = run(1, 1);
		check(is_cheap(&o, 4000000, (uint64_t)8 << 30) && o.seconds < 60,
		      "130000 scattered frames: %u samples, %.1f s", (unsigned)o.counts.samples,
		      o.seconds);
	}
}

/* A frame like that one, called from `back`. */
static raddr
another_frame(raddr frame, raddr back)
{
	raddr copy = sim_room((size_t)sim.l->frame.size + 32);

	copy_frame(copy, frame);
	sim_pointer(field(copy, sim.l->frame.back), back);
	return copy;
}

static struct outcome
run_with_cframe(const struct scene *s, raddr frame)
{
	raddr cframe = sim_room(64), at = field(s->thread, sim.l->thread.frame);

	sim_pointer(field(cframe, sim.l->cframe.frame), frame);
	sim_pointer(field(cframe, sim.l->cframe.previous), sim_pointer_at(at));
	sim_pointer(at, cframe);
	return run(3, 1);
}

/* A second _PyCFrame, of a generator that the fourth of four frames enters by way of C:
 * as it should be, and as it may be before it is filled in. */
static void
test_cframes(unsigned kind)
{
	enum { GOOD, AT_END, POPPED, SHORT, ELSEWHERE, CASES };
	struct scene s;
	struct outcome o;

	for (int i = 0; i < CASES; i++) {
		s = begin(kind, 4);
		raddr top = top_frame(s.thread), third = sim_pointer_at(field(top, sim.l->frame.back));
		raddr shim = third, from = i == SHORT ? 0 : i == ELSEWHERE ? third : top, frame, next;
		int stack = sim.l->thread.stack;

		while ((next = sim_pointer_at(field(shim, sim.l->frame.back))))
			shim = next;
		if (sim.l->frame.entry == ABSENT)
			from = another_frame(shim, from);
		frame = another_frame(top, from);
		if (sim.l->frame.entry != ABSENT)
			sim_byte(field(frame, sim.l->frame.entry), 1);
		if (i == AT_END || i == POPPED) {
			sim_pointer(field(s.thread, stack), i == POPPED ? frame : frame + 1);
			sim_pointer(field(s.thread, stack + sim.ptr), frame + 4096);
		}
		o = run_with_cframe(&s, frame);
		if (i == GOOD || i == AT_END)
			check(o.counts.samples == 3 && o.frames == 5, "entered from C: %u samples, %u frames",
			      (unsigned)o.counts.samples, (unsigned)o.frames);
		else
			check(o.counts.failed[TORN] == 3 && !o.counts.samples && !o.frames,
			      "not filled in yet: %u torn, %u frames", (unsigned)o.counts.failed[TORN],
			      (unsigned)o.frames);
	}
}

/* That frame calls C by way of `frame`, the innermost one. */
static struct outcome
run_entered(const struct scene *s, raddr from, raddr frame)
{
	raddr at = field(s->thread, sim.l->thread.frame);

	if (sim.l->frames == FRAMES_CFRAME) {
		sim_pointer(field(sim_pointer_at(at), sim.l->cframe.frame), from);
		return frame == from ? run(3, 1) : run_with_cframe(s, frame);
	}
	sim_pointer(at, frame);
	return run(3, 1);
}

/* A generator's frame that is suspended after a call from `back`. */
static raddr
suspended_frame(raddr frame, raddr back)
{
	raddr copy = another_frame(frame, back);

	sim_int(field(copy, sim.l->frame.live), 2);
	sim_byte(field(copy, sim.l->frame.owner), (unsigned)sim.l->frame.generator_owner);
	return copy;
}

/* What throw() makes of three frames: generators that are suspended stand on the
 * innermost, and what the last delegates to is entered from C.  And what can be no more
 * than what is left of such a stack. */
static void
test_thrown(unsigned kind)
{
	static const struct {
		const char *name;
		unsigned good, frames;
	} cases[] = {
		{ "suspended below an entry from C", 1, 6 }, { "suspended, and nothing on top", 1, 5 },
		{ "suspended where no frame was", 1, 3 }, { "suspended, and called Python", 0, 0 },
		{ "not suspended", 0, 0 }, { "not of a generator", 0, 0 },
		{ "suspended, and leads nowhere", 0, 0 },
	};
	enum { ENTERED, TOP, ROOT, CALLED, RUNS, PLAIN, LEFT };

	for (int i = 0; i < (int)LEN(cases); i++) {
		struct scene s = begin(kind, 3);
		raddr top = top_frame(s.thread), shim = top, next, outer, inner, frame;
		struct outcome o;

		while ((next = sim_pointer_at(field(shim, sim.l->frame.back))))
			shim = next;
		outer = suspended_frame(top, i == ROOT || i == LEFT ? 0 : top);
		inner = i == LEFT ? outer : suspended_frame(top, outer);
		if (i == RUNS)
			sim_int(field(outer, sim.l->frame.live), UINT32_MAX);
		if (i == PLAIN)
			sim_byte(field(outer, sim.l->frame.owner), 0);
		frame = i == TOP || i == LEFT ? inner :
		        another_frame(top, i == CALLED ? inner : another_frame(shim, inner));
		o = run_entered(&s, inner, frame);
		check(cases[i].good ? o.counts.samples == 3 && o.frames == cases[i].frames :
		                      o.counts.failed[TORN] == 3 && !o.counts.samples && !o.frames,
		      "%x, a frame %s: %u samples, %u torn, %u frames", sim.hex >> 16, cases[i].name,
		      (unsigned)o.counts.samples, (unsigned)o.counts.failed[TORN], (unsigned)o.frames);
	}
}

static raddr moving; /* an instruction pointer */

static void
move(void)
{
	static unsigned moves;

	sim_pointer(moving, sim_pointer_at(moving) + (++moves % 23 ? 2 : (raddr)-44));
}

/* The innermost is suspended, and what it stands on is somewhere else at each look. */
static void
test_glimpsed(unsigned kind)
{
	struct scene s = begin(kind, 3);
	raddr top = top_frame(s.thread), inner = suspended_frame(top, top);
	struct outcome o;

	moving = field(top, sim.l->frame.instr);
	sim.changed = move;
	o = run_entered(&s, inner, inner);
	check(o.counts.failed[TORN] == 3 && !o.counts.samples, "%x, seen once only: %u samples, %u torn",
	      sim.hex >> 16, (unsigned)o.counts.samples, (unsigned)o.counts.failed[TORN]);
}

/* Many threads, all of which have one and the same deep stack. */
static void
test_total(void)
{
	struct scene s = begin_sized(KIND_310, 100000, 256 << 20);
	raddr top = top_frame(s.thread);

	for (int i = 0; i < 200; i++)
		sim_pointer(field(sim_thread(s.interp, SIM_PID, s.codes, 1), sim.l->thread.frame), top);
	is_failed("201 threads of 100000 frames", run(1, 1), DEEP, 10000000, (uint64_t)64 << 30);
}

/* ---- objects ---- */

static void
test_names(void)
{
	static const uint64_t lengths[] = { UINT64_C(1) << 63, INT64_MAX, UINT64_MAX, 1 << 20, 0 };
	struct outcome o;

	for (size_t i = 0; i < LEN(lengths); i++) {
		struct scene s = begin(KINDS_312, 3);
		raddr name = sim_pointer_at(field(s.codes[0], sim.l->code.qualname));

		sim_wide(field(name, sim.l->unicode.length), lengths[i]);
		o = run(3, 1);
		check(o.counts.samples == 3 && o.dumped < 100000, "a name of %llx bytes",
		      (unsigned long long)lengths[i]);
		check(is_cheap(&o, 5000, 1 << 24), "at little cost");
	}
}

static void
test_tables(void)
{
	struct scene s = begin_sized(KINDS_312, 8, (size_t)256 << 20);
	uint64_t len = (uint64_t)1 << 30;
	struct outcome o;

	sim_wide(field(s.lines, sim.l->bytes.length), len);
	o = run(3, 1);
	check(o.counts.samples == 3, "a line table of 1 GB");
	check(is_cheap(&o, 5000, 1 << 24), "at little cost");
	/* of 15 MB each, which is not too much for one */
	s = begin_sized(KINDS_312, 8, (size_t)256 << 20);
	sim_wide(field(s.lines, sim.l->bytes.length), 15 << 20);
	o = run(1, 1);
	check(o.counts.samples + o.counts.failed[DEEP] == 1, "eight line tables of 15 MB");
	check(is_cheap(&o, 50000, (uint64_t)2 << 30), "at a bounded cost");
}

static void
test_dicts(void)
{
	static const unsigned kinds[] = { 0, KIND_36, KINDS_312, KIND_315 };
	struct outcome o;

	for (size_t k = 0; k < LEN(kinds); k++) {
		struct scene s = begin(kinds[k], 3);
		raddr keys = sim_pointer_at(field(s.modules, sim.l->dict.keys)), p = (raddr)sim.ptr;

		/* a million entries, or 2^63 */
		sim_wide(sim.l->dicts == DICT_TABLE ? field(s.modules, sim.l->dict.keys) :
		         sim.l->dicts == DICT_COMPACT ? keys + 4 * p : keys + 2 * p + 8,
		         k % 2 ? UINT64_C(1) << 63 : 999999);
		o = run(3, 1);
		check(o.counts.samples == 3 && o.frames == 3, "modules without end");
		check(is_cheap(&o, 5000, 1 << 27), "at little cost");
	}
	/* every key is a string of a million characters */
	struct scene s = begin_sized(KINDS_312, 3, 64 << 20);
	raddr *keys = calloc(60000, sizeof *keys), name = sim_str("x", 1);

	sim_wide(field(name, sim.l->unicode.length), 1 << 20);
	for (size_t i = 0; i < 60000; i++)
		keys[i] = name;
	sim_pointer(field(s.interp, sim.l->interp.modules), sim_dict(keys, keys, 60000));
	free(keys);
	sim.tasks = 201;
	for (unsigned i = 1; i <= 200; i++)
		sim_thread(s.interp, SIM_PID + i, s.codes, 1);
	o = run(1, 1);
	check(o.dumped > 100, "60000 modules with names of 1 MB");
	check(is_cheap(&o, 1 << 22, (uint64_t)4 << 30), "at a bounded cost, whatever the threads");
}

/* ---- what is told of itself ---- */

static void
test_told(int all)
{
	static const uint32_t values[] = { 0, 1, 7, 8, 9, 24, 56, 60, 63, 64, 65, 72, 80, 87, 88, 89, 95,
		96, 97, 104, 200, 255, 256, 257, 1016, 1023, 1024, 4000, 4095, 4096, (1 << 20) - 1, 1 << 20 };
	unsigned n = 0, found = 0;

	for (unsigned kind = 9 * 3; kind < sim_kinds(); kind++)
		for (size_t w = 3; w < 111; w++)
			for (size_t v = 0; v < LEN(values); v += all ? 1 : 5, n++) {
				struct scene s = begin_sized(kind, 4, 1 << 18);

				(void)s;
				sim_wide(sim.runtime + w * 8, values[v]);
				found += run(2, 1).found;
			}
	/* the fields that are read at once, far from each other */
	for (unsigned kind = 9 * 3; kind < sim_kinds(); kind++)
		for (size_t a = 24; a < 70; a += all ? 1 : 5)
			for (size_t b = a + 1; b < 70; b++, n++) {
				begin_sized(kind, 4, 1 << 18);
				sim_wide(sim.runtime + a * 8, 4096);
				sim_wide(sim.runtime + b * 8, 4000);
				found += run(1, 1).found;
			}
	check(n > 4000 && found > 1000, "offsets that are wrong: %u of %u are believed", found, n);
}

/* ---- searching ---- */

/* Everything in memory looks like an interpreter, almost. */
static void
test_search(void)
{
	struct outcome o;
	struct scene s = begin_sized(KIND_36, 3, 64 << 20);

	for (raddr at = sim_room(0); at < SIM_ORIGIN + sim.size; at += 8)
		sim_wide(at, s.interp);
	sim_pointer(field(s.interp, sim.l->interp.modules), s.thread); /* no dict */
	o = run(1, 1);
	check(!o.found, "eight million pointers to what is no interpreter");
	check(is_cheap(&o, ((uint64_t)1 << 22) + 10000, (uint64_t)5 << 30), "at a bounded cost");
}

int
main(int argc, char *argv[])
{
	/* what takes seconds is for those who ask for it */
	int all = argc > 1 && !strcmp(argv[1], "all");
	struct rlimit memory = { 4096ul << 20, 4096ul << 20 };

	if (!getenv("UNLIMITED"))
		setrlimit(RLIMIT_DATA, &memory);
	test_kinds();
	test_lists();
	test_frames(all);
	for (unsigned kind = KIND_311; kind < KIND_311 + 6; kind++)
		test_cframes(kind);
	for (unsigned kind = KINDS_312; kind < KINDS_312 + 6; kind++) { /* and 3.13 */
		test_thrown(kind);
		test_glimpsed(kind);
	}
	if (all) {
		test_many_threads();
		test_total();
	}
	test_names();
	test_tables();
	test_dicts();
	test_told(all);
	test_search();
	return check_status();
}
