/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_H
#define OUTPUT_H

/*
 * Where the result goes.  A file appears whole or not at all: it is written
 * beside its name and then renamed.  In the name %p is a pid, %t the time at
 * which the file was begun (UTC, as 20261122T195500Z), %% a percent sign.
 */

struct buf;

/* Whether that is a file whose name has a %t. */
int output_tells_time(const char *path);

/* Makes ready to write to path (NULL or "-": stdout); dies if that is not
 * possible.  pid is what %p stands for, 0: pyflame's own. */
void output_open(const char *path, int pid);

/* What %p stands for from now on. */
void output_set_pid(int pid);

/* Begins another file: what is written from now on goes to the name as it is
 * by this time, which is never that of an earlier one if it has a %t. */
void output_begin_next(void);

/* The name of the file, for messages; NULL: stdout. */
const char *output_name(void);

/* Makes an empty buffer the output: what is added to it is written as it comes.
 * What goes wrong shows at the end. */
void output_begin(struct buf *);

/* Writes what is left in the buffer, and frees that.  Then may begin again: the
 * file is replaced.  0, 1 if nobody reads it any more (a closed pipe), or -1
 * with errno set. */
int output_end(struct buf *);

#endif
