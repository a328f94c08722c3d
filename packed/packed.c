/* SPDX-License-Identifier: Apache-2.0 */
/* See packed.h. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "util.h"
#include "packed/inflate.h"
#include "packed/packed.h"

#ifdef PACKED

/* wings.ld */
extern char wings_begin[], wings_end[];
extern const unsigned char wings_packed[];

int
packed_load(void)
{
	size_t len = (size_t)(wings_end - wings_begin);
	struct buf out = { 0 };

	out.data = mmap(wings_begin, len, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (out.data != wings_begin)
		return out.data == MAP_FAILED ? errno : EEXIST;
	out.cap = len;
	inflate(wings_packed, &out);
	return mprotect(wings_begin, len, PROT_READ | PROT_EXEC) ? errno : 0;
}

#else

int
packed_load(void)
{
	return 0;
}

#endif
