/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MACHINE_H
#define MACHINE_H

/* What differs from machine to machine: registers. */

enum { MACHINE_REGS = 33, MACHINE_SET = 320 /* bytes of the kernel's set, at most */ };

struct machine {
	uint16_t elf;        /* what ELF calls it */
	uint8_t word;        /* bytes of an address */
	uint8_t n;           /* of DWARF's registers that are known here */
	uint8_t sp, fp, ra;  /* which of them are the stack pointer, the frame pointer, and where a
	                      * function's return address is looked for */
	uint8_t pc;          /* where the kernel's set has the address of the next instruction, in
	                      * words, */
	uint8_t from[MACHINE_REGS]; /* and each of DWARF's */
	uint64_t address;    /* the bits of a return address that are one */
};

/* Registers by their numbers in DWARF. */
struct regs {
	uint64_t r[MACHINE_REGS];
	uint64_t known; /* a bit for each that is */
	uint64_t pc;
};

/* That of a program with pointers of so many bytes; NULL: nothing is known of it. */
const struct machine *machine_find(unsigned word);

/* Whether it is of the one kind or of x86: only one of these runs where this runs. */
#ifdef __aarch64__
enum { IS_AARCH64 = 1 };
#else
enum { IS_AARCH64 = 0 };
#endif

/* From the kernel's set of that many bytes: 0, or -1 if it is another machine's. */
int machine_registers(const struct machine *, const void *set, size_t size, struct regs *);

/* Those of which but two are known. */
void machine_only(const struct machine *, uint64_t sp, uint64_t pc, struct regs *);

static inline int
regs_known(const struct regs *regs, unsigned r)
{
	return r < MACHINE_REGS && regs->known >> r & 1;
}

#endif
