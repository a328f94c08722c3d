/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables: Linux Standard Base 5.0 Core, section 10.6; DWARF 5, section 6.4.
 *
 * A row of .eh_frame_hdr leads to the description of a function (FDE), which begins with its
 * length and how far before it the one is that it has in common with others (CIE), and goes on
 * with where the function is and how long, and a program that makes the rows of a table, one
 * after another.  Executed are first the program of the CIE and then this, up to the row of the
 * address.
 */
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "elf.h"
#include "native/machine.h"
#include "native/modules.h"
#include "native/rows.h"

enum { MAX_ENTRY = 64 << 10, MAX_SAVED = 16, MAX_EXPRESSION = 512 };

/* Bytes that were copied, and where they are in the target.  What is not there is 0, and `bad`. */
struct bytes {
	const uint8_t *p, *end;
	uint64_t addr; /* of p */
	int bad;
};

struct state { /* a row that is being made */
	struct rule cfa;
	struct rule rules[MACHINE_REGS];
};

struct program {
	const struct machine *machine;
	struct rules *kept;
	uint64_t at, pc;      /* which address the row is of, and for which it is wanted */
	uint64_t unit;        /* of the code, bytes */
	int64_t data_unit;
	uint8_t encoding;     /* of addresses */
	uint8_t ra, signal, augmented;
	struct state row, first, saved[MAX_SAVED];
	unsigned n_saved;
	int over; /* the next row is beyond the address */
};

/* ---- bytes ---- */

static const uint8_t *
take(struct bytes *b, uint64_t n)
{
	const uint8_t *p = b->p;

	if (b->bad || n > (uint64_t)(b->end - b->p)) {
		b->bad = 1;
		return NULL;
	}
	b->p += n;
	b->addr += n;
	return p;
}

static uint64_t
take_number(struct bytes *b, unsigned n)
{
	const uint8_t *p = take(b, n);
	union { uint8_t u8; uint16_t u16; uint32_t u32; uint64_t u64; } u = { .u64 = 0 };

	if (!p)
		return 0;
	memcpy(&u, p, n);
	return n == 1 ? u.u8 : n == 2 ? u.u16 : n == 4 ? u.u32 : u.u64;
}

static uint64_t
take_leb(struct bytes *b, int is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = (unsigned)take_number(b, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !b->bad);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= UINT64_MAX << shift;
	return value;
}

static uint64_t
take_uleb(struct bytes *b)
{
	return take_leb(b, 0);
}

static int64_t
take_sleb(struct bytes *b)
{
	return (int64_t)take_leb(b, 1);
}

/* A number of that format, DW_EH_PE_... */
static uint64_t
take_format(struct bytes *b, unsigned format, unsigned word)
{
	switch (format) {
	case 0x0: return take_number(b, word);
	case 0x3: return take_number(b, 4);
	case 0x4: case 0xc: return take_number(b, 8);
	case 0xb: return (uint64_t)(int32_t)take_number(b, 4);
	}
	b->bad = 1;
	return 0;
}

/* An address: absolute, or from where it stands. */
static uint64_t
take_address(struct bytes *b, unsigned encoding, unsigned word)
{
	uint64_t at = b->addr, value = take_format(b, encoding & 0xf, word);

	if ((encoding & 0xf0) == 0x10)
		value += at;
	else if (encoding & 0xf0)
		b->bad = 1;
	return word == 4 ? (uint32_t)value : value;
}

/* ---- rules ---- */

/* An offset, in bytes. */
static int64_t
scaled(const struct program *g, uint64_t units)
{
	return (int64_t)(units * (uint64_t)g->data_unit);
}

static void
set_rule(struct program *g, uint64_t reg, enum rule_kind kind, int64_t value)
{
	if (reg < MACHINE_REGS)
		g->row.rules[reg] = (struct rule){ (uint8_t)reg, (uint8_t)kind, 0, (int32_t)value };
}

/* Keeps the bytes of an expression that follow. */
static struct rule
take_expression(struct program *g, struct bytes *b, uint64_t reg, enum rule_kind kind)
{
	struct rule rule = { (uint8_t)reg, (uint8_t)kind, 0, (int32_t)g->kept->expressions->len };
	uint64_t len = take_uleb(b);
	const uint8_t *p = len <= MAX_EXPRESSION ? take(b, len) : NULL;

	if (!p) {
		b->bad = 1;
		return rule;
	}
	buf_add(g->kept->expressions, p, (size_t)len);
	rule.len = (uint16_t)len;
	return rule;
}

static void
set_expression(struct program *g, struct bytes *b, enum rule_kind kind)
{
	uint64_t reg = take_uleb(b);
	struct rule rule = take_expression(g, b, reg, kind);

	if (reg < MACHINE_REGS)
		g->row.rules[reg] = rule;
}

/* The registers that a CFA may be counted from are those that are known here. */
static void
set_cfa(struct program *g, struct bytes *b, uint64_t reg, int64_t value)
{
	g->row.cfa = (struct rule){ (uint8_t)reg, RULE_IS, 0, (int32_t)value };
	b->bad |= reg >= MACHINE_REGS || value != (int32_t)value;
}

static void
advance(struct program *g, uint64_t units)
{
	uint64_t to = g->at + units * g->unit;

	g->over = to > g->pc || to < g->at;
	if (!g->over)
		g->at = to;
}

static void
save_or_restore(struct program *g, struct bytes *b, int restore)
{
	if (restore ? !g->n_saved : g->n_saved == MAX_SAVED)
		b->bad = 1;
	else if (restore)
		g->row = g->saved[--g->n_saved];
	else
		g->saved[g->n_saved++] = g->row;
}

/* ---- the program ---- */

/* Those instructions that set the CFA; 0: it is another one. */
static int
execute_cfa(struct program *g, struct bytes *b, unsigned op)
{
	uint64_t reg = g->row.cfa.reg;

	switch (op) {
	case 0x0c: /* DW_CFA_def_cfa */
	case 0x12: /* DW_CFA_def_cfa_sf */
		reg = take_uleb(b);
		set_cfa(g, b, reg, op == 0x0c ? (int64_t)take_uleb(b) : scaled(g, take_leb(b, 1)));
		return 1;
	case 0x0d: /* DW_CFA_def_cfa_register */
		set_cfa(g, b, take_uleb(b), g->row.cfa.value);
		return 1;
	case 0x0e: /* DW_CFA_def_cfa_offset */
		set_cfa(g, b, reg, (int64_t)take_uleb(b));
		return 1;
	case 0x13: /* DW_CFA_def_cfa_offset_sf */
		set_cfa(g, b, reg, scaled(g, take_leb(b, 1)));
		return 1;
	case 0x0f: /* DW_CFA_def_cfa_expression */
		g->row.cfa = take_expression(g, b, 0, RULE_IS_EXPRESSION);
		return 1;
	}
	return 0;
}

/* Those that set where a register is; 0: it is another one. */
static int
execute_rule(struct program *g, struct bytes *b, unsigned op)
{
	uint64_t reg;

	switch (op) {
	case 0x10: set_expression(g, b, RULE_AT_EXPRESSION); return 1; /* DW_CFA_expression */
	case 0x16: set_expression(g, b, RULE_IS_EXPRESSION); return 1; /* DW_CFA_val_expression */
	case 0x05: case 0x06: case 0x07: case 0x08: case 0x11:
		break;
	default:
		return 0;
	}
	reg = take_uleb(b);
	switch (op) {
	case 0x05: /* DW_CFA_offset_extended */
		set_rule(g, reg, RULE_AT, scaled(g, take_uleb(b)));
		break;
	case 0x06: /* DW_CFA_restore_extended */
		if (reg < MACHINE_REGS)
			g->row.rules[reg] = g->first.rules[reg];
		break;
	case 0x07: set_rule(g, reg, RULE_LOST, 0); break; /* DW_CFA_undefined */
	case 0x08: set_rule(g, reg, RULE_SAME, 0); break; /* DW_CFA_same_value */
	case 0x11: set_rule(g, reg, RULE_AT, scaled(g, take_leb(b, 1))); break;
	}
	return 1;
}

static void
execute_other(struct program *g, struct bytes *b, unsigned op)
{
	switch (op) {
	case 0x00: break; /* DW_CFA_nop */
	case 0x01: /* DW_CFA_set_loc */
		advance(g, (take_address(b, g->encoding, g->machine->word) - g->at) / g->unit);
		break;
	case 0x02: advance(g, take_number(b, 1)); break; /* DW_CFA_advance_loc1, 2, 4 */
	case 0x03: advance(g, take_number(b, 2)); break;
	case 0x04: advance(g, take_number(b, 4)); break;
	case 0x0a: save_or_restore(g, b, 0); break; /* DW_CFA_remember_state */
	case 0x0b: save_or_restore(g, b, 1); break; /* DW_CFA_restore_state */
	case 0x2d: break; /* DW_CFA_AARCH64_negate_ra_state: what is signed is known anyway */
	case 0x2e: take_uleb(b); break; /* DW_CFA_GNU_args_size */
	default: b->bad = 1;
	}
}

static void
execute(struct program *g, struct bytes *b)
{
	while (!b->bad && !g->over && b->p < b->end) {
		unsigned op = (unsigned)take_number(b, 1), low = op & 0x3f;

		if (op >> 6 == 1)
			advance(g, low); /* DW_CFA_advance_loc */
		else if (op >> 6 == 2) /* DW_CFA_offset */
			set_rule(g, low, RULE_AT, scaled(g, take_uleb(b)));
		else if (op >> 6 == 3 && low < MACHINE_REGS) /* DW_CFA_restore */
			g->row.rules[low] = g->first.rules[low];
		else if (op >> 6 == 0 && !execute_cfa(g, b, op) && !execute_rule(g, b, op))
			execute_other(g, b, op);
	}
}

/* ---- entries ---- */

/* Reads the entry at that address into buf, but for its length: 0, or -1 if there is none. */
static int
read_entry(struct mem *mem, uint64_t addr, uint8_t *buf, struct bytes *b)
{
	uint32_t len;

	if (mem_read(mem, addr, &len, sizeof len) != OK || len < 4 || len > MAX_ENTRY ||
	    mem_read(mem, addr + sizeof len, buf, len) != OK)
		return -1;
	*b = (struct bytes){ buf, buf + len, addr + sizeof len, 0 };
	return 0;
}

/* What a CIE says of its FDEs, by letters. */
static void
read_augmentation(struct program *g, struct bytes *b, const char *letters)
{
	struct bytes data = *b;
	uint64_t len;

	g->augmented = *letters == 'z';
	if (!g->augmented) {
		b->bad |= *letters != 0;
		return;
	}
	len = take_uleb(b);
	data = *b;
	take(b, len);
	while (*++letters && !data.bad && !b->bad) {
		switch (*letters) {
		case 'R': g->encoding = (uint8_t)take_number(&data, 1); break;
		case 'L': take_number(&data, 1); break;
		case 'P': take_format(&data, (unsigned)take_number(&data, 1) & 0xf, g->machine->word);
			break;
		case 'S': g->signal = 1; break;
		case 'B': break;
		default: data.bad = 1;
		}
	}
	b->bad |= data.bad;
}

/* Reads the CIE at that address and executes its program. */
static int
read_common(struct program *g, struct mem *mem, uint64_t addr)
{
	static uint8_t entry[MAX_ENTRY];
	char letters[8];
	struct bytes b;
	size_t n = 0;
	unsigned version;

	if (read_entry(mem, addr, entry, &b) || take_number(&b, 4)) /* an FDE has its CIE there */
		return -1;
	version = (unsigned)take_number(&b, 1);
	while ((letters[n] = (char)take_number(&b, 1)) && ++n < sizeof letters)
		;
	if ((version != 1 && version != 3) || n == sizeof letters)
		return -1;
	g->unit = take_uleb(&b);
	g->data_unit = take_sleb(&b);
	g->ra = (uint8_t)(version == 1 ? take_number(&b, 1) : take_uleb(&b));
	read_augmentation(g, &b, letters);
	if (b.bad || !g->unit || g->ra >= g->machine->n)
		return -1;
	execute(g, &b);
	g->first = g->row;
	return b.bad ? -1 : 0;
}

/* Finds the FDE of the last function that begins at or before pc: its address, 0 if none does. */
static uint64_t
find_entry(struct mem *mem, const struct module *m, uint64_t pc)
{
	struct { int32_t start, entry; } at, found = { 0, 0 };
	uint64_t low = 0, high = m->rows;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (mem_read(mem, m->table + middle * sizeof at, &at, sizeof at) != OK)
			return 0;
		if (m->elf.unwind + (uint64_t)(int64_t)at.start <= pc) {
			found = at;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low ? m->elf.unwind + (uint64_t)(int64_t)found.entry : 0;
}

static void
keep_row(struct program *g, struct row *row)
{
	struct rules *kept = g->kept;

	*row = (struct row){ .cfa = g->row.cfa, .first = (uint32_t)kept->n, .ra = g->ra,
	                     .signal = g->signal, .start = row->start,
	                     .outermost = g->row.rules[g->ra].kind == RULE_LOST };
	for (unsigned i = 0; i < g->machine->n; i++) {
		if (g->row.rules[i].kind == RULE_SAME)
			continue;
		kept->rules = grow(kept->rules, kept->n, &kept->cap, sizeof *kept->rules);
		g->row.rules[i].reg = (uint8_t)i;
		kept->rules[kept->n++] = g->row.rules[i];
		row->n++;
	}
}

int
row_read(struct mem *mem, const struct machine *machine, const struct module *m, uint64_t pc,
         struct rules *kept, struct row *row)
{
	static uint8_t entry[MAX_ENTRY];
	struct program g = { .machine = machine, .kept = kept, .pc = pc };
	uint64_t fde = m->rows ? find_entry(mem, m, pc) : 0, common, range;
	struct bytes b;

	if (!fde || read_entry(mem, fde, entry, &b))
		return -1;
	common = take_number(&b, 4);
	if (!common || read_common(&g, mem, fde + 4 - common))
		return -1;
	row->start = g.at = take_address(&b, g.encoding, machine->word);
	range = take_format(&b, g.encoding & 0xf, machine->word);
	if (g.augmented)
		take(&b, take_uleb(&b));
	if (b.bad || pc < row->start || pc - row->start >= range)
		return -1;
	execute(&g, &b);
	if (b.bad)
		return -1;
	keep_row(&g, row);
	return 0;
}
