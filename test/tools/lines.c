/* SPDX-License-Identifier: Apache-2.0 */
/* Compares code.c with what lines.py prints: exit status 1 if they differ. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "layouts.h"
#include "code.h"

static size_t
bytes_of(char *hex)
{
	size_t n = strlen(hex) / 2;
	unsigned byte;

	for (size_t i = 0; i < n && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		hex[i] = (char)byte;
	return n;
}

static enum line_kind
format_of(const char *name)
{
	if (!strcmp(name, "locations"))
		return LINES_LOCATIONS;
	if (!strcmp(name, "ranges"))
		return LINES_RANGES;
	return strcmp(name, "lnotab") ? LINES_LNOTAB_U8 : LINES_LNOTAB;
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
			seen = code_table_line(format_of(format), (unsigned char *)table, len, atoi(first),
			                       offset);
			if (seen != line && wrong++ < 10)
				printf("%s, table %ld, offset %ld: line %d, not %d\n", format,
				       tables, offset, seen, line);
		}
	}
	printf("%ld lines of %ld tables, %ld wrong\n", lines, tables, wrong);
	free(text);
	return wrong || lines < 10000;
}
