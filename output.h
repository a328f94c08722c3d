/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_H
#define OUTPUT_H

/* Where the result goes.  A file appears whole or not at all: it is written
 * beside its name and then renamed. */

struct buf;

/* Makes ready to write to path (NULL or "-": stdout); dies if that is not
 * possible. */
void output_open(const char *path);

/* Writes all of it.  May be called again: the file is replaced.  0, 1 if
 * nobody reads it any more (a closed pipe), or -1 with errno set. */
int output_write(const struct buf *);

#endif
