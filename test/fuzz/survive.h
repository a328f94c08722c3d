/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SURVIVE_H
#define SURVIVE_H

/*
 * For code that ends the program, or reads stdin and writes to stderr: all of it is
 * compiled with calls of these instead (the flags at the top of a harness).
 * What it had allocated when it ended is freed.
 */

/* Calls f(); what it reads from any descriptor is this.  Returns 0, or 1 if it
 * ended the program. */
int survive(void (*f)(void), const void *bytes, size_t len);

#endif
