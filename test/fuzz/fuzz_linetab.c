/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables.  Input: the format, the first line and the offset (4 bytes each),
 * then the table.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "code.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	enum { HEAD = 9 };
	static const enum line_kind formats[3][2] = {
		{ LINES_LNOTAB_U8, LINES_LNOTAB },
		{ LINES_RANGES, LINES_RANGES },
		{ LINES_LOCATIONS, LINES_LOCATIONS },
	};
	int32_t first, offset;
	const uint8_t *table = len > HEAD ? in + HEAD : NULL;

	if (len < HEAD)
		return 0;
	memcpy(&first, in + 1, 4);
	memcpy(&offset, in + 5, 4);
	code_table_line(formats[in[0] % 3][in[0] >> 7], table, len - HEAD, first, offset);
	return 0;
}
