/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEEDSCOPE_H
#define SPEEDSCOPE_H

/* The format of speedscope.app: a profile for every thread. */

struct buf;
struct profile;

/* Appends a split profile: with its times if it has a log, else with counts. */
void speedscope_write(const struct profile *, struct buf *);

#endif
