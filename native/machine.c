/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DWARF's numbers of registers: System V ABI AMD64 1.0, figure 3.36; DWARF for the Arm 64-bit
 * architecture 2023Q3, section 4.1; for i386 those of .eh_frame, System V ABI Intel386 1.0, table
 * 2.14.  The kernel's order: Linux v6.1 arch/x86/include/asm/user_64.h, user_32.h;
 * arch/arm64/include/uapi/asm/ptrace.h, struct user_pt_regs.
 */
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "native/machine.h"

/* Those whose programs run where this runs. */
static const struct machine machines[] = {
#ifdef __aarch64__
	/* Of an address that is signed the upper bits are the signature. */
	{ EM_AARCH64, 8, 32, 31, 29, 30, 32,
	  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
	    25, 26, 27, 28, 29, 30, 31 }, (UINT64_C(1) << 48) - 1 },
#else
	{ EM_X86_64, 8, 17, 7, 6, 16, 16,
	  { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 }, UINT64_MAX },
	{ EM_386, 4, 9, 4, 5, 8, 12, { 6, 1, 2, 0, 15, 5, 3, 4, 12 }, UINT32_MAX },
#endif
};

const struct machine *
machine_find(unsigned word)
{
	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
		if (machines[i].word == word)
			return &machines[i];
	return 0;
}

static uint64_t
word_of(const struct machine *m, const void *set, unsigned i)
{
	const char *at = (const char *)set + (size_t)i * m->word;
	uint64_t wide;
	uint32_t half;

	if (m->word == 8) {
		memcpy(&wide, at, sizeof wide);
		return wide;
	}
	memcpy(&half, at, sizeof half);
	return half;
}

int
machine_registers(const struct machine *m, const void *set, size_t size, struct regs *regs)
{
	*regs = (struct regs){ .known = (UINT64_C(1) << m->n) - 1 };
	for (unsigned i = 0; i < m->n; i++) {
		if ((m->from[i] + 1u) * m->word > size)
			return -1;
		regs->r[i] = word_of(m, set, m->from[i]);
	}
	if ((m->pc + 1u) * m->word > size)
		return -1;
	regs->pc = word_of(m, set, m->pc);
	return 0;
}

void
machine_only(const struct machine *m, uint64_t sp, uint64_t pc, struct regs *regs)
{
	*regs = (struct regs){ .known = UINT64_C(1) << m->sp, .pc = pc };
	regs->r[m->sp] = sp;
}
