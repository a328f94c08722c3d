/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHROME_H
#define CHROME_H

/* Trace events, as chrome://tracing and Perfetto read them. */

struct buf;
struct profile;

/* Appends a split profile: what every thread did when. */
void chrome_write(const struct profile *, struct buf *);

#endif
