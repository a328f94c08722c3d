/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line tables.  Input: the format, the first line and the offset (4 bytes each),
 * then the table.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "linetab.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	enum { HEAD = 9 };
	int32_t first, offset;
	const uint8_t *table = len > HEAD ? in + HEAD : NULL;

	if (len < HEAD)
		return 0;
	memcpy(&first, in + 1, 4);
	memcpy(&offset, in + 5, 4);
	len -= HEAD;
	switch (in[0] % 3) {
	case 0:
		linetab_lnotab(table, len, first, offset, in[0] >> 7);
		break;
	case 1:
		linetab_ranges(table, len, first, offset);
		break;
	case 2:
		linetab_locations(table, len, first, offset);
	}
	return 0;
}
