/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF images in memory.
 *
 * The ELF header lies at the image's first byte.  It points to the program
 * headers: PT_LOAD says which part of the file was mapped where, PT_DYNAMIC
 * where the dynamic section is.  That section holds (tag, value) pairs that
 * lead to the exported symbols, their names, and one or two hash tables:
 *
 *   DT_HASH      nbucket, nchain, bucket[nbucket], chain[nchain]
 *   DT_GNU_HASH  nbucket, first symbol, bloom words, shift,
 *                bloom[], bucket[nbucket], then one hash a symbol, the last
 *                of a bucket marked by its lowest bit
 *
 * glibc's loader replaces the pointers in the dynamic section by relocated
 * ones, musl's does not: a value below the bias still has to have it added.
 */
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "elf.h"

/* What runs on this machine is of its byte order. */
enum { HOST_DATA = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ELFDATA2MSB : ELFDATA2LSB };

enum { MAX_HEADERS = 64, MAX_DYNAMIC = 128, MAX_CHAIN = 4096, MAX_SYMBOL_NAME = 64 };

struct program_header {
	uint32_t type, flags;
	uint64_t offset, vaddr, memsz;
};

static int
read_at(const struct elf *e, uint64_t addr, void *buf, size_t len)
{
	return e->read(e->context, addr, buf, len);
}

static uint32_t
read_u32(const struct elf *e, uint64_t addr)
{
	uint32_t value;

	return read_at(e, addr, &value, sizeof value) ? 0 : value;
}

static int
read_program_header(const struct elf *e, uint64_t addr, struct program_header *h)
{
	union {
		Elf64_Phdr h64;
		Elf32_Phdr h32;
	} u;

	if (e->ptr == 8) {
		if (read_at(e, addr, &u.h64, sizeof u.h64))
			return -1;
		*h = (struct program_header){ u.h64.p_type, u.h64.p_flags, u.h64.p_offset,
		                              u.h64.p_vaddr, u.h64.p_memsz };
	} else {
		if (read_at(e, addr, &u.h32, sizeof u.h32))
			return -1;
		*h = (struct program_header){ u.h32.p_type, u.h32.p_flags, u.h32.p_offset,
		                              u.h32.p_vaddr, u.h32.p_memsz };
	}
	return 0;
}

static uint64_t
relocated(const struct elf *e, uint64_t value)
{
	return value < e->bias ? value + e->bias : value;
}

static void
read_dynamic(struct elf *e, uint64_t addr)
{
	for (int i = 0; i < MAX_DYNAMIC; i++) {
		union {
			Elf64_Dyn d64;
			Elf32_Dyn d32;
		} u;
		size_t size = e->ptr == 8 ? sizeof u.d64 : sizeof u.d32;
		uint64_t tag, value;

		if (read_at(e, addr + (uint64_t)i * size, &u, size))
			return;
		tag = e->ptr == 8 ? (uint64_t)u.d64.d_tag : (uint32_t)u.d32.d_tag;
		value = e->ptr == 8 ? u.d64.d_un.d_val : u.d32.d_un.d_val;
		switch (tag) {
		case DT_NULL:
			return;
		case DT_SYMTAB:
			e->symtab = relocated(e, value);
			break;
		case DT_STRTAB:
			e->strtab = relocated(e, value);
			break;
		case DT_STRSZ:
			e->strsize = value;
			break;
		case DT_HASH:
			e->hash = relocated(e, value);
			break;
		case DT_GNU_HASH:
			e->gnu_hash = relocated(e, value);
			break;
		}
	}
}

/* Two passes: the bias has to be known before anything else means much. */
static int
read_segments(struct elf *e, uint64_t base, uint64_t phoff, unsigned phentsize, unsigned phnum)
{
	enum { PAGE = 4096 };
	struct program_header h;
	uint64_t dynamic = 0;
	int have_bias = 0;

	for (unsigned i = 0; i < phnum; i++) {
		if (read_program_header(e, base + phoff + (uint64_t)i * phentsize, &h))
			return -1;
		if (h.type == PT_LOAD && h.offset < PAGE && !have_bias) {
			e->bias = base - (h.vaddr - h.offset);
			have_bias = 1;
		}
		if (h.type == PT_LOAD && e->n_segments < ELF_MAX_SEGMENTS)
			e->segments[e->n_segments++] =
				(struct elf_segment){ h.vaddr, h.memsz, (h.flags & PF_W) != 0 };
		if (h.type == PT_DYNAMIC)
			dynamic = h.vaddr;
		if (h.type == PT_GNU_EH_FRAME)
			e->unwind = h.vaddr;
	}
	if (!have_bias)
		return -1;
	for (size_t i = 0; i < e->n_segments; i++)
		e->segments[i].addr += e->bias;
	e->unwind += e->unwind ? e->bias : 0;
	if (dynamic)
		read_dynamic(e, dynamic + e->bias);
	return 0;
}

int
elf_open(struct elf *e, elf_reader *read, void *context, uint64_t base)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr h64;
		Elf32_Ehdr h32;
	} u;

	*e = (struct elf){ .read = read, .context = context };
	if (read_at(e, base, &u.h32, sizeof u.h32) || memcmp(u.ident, ELFMAG, SELFMAG) ||
	    u.ident[EI_DATA] != HOST_DATA)
		return -1;
	e->ptr = u.ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	if (e->ptr == 8 && read_at(e, base, &u.h64, sizeof u.h64))
		return -1;

	uint64_t phoff = e->ptr == 8 ? u.h64.e_phoff : u.h32.e_phoff;
	unsigned phentsize = e->ptr == 8 ? u.h64.e_phentsize : u.h32.e_phentsize;
	unsigned phnum = e->ptr == 8 ? u.h64.e_phnum : u.h32.e_phnum;

	/* These two lie at the same place in both classes. */
	e->machine = u.h32.e_machine;
	e->shared = u.h32.e_type == ET_DYN;
	if (!e->shared && u.h32.e_type != ET_EXEC)
		return -1;
	if (phnum > MAX_HEADERS ||
	    phentsize < (e->ptr == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return -1;
	return read_segments(e, base, phoff, phentsize, phnum);
}

/* The address of symbol number i if it is defined and bears that name. */
static uint64_t
symbol_if_named(const struct elf *e, uint32_t i, const char *name)
{
	union {
		Elf64_Sym s64;
		Elf32_Sym s32;
	} u;
	size_t size = e->ptr == 8 ? sizeof u.s64 : sizeof u.s32, len = strlen(name) + 1;
	char found[MAX_SYMBOL_NAME];

	if (len > sizeof found || read_at(e, e->symtab + (uint64_t)i * size, &u, size))
		return 0;

	uint64_t at = e->ptr == 8 ? u.s64.st_name : u.s32.st_name;
	uint64_t value = e->ptr == 8 ? u.s64.st_value : u.s32.st_value;
	unsigned section = e->ptr == 8 ? u.s64.st_shndx : u.s32.st_shndx;

	if (section == SHN_UNDEF || !value || (e->strsize && at >= e->strsize))
		return 0;
	if (read_at(e, e->strtab + at, found, len) || memcmp(found, name, len))
		return 0;
	return value + e->bias;
}

static uint64_t
lookup_gnu(const struct elf *e, const char *name)
{
	uint32_t head[4], hash = 5381, index, entry;
	uint64_t buckets, chains;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	if (read_at(e, e->gnu_hash, head, sizeof head) || !head[0])
		return 0;
	buckets = e->gnu_hash + sizeof head + (uint64_t)head[2] * (unsigned)e->ptr;
	chains = buckets + (uint64_t)head[0] * 4;
	index = read_u32(e, buckets + (uint64_t)(hash % head[0]) * 4);
	if (index < head[1])
		return 0;
	for (int n = 0; n < MAX_CHAIN; n++, index++) {
		uint64_t found;

		if (read_at(e, chains + (uint64_t)(index - head[1]) * 4, &entry, sizeof entry))
			return 0;
		if ((entry | 1) == (hash | 1) && (found = symbol_if_named(e, index, name)))
			return found;
		if (entry & 1)
			return 0;
	}
	return 0;
}

static uint64_t
lookup_sysv(const struct elf *e, const char *name)
{
	uint32_t head[2], hash = 0, index;

	for (const char *p = name; *p; p++) {
		hash = (hash << 4) + (unsigned char)*p;
		hash ^= hash >> 24 & 0xf0;
	}
	hash &= 0x0fffffff;
	if (read_at(e, e->hash, head, sizeof head) || !head[0])
		return 0;
	index = read_u32(e, e->hash + 8 + (uint64_t)(hash % head[0]) * 4);
	for (int n = 0; n < MAX_CHAIN && index && index < head[1]; n++) {
		uint64_t found = symbol_if_named(e, index, name);

		if (found)
			return found;
		index = read_u32(e, e->hash + 8 + ((uint64_t)head[0] + index) * 4);
	}
	return 0;
}

uint64_t
elf_symbol(const struct elf *e, const char *name)
{
	if (!e->symtab || !e->strtab)
		return 0;
	if (e->gnu_hash)
		return lookup_gnu(e, name);
	return e->hash ? lookup_sysv(e, name) : 0;
}
