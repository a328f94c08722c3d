/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that reads a target, on one that is imitated: found, sampled and dumped
 * while the input damages it, between any two reads.
 *
 * Input: which Python, and which C frames; how it is sampled (2), interpreters and threads, frames,
 * code objects, what the kernel tells, the length of the line table; that table;
 * then damages of 6 bytes each: when (before which read), what, where and with
 * what (2 bytes each).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "profile.h"
#include "format/collapsed.h"
#include "format/saved.h"
#include "target.h"
#include "capture.h"
#include "sample.h"
#include "why/why.h"
#include "dump.h"
#include "simulated.h"
#include "told.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MEMORY = 1 << 18, HEAD = 8, DAMAGE = 6, MAX_DAMAGES = 64, MOST_CALLS = 1 << 23 };

static const uint8_t *damages;
static size_t n_damages, next_damage;

/* ---- damages ---- */

static void
damage(const uint8_t *d)
{
	static const uint64_t odd[] = { 1, 2, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 20,
		UINT64_C(1) << 63, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, 1 << 16, 1 << 30, 4096,
		SIM_ORIGIN, SIM_ORIGIN + MEMORY - 8 };
	unsigned where = (unsigned)d[2] << 8 | d[3], with = (unsigned)d[4] << 8 | d[5];
	size_t n;
	raddr slot = sim_slot(where, &n), other = sim_slot(with, &n);

	switch (d[1] % 10) {
	case 0: sim_pointer(slot, other); break;
	case 1: sim_pointer(slot, sim_pointer_at(other)); break;
	case 2: sim_pointer(slot, sim_pointer_at(slot) + (raddr)(int16_t)with); break;
	case 3: sim_pointer(slot, odd[with % LEN(odd)]); break;
	case 4: sim_byte(sim_pointer_at(slot) + (with >> 8), with); break;
	case 5: sim_wide(sim_pointer_at(slot) + (with >> 8) * 4, odd[with % LEN(odd)]); break;
	case 6: sim_wide(sim.runtime + (where % 111) * 8, with % 8 ? with : odd[with / 8 % LEN(odd)]);
		break;
	case 7: sim_int(slot + (with >> 8), with & 0xff); break;
	case 8: sim_pointer(slot, 0); break;
	case 9: if (d[1] > 250) sim.size = where * 4; else sim.tasks = with % 9; break;
	}
}

static void
on_read(void)
{
	if (sim.calls > MOST_CALLS)
		abort(); /* more than any damage may make it do */
	for (; next_damage < n_damages; next_damage++) {
		if (damages[next_damage * DAMAGE] > sim.calls)
			break;
		damage(damages + next_damage * DAMAGE);
	}
}

/* ---- a target ---- */

static void
build(const uint8_t *in, const uint8_t *table, size_t table_len)
{
	unsigned n_interps = 1 + in[3] % 3, n_threads = in[3] / 3 % 4, n_frames = in[4] % 24;
	unsigned n_codes = 1 + in[5] % 6;
	raddr codes[24], known[6], idents[4], names[4], interp = 0;
	raddr lines = sim_bytes(table, table_len), file = sim_str("/usr/lib/a b;c\n.py", 18);
	raddr library = sim_str("/usr/lib/python3/threading.py", 29);
	int in_library = in[0] / sim_kinds() & 1;

	for (unsigned i = 0; i < n_codes; i++)
		known[i] = in_library && i % 2 ?
		           sim_code(library, sim_str("waitjoinacquire" + i / 2 * 4, i > 3 ? 7 : 4), lines, 32) :
		           sim_code(file, sim_str(&"f\x1b;g"[i % 3], 2), lines, 32);
	for (unsigned i = 0; i < n_frames; i++)
		codes[i] = known[(i ^ in[5] >> 4) % n_codes];
	for (unsigned k = 0; k < n_interps; k++) {
		interp = sim_interpreter(interp, 0);
		for (unsigned i = 0; i < n_threads; i++) {
			raddr at = sim_thread(interp, SIM_PID + i, codes, n_frames ? n_frames - i % 2 : 0);

			idents[i] = sim_pointer_at(at + (raddr)sim.l->thread.thread_id);
			names[i] = sim_str("T\n1", 3);
		}
		sim_pointer(interp + (raddr)sim.l->interp.modules, sim_modules(idents, names, n_threads));
	}
}

/* ---- what is done with it ---- */

static void
sample(const struct target *t, const uint8_t *in)
{
	struct sample_options options = {
		.period = 1000000, .mode = (enum mode)(in[1] % 3), .pausing = in[1] / 3 % 3,
		.all_threads = in[2] & 1, .by_process = in[2] >> 1 & 1, .by_thread = in[2] >> 2 & 1,
		.tell_idle = in[2] >> 4 & 1, .exclude_idle = in[2] >> 5 & 1, .log = in[2] >> 6 & 1,
		.with_lines = in[2] >> 7, .count_waits = 1,
		.native = in[0] / sim_kinds() % 3,
	};
	struct dump_what all = { .locals = 1, .tasks = 1 };
	struct profile *p = profile_new();
	struct buf text = { 0 };
	struct sampler *s;

	if (in[2] & 8) {
		profile_split(p);
		options.tell_threads = 1;
		options.by_thread = options.by_process = 0;
	}
	s = sampler_new(t, p, &options);
	for (int i = 0; i < 5 && sampler_tick(s, 0) == OK; i++)
		;
	sampler_rename(s);
	dump_write(s, p, &all, &text);
	told_check(&text);
	text.len = 0;
	told_explain(s, p, 1, in[0] / sim_kinds() & 2, &text);
	text.len = 0;
	(in[2] & 8 ? saved_write : collapsed_write)(p, &text);
	told_check(&text);
	for (int i = 0; i < 2; i++)
		sampler_tick(s, 0);
	sampler_free(s);
	profile_free(p);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct buf reason = { 0 };
	struct target t;
	size_t table_len;

	if (len < HEAD)
		return 0;
	table_len = in[7] < len - HEAD ? in[7] : len - HEAD;
	damages = in + HEAD + table_len;
	n_damages = (len - HEAD - table_len) / DAMAGE;
	if (n_damages > MAX_DAMAGES)
		n_damages = MAX_DAMAGES;
	next_damage = 0;
	sim_begin(MEMORY);
	sim.seed = in[6];
	sim_python(in[0] % sim_kinds(), in[1] >> 7);
	build(in, in + HEAD, table_len);
	sim.calls = 0;
	sim.changed = on_read;
	if (target_open(sim_process(), 0, &t, &reason) == TARGET_READY) {
		sample(&t, in);
		target_close(&t);
	}
	buf_free(&reason);
	sim.size = MEMORY;
	sim_end();
	return 0;
}
