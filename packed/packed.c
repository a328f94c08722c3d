/* SPDX-License-Identifier: Apache-2.0 */
/* See packed.h. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "util.h"
#include "packed/lzma.h"
#include "packed/packed.h"

#ifdef PACKED

/* wings.ld */
extern char wings_begin[], wings_end[];
extern const unsigned char wings_packed[];

/* Calls and jumps of x86 have been made to say where they lead; see packed/pack. */
static void
turn_branches(char *code, size_t len)
{
	enum { OPCODES = 0xfe, CALL = 0xe8, MOST = 1 << 24 };
	int32_t to, i, end = (int32_t)len - (int32_t)sizeof to;

	for (i = 0; i < end; i++) {
		if ((code[i] & OPCODES) != CALL)
			continue;
		memcpy(&to, code + i + 1, sizeof to);
		if (to >= -i && to < MOST) {
			to = to >= 0 ? to - i : to + MOST;
			memcpy(code + i + 1, &to, sizeof to);
		}
		i += (int32_t)sizeof to;
	}
}

static int
load(int execute)
{
	size_t len = (size_t)(wings_end - wings_begin);
	char *code = mmap(wings_begin, len, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (code != wings_begin)
		return code == MAP_FAILED ? errno : EEXIST;
	lzma_unpack(wings_packed, code);
	turn_branches(code, len);
	return execute && mprotect(wings_begin, len, PROT_READ | PROT_EXEC) ? errno : 0;
}

#else

static int
load(int execute)
{
	(void)execute;
	return 0;
}

#endif

void
packed_need(int execute)
{
	int error = load(execute);

	if (error == ENOMEM)
		die_out_of_memory();
	if (error)
		die(FAILURE, "cannot unpack what that needs: %s; where no memory may be made executable, "
		    "use a pyflame built with make PACKING=", strerror(error));
}
