/* SPDX-License-Identifier: Apache-2.0 */
/* Compares linetab.c with what lines.py prints: exit status 1 if they differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linetab.h"

static size_t
bytes_of(char *hex)
{
	size_t n = strlen(hex) / 2;
	unsigned byte;

	for (size_t i = 0; i < n && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		hex[i] = (char)byte;
	return n;
}

static int
line_at(const char *format, const char *table, size_t len, int first, long offset)
{
	const unsigned char *bytes = (const unsigned char *)table;

	if (!strcmp(format, "locations"))
		return linetab_locations(bytes, len, first, offset);
	if (!strcmp(format, "ranges"))
		return linetab_ranges(bytes, len, first, offset);
	return linetab_lnotab(bytes, len, first, offset, !strcmp(format, "lnotab"));
}

int
main(void)
{
	char *text = NULL;
	size_t cap = 0;
	long tables = 0, lines = 0, wrong = 0;

	while (getline(&text, &cap, stdin) > 0) {
		char *format = strtok(text, " \n"), *first = strtok(NULL, " \n");
		char *table = strtok(NULL, " \n"), *pair;
		size_t len = table ? bytes_of(table) : 0;

		for (tables++; (pair = strtok(NULL, " \n")); lines++) {
			long offset = 0;
			int line = 0, seen;

			sscanf(pair, "%ld:%d", &offset, &line);
			seen = line_at(format, table, len, atoi(first), offset);
			if (seen != line && wrong++ < 10)
				printf("%s, table %ld, offset %ld: line %d, not %d\n", format,
				       tables, offset, seen, line);
		}
	}
	printf("%ld lines of %ld tables, %ld wrong\n", lines, tables, wrong);
	free(text);
	return wrong || lines < 10000;
}
