/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLAPSED_H
#define COLLAPSED_H

/* A profile as text: one line a stack, root first, as flamegraph.pl reads it. */

struct buf;
struct profile;

/* Appends "(idle) N", "(failed) N", then "frame;frame;frame N", sorted. */
void collapsed_write(const struct profile *, struct buf *);

/* Appends every sample in order: a line with its time in microseconds, a line
 * with its stack, each frame followed by a semicolon. */
void flamechart_write(const struct profile *, struct buf *);

#endif
