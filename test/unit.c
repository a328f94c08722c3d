/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what works on bytes alone: numbers as text, line tables, ELF images,
 * objects of Python, names of functions, labels, the order of collapsed stacks, profiles saved and
 * read back, times, streams.  A line `ok NAME` or `not ok NAME` for each check; the exit
 * status is 1 if any failed.
 */
#include <elf.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"
#include "elf.h"
#include "native/demangle.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "code.h"
#include "profile.h"
#include "format/label.h"
#include "format/written.h"
#include "format/collapsed.h"
#include "format/export.h"
#include "format/saved.h"
#include "format/page.h"
#include "format/svg.h"
#include "format/speedscope.h"
#include "format/pprof.h"
#include "format/gecko.h"
#include "format/chrome.h"
#include "tap.h"

static void
is_line(const char *name, int seen, int expected)
{
	check(seen == expected, seen == expected ? "%s" : "%s: %d, not %d", name, seen, expected);
}

/* ---- line tables ---- */

/* The bytes are copied, so that reading beyond them shows under a sanitizer. */
static unsigned char *
exactly(const void *bytes, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	return memcpy(copy, bytes, len);
}

static int
line_at(enum line_kind format, const void *bytes, size_t len, int first, long offset)
{
	unsigned char *table = exactly(bytes, len);
	int line = code_table_line(format, table, len, first, offset);

	free(table);
	return line;
}

#define LINE(format, bytes, first, offset) line_at(format, bytes, sizeof bytes - 1, first, offset)

static void
test_lnotab(void)
{
	/* lines 10 at 0, 11 at 6, 14 at 8 */
	static const char plain[] = "\6\1\2\3";
	/* 255 and 45 bytes without a line, then line 20 at 300; then 300 lines in steps */
	static const char far[] = "\377\0\55\12\2\377\0\55";
	/* line 10 at 0, 15 at 2, 12 at 4 */
	static const char back[] = "\2\5\2\375";

	is_line("lnotab: first instruction", LINE(LINES_LNOTAB, plain, 10, 0), 10);
	is_line("lnotab: before the first line ends", LINE(LINES_LNOTAB, plain, 10, 5), 10);
	is_line("lnotab: second line", LINE(LINES_LNOTAB, plain, 10, 6), 11);
	is_line("lnotab: third line", LINE(LINES_LNOTAB, plain, 10, 8), 14);
	is_line("lnotab: after the end", LINE(LINES_LNOTAB, plain, 10, 1000), 14);
	is_line("lnotab: not begun", LINE(LINES_LNOTAB, plain, 10, -1), 10);
	is_line("lnotab: far, before", LINE(LINES_LNOTAB_U8, far, 10, 299), 10);
	is_line("lnotab: far, there", LINE(LINES_LNOTAB_U8, far, 10, 300), 20);
	is_line("lnotab: far, many lines", LINE(LINES_LNOTAB_U8, far, 10, 302), 320);
	is_line("lnotab: signed, up", LINE(LINES_LNOTAB, back, 10, 2), 15);
	is_line("lnotab: signed, back", LINE(LINES_LNOTAB, back, 10, 4), 12);
	is_line("lnotab: unsigned, never back", LINE(LINES_LNOTAB_U8, back, 10, 4), 268);
	is_line("lnotab: empty", LINE(LINES_LNOTAB, "", 10, 4), 10);
	is_line("lnotab: half a pair", LINE(LINES_LNOTAB, "\2\1\2", 10, 100), 11);
}

static void
test_ranges(void)
{
	/* 0-4 line 10, 4-8 no line, 8-10 line 12, 10-12 line 9 */
	static const char table[] = "\4\0\4\200\2\2\2\375";
	/* a range without bytes only moves the line: 0-2 is 10 + 127 + 100 */
	static const char jump[] = "\0\177\2\144";

	is_line("ranges: first", LINE(LINES_RANGES, table, 10, 0), 10);
	is_line("ranges: last of the first", LINE(LINES_RANGES, table, 10, 3), 10);
	is_line("ranges: no line", LINE(LINES_RANGES, table, 10, 4), 10);
	is_line("ranges: after no line", LINE(LINES_RANGES, table, 10, 8), 12);
	is_line("ranges: back", LINE(LINES_RANGES, table, 10, 10), 9);
	is_line("ranges: after the end", LINE(LINES_RANGES, table, 10, 12), 10);
	is_line("ranges: a jump of many lines", LINE(LINES_RANGES, jump, 10, 0), 237);
	is_line("ranges: not begun", LINE(LINES_RANGES, jump, 10, -1), 10);
	is_line("ranges: empty", LINE(LINES_RANGES, "", 10, 0), 10);
	is_line("ranges: half a pair", LINE(LINES_RANGES, "\2\1\2", 10, 2), 10);
}

/* Heads of entries: the top bit, the code, how many units less one. */
#define HEAD(code, units) (char)(128 | (code) << 3 | ((units) - 1))

static void
test_locations(void)
{
	const char table[] = {
		HEAD(0, 1), 0x12,             /* 0-2: short form, same line, 10 */
		HEAD(10, 2), 1, 2,            /* 2-6: one line, +0 */
		HEAD(12, 1), 1, 2,            /* 6-8: +2, line 12 */
		HEAD(15, 8),                  /* 8-24: none */
		HEAD(13, 1), 7,               /* 24-26: no columns, -3, line 9 */
		HEAD(14, 1), 4, 0, 1, 1,      /* 26-28: long, +2, line 11 */
		HEAD(13, 1), 0x40 | 8, 4,     /* 28-30: 8 | 4 << 6 = 264: +132, line 143 */
		0,
	};
	const char cut[] = { HEAD(10, 1), 1, 2, HEAD(13, 1), 0x7f, 0x7f, 0 };
	const char endless[] = { HEAD(13, 8), 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0 };

	is_line("locations: short form", LINE(LINES_LOCATIONS, table, 10, 0), 10);
	is_line("locations: one line, first unit", LINE(LINES_LOCATIONS, table, 10, 2), 10);
	is_line("locations: one line, second unit", LINE(LINES_LOCATIONS, table, 10, 4), 10);
	is_line("locations: one line, two on", LINE(LINES_LOCATIONS, table, 10, 6), 12);
	is_line("locations: no line", LINE(LINES_LOCATIONS, table, 10, 8), 10);
	is_line("locations: no line, to its end", LINE(LINES_LOCATIONS, table, 10, 22), 10);
	is_line("locations: no columns, back", LINE(LINES_LOCATIONS, table, 10, 24), 9);
	is_line("locations: long form", LINE(LINES_LOCATIONS, table, 10, 26), 11);
	is_line("locations: a number of two bytes", LINE(LINES_LOCATIONS, table, 10, 28), 143);
	is_line("locations: after the end", LINE(LINES_LOCATIONS, table, 10, 30), 10);
	is_line("locations: not begun", LINE(LINES_LOCATIONS, table, 10, -2), 10);
	is_line("locations: empty", LINE(LINES_LOCATIONS, "", 10, 0), 10);
	is_line("locations: cut off, what comes before", LINE(LINES_LOCATIONS, cut, 10, 0), 10);
	LINE(LINES_LOCATIONS, cut, 10, 2);
	LINE(LINES_LOCATIONS, endless, 10, 0);
	check(1, "locations: numbers that do not end are survived");
}

/* Nothing may be read outside, nothing may overflow: a sanitizer would tell. */
static void
test_random_tables(void)
{
	unsigned seed = 1;

	for (int n = 0; n < 20000; n++) {
		unsigned char table[40];
		size_t len = (size_t)(n % 40);

		for (size_t i = 0; i < len; i++)
			table[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
		for (int format = LINES_LNOTAB_U8; format <= (int)LINES_LOCATIONS; format++)
			for (long offset = -2; offset < 600; offset += 77)
				line_at((enum line_kind)format, table, len, n & 1 ? INT_MAX : 1, offset);
	}
	check(1, "random tables are survived");
}

/* ---- ELF images ---- */

enum { IMAGE = 4096, BASE = 0x10000, PHDRS = 64, DYNAMIC = 512, HASH = 1024, SYMTAB = 1536,
       STRTAB = 2048 };

struct image {
	unsigned char bytes[IMAGE];
	int wide;
	uint64_t vaddr, loaded; /* where it says that it is, and where it is */
	int escaped; /* something outside was asked for */
};

static int
read_image(void *context, uint64_t addr, void *buf, size_t len)
{
	struct image *image = context;

	if (addr < image->loaded || addr - image->loaded > IMAGE ||
	    len > IMAGE - (addr - image->loaded)) {
		image->escaped = 1;
		return -1;
	}
	memcpy(buf, image->bytes + (addr - image->loaded), len);
	return 0;
}

enum { HOST_DATA = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ELFDATA2MSB : ELFDATA2LSB };

static void
put(struct image *image, size_t at, uint64_t value, size_t size)
{
	uint32_t narrow = (uint32_t)value;
	uint16_t half = (uint16_t)value;

	memcpy(image->bytes + at, size == 8 ? (void *)&value : size == 4 ? (void *)&narrow :
	       (void *)&half, size);
}

static void
put_header(struct image *image, int type)
{
	memcpy(image->bytes, ELFMAG, SELFMAG);
	image->bytes[EI_CLASS] = image->wide ? ELFCLASS64 : ELFCLASS32;
	image->bytes[EI_DATA] = HOST_DATA;
	put(image, 16, (uint64_t)type, 2);
	put(image, 18, EM_X86_64, 2);
	put(image, image->wide ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff),
	    PHDRS, image->wide ? 8 : 4);
	put(image, image->wide ? offsetof(Elf64_Ehdr, e_phentsize) :
	    offsetof(Elf32_Ehdr, e_phentsize),
	    image->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2);
	put(image, image->wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum),
	    3, 2);
}

static void
put_segment(struct image *image, int i, uint32_t type, uint32_t flags, uint64_t offset,
            uint64_t memsz)
{
	Elf64_Phdr h64 = { .p_type = type, .p_flags = flags, .p_offset = offset,
	                   .p_vaddr = image->vaddr + offset, .p_memsz = memsz };
	Elf32_Phdr h32 = { .p_type = type, .p_flags = flags, .p_offset = (Elf32_Off)offset,
	                   .p_vaddr = (Elf32_Addr)(image->vaddr + offset),
	                   .p_memsz = (Elf32_Word)memsz };
	size_t size = image->wide ? sizeof h64 : sizeof h32;

	memcpy(image->bytes + PHDRS + (size_t)i * size, image->wide ? (void *)&h64 : (void *)&h32,
	       size);
}

static void
put_dynamic(struct image *image, int i, uint64_t tag, uint64_t value)
{
	size_t word = image->wide ? 8 : 4;

	put(image, DYNAMIC + (size_t)i * 2 * word, tag, word);
	put(image, DYNAMIC + ((size_t)i * 2 + 1) * word, value, word);
}

static void
put_symbol(struct image *image, int i, uint32_t name, uint64_t value, uint16_t section)
{
	Elf64_Sym s64 = { .st_name = name, .st_value = value, .st_shndx = section };
	Elf32_Sym s32 = { .st_name = name, .st_value = (Elf32_Addr)value, .st_shndx = section };
	size_t size = image->wide ? sizeof s64 : sizeof s32;

	memcpy(image->bytes + SYMTAB + (size_t)i * size, image->wide ? (void *)&s64 : (void *)&s32,
	       size);
}

/* Symbols 1 "first" and 2 "_PyRuntime" are defined, 3 "missing" is not. */
static const char names[] = "\0first\0_PyRuntime\0missing";
enum { FIRST = 1, RUNTIME = 7, MISSING = 18 };

static uint32_t
hash_sysv(const char *name)
{
	uint32_t h = 0, g;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		if ((g = h & 0xf0000000))
			h ^= g >> 24;
		h &= ~g;
	}
	return h;
}

static uint32_t
hash_gnu(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* One bucket holds all: what matters is that the chain is followed. */
static void
put_hash(struct image *image, int gnu)
{
	size_t bloom = image->wide ? 8 : 4, chains = HASH + 16 + bloom + 4;

	if (!gnu) {
		put(image, HASH, 1, 4);
		put(image, HASH + 4, 4, 4);
		put(image, HASH + 8, 3, 4);     /* the bucket: 3, then 2, then 1 */
		put(image, HASH + 12 + 4 * 3, 2, 4);
		put(image, HASH + 12 + 4 * 2, 1, 4);
		return;
	}
	put(image, HASH, 1, 4);
	put(image, HASH + 4, 1, 4);
	put(image, HASH + 8, 1, 4);
	memset(image->bytes + HASH + 16, 255, bloom);
	put(image, HASH + 16 + bloom, 1, 4);
	put(image, chains, hash_gnu("first") & ~1u, 4);
	put(image, chains + 4, hash_gnu("_PyRuntime") & ~1u, 4);
	put(image, chains + 8, hash_gnu("missing") | 1, 4);
}

static void
make_image(struct image *image, int wide, int gnu, uint64_t vaddr, int relocated)
{
	uint64_t at;

	memset(image, 0, sizeof *image);
	image->wide = wide;
	image->vaddr = vaddr;
	image->loaded = vaddr ? vaddr : BASE;
	at = relocated ? image->loaded : vaddr;
	put_header(image, vaddr ? ET_EXEC : ET_DYN);
	put_segment(image, 0, PT_LOAD, PF_R, 0, 3000);
	put_segment(image, 1, PT_LOAD, PF_R | PF_W, 3000, 500);
	put_segment(image, 2, PT_DYNAMIC, PF_R, DYNAMIC, 256);
	put_dynamic(image, 0, gnu ? DT_GNU_HASH : DT_HASH, at + HASH);
	put_dynamic(image, 1, DT_SYMTAB, at + SYMTAB);
	put_dynamic(image, 2, DT_STRTAB, at + STRTAB);
	put_dynamic(image, 3, DT_STRSZ, sizeof names);
	put_dynamic(image, 4, DT_NULL, 0);
	put_hash(image, gnu);
	put_symbol(image, 1, FIRST, vaddr + 100, 1);
	put_symbol(image, 2, RUNTIME, vaddr + 3100, 1);
	put_symbol(image, 3, MISSING, 0, SHN_UNDEF);
	memcpy(image->bytes + STRTAB, names, sizeof names);
}

static void
test_symbols(void)
{
	static struct image image;
	struct elf elf;

	for (int n = 0; n < 16; n++) {
		int wide = n & 1, gnu = n >> 1 & 1, fixed = n >> 2 & 1, relocated = n >> 3;
		char name[64];

		snprintf(name, sizeof name, "elf: %s, %s, %s, %s", wide ? "64 bits" : "32 bits",
		         gnu ? "GNU hash" : "SysV hash", fixed ? "fixed" : "position-independent",
		         relocated ? "relocated" : "as in the file");
		make_image(&image, wide, gnu, fixed ? 0x400000 : 0, relocated);
		if (elf_open(&elf, read_image, &image, image.loaded)) {
			check(0, "%s: not opened", name);
			continue;
		}
		check(elf.ptr == (wide ? 8 : 4) && elf.n_segments == 2 && !!elf.shared == !fixed &&
		      elf.segments[1].writable && !elf.segments[0].writable &&
		      elf.segments[1].addr == image.loaded + 3000 && elf.segments[1].size == 500,
		      "%s: segments", name);
		check(elf_symbol(&elf, "_PyRuntime") == image.loaded + 3100 &&
		      elf_symbol(&elf, "first") == image.loaded + 100, "%s: symbols", name);
		check(!elf_symbol(&elf, "missing") && !elf_symbol(&elf, "absent"),
		      "%s: no others", name);
		check(!image.escaped, "%s: nothing outside is read", name);
	}
	check(hash_sysv("first") != hash_sysv("missing"), "elf: hashes differ");
}

static int
opens(struct image *image)
{
	struct elf elf;

	return !elf_open(&elf, read_image, image, image->loaded);
}

static void
test_bad_headers(void)
{
	static struct image image;

	make_image(&image, 1, 1, 0, 1);
	image.bytes[1] = 'X';
	check(!opens(&image), "elf: refuses what has not its magic number");
	make_image(&image, 1, 1, 0, 1);
	image.bytes[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	check(!opens(&image), "elf: refuses the other byte order");
	make_image(&image, 1, 1, 0, 1);
	put(&image, 16, ET_CORE, 2);
	check(!opens(&image), "elf: refuses a core file");
	make_image(&image, 1, 1, 0, 1);
	put(&image, offsetof(Elf64_Ehdr, e_phnum), 65535, 2);
	check(!opens(&image), "elf: refuses 65535 program headers");
	make_image(&image, 1, 1, 0, 1);
	put(&image, offsetof(Elf64_Ehdr, e_phentsize), 1, 2);
	check(!opens(&image), "elf: refuses program headers of one byte");
	make_image(&image, 1, 1, 0, 1);
	put(&image, offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 10, 8);
	check(!opens(&image), "elf: refuses program headers that are nowhere");
	make_image(&image, 1, 1, 0, 1);
	put_segment(&image, 0, PT_NULL, 0, 0, 0);
	put_segment(&image, 1, PT_NULL, 0, 0, 0);
	check(!opens(&image), "elf: refuses an image without segments");
}

static void
test_bad_tables(void)
{
	static struct image image;
	struct elf elf;

	make_image(&image, 1, 0, 0, 1);
	put(&image, HASH + 12 + 4 * 3, 3, 4); /* 3 -> 3 -> 3 ... */
	check(opens(&image) && !elf_open(&elf, read_image, &image, image.loaded) &&
	      !elf_symbol(&elf, "absent"), "elf: a chain in a circle ends");
	make_image(&image, 1, 1, 0, 1);
	put(&image, HASH, 0, 4);
	check(!elf_open(&elf, read_image, &image, image.loaded) &&
	      !elf_symbol(&elf, "_PyRuntime"), "elf: no buckets, no symbol");
	make_image(&image, 1, 0, 0, 1);
	put(&image, HASH, UINT32_MAX, 4);
	put(&image, HASH + 4, UINT32_MAX, 4);
	check(!elf_open(&elf, read_image, &image, image.loaded) &&
	      !elf_symbol(&elf, "_PyRuntime"), "elf: four billion buckets, no symbol");
	make_image(&image, 1, 1, 0, 1);
	put_symbol(&image, 2, UINT32_MAX, 3100, 1);
	check(!elf_open(&elf, read_image, &image, image.loaded) &&
	      !elf_symbol(&elf, "_PyRuntime"), "elf: a name that is nowhere");
	make_image(&image, 1, 1, 0, 1);
	put_dynamic(&image, 3, DT_STRSZ, RUNTIME);
	check(!elf_open(&elf, read_image, &image, image.loaded) &&
	      !elf_symbol(&elf, "_PyRuntime"), "elf: a name behind the names");
}

/* Every byte wrong, one after the other, and many at once. */
static void
test_damaged_images(void)
{
	static struct image image;
	struct elf elf;
	unsigned seed = 1;

	for (int n = 0; n < 20000; n++) {
		make_image(&image, n & 1, n >> 1 & 1, n & 4 ? 0x400000 : 0, n & 8);
		for (int damages = n % 5; damages >= 0; damages--) {
			seed = seed * 1103515245 + 12345;
			image.bytes[seed >> 8 & (IMAGE / 2 - 1)] = (unsigned char)(seed >> 24);
		}
		if (!elf_open(&elf, read_image, &image, image.loaded)) {
			elf_symbol(&elf, "_PyRuntime");
			elf_symbol(&elf, "absent");
			if (elf.n_segments > ELF_MAX_SEGMENTS)
				check(0, "elf: too many segments");
		}
	}
	check(1, "elf: damaged images are survived");
}

/* ---- labels ---- */

static void
is_label(const char *name, const char *bytes, size_t len, const char *expected)
{
	struct buf out = { 0 };
	unsigned char *copy = exactly(bytes, len);

	label_name(&out, (char *)copy, len);
	check(out.len == strlen(expected) && (!out.len || !memcmp(out.data, expected, out.len)),
	      "label: %s", name);
	free(copy);
	buf_free(&out);
}

#define LABEL(name, bytes, expected) is_label(name, bytes, sizeof bytes - 1, expected)

static void
test_labels(void)
{
	LABEL("plain", "f_1 <x>:y", "f_1 <x>:y");
	LABEL("empty", "", "");
	LABEL("semicolon", "a;b", "a\\x3bb");
	LABEL("backslash", "a\\x3bb", "a\\\\x3bb");
	LABEL("newline", "a\nb\r", "a\\x0ab\\x0d");
	LABEL("zero byte", "a\0b", "a\\x00b");
	LABEL("control", "\1\33\37\177", "\\x01\\x1b\\x1f\\x7f");
	LABEL("two bytes", "\xc3\xa9", "\xc3\xa9");
	LABEL("three bytes", "\xe6\x97\xa5", "\xe6\x97\xa5");
	LABEL("four bytes", "\xf0\x9d\x94\x98", "\xf0\x9d\x94\x98");
	LABEL("cut off", "\xf0\x9d\x94", "\\xf0\\x9d\\x94");
	LABEL("overlong", "\xc0\xbb \xe0\x80\xbb", "\\xc0\\xbb \\xe0\\x80\\xbb");
	LABEL("surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80");
	LABEL("beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	LABEL("lone continuation", "\x80", "\\x80");
	LABEL("C1 controls", "\xc2\x80\xc2\x85\xc2\x9f", "\\xc2\\x80\\xc2\\x85\\xc2\\x9f");
	LABEL("around them", "~\xc2\xa0\xd8\x9b\xd8\x9d", "~\xc2\xa0\xd8\x9b\xd8\x9d");
	LABEL("line separators", "\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
	LABEL("marks of direction", "\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f",
	      "\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\x8f");
	LABEL("overrides", "\xe2\x80\xaa\xe2\x80\xae", "\\xe2\\x80\\xaa\\xe2\\x80\\xae");
	LABEL("isolates", "\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
	LABEL("around these", "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
	      "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
	LABEL("bad, then good", "\xe6\x97;\xc3\xa9", "\\xe6\\x97\\x3b\xc3\xa9");
}

/* ---- the order of collapsed stacks ---- */

static uint32_t
frame(struct profile *p, const char *file, const char *function, int line)
{
	return profile_frame(p, (struct profile_frame){
		file ? profile_string(p, file, strlen(file)) : PROFILE_NO_FILE,
		profile_string(p, function, strlen(function)), line });
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
is_sorted(const char *name, struct profile *p)
{
	struct buf out = { 0 };
	char *lines[2000] = { 0 }, *sorted[2000];
	size_t n = 0;

	collapsed_write(p, &out);
	buf_add(&out, "", 1);
	for (char *line = strtok(out.data, "\n"); line && n < LEN(lines); line = strtok(NULL, "\n"))
		lines[n++] = line;
	memcpy(sorted, lines, sizeof lines);
	qsort(sorted, n, sizeof *sorted, compare_lines);
	check(n > 1 && !memcmp(sorted, lines, n * sizeof *lines), "collapsed: %s is sorted", name);
	buf_free(&out);
}

static void
test_order(void)
{
	static const char *const functions[] = { "a", "a b", "a!", "ab", "a1", "a\xc3\xa9", "A", "a;" };
	struct profile *p = profile_new();
	unsigned seed = 1;

	for (int n = 0; n < 1000; n++) {
		uint32_t stack = PROFILE_ROOT;

		for (int depth = n % 7 + 1; depth > 0; depth--) {
			seed = seed * 1103515245 + 12345;
			stack = profile_stack(p, stack,
			                      frame(p, seed >> 20 & 1 ? "f" : NULL, functions[seed >> 16 & 7],
			                            (int)(seed >> 24 & 15)));
		}
		for (int count = n % 13; count >= 0; count--)
			profile_count(p, stack);
	}
	is_sorted("a random profile", p);
	profile_free(p);
}

/* What there is no room for fails; what was there before is found. */
static void
test_room(void)
{
	struct profile *p = profile_new();
	uint32_t a = profile_stack(p, PROFILE_ROOT, frame(p, "f.py", "a", 1)), lost, thread, n;

	check(profile_room(p, 100) > SIZE_MAX / 2, "room: there is no limit at first");
	profile_stack(p, a, frame(p, "f.py", "b", 1));
	lost = frame(p, "f.py", "much too long a name for what is left of a hundred bytes", 1);
	check(profile_stack(p, a, lost) == PROFILE_FAILED, "room: a name that is too long");
	check(profile_stack(p, PROFILE_FAILED, frame(p, "f.py", "a", 1)) == PROFILE_FAILED,
	      "room: a stack on top of one that was left out");
	check(profile_stack(p, PROFILE_ROOT, frame(p, "f.py", "a", 1)) == a, "room: a known stack");
	check(frame(p, "g.py", "much too long a name for what is left of a hundred bytes", 2) == lost,
	      "room: all that is left out is one");
	profile_rename(p, lost, profile_string(p, "a", 1));
	profile_split(p);
	thread = profile_thread(p, 1, 2, "a thread with a name of its own", NULL);
	check(thread == PROFILE_FAILED && !profile_thread_count(p), "room: a thread");
	profile_room(p, 0);
	n = profile_stack_count(p);
	check(profile_stack(p, a, frame(p, "f.py", "a", 1)) == PROFILE_FAILED &&
	      profile_stack_count(p) == n, "room: a stack of known frames");
	profile_room(p, SIZE_MAX);
	check(profile_thread(p, 1, 2, NULL, NULL) != PROFILE_FAILED, "room: there is some again");
	profile_free(p);
}

static void
test_counts(void)
{
	struct profile *p = profile_new();
	struct buf out = { 0 };
	uint32_t a = profile_stack(p, PROFILE_ROOT, frame(p, "f.py", "a", 1));
	uint32_t b = profile_stack(p, a, frame(p, "f.py", "b", 0));

	check(profile_stack(p, PROFILE_ROOT, frame(p, "f.py", "a", 1)) == a, "profile: a stack is kept once");
	check(frame(p, "f.py", "a", 1) != frame(p, "f.py", "a", 2) &&
	      frame(p, "f.py", "a", 1) != frame(p, "f.py", "b", 1) &&
	      frame(p, "f.py", "a", 1) != frame(p, "g.py", "a", 1), "profile: frames are told apart");
	profile_count(p, b);
	profile_count(p, b);
	profile_count(p, a);
	profile_count(p, PROFILE_ROOT);
	profile_count_failed(p);
	collapsed_write(p, &out);
	buf_add(&out, "", 1);
	check(!strcmp(out.data, "(idle) 1\n(failed) 1\nf.py:a:1 1\nf.py:a:1;f.py:b 2\n"),
	      "collapsed: idle, failed, then the stacks");
	profile_add(p, PROFILE_SAMPLES, b, UINT32_MAX - 2);
	profile_count(p, b);
	profile_count(p, b);
	check(profile_get(p, PROFILE_SAMPLES, b) == UINT64_C(0x100000001) &&
	      profile_get(p, PROFILE_SAMPLES, a) == 1 && profile_total(p, PROFILE_SAMPLES) ==
	      UINT64_C(0x100000004), "profile: more than 32 bits of samples");
	profile_add(p, PROFILE_SAMPLES, b, UINT64_C(5) << 40);
	check(profile_get(p, PROFILE_SAMPLES, b) == (UINT64_C(5) << 40) + UINT64_C(0x100000001),
	      "profile: many are added at once");
	buf_free(&out);
	profile_free(p);
}

/* ---- numbers as text ---- */

/* Each is followed by another argument, which is lost if the width is wrong. */
static void
test_formats(void)
{
	struct buf b = { 0 };
	size_t size = 7;

	buf_printf(&b, "%zu %d|%lu %d|%llu %d|%ld %d|%" PRIx64 " %d|%04x %s|%.*s", size, 1,
	           4294967295ul, 2, 18446744073709551615ull, 3, -2147483647l, 4,
	           UINT64_C(0xfedcba9876543210), 5, 0xabu, "x", 2, "yz!");
	buf_add(&b, "", 1);
	check(!strcmp(b.data, "7 1|4294967295 2|18446744073709551615 3|-2147483647 4|"
	                      "fedcba9876543210 5|00ab x|yz"), "formats: %s", b.data);
	buf_free(&b);
}

/* ---- objects ---- */

/* The target's memory: the bytes at address ORIGIN. */
enum { ORIGIN = 0x10000 };
static unsigned char memory[1024];

static enum why
read_bytes(void *context, const struct mem_vec *v, size_t n, const struct iovec *to, size_t n_to,
           size_t *done, uint64_t *calls)
{
	(void)context;
	++*calls;
	if (n != 1 || n_to != 1 || v->addr < ORIGIN || v->addr - ORIGIN > sizeof memory ||
	    v->len > sizeof memory - (v->addr - ORIGIN))
		return FAULT;
	memcpy(to->iov_base, memory + (v->addr - ORIGIN), v->len);
	*done = v->len;
	return OK;
}

static void
close_bytes(void *context)
{
	(void)context;
}

static struct mem *
open_bytes(void)
{
	static const struct mem_source source = { read_bytes, close_bytes };

	return mem_from(&source, NULL);
}

static void
put_word(const struct layout *l, size_t at, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	memcpy(memory + at, l->ptr == 8 ? (void *)&value : (void *)&narrow, (size_t)l->ptr);
}

static void
is_integer(const char *name, const struct layout *l, uint64_t expected)
{
	uint64_t seen = 0;
	struct mem *mem = open_bytes();
	enum why why = object_integer(mem, l, ORIGIN, &seen);

	mem_close(mem);
	check(why == OK && seen == expected, "%s", name);
}

/* 0xf7c01740 in digits of 30 and of 15 bits, and of too many digits. */
static void
test_integers(void)
{
	struct layout l;
	uint32_t wide[] = { 0x37c01740, 3, 0 };
	uint16_t narrow[] = { 0x1740, 0x6f80, 3 };
	uint64_t value;

	layout_find(0x030900f0, 8, EM_X86_64, &l);
	put_word(&l, (size_t)l.object.head, 2);
	memcpy(memory + l.integer.digits, wide, sizeof wide);
	is_integer("integer: digits of 30 bits", &l, 0xf7c01740);
	put_word(&l, (size_t)l.object.head, UINT64_C(1) << 63);
	check(object_integer_of(&l, memory, &value) == BROKEN, "integer: 2^63 digits are too many");
	layout_find(0x030900f0, 4, EM_386, &l);
	put_word(&l, (size_t)l.object.head, 3);
	memcpy(memory + l.integer.digits, narrow, sizeof narrow);
	is_integer("integer: digits of 15 bits", &l, 0xf7c01740);
	layout_find(0x030b00f0, 4, EM_386, &l);
	put_word(&l, (size_t)l.object.head, 2);
	memcpy(memory + l.integer.digits, wide, sizeof wide);
	is_integer("integer: 32 bits, digits of 30 bits", &l, 0xf7c01740);
}

/* As CPython declares it, so that the compiler says where the bits are. */
struct state {
	unsigned interned : 2, kind : 3, compact : 1, ascii : 1, ready : 1;
};
struct state_of_threads {
	unsigned char interned;
	unsigned short kind : 3, compact : 1, ascii : 1, statically_allocated : 1;
};

static void
is_str(const char *name, const struct layout *l, const char *expected)
{
	struct buf text = { 0 };
	struct mem *mem = open_bytes();
	enum why why = object_text(mem, l, ORIGIN, &text);

	check(why == OK && text.len == strlen(expected) && !memcmp(text.data, expected, text.len),
	      "%s", name);
	buf_free(&text);
	mem_close(mem);
}

static void
test_strings(void)
{
	struct state ascii = { .interned = 1, .kind = 1, .compact = 1, .ascii = 1, .ready = 1 };
	struct state wide = { .kind = 2, .compact = 1, .ready = 1 };
	struct state_of_threads threads = { .interned = 3, .kind = 1, .compact = 1, .ascii = 1 };
	uint16_t euro = 0x20ac;

	for (int ptr = 4; ptr <= 8; ptr += 4) {
		struct layout l;

		layout_find(0x030900f0, ptr, EM_386, &l);
		put_word(&l, (size_t)l.unicode.length, 3);
		memcpy(memory + l.unicode.state, &ascii, sizeof ascii);
		memcpy(memory + l.unicode.ascii, "abc", 3);
		is_str("str: ASCII", &l, "abc");
		put_word(&l, (size_t)l.unicode.length, 1);
		memcpy(memory + l.unicode.state, &wide, sizeof wide);
		memcpy(memory + l.unicode.compact, &euro, sizeof euro);
		is_str("str: two bytes a character", &l, "\xe2\x82\xac");
		memset(memory + l.unicode.state, 0, 4);
		memcpy(memory + l.unicode.state, &threads, sizeof threads);
		memcpy(memory + l.unicode.ascii, "t", 1);
		l.unicode.kind_at = 8;
		is_str("str: as free-threaded builds have it", &l, "t");
	}
}

/* ---- the table ---- */

static void
test_layouts(void)
{
	static const unsigned versions[] = { 0x0207, 0x0306, 0x0307, 0x0308, 0x0309, 0x030a, 0x030b,
	                                     0x030c };
	struct layout l, arm;

	for (size_t i = 0; i < LEN(versions); i++) {
		unsigned hex = versions[i] << 16 | 0x05f0;

		check(!layout_find(hex, 8, EM_X86_64, &l) && l.ptr == 8 && l.since <= hex &&
		      l.object.head == 16, "layout: %x of 64 bits", versions[i]);
		check(!layout_find(hex, 4, EM_386, &l) && l.ptr == 4 && l.since <= hex &&
		      l.object.head == 8, "layout: %x of 32 bits", versions[i]);
		check(!layout_find(hex, 4, EM_ARM, &arm) && arm.frame.code == l.frame.code &&
		      (arm.dict.keys != l.dict.keys) == (versions[i] > 0x0207),
		      "layout: %x of 32 bits, wider aligned", versions[i]);
	}
	check(layout_find(0x030500f0, 8, EM_X86_64, &l) && !layout_known(0x030500f0),
	      "layout: there is none of 3.5");
	check(layout_known(0x030d00f0) && !layout_known(0x036300f0), "layout: 3.13 tells its own");
	layout_find(0x030703f0, 8, EM_X86_64, &l);
	layout_find(0x030704f0, 8, EM_X86_64, &arm);
	check(arm.runtime.current - l.runtime.current == 88, "layout: 3.7.4 differs from 3.7.3");
}

/* ---- labels read back ---- */

static void
test_labels_back(void)
{
	static const char *const frames[] = {
		"a.py:f:1", "a.py:f", "f", "f:12", ":f:3", "a.py::3", "", ":", "::", ":1", "a:b:c:4",
		"C:\\\\x.py:f:2147483647", "f:2147483648", "f:0", "f:01", "f:-1", "a.py:f:1:", ".py:",
		"<frozen x>:f:9", "\\x3b\\x0a:\\xff:7", "std::vector<int>::f", "a.pyx:f", "\xc3\xa9.py:f",
	};
	struct profile *p = profile_new();
	unsigned seed = 1;

	for (size_t i = 0; i < LEN(frames); i++) {
		struct buf out = { 0 };
		unsigned char *copy = exactly(frames[i], strlen(frames[i]));
		uint32_t number = written_frame(p, (char *)copy, strlen(frames[i]));

		label_frame(&out, p, number);
		check(out.len == strlen(frames[i]) && (!out.len || !memcmp(out.data, frames[i], out.len)),
		      "label: \"%s\" comes back", frames[i]);
		buf_free(&out);
		free(copy);
	}
	check(profile_frame_get(p, written_frame(p, "a.py:f:1", 8)).line == 1 &&
	      profile_frame_get(p, written_frame(p, "a::b", 4)).file == PROFILE_NO_FILE,
	      "label: a frame has the parts that it shows");
	for (int n = 0; n < 5000; n++) {
		char name[12];
		struct buf label = { 0 }, back = { 0 };
		unsigned char *copy;

		for (size_t i = 0; i < sizeof name; i++) {
			seed = seed * 1103515245 + 12345;
			name[i] = "\\x3b;\n\xc3\xa9\xff z"[seed >> 16 & 7];
		}
		label_name(&label, name, sizeof name);
		copy = exactly(label.data, label.len);
		written_name(&back, (char *)copy, label.len);
		if (back.len != sizeof name || memcmp(back.data, name, sizeof name))
			check(0, "label: %.*s does not come back", (int)label.len, label.data);
		buf_free(&label);
		buf_free(&back);
		free(copy);
	}
	check(1, "label: names come back");
	profile_free(p);
}

/* ---- profiles saved and read ---- */

static struct profile *
two_threads(void)
{
	struct profile *p = profile_new();
	uint32_t main_thread, other, a, b;

	profile_split(p);
	main_thread = profile_thread(p, 7, 7, "MainThread", "python x");
	other = profile_thread(p, 7, 8, "other;\n", "python x");
	a = profile_stack(p, main_thread, frame(p, "f.py", "a", 1));
	b = profile_stack(p, a, frame(p, "g.py", "b\xff", 2));
	profile_add(p, PROFILE_SAMPLES, a, 3);
	profile_add(p, PROFILE_SAMPLES, b, 2);
	b = profile_stack(p, profile_stack(p, other, frame(p, "f.py", "a", 1)), frame(p, NULL, "c", 0));
	profile_add(p, PROFILE_SAMPLES, b, 4);
	profile_add(p, PROFILE_IDLE, b, 3);
	profile_add(p, PROFILE_SAMPLES, PROFILE_ROOT, 5);
	profile_add(p, PROFILE_SAMPLES, PROFILE_FAILED, 1);
	profile_run(p)->period = 2000000;
	return p;
}

/* Reads it into p; the text is copied, so that reading beyond it shows. */
static const char *
read_saved(struct profile *p, const struct buf *text)
{
	struct profile_run run = { 0 };
	size_t offset;
	char *copy = (char *)exactly(text->data, text->len + 1);
	const char *wrong;

	copy[text->len] = 0;
	wrong = saved_read(p, copy, text->len, 0, &run, &offset);
	profile_run(p)->period = run.period;
	free(run.title);
	free(run.command);
	free(run.host);
	free(run.python);
	free(copy);
	return wrong;
}

static void
test_saved(void)
{
	static const char expected[] = "(idle) 5\n(failed) 1\nf.py:a:1 3\nf.py:a:1;c 4\nf.py:a:1;g.py:b\\xff:2 2\n";
	struct profile *p = two_threads(), *q = profile_new(), *split = profile_new();
	struct buf text = { 0 }, again = { 0 }, lines = { 0 };

	saved_write(p, &text);
	buf_add(&text, "", 1);
	text.len--;
	profile_split(split);
	check(!read_saved(split, &text), "saved: it can be read");
	saved_write(split, &again);
	check(again.len == text.len && !memcmp(again.data, text.data, text.len),
	      "saved: it comes back as it was");
	check(!read_saved(q, &text), "saved: it can be read as one tree");
	collapsed_write(q, &lines);
	check(lines.len == sizeof expected - 1 && !memcmp(lines.data, expected, lines.len),
	      "saved: threads are merged then");
	profile_free(p);
	profile_free(q);
	profile_free(split);
	buf_free(&text);
	buf_free(&again);
	buf_free(&lines);
}

static void
write_all_formats(struct profile *p)
{
	struct buf out = { 0 };

	export_prepare(p);
	speedscope_write(p, &out);
	pprof_write(p, &out);
	gecko_write(p, &out);
	chrome_write(p, &out);
	buf_free(&out);
}

/* What is read of damaged files is written again, if it can be read. */
static void
test_damaged_saved(void)
{
	struct profile *p = two_threads();
	struct buf text = { 0 }, bad = { 0 };
	unsigned seed = 1, good = 0, wrong = 0;

	saved_write(p, &text);
	for (int n = 0; n < 20000; n++) {
		struct profile *q = profile_new();

		bad.len = 0;
		buf_add(&bad, text.data, text.len);
		for (int damages = n % 3; damages >= 0; damages--) {
			seed = seed * 1103515245 + 12345;
			bad.data[(seed >> 8) % bad.len] = "[]{},:\"\\0129-eE. nt\0\xff"[(seed >> 24) % 22];
		}
		if (n % 7 == 0)
			bad.len = seed % bad.len;
		buf_add(&bad, "", 1);
		bad.len--;
		profile_split(q);
		if (read_saved(q, &bad)) {
			wrong++;
		} else {
			good++;
			write_all_formats(q);
		}
		profile_free(q);
	}
	check(good > 100 && wrong > 1000, "saved: damaged files are survived (%u good, %u wrong)", good,
	      wrong);
	profile_free(p);
	buf_free(&text);
	buf_free(&bad);
}

/* ---- times ---- */

/* What one thread did, of the first n spans, with so many levels at most: the frames, and
 * when. */
static void
is_told(const char *name, const struct profile *p, const struct span *spans, size_t n,
        size_t levels, const char *expected)
{
	static const char *const waits[] = { "", "w", "g" };
	size_t n_slices;
	struct slicer *slicer = slicer_new(p, levels);
	const struct slice *slices = slicer_cut(slicer, spans, n, &n_slices);
	struct buf told = { 0 };

	for (size_t i = 0; i < n_slices; i++) {
		const struct slice *s = &slices[i];

		if (s->most)
			timeline_folded(&told, s);
		else
			buf_printf(&told, "%u%s", s->frame, waits[s->wait]);
		buf_printf(&told, "@%d-%d ", (int)s->start, (int)s->end);
	}
	buf_terminate(&told);
	check(!strcmp(told.data, expected), "timeline: %s: %s", name, told.data);
	buf_free(&told);
	slicer_free(slicer);
}

enum { EPOCH = 1000000 };

/* Two threads: a, a;b, a;c are the first one's stacks, x and y the second's. */
struct logged {
	struct profile *p;
	uint32_t a, b, c, x, y;
};

static struct logged
new_log(int64_t period_us)
{
	struct logged l = { .p = profile_new() };
	uint32_t one, two;

	profile_split(l.p);
	one = profile_thread(l.p, 1, 1, "one", NULL);
	two = profile_thread(l.p, 2, 2, "two", NULL);
	l.a = profile_stack(l.p, one, frame(l.p, NULL, "a", 0));
	l.b = profile_stack(l.p, l.a, frame(l.p, NULL, "b", 0));
	l.c = profile_stack(l.p, l.a, frame(l.p, NULL, "c", 0));
	l.x = profile_stack(l.p, two, frame(l.p, NULL, "x", 0));
	l.y = profile_stack(l.p, two, frame(l.p, NULL, "y", 0));
	profile_run(l.p)->period = period_us * 1000;
	return l;
}

static void
at(struct profile *p, int64_t time)
{
	profile_tick(p, EPOCH + time);
}

/* What is told of both threads, and how many spans there are. */
static void
are_told(const char *name, struct profile *p, const char *one, const char *two, size_t expected)
{
	size_t n, first;
	struct span *spans = timeline(p, 1, &n);

	first = timeline_thread(spans, n);
	check(n == expected, "timeline: %s: %zu spans", name, n);
	is_told(name, p, spans, first, 9, one);
	is_told(name, p, spans + first, n - first, 9, two);
	free(spans);
	profile_free(p);
}

static void
test_ticks(void)
{
	struct logged l = new_log(10);
	struct span *spans;
	size_t n;

	at(l.p, 0);
	profile_log(l.p, l.b, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_WAITS);
	at(l.p, 11);
	profile_log(l.p, l.b, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_WAITS);
	at(l.p, 19);
	profile_log(l.p, l.c, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_WAITS);
	spans = timeline(l.p, 0, &n);
	check(n == 6, "timeline: every sample is a span, if wanted");
	free(spans);
	check(timeline_start(l.p) == EPOCH, "timeline: begins with the first tick");
	are_told("a sample lasts until the next tick", l.p,
	         "0@0-29 1@0-19 2@19-29 ", "3w@0-29 ", 3);
	l = new_log(10);
	at(l.p, 0);
	profile_log(l.p, l.a, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	at(l.p, 9);
	profile_log(l.p, l.x, PROFILE_RUNS);
	at(l.p, 20);
	profile_log(l.p, l.a, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	are_told("until one of any thread, even if there is no more of its own", l.p,
	         "0@0-9 0@20-30 ", "3@0-30 ", 3);
	l = new_log(10);
	at(l.p, 0);
	profile_log(l.p, l.a, PROFILE_RUNS);
	at(l.p, 12);
	at(l.p, 20);
	profile_log(l.p, l.a, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	profile_log(l.p, l.y, PROFILE_RUNS);
	are_told("or none; and samples of one thread share a tick", l.p, "0@0-12 0@20-30 ",
	         "3@20-25 4@25-30 ", 4);
}

static void
test_gaps(void)
{
	struct logged l = new_log(10);

	at(l.p, 0);
	profile_log(l.p, l.b, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_WAITS);
	at(l.p, 1000000);
	profile_log(l.p, l.b, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_WAITS);
	are_told("ticks between the same are no hole", l.p, "0@0-1000010 1@0-1000010 ",
	         "3w@0-1000010 ", 2);
	l = new_log(10);
	at(l.p, 0);
	profile_log(l.p, l.b, PROFILE_RUNS);
	at(l.p, 101);
	profile_log(l.p, l.c, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	at(l.p, 111);
	are_told("others share them", l.p, "0@0-111 1@0-50 2@50-111 ", "3@50-111 ", 3);
	l = new_log(10);
	at(l.p, 0);
	profile_log(l.p, l.b, PROFILE_RUNS);
	at(l.p, 1000000);
	profile_log(l.p, l.c, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	profile_log(l.p, l.y, PROFILE_RUNS);
	are_told("however long that is", l.p, "0@0-1000010 1@0-500000 2@500000-1000010 ",
	         "3@500000-750005 4@750005-1000010 ", 4);
	l = new_log(10);
	profile_run(l.p)->start = EPOCH - 100;
	profile_run(l.p)->duration = 111;
	at(l.p, 0);
	profile_log(l.p, l.a, PROFILE_RUNS);
	at(l.p, 11);
	profile_log(l.p, l.x, PROFILE_RUNS);
	check(timeline_start(l.p) == EPOCH - 100, "timeline: begins with the run, if that is known");
	are_told("from which the first tick was late", l.p, "0@0-111 ", "3@111-121 ", 2);
}

/* A tick at which something failed may have been any thread's. */
static void
test_failed_ticks(void)
{
	struct logged l = new_log(10);
	uint32_t failed = profile_stack(l.p, profile_thread(l.p, 1, 0, "(no thread)", NULL),
	                                frame(l.p, NULL, "(failed)", 0));
	struct span *spans;
	size_t n;

	at(l.p, 0);
	profile_log(l.p, l.a, PROFILE_RUNS);
	profile_log(l.p, l.x, PROFILE_RUNS);
	at(l.p, 10);
	profile_log(l.p, failed, PROFILE_RUNS);
	at(l.p, 20);
	profile_log(l.p, l.a, PROFILE_RUNS);
	profile_log(l.p, l.y, PROFILE_RUNS);
	at(l.p, 30);
	at(l.p, 40);
	profile_log(l.p, l.a, PROFILE_RUNS);
	spans = timeline(l.p, 1, &n);
	check(n == 5, "timeline: failed ticks: %zu spans", n);
	is_told("a tick that failed is no hole", l.p, spans, 2, 9, "0@0-30 0@40-50 ");
	is_told("but is shared", l.p, spans + 2, 2, 9, "3@0-10 4@10-30 ");
	is_told("and shown", l.p, spans + 4, 1, 9, "5@10-20 ");
	free(spans);
	profile_free(l.p);
}

static void
test_levels(void)
{
	struct logged l = new_log(10);
	uint32_t deep = l.b, d = frame(l.p, NULL, "d", 0);
	struct span *spans;
	size_t n;

	for (int i = 0; i < 7; i++)
		deep = profile_stack(l.p, deep, d);
	at(l.p, 0);
	profile_log(l.p, deep, PROFILE_RUNS);
	at(l.p, 10);
	profile_log(l.p, profile_stack_parent(l.p, deep), PROFILE_RUNS);
	at(l.p, 20);
	profile_log(l.p, l.b, PROFILE_RUNS);
	at(l.p, 30);
	profile_log(l.p, l.b, PROFILE_WAITS);
	profile_log(l.p, l.b, PROFILE_WAITS_FOR_GIL);
	spans = timeline(l.p, 1, &n);
	is_told("the middle of a deep stack is folded, and the innermost frame says if it waits", l.p,
	        spans, n, 5, "0@0-40 1@0-30 (4 to 5 more frames)@0-20 5@0-20 5@0-20 1w@30-35 1g@35-40 ");
	free(spans);
	profile_free(l.p);
}

static void
test_timeline(void)
{
	struct profile *p = two_threads();
	struct span *spans;
	size_t n, first;

	export_prepare(p);
	spans = timeline(p, 1, &n);
	first = timeline_thread(spans, n);
	/* 2 ms each; a, a;b | a;c idle, a;c | idle, failed */
	check(n == 6 && first == 2 && spans[0].end == 6000 && spans[1].end == 10000 &&
	      spans[2].count == 3 && spans[2].idle && spans[3].count == 1 && spans[3].end == 8000 &&
	      spans[4].count == 5 && spans[5].count == 1, "timeline: counts are laid out");
	is_told("and nest", p, spans, first, 9, "0@0-10000 1@6000-10000 ");
	free(spans);
	profile_free(p);
	test_ticks();
	test_gaps();
	test_failed_ticks();
	test_levels();
}

static void
test_amounts(void)
{
	struct profile *p = profile_new();
	struct profile_run *r = profile_run(p);

	check(profile_ns(p, 5) == 0, "amounts: none without a period");
	r->period = 1000000;
	check(profile_ns(p, 5) == 5000000, "amounts: periods");
	r->known = 1;
	r->ticks = 100;
	r->missed = 70;
	r->left_out = 30;
	check(profile_ns(p, 50) == 100000000, "amounts: ticks stand for those that are not there");
	r->period = 0;
	r->duration = 300000;
	check(profile_ns(p, 50) == 150000000, "amounts: of several runs, by their time");
	check(profile_ns(p, PROFILE_MOST) == INT64_C(9000000000000000000), "amounts: at most that");
	profile_free(p);
}

/* ---- streams ---- */

static struct buf drained;

static void
drain(const char *bytes, size_t len)
{
	buf_add(&drained, bytes, len);
}

/* What is written is the same wherever the buffer is full meanwhile. */
static void
streams_well(const char *name, void (*write)(const struct profile *, struct buf *),
             const struct profile *p)
{
	static char filling[BUF_FULL];
	struct buf whole = { 0 };
	size_t wrong = 0;

	memset(filling, '\n', sizeof filling);
	write(p, &whole);
	for (size_t room = 0; room < whole.len; room++) {
		struct buf stream = { .drain = drain };

		drained.len = 0;
		buf_add(&stream, filling, sizeof filling - room);
		write(p, &stream);
		buf_add(&drained, stream.data, stream.len);
		wrong += drained.len != sizeof filling - room + whole.len ||
		         memcmp(drained.data + sizeof filling - room, whole.data, whole.len);
		buf_free(&stream);
	}
	check(whole.len > 0 && !wrong, "streams: %s, of %zu bytes", name, whole.len);
	buf_free(&whole);
}

static void
add_times(struct profile *p)
{
	for (int i = 1; i < 40; i++) {
		profile_tick(p, INT64_C(1780000000000000) + i * 1037);
		profile_log(p, (uint32_t)i % profile_stack_count(p), (enum profile_wait)(i % 3));
	}
}

static void
test_streams(void)
{
	struct profile *split = two_threads(), *merged = profile_new();
	struct buf text = { 0 };

	saved_write(split, &text);
	check(!read_saved(merged, &text), "streams: something to write");
	add_times(split);
	add_times(merged);
	export_prepare(split);
	streams_well("collapsed", collapsed_write, merged);
	streams_well("with times", flamechart_write, merged);
	streams_well("svg", svg_write, merged);
	streams_well("saved", saved_write, split);
	streams_well("speedscope", speedscope_write, split);
	streams_well("pprof", pprof_write, split);
	streams_well("gecko", gecko_write, split);
	streams_well("chrome", chrome_write, split);
	profile_free(split);
	profile_free(merged);
	buf_free(&text);
	buf_free(&drained);
}

/* ---- names of functions ---- */

static void
test_demangling(void)
{
	static const char *const names[][2] = {
		{ "deflate", "deflate" },
		{ "_Z3fooi", "foo" },
		{ "_ZN2at6native6kernelIfLi3EEEvv", "at::native::kernel" },
		{ "_ZN3fooIiLb1EE3barIN1a1bEEEvT_", "foo::bar" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back" },
		{ "_ZNK3Foo3barEv", "Foo::bar" },
		{ "_ZN3FooC2Ev", "Foo::Foo" },
		{ "_ZN3FooD1Ev", "Foo::~Foo" },
		{ "_ZN3FooD1Ev.cold", "Foo::~Foo" },
		{ "_ZN12_GLOBAL__N_13runEv", "_GLOBAL__N_1::run" },
		{ "_ZN3fooB5cxx113barEv", "foo::bar" },
		{ "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt" },
		{ "_ZN12_$LT$str$GT$3run17h0123456789abcdefE", "<str>::run" },
		/* more than is understood */
		{ "_ZplRK1AS1_", "_ZplRK1AS1_" },
		{ "_ZN3foo", "_ZN3foo" },
		{ "_ZN99fooE", "_ZN99fooE" },
		{ "_ZN3fooIXsr1a1bEE3barEv", "_ZN3fooIXsr1a1bEE3barEv" },
		{ "_ZN", "_ZN" },
		{ "_Z", "_Z" },
	};

	for (size_t i = 0; i < LEN(names); i++) {
		struct buf out = { 0 };

		demangle(names[i][0], strlen(names[i][0]), &out);
		buf_terminate(&out);
		check(!strcmp(out.data, names[i][1]), "%s: %s", names[i][0], out.data);
		buf_free(&out);
	}
}

int
main(void)
{
	test_formats();
	test_integers();
	test_strings();
	test_layouts();
	test_lnotab();
	test_ranges();
	test_locations();
	test_random_tables();
	test_symbols();
	test_bad_headers();
	test_bad_tables();
	test_damaged_images();
	test_labels();
	test_order();
	test_room();
	test_counts();
	test_labels_back();
	test_saved();
	test_damaged_saved();
	test_timeline();
	test_amounts();
	test_streams();
	test_demangling();
	return check_status();
}
