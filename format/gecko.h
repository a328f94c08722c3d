/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GECKO_H
#define GECKO_H

/* The format of the Firefox Profiler, profiler.firefox.com. */

struct buf;
struct profile;

/* Appends a split profile: samples with their times, coloured by whose code
 * they were in. */
void gecko_write(const struct profile *, struct buf *);

#endif
