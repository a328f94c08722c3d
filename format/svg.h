/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SVG_H
#define SVG_H

/* A flame graph as a picture, which can also be zoomed and searched where
 * scripts are permitted. */

struct buf;
struct profile;

/* Appends the picture; the same for the same profile, byte by byte. */
void svg_write(const struct profile *, struct buf *);

#endif
