/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of stacks; see copy.h. */
#include <stdint.h>
#include <string.h>

#include "native/machine.h"
#include "native/copy.h"

int
copy_word(const struct copy *c, uint64_t addr, unsigned word, uint64_t *value)
{
	uint64_t offset = addr - c->at;
	uint32_t half;

	if (addr < c->at || offset > c->len || c->len - offset < word)
		return -1;
	if (word == 8) {
		memcpy(value, c->bytes + offset, sizeof *value);
		return 0;
	}
	memcpy(&half, c->bytes + offset, sizeof half);
	*value = half;
	return 0;
}

enum step
copy_step(const struct machine *m, const struct copy *copy, uint64_t addr, uint64_t *value)
{
	if (!copy_word(copy, addr, m->word, value))
		return STEP_DONE;
	return addr >= copy->at ? STEP_BEYOND : STEP_LOST;
}

enum step
copy_arrive(const struct machine *m, const struct copy *copy, struct regs *regs,
            const struct regs *before, uint64_t pc, int interrupted)
{
	uint64_t sp = regs->r[m->sp], old = before->r[m->sp];

	regs->pc = pc & m->address;
	if (!regs->pc)
		return STEP_OUTERMOST;
	if (sp % 4 || sp < copy->at || sp - copy->at > copy->len)
		return sp > copy->at ? STEP_BEYOND : STEP_LOST;
	if (sp < old || (sp == old && !interrupted && regs->pc == before->pc))
		return STEP_LOST;
	return STEP_DONE;
}
