/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps up the C stack: DWARF 5, sections 2.5 and 6.4.  What a register is found by is what was
 * copied of the stack, and nothing else; a step that needs what is not known is none.
 */
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "native/machine.h"
#include "native/rows.h"
#include "native/copy.h"
#include "native/code.h"
#include "native/unwind.h"

/* ---- expressions ---- */

enum { MAX_VALUES = 16 };

struct evaluation {
	const struct machine *machine;
	const struct regs *regs;
	const struct copy *copy;
	const unsigned char *p, *end;
	uint64_t values[MAX_VALUES];
	unsigned n;
	int bad;
};

static void
push(struct evaluation *e, uint64_t value)
{
	if (e->n == MAX_VALUES)
		e->bad = 1;
	else
		e->values[e->n++] = value;
}

static uint64_t
pop(struct evaluation *e)
{
	if (e->n)
		return e->values[--e->n];
	e->bad = 1;
	return 0;
}

/* A number in the expression, LEB128. */
static uint64_t
operand(struct evaluation *e, int is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0, byte = 0x80;

	for (; byte & 0x80; shift += 7) {
		if (e->p == e->end || shift > 56) {
			e->bad = 1;
			return 0;
		}
		byte = *e->p++;
		value |= (uint64_t)(byte & 0x7f) << shift;
	}
	return is_signed && byte & 0x40 ? value | UINT64_MAX << shift : value;
}

/* The value of a register; that of the program counter is the address itself. */
static uint64_t
register_value(struct evaluation *e, uint64_t reg)
{
	if (reg == e->machine->ra && e->machine->ra != 30)
		return e->regs->pc;
	if (reg < MACHINE_REGS && regs_known(e->regs, (unsigned)reg))
		return e->regs->r[reg];
	e->bad = 1;
	return 0;
}

static uint64_t
word_at(struct evaluation *e, uint64_t addr)
{
	uint64_t value = 0;

	e->bad |= copy_word(e->copy, addr, e->machine->word, &value);
	return value;
}

/* What linkers need for their tables of procedures, and compilers for frames that are aligned. */
static uint64_t
combine(struct evaluation *e, unsigned op, uint64_t a, uint64_t b)
{
	switch (op) {
	case 0x1a: return a & b;
	case 0x1c: return a - b;
	case 0x22: return a + b;
	case 0x24: return b < 64 ? a << b : 0;
	case 0x25: return b < 64 ? a >> b : 0;
	case 0x2a: return (int64_t)a >= (int64_t)b;
	}
	e->bad = 1;
	return 0;
}

static void
evaluate_one(struct evaluation *e, unsigned op)
{
	uint64_t a, b;

	if (op >= 0x30 && op < 0x50) { /* DW_OP_lit0 and on */
		push(e, op - 0x30);
	} else if (op >= 0x70 && op < 0x90) { /* DW_OP_breg0 and on */
		a = register_value(e, op - 0x70);
		push(e, a + operand(e, 1));
	} else if (op == 0x06) { /* DW_OP_deref */
		push(e, word_at(e, pop(e)));
	} else if (op == 0x23) { /* DW_OP_plus_uconst */
		push(e, pop(e) + operand(e, 0));
	} else if (op >= 0x1a && op < 0x2f) {
		b = pop(e);
		a = pop(e);
		push(e, combine(e, op, a, b));
	} else {
		e->bad = 1;
	}
}

/* start: what is on top at first, if it is not NULL. */
static int
evaluate(const struct machine *m, const struct rules *kept, const struct rule *rule,
         const struct regs *regs, const struct copy *copy, const uint64_t *start, uint64_t *value)
{
	struct evaluation e = { .machine = m, .regs = regs, .copy = copy };

	if (rule->len) {
		e.p = (const unsigned char *)kept->expressions->data + rule->value;
		e.end = e.p + rule->len;
	}
	if (start)
		push(&e, *start);
	while (!e.bad && e.p < e.end)
		evaluate_one(&e, *e.p++);
	*value = pop(&e);
	return e.bad ? -1 : 0;
}

/* ---- rows ---- */

static enum step
find_cfa(const struct machine *m, struct mem *mem, const struct row *row,
         const struct rules *kept, const struct copy *copy, const struct regs *regs, uint64_t *cfa)
{
	uint64_t frame = 2u * m->word; /* of a frame pointer, up to the caller's stack */

	if (row->cfa.kind == RULE_IS_EXPRESSION)
		return evaluate(m, kept, &row->cfa, regs, copy, NULL, cfa) ? STEP_LOST : STEP_DONE;
	if (row->cfa.kind != RULE_IS)
		return STEP_LOST;
	if (row->cfa.reg == m->fp && !regs_known(regs, m->fp) && row->cfa.value == (int32_t)frame)
		return code_find_frame(m, mem, row, kept, copy, regs->r[m->sp], regs->pc, cfa) ?
		       STEP_LOST : STEP_DONE;
	if (!regs_known(regs, row->cfa.reg))
		return STEP_LOST;
	*cfa = regs->r[row->cfa.reg] + (uint64_t)(int64_t)row->cfa.value;
	return STEP_DONE;
}

/* The caller's value of one register, which by then is not known if that fails. */
static enum step
apply(const struct machine *m, const struct rule *rule, const struct rules *kept, uint64_t cfa,
      const struct copy *copy, const struct regs *regs, uint64_t *value)
{
	switch (rule->kind) {
	case RULE_AT:
		return copy_step(m, copy, cfa + (uint64_t)(int64_t)rule->value, value);
	case RULE_AT_EXPRESSION:
	case RULE_IS_EXPRESSION:
		if (evaluate(m, kept, rule, regs, copy, &cfa, value))
			return STEP_LOST;
		return rule->kind == RULE_IS_EXPRESSION ? STEP_DONE :
		       copy_step(m, copy, *value, value);
	default:
		return STEP_LOST;
	}
}

enum step
unwind_row(const struct machine *m, struct mem *mem, const struct row *row,
           const struct rules *kept, const struct copy *copy, struct regs *regs)
{
	struct regs before = *regs;
	uint64_t cfa, value, pc;
	enum step step = find_cfa(m, mem, row, kept, copy, regs, &cfa);

	if (row->outermost)
		return STEP_OUTERMOST;
	if (step != STEP_DONE)
		return step;
	regs->r[m->sp] = cfa;
	regs->known |= UINT64_C(1) << m->sp;
	for (unsigned i = 0; i < row->n; i++) {
		const struct rule *rule = &kept->rules[row->first + i];

		step = apply(m, rule, kept, cfa, copy, &before, &value);
		if (step == STEP_BEYOND)
			return step;
		regs->known &= ~(UINT64_C(1) << rule->reg);
		if (step != STEP_DONE)
			continue;
		regs->known |= UINT64_C(1) << rule->reg;
		regs->r[rule->reg] = value;
	}
	if (!regs_known(regs, row->ra) || !regs_known(regs, m->sp))
		return STEP_LOST;
	pc = regs->r[row->ra];
	return copy_arrive(m, copy, regs, &before, pc, row->signal);
}
