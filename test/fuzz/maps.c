/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has mapped as much as it may, and more.
 */
#include <stdio.h>

#include "proc.c"

int
main(void)
{
	enum { LINES = 100000 };
	struct buf text = { 0 };
	struct proc_maps maps = { 0 };

	for (unsigned i = 0; i < LINES; i++)
		buf_printf(&text, "%x000-%x000 r-%cp 0 08:01 %u %s\n", i, i + 1, "x-"[i % 2], i % 3,
		           i % 2 ? "/a b (deleted)" : "");
	buf_add(&text, "", 1);
	parse_maps(text.data, &maps);
	printf("%zu maps, the last one of %s\n", maps.n, maps.maps[LINES - 1].path);
	proc_maps_free(&maps);
	return 0;
}
