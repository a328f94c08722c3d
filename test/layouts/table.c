/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what pyflame believes of a release, to be compared with what row.c
 * finds in its headers.
 *
 *   table HEX SHIFT PTR MACHINE
 *                HEX is its PY_VERSION_HEX, SHIFT how far its debug build moves
 *                objects, PTR the bytes of a pointer and MACHINE an e_machine of
 *                ELF; if it describes itself, its
 *                _Py_DebugOffsets is on stdin
 *   table rows   the releases that a row or a column begins with
 */
#include <stdlib.h>

#include "../../layouts.c"
#define rows shape_rows
#include "../../values/shapes.c"
#undef rows
#include "names.h"

#define NAME(name, member) W_##name,
static const uint8_t printed[] = { WORDS(NAME) };
_Static_assert(LEN(printed) == W_COUNT, "there are words that are not named in names.h");

#define STRING(name, member) #name,
static const char *const word_names[] = { WORDS(STRING) };

static void
print_release(unsigned hex, int free_threaded)
{
	printf("%u.%u.%u%s\n", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff, free_threaded ? "t" : "");
}

static void
print_rows(void)
{
	for (size_t i = 0; i < LEN(rows); i++)
		print_release(since(rows[i]), 0);
	for (size_t i = 0; i < LEN(selves); i++)
		print_release(HEX(3u, (unsigned)selves[i].minor, 0), selves[i].free_threaded);
}

static void
print_both(const struct layout *l)
{
	struct shape shape = { 0 };

	print_layout(l);
	if (shape_find(l, &shape))
		printf("no row in shapes.c\n");
	print_shape(&shape);
}

int
main(int argc, char **argv)
{
	struct layout layout = { 0 };
	unsigned char offsets[DEBUG_OFFSETS_SIZE];
	const struct self *self;
	unsigned hex;
	size_t len;

	if (argc == 2 && strcmp(argv[1], "rows") == 0) {
		print_rows();
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: table HEX SHIFT PTR MACHINE | table rows\n");
		return 2;
	}
	hex = (unsigned)strtoul(argv[1], NULL, 16);
	len = fread(offsets, 1, sizeof offsets, stdin);
	if (!len) {
		if (layout_find(hex, atoi(argv[3]), atoi(argv[4]), &layout)) {
			printf("no row\n");
			return 1;
		}
		printf("row=");
		print_release(layout.since, 0);
		layout_shift_objects(&layout, atoi(argv[2]));
		print_both(&layout);
		return 0;
	}
	if (layout_from_debug_offsets(&layout, offsets, len, hex, atoi(argv[3])) != 0) {
		printf("_Py_DebugOffsets refused\n");
		return 1;
	}
	printf("row=");
	print_release(hex & 0xffff0000, layout.free_threaded);
	print_both(&layout);
	self = find_self(hex, layout.free_threaded);
	for (size_t i = 0; i < LEN(printed); i++)
		printf("word.%s=%d\n", word_names[i], self->words[printed[i]]);
	return 0;
}
