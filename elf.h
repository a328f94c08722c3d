/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ELF_H
#define ELF_H

/*
 * A reader of ELF images, 32 and 64 bits, as they lie in memory once loaded:
 * what is left there are the program headers and the dynamic symbol table.
 * Where the bytes come from is the caller's business, and none is trusted.
 */

/* Reads len bytes at addr: 0, or -1 if they are not all there. */
typedef int elf_reader(void *context, uint64_t addr, void *buf, size_t len);

struct elf_segment {
	uint64_t addr, size; /* where it was loaded */
	int writable;
};

enum { ELF_MAX_SEGMENTS = 16 };

struct elf {
	elf_reader *read;
	void *context;
	int ptr;       /* 8 or 4 */
	int machine;   /* e_machine */
	int shared;    /* ET_DYN: a library or a position-independent program */
	uint64_t bias; /* to be added to an address in the file */
	struct elf_segment segments[ELF_MAX_SEGMENTS]; /* PT_LOAD, in file order */
	size_t n_segments;
	/* What the dynamic section says; 0 is "nothing". */
	uint64_t symtab, strtab, strsize, hash, gnu_hash;
	uint64_t unwind; /* .eh_frame_hdr; 0: none */
};

/* Reads the image whose header is at base.  0, or -1 if there is none that
 * makes sense.  The reader and its context must outlive *elf. */
int elf_open(struct elf *, elf_reader *, void *context, uint64_t base);

/* The address of an exported symbol, through the image's hash table; 0 if it
 * has no such symbol or the tables make no sense. */
uint64_t elf_symbol(const struct elf *, const char *name);

#endif
