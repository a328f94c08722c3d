/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PPROF_H
#define PPROF_H

/* The format of pprof: profile.proto in gzip. */

struct buf;
struct profile;

/* Appends a split profile: its counts, with threads as labels. */
void pprof_write(const struct profile *, struct buf *);

#endif
