/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF images as they lie in memory.  The input is the image; what lies beyond
 * it is not there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { BASE = 0x400000, MOST_READS = 1 << 16 };

struct image {
	const uint8_t *bytes;
	size_t len, reads;
};

static int
read_image(void *context, uint64_t addr, void *buf, size_t len)
{
	struct image *image = context;

	if (++image->reads > MOST_READS)
		abort();
	if (addr < BASE || addr - BASE > image->len || len > image->len - (addr - BASE))
		return -1;
	memcpy(buf, image->bytes + (addr - BASE), len);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct image image = { in, len, 0 };
	struct elf e;

	if (elf_open(&e, read_image, &image, BASE))
		return 0;
	if (e.n_segments > ELF_MAX_SEGMENTS || (e.ptr != 4 && e.ptr != 8))
		abort();
	elf_symbol(&e, "_PyRuntime");
	elf_symbol(&e, "x");
	e.gnu_hash = 0; /* where there are both */
	elf_symbol(&e, "_PyRuntime");
	return 0;
}
