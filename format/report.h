/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_H
#define REPORT_H

/* A profile in words and numbers, for people: which threads ran or waited, which functions
 * and lines took the time, on which paths, and what was waited in. */

struct buf;
struct profile;

/* Appends the report of a split profile. */
void report_write(const struct profile *, struct buf *);

/* Has reports from now on fit a terminal, -1 for none: its width, and colours unless the
 * environment's NO_COLOR says not to. */
void report_fit(int terminal);

/* Has reports from now on show source text.  `read` appends all of the file that Python knows by
 * that name: 0, or -1 if it is not to be had. */
void report_sources(int (*read)(void *context, const char *path, struct buf *), void *context);

#endif
