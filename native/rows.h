/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ROWS_H
#define ROWS_H

/*
 * What a module's unwind table says of one address: where the caller's stack begins, by DWARF's
 * word the CFA, and where the registers are that the caller had.
 */

struct buf;
struct machine;
struct mem;
struct module;

/* How the value of a register is found; value: an offset, or where the bytes of an expression are
 * among those that are kept. */
enum rule_kind {
	RULE_SAME,
	RULE_LOST,        /* nobody can tell */
	RULE_AT,          /* it is at CFA + value */
	RULE_IS,          /* it is a register and value, as the CFA is */
	RULE_AT_EXPRESSION,
	RULE_IS_EXPRESSION,
};

struct rule {
	uint8_t reg, kind;
	uint16_t len; /* of an expression */
	int32_t value;
};

struct row {
	struct rule cfa;  /* RULE_IS: reg + value; RULE_IS_EXPRESSION */
	uint32_t first;   /* of its rules, among those that are kept; */
	uint8_t n;        /* all that it does not have are RULE_SAME */
	uint8_t ra;       /* the register that stands for the return address */
	uint8_t signal;   /* the caller was interrupted: its address is no return address */
	uint8_t outermost; /* there is no caller */
	uint64_t start;   /* of the function, or of that part of it */
};

/* What is kept for all rows. */
struct rules {
	struct rule *rules;
	size_t n, cap;
	struct buf *expressions;
};

/* Reads that row from the target.  0, or -1 if the table has none, or one that makes no sense. */
int row_read(struct mem *, const struct machine *, const struct module *, uint64_t pc,
             struct rules *, struct row *);

#endif
