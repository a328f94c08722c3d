/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables, exported symbols and names of functions, as a hostile program has them in memory.
 *
 * Input: 32 or 64 bits; how far into the function its address is (2 bytes); how many rows the table
 * has; the length of the memory (2); that memory, which begins with the table's rows (see
 * native/modules.c) and has a dynamic symbol table where the first words say; the rest is the stack.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "elf.h"
#include "process.h"
#include "native/machine.h"
#include "native/demangle.h"
#include "native/symbols.h"
#include "native/modules.h"
#include "native/rows.h"
#include "native/copy.h"
#include "native/code.h"
#include "native/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { BASE = 0x400000, STACK = 0x7f0000, HEAD = 6, MOST_READS = 1 << 16, MOST_STEPS = 1 << 12 };

static const uint8_t *bytes;
static size_t n_bytes, reads;

static enum why
read_bytes(void *context, const struct mem_vec *v, size_t n, const struct iovec *to, size_t n_to,
           size_t *done, uint64_t *calls)
{
	struct iovec place = { 0 };
	size_t used = 0;

	(void)context;
	(void)n_to;
	++*calls;
	if (++reads > MOST_READS)
		abort();
	for (size_t i = 0; i < n; i++) {
		raddr offset = v[i].addr - BASE;

		if (v[i].addr < BASE || offset > n_bytes || v[i].len > n_bytes - offset)
			return FAULT;
		for (size_t k = 0; k < v[i].len; k++) {
			while (used == place.iov_len) {
				place = *to++;
				used = 0;
			}
			((uint8_t *)place.iov_base)[used++] = bytes[offset + k];
		}
		*done += v[i].len;
	}
	return OK;
}

static void
close_bytes(void *context)
{
	(void)context;
}

static int
get_stat(const struct process *p, struct proc_stat *out)
{
	(void)p;
	(void)out;
	return -1;
}

static int
open_nothing(const struct process *p, const char *path, uint64_t inode)
{
	(void)p;
	(void)path;
	(void)inode;
	return -1;
}

static int
is_code(void *context, uint64_t pc)
{
	(void)context;
	return pc >= BASE && pc - BASE < n_bytes;
}

/* Steps up as native.c does, with a row for every address. */
static void
unwind(struct mem *mem, const struct machine *machine, const struct module *m, uint64_t pc,
       const struct copy *copy)
{
	struct buf expressions = { 0 };
	struct rules rules = { .expressions = &expressions };
	struct regs regs = { .known = (UINT64_C(1) << machine->n) - 1, .pc = pc };
	enum step step = STEP_DONE;

	for (unsigned i = 0; i < machine->n; i++)
		regs.r[i] = STACK + i * 8;
	regs.r[machine->sp] = STACK;
	if (pc & 1)
		regs.known &= ~(UINT64_C(1) << machine->fp);
	for (int i = 0; i < MOST_STEPS && step == STEP_DONE && reads < MOST_READS / 2; i++) {
		struct row row;

		if (row_read(mem, machine, m, regs.pc - (i > 0), &rules, &row))
			step = i ? code_unwind(machine, mem, is_code, NULL, copy, &regs) : STEP_LOST;
		else
			step = unwind_row(machine, mem, &row, &rules, copy, &regs);
		if (step == STEP_DONE && (regs.r[machine->sp] < STACK ||
		                          regs.r[machine->sp] > STACK + copy->len))
			abort(); /* out of the stack */
	}
	free(rules.rules);
	buf_free(&expressions);
}

static void
name_all(const struct process *p, const struct elf *e)
{
	struct symbols *s = symbols_read(p, e, BASE, "", 0);
	struct buf name = { 0 }, shown = { 0 };

	for (uint64_t pc = BASE; pc < BASE + 256 && reads < MOST_READS / 2; pc += 8) {
		name.len = 0;
		if (!symbols_name(s, pc, &name) && name.len) {
			buf_terminate(&name);
			demangle(name.data, name.len, &shown);
		}
	}
	symbols_free(s);
	buf_free(&name);
	buf_free(&shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static const struct mem_source source = { read_bytes, close_bytes };
	static const struct process_source nobody = { .stat = get_stat, .open = open_nothing };
	const struct machine *machine;
	struct module m = { .state = MODULE_OPEN };
	struct process *p;
	struct copy copy;
	struct buf name = { 0 }, shown = { 0 };
	int32_t start = 0;
	uint32_t words[4] = { 0 };

	if (len < HEAD)
		return 0;
	machine = machine_find(in[0] % 2 ? 4 : 8);
	if (!machine)
		return 0;
	n_bytes = (size_t)(in[4] | in[5] << 8) < len - HEAD ? (size_t)(in[4] | in[5] << 8) : len - HEAD;
	bytes = in + HEAD;
	reads = 0;
	copy = (struct copy){ STACK, bytes + n_bytes, len - HEAD - n_bytes };
	p = process_from(&nobody, mem_from(&source, NULL), 1);
	if (n_bytes >= sizeof words) {
		memcpy(words, bytes, sizeof words);
		memcpy(&start, bytes, sizeof start);
	}
	m.elf = (struct elf){ .ptr = machine->word, .bias = BASE, .unwind = BASE,
	                      .strtab = BASE + words[1] % 4096, .symtab = BASE + words[0] % 4096,
	                      .strsize = words[2] % 8192 };
	if (in[3] & 1)
		m.elf.gnu_hash = BASE + words[3] % 4096;
	else
		m.elf.hash = BASE + words[3] % 4096;
	m.table = BASE;
	m.rows = in[3];
	unwind(process_mem(p), machine, &m,
	       BASE + (uint64_t)(int64_t)start + (in[1] | (unsigned)in[2] << 8), &copy);
	name_all(p, &m.elf);
	buf_add(&name, bytes, len - HEAD);
	buf_terminate(&name);
	demangle(name.data, strlen(name.data), &shown);
	process_close(p);
	buf_free(&shown);
	buf_free(&name);
	return 0;
}
