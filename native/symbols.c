/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbol tables: System V ABI, chapters 4 and 5.  A file's own has all functions; it is read if
 * the file begins with the very bytes that were mapped, the linker's build-id among them, most
 * often.  The dynamic one is in memory, has what is exported, and does not say how long it is:
 * the hash table has to be gone through (see elf.c).
 */
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "memory.h"
#include "elf.h"
#include "process.h"
#include "native/symbols.h"

enum {
	HEAD = 1024,           /* bytes that have to be equal */
	MAX_SECTIONS = 4096,
	MAX_TABLE = 64 << 20,  /* bytes of one */
	MAX_BUCKETS = 1 << 20,
	MAX_ALL = 400000,      /* functions, of all modules */
	MAX_FILES = 64,        /* that are open */
	MAX_NAME = 1024,
	NEARBY = 32,           /* functions that lie within others, or on top of them */
};

struct function {
	uint32_t at, size; /* at: from the module's bias on */
	uint32_t name;     /* where in the names */
};

struct symbols {
	struct mem *mem;
	int fd;          /* -1: what is read is the memory */
	uint64_t names, names_size;
	uint64_t bias;
	unsigned word;
	struct function *functions; /* in order */
	size_t n, cap;
};

static size_t all, files;

void
symbols_free(struct symbols *s)
{
	if (!s)
		return;
	all -= s->cap;
	if (s->fd >= 0) {
		close(s->fd);
		files--;
	}
	free(s->functions);
	free(s);
}

static int
read_at(const struct symbols *s, uint64_t at, void *buf, size_t len)
{
	if (s->fd < 0)
		return mem_read(s->mem, at, buf, len) == OK ? 0 : -1;
	return at <= INT64_MAX && watch_pread(s->fd, buf, len, (off_t)at) == (ssize_t)len ? 0 : -1;
}

/* ---- tables ---- */

static void
add_function(struct symbols *s, uint64_t at, uint64_t size, uint32_t name, unsigned info)
{
	unsigned type = info & 0xf;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || !size || !name || at != (uint32_t)at ||
	    size != (uint32_t)size || all >= MAX_ALL)
		return;
	all -= s->cap;
	s->functions = grow(s->functions, s->n, &s->cap, sizeof *s->functions);
	all += s->cap;
	s->functions[s->n++] = (struct function){ (uint32_t)at, (uint32_t)size, name };
}

static void
add_symbol(struct symbols *s, const char *p)
{
	Elf64_Sym wide;
	Elf32_Sym half;

	if (s->word == 8) {
		memcpy(&wide, p, sizeof wide);
		if (wide.st_shndx != SHN_UNDEF)
			add_function(s, wide.st_value, wide.st_size, wide.st_name, wide.st_info);
	} else {
		memcpy(&half, p, sizeof half);
		if (half.st_shndx != SHN_UNDEF)
			add_function(s, half.st_value, half.st_size, half.st_name, half.st_info);
	}
}

static int
compare(const void *a, const void *b)
{
	const struct function *f = a, *g = b;

	return f->at != g->at ? (f->at < g->at ? -1 : 1) : (f->name > g->name) - (f->name < g->name);
}

/* Reads n symbols of a table. */
static void
read_table(struct symbols *s, uint64_t at, uint64_t n)
{
	enum { PIECE = 512 };
	char piece[PIECE * sizeof(Elf64_Sym)];
	size_t size = s->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	while (n) {
		size_t some = n < PIECE ? (size_t)n : PIECE;

		if (read_at(s, at, piece, some * size))
			break;
		for (size_t i = 0; i < some; i++)
			add_symbol(s, piece + i * size);
		at += some * size;
		n -= some;
	}
	sort(s->functions, s->n, sizeof *s->functions, compare);
}

/* ---- in memory ---- */

/* One past the last symbol of the chain that begins with number i: its hash ends in 1. */
static uint64_t
end_of_chain(const struct symbols *s, uint64_t chains, uint32_t first, uint32_t i)
{
	enum { MAX_CHAIN = 4096 };
	uint32_t hash;

	for (unsigned n = 0; n < MAX_CHAIN; n++, i++) {
		if (read_at(s, chains + (uint64_t)(i - first) * 4, &hash, sizeof hash))
			return 0;
		if (hash & 1)
			return (uint64_t)i + 1;
	}
	return 0;
}

/* How many symbols there are by DT_GNU_HASH: the highest chain's end. */
static uint64_t
count_hashed(const struct symbols *s, uint64_t table)
{
	uint32_t head[4], buckets[256], last = 0;
	uint64_t at;

	if (read_at(s, table, head, sizeof head) || head[0] > MAX_BUCKETS)
		return 0;
	at = table + sizeof head + (uint64_t)head[2] * s->word;
	for (uint32_t i = 0, n; i < head[0]; i += n) {
		n = head[0] - i < LEN(buckets) ? head[0] - i : (uint32_t)LEN(buckets);
		if (read_at(s, at + (uint64_t)i * 4, buckets, n * sizeof *buckets))
			return 0;
		for (uint32_t k = 0; k < n; k++)
			if (buckets[k] > last)
				last = buckets[k];
	}
	return last < head[1] ? 0 : end_of_chain(s, at + (uint64_t)head[0] * 4, head[1], last);
}

static void
read_exported(struct symbols *s, const struct elf *e)
{
	uint32_t head[2] = { 0, 0 };
	uint64_t n = 0;

	if (!e->symtab || !e->strtab)
		return;
	s->names = e->strtab;
	s->names_size = e->strsize;
	if (e->gnu_hash)
		n = count_hashed(s, e->gnu_hash);
	else if (e->hash && !read_at(s, e->hash, head, sizeof head))
		n = head[1];
	if (n <= MAX_TABLE / sizeof(Elf64_Sym))
		read_table(s, e->symtab, n);
}

/* ---- in a file ---- */

struct section {
	uint32_t type, link;
	uint64_t offset, size;
};

static int
read_section(const struct symbols *s, uint64_t at, struct section *out)
{
	Elf64_Shdr wide;
	Elf32_Shdr half;

	if (s->word == 8) {
		if (read_at(s, at, &wide, sizeof wide))
			return -1;
		*out = (struct section){ wide.sh_type, wide.sh_link, wide.sh_offset, wide.sh_size };
	} else {
		if (read_at(s, at, &half, sizeof half))
			return -1;
		*out = (struct section){ half.sh_type, half.sh_link, half.sh_offset, half.sh_size };
	}
	return 0;
}

/* Reads the table of all symbols: 0, or -1 if there is none. */
static int
read_sections(struct symbols *s, uint64_t at, unsigned size, unsigned n)
{
	struct section table, names;

	for (unsigned i = 0; i < n && i < MAX_SECTIONS; i++) {
		if (read_section(s, at + (uint64_t)i * size, &table))
			return -1;
		if (table.type != SHT_SYMTAB || table.size > MAX_TABLE || table.link >= n)
			continue;
		if (read_section(s, at + (uint64_t)table.link * size, &names))
			return -1;
		s->names = names.offset;
		s->names_size = names.size;
		read_table(s, table.offset,
		           table.size / (s->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)));
		return 0;
	}
	return -1;
}

/* Whether the file begins with what is in memory, which gets its header. */
static int
is_mapped(const struct symbols *s, uint64_t base, Elf64_Ehdr *header)
{
	char file[HEAD], mapped[HEAD];

	if (watch_pread(s->fd, file, HEAD, 0) != HEAD || mem_read(s->mem, base, mapped, HEAD) != OK)
		return 0;
	memcpy(header, file, sizeof *header);
	return !memcmp(file, mapped, HEAD);
}

static int
read_file(struct symbols *s, uint64_t base)
{
	Elf64_Ehdr wide;
	Elf32_Ehdr half;

	if (!is_mapped(s, base, &wide))
		return -1;
	if (s->word == 8)
		return read_sections(s, wide.e_shoff, wide.e_shentsize, wide.e_shnum);
	memcpy(&half, &wide, sizeof half);
	return read_sections(s, half.e_shoff, half.e_shentsize, half.e_shnum);
}

struct symbols *
symbols_read(const struct process *process, const struct elf *e, uint64_t base, const char *path,
             uint64_t inode)
{
	struct symbols *s = xcalloc(1, sizeof *s);

	*s = (struct symbols){ .mem = process_mem(process), .fd = -1, .bias = e->bias,
	                       .word = (unsigned)e->ptr };
	if (inode && files < MAX_FILES)
		s->fd = process_open_file(process, path, inode);
	if (s->fd >= 0) {
		files++;
		if (!read_file(s, base))
			return s;
		close(s->fd);
		s->fd = -1;
		files--;
	}
	read_exported(s, e);
	return s;
}

/* ---- by address ---- */

static int
read_whole_name(const struct symbols *s, const struct function *f, char name[MAX_NAME])
{
	size_t len = 0, room;

	if (f->name >= s->names_size)
		return -1;
	if (s->fd < 0)
		return mem_read_string(s->mem, s->names + f->name, name, MAX_NAME) == OK ? 0 : -1;
	room = s->names_size - f->name < MAX_NAME ? (size_t)(s->names_size - f->name) : MAX_NAME;
	if (read_at(s, s->names + f->name, name, room))
		return -1;
	len = strnlen(name, room);
	return len == room ? -1 : 0;
}

/* Without its version: "read@@GLIBC_2.0". */
static int
read_name(const struct symbols *s, const struct function *f, char name[MAX_NAME])
{
	if (read_whole_name(s, f, name))
		return -1;
	name[strcspn(name, "@")] = 0;
	return 0;
}

/* Of several names for the same the one with the fewest underscores before it, then the
 * shortest: "read" rather than "__libc_read". */
static int
is_better(const char *name, const char *than)
{
	size_t a = strspn(name, "_"), b = strspn(than, "_");

	return a != b ? a < b : strlen(name) < strlen(than);
}

/* How many begin at or before that address. */
static size_t
count_before(const struct symbols *s, uint64_t at)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->functions[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
symbols_name(const struct symbols *s, uint64_t pc, struct buf *out)
{
	char best[MAX_NAME] = "", name[MAX_NAME];
	uint64_t at = pc - s->bias;
	size_t n = count_before(s, at);
	const struct function *found = NULL;

	for (size_t i = n; i-- > 0 && n - i <= NEARBY;) {
		const struct function *f = &s->functions[i];

		if (found && f->at != found->at)
			break;
		if (at - f->at >= f->size || read_name(s, f, name) || !*name)
			continue;
		if (!found || is_better(name, best))
			memcpy(best, name, sizeof best);
		found = f;
	}
	buf_str(out, best);
	return found ? 0 : -1;
}
