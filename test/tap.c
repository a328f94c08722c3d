/* SPDX-License-Identifier: Apache-2.0 */
/* Checks; a line is out before the next check can crash. */
#include <stdarg.h>
#include <stdio.h>

#include "tap.h"

static int failed;

void
check(int good, const char *format, ...)
{
	va_list args;

	printf(good ? "ok " : "not ok ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed |= !good;
}

int
check_status(void)
{
	return failed;
}
