/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The part of the program that copies registers and the C stack, behind what Python has.  What
 * interrupts a thread in the kernel finds the registers it had when it called that, where the
 * kernel keeps them; else those that it has there are the same (linux/bpf.h, bpf_task_pt_regs(),
 * from Linux 5.15 on).
 *
 * In C it would be:
 *
 *	if (the record has no room for registers, an address and a chunk)
 *		return;
 *	put the registers, and the address that they have for the stack, less RED_ZONE;
 *	for (chunks = 0; chunks <= slot->stack && there is room; chunks++)
 *		put what is there up to the next multiple of CHUNK: that is within a page.  If
 *		it can't, and nothing has been put, begin after it; else return;
 */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "kernel/bpf.h"
#include "kernel/program.h"
#include "kernel/cstack.h"

/* Linux v6.1 arch/x86/include/asm/ptrace.h, arch/arm64/include/uapi/asm/ptrace.h. */
#ifdef __aarch64__
enum { SP = 31 };
#else
enum { SP = 19 };
#endif
enum {
	REGS = C_REGS * 8,
	RED_ZONE = 128,
	MOST_CHUNKS = MOST_RECORD / CHUNK,
};

/* r6 is where that begins, r7 the slot, r8 the record, r9 how many chunks there are. */
static const struct instruction code[] = {
	{ MOVE, 8, 1, 0, 0 },
	{ MOVE, 7, 2, 0, 0 },
	{ CALL, 0, 0, 0, TASK },
	{ MOVE, 1, 0, 0, 0 },
	{ CALL, 0, 0, 0, REGISTERS },
	{ MOVE, 3, 0, 0, 0 },
	{ LOAD, 9, 8, RECORD(len), 0 },
	{ MASK, 9, 0, 0, MOST_RECORD - 8 },
	{ GOTO_IF_MORE, 9, 0, 41, MOST_RECORD - REGS - 8 - CHUNK },
	{ MOVE, 6, 8, 0, 0 },
	{ ADD, 6, 9, 0, 0 },
	{ MOVE, 1, 6, 0, 0 },
	{ SET, 2, 0, 0, REGS },
	{ CALL, 0, 0, 0, COPY_KERNELS },
	{ GOTO_UNLESS_IS, 0, 0, 35, 0 },
	{ LOAD, 3, 6, SP * 8, 0 },
	{ ADD_TO, 3, 0, 0, -RED_ZONE },
	{ MASK, 3, 0, 0, ~7 },
	{ STORE, 6, 3, REGS, 0 },
	{ STORE, 10, 3, -8, 0 },
	{ STORE, 8, 9, RECORD(c_part), 0 },
	{ ADD_TO, 9, 0, 0, REGS + 8 },
	{ STORE, 8, 9, RECORD(len), 0 },
	{ SET, 9, 0, 0, 0 },
	{ LOAD, 1, 8, RECORD(len), 0 },
	{ MASK, 1, 0, 0, MOST_RECORD - 8 },
	{ GOTO_IF_MORE, 1, 0, 23, MOST_RECORD - CHUNK },
	{ ADD, 1, 8, 0, 0 },
	{ LOAD, 3, 10, -8, 0 },
	{ MOVE, 4, 3, 0, 0 },
	{ MASK, 4, 0, 0, CHUNK - 1 },
	{ SET, 2, 0, 0, CHUNK },
	{ SUBTRACT, 2, 4, 0, 0 },
	{ STORE, 10, 2, -16, 0 },
	{ CALL, 0, 0, 0, COPY },
	{ LOAD, 2, 10, -16, 0 },
	{ LOAD, 3, 10, -8, 0 },
	{ ADD, 3, 2, 0, 0 },
	{ STORE, 10, 3, -8, 0 },
	{ GOTO_IF_IS, 0, 0, 3, 0 },
	{ GOTO_UNLESS_IS, 9, 0, 9, 0 },
	{ STORE, 6, 3, REGS, 0 },
	{ GOTO_IF_IS, 9, 0, 3, 0 },
	{ LOAD, 1, 8, RECORD(len), 0 },
	{ ADD, 1, 2, 0, 0 },
	{ STORE, 8, 1, RECORD(len), 0 },
	{ LOAD, 1, 7, AT(stack), 0 },
	{ ADD_TO, 9, 0, 0, 1 },
	{ GOTO_IF_ABOVE, 9, 1, 1, 0 },
	{ GOTO_IF_LESS, 9, 0, -26, MOST_CHUNKS },
	{ SET, 0, 0, 0, 0 },
	{ EXIT, 0, 0, 0, 0 },
};
_Static_assert(LEN(code) <= MOST_PART, "there is room for it");

const struct part *
cstack_part(void)
{
	static const struct part part = { code, LEN(code) };

	return C_STACKS ? &part : NULL;
}
