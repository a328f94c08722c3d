/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What instructions tell of the stack.  A guess is none: whatever comes of it has to lead to the
 * address after a call.
 */
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "native/machine.h"
#include "native/rows.h"
#include "native/copy.h"
#include "native/code.h"

int
code_follows_call(struct mem *mem, uint64_t pc)
{
	unsigned char c[7];
	uint32_t word;

	if (IS_AARCH64) /* BL, BLR */
		return mem_read(mem, pc - 4, &word, sizeof word) == OK &&
		       ((word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000);
	if (mem_read(mem, pc - sizeof c, c, sizeof c) != OK)
		return 0;
	/* e8 and four bytes, or ff /2 with what follows it */
	return c[2] == 0xe8 || (c[5] == 0xff && (c[6] & 0x38) == 0x10) ||
	       (c[4] == 0xff && (c[5] & 0x38) == 0x10) || (c[3] == 0xff && (c[4] & 0x38) == 0x10) ||
	       (c[1] == 0xff && (c[2] & 0x38) == 0x10) || (c[0] == 0xff && (c[1] & 0x38) == 0x10);
}

/* A register off the stack. */
static enum step
pop_register(const struct machine *m, const struct copy *copy, struct regs *regs, unsigned reg)
{
	enum step step = copy_step(m, copy, regs->r[m->sp], &regs->r[reg]);

	if (step == STEP_DONE && reg != m->sp)
		regs->r[m->sp] += m->word;
	regs->known |= UINT64_C(1) << reg;
	return step;
}

/* Does what the instructions of an x86 function do that are left of it: ADD SP, POP, RET, as those
 * of CPython's trampolines for perf (CPython v3.12.0 Python/asm_trampoline.S).  STEP_LOST if
 * there are others. */
static enum step
leave_x86(const struct machine *m, const unsigned char *p, size_t len, const struct copy *copy,
          struct regs *regs)
{
	static const unsigned char number[] = { 0, 2, 1, 3, 7, 6, 4, 5 }; /* DWARF's, on x86-64 */
	const unsigned char *end = p + len;
	enum step step = STEP_DONE;

	while (step == STEP_DONE && end - p >= 4) {
		if (*p == 0xc3)
			return pop_register(m, copy, regs, m->ra);
		if (p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xc4 && p[3] < 0x80) {
			regs->r[m->sp] += p[3];
			p += 4;
		} else if (*p >= 0x58 && *p <= 0x5f && *p != 0x5c) {
			step = pop_register(m, copy, regs, number[*p++ - 0x58]);
		} else {
			return STEP_LOST;
		}
	}
	return step == STEP_DONE ? STEP_LOST : step;
}

/* The same for LDP X29, X30, [SP], #n; RET. */
static enum step
leave_aarch64(const struct machine *m, const unsigned char *p, const struct copy *copy,
              struct regs *regs)
{
	uint32_t code[2];
	uint64_t sp = regs->r[m->sp];
	enum step step;

	memcpy(code, p, sizeof code);
	if ((code[0] & 0xffe07fff) != 0xa8c07bfd || code[1] != 0xd65f03c0)
		return STEP_LOST;
	step = pop_register(m, copy, regs, m->fp);
	if (step == STEP_DONE)
		step = pop_register(m, copy, regs, m->ra);
	regs->r[m->sp] = sp + (code[0] >> 15 & 0x3f) * 8;
	return step;
}

static enum step
leave(const struct machine *m, struct mem *mem, const struct copy *copy, struct regs *regs)
{
	unsigned char code[16];

	if (mem_read(mem, regs->pc, code, sizeof code) != OK)
		return STEP_LOST;
	if (IS_AARCH64)
		return leave_aarch64(m, code, copy, regs);
	return m->elf == EM_X86_64 ? leave_x86(m, code, sizeof code, copy, regs) : STEP_LOST;
}

/* The frame pointer leads to the caller's, and the return address lies next to that. */
static enum step
follow_pointer(const struct machine *m, const struct copy *copy, struct regs *regs)
{
	uint64_t fp = regs->r[m->fp];
	enum step step;

	if (!regs_known(regs, m->fp) || fp % m->word || fp < regs->r[m->sp])
		return STEP_LOST;
	regs->r[m->sp] = fp;
	step = pop_register(m, copy, regs, m->fp);
	return step == STEP_DONE ? pop_register(m, copy, regs, m->ra) : step;
}

enum step
code_unwind(const struct machine *m, struct mem *mem, int (*is_code)(void *, uint64_t),
            void *context, const struct copy *copy, struct regs *regs)
{
	struct regs before = *regs;
	uint64_t pc;
	enum step step = leave(m, mem, copy, regs);

	if (step == STEP_LOST) { /* and where the others are that it has to keep is not known */
		*regs = before;
		step = follow_pointer(m, copy, regs);
		regs->known = UINT64_C(1) << m->sp | UINT64_C(1) << m->fp;
	}
	if (step != STEP_DONE)
		return step;
	pc = regs->r[m->ra] & m->address;
	if (!pc || !is_code(context, pc) || !code_follows_call(mem, pc))
		return STEP_LOST;
	return copy_arrive(m, copy, regs, &before, pc, 0);
}

/* ---- a frame pointer that is not known ---- */

/* How many bytes the instruction takes off the stack for the function's variables; 0: it is another
 * one: SUB SP with a byte or four, ADD SP with -128; on x86-64 a byte comes before these. */
static uint32_t
taken_by(const unsigned char *p)
{
	uint32_t n;

	if (p[0] == 0x83 && p[1] == 0xc4 && p[2] == 0x80)
		return 128;
	if (p[0] == 0x83 && p[1] == 0xec && p[2] < 0x80)
		return p[2];
	if (p[0] != 0x81 || p[1] != 0xec)
		return 0;
	memcpy(&n, p + 2, sizeof n);
	return n <= INT32_MAX ? n : 0;
}

/* Whether a function's frame can begin there: below it is the address after a call. */
static int
is_frame(const struct machine *m, struct mem *mem, const struct copy *copy, uint64_t cfa)
{
	uint64_t pc;

	return !copy_word(copy, cfa - m->word, m->word, &pc) && code_follows_call(mem, pc);
}

/* How many bytes below the caller's stack the lowest register is that the function keeps. */
static uint64_t
kept_down_to(const struct row *row, const struct rules *kept)
{
	int32_t lowest = 0;

	for (unsigned i = 0; i < row->n; i++) {
		const struct rule *rule = &kept->rules[row->first + i];

		if (rule->kind == RULE_AT && rule->value < lowest)
			lowest = rule->value;
	}
	return (uint64_t)-(int64_t)lowest;
}

/* A frame that can only begin at one place. */
struct found {
	const struct machine *machine;
	struct mem *mem;
	const struct copy *copy;
	uint64_t cfa; /* 0: nowhere yet */
	int several;
};

static void
try_frame(struct found *f, uint64_t cfa)
{
	if (cfa == f->cfa || !is_frame(f->machine, f->mem, f->copy, cfa))
		return;
	f->several = f->cfa != 0;
	f->cfa = cfa;
}

/* Whether what stands before is a PUSH. */
static int
is_push(const unsigned char *code, uint64_t at)
{
	return at && code[at - 1] >= 0x50 && code[at - 1] <= 0x57;
}

/* Registers may be pushed before room is taken, or be put there later. */
static void
try_both(struct found *f, const unsigned char *code, uint64_t begun, uint64_t at, uint64_t taken,
         uint64_t pushed)
{
	if (at > begun)
		try_frame(f, taken + pushed);
	if (!is_push(code, at))
		try_frame(f, taken + 2u * f->machine->word);
}

/* Whether a register may be pushed there that the function need not keep: RAX, RCX, RDX, R8 to R10;
 * GCC does that where SP has to be aligned, for SUB is longer. */
static int
is_spare(const struct machine *m, unsigned char code)
{
	return m->word == 8 && code >= 0x50 && code <= 0x52;
}

int
code_find_frame(const struct machine *m, struct mem *mem, const struct row *row,
                const struct rules *kept, const struct copy *copy, uint64_t sp, uint64_t pc,
                uint64_t *cfa)
{
	enum { PROLOGUE = 128, LONGEST = 6 };
	unsigned char code[PROLOGUE + LONGEST] = { 0 };
	uint64_t len = pc - row->start < PROLOGUE ? pc - row->start : PROLOGUE;
	uint64_t pushed = kept_down_to(row, kept), taken = sp, begun = 0;
	struct found f = { m, mem, copy, 0, 0 };
	int spare = 0;

	if (IS_AARCH64 || mem_read(mem, row->start, code, (size_t)len) != OK)
		return -1;
	for (uint64_t i = 0; i < len; i++) {
		uint32_t more = begun ? taken_by(code + i) : 0;

		if (!begun && code[i] == 0x89 && code[i + 1] == 0xe5)
			begun = i + 2;
		taken += more;
		if (more)
			try_both(&f, code, begun, i - (m->word == 8), taken, pushed);
		spare |= begun && is_spare(m, code[i]);
	}
	if (begun && taken == sp) {
		try_frame(&f, sp + pushed);
		try_frame(&f, sp + 2u * m->word);
		if (spare)
			try_frame(&f, sp + pushed + m->word);
	}
	*cfa = f.cfa;
	return f.cfa && !f.several ? 0 : -1;
}
