/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAP_H
#define TAP_H

/* What a test program says: a line `ok NAME` or `not ok NAME` for each check. */

/* The name is made as printf does it. */
void check(int good, const char *format, ...);

/* What main() returns: 1 if any failed, else 0. */
int check_status(void);

#endif
