/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INFLATE_H
#define INFLATE_H

/* Unpacks what gzip packed; for what the build packs, as nothing is checked. */

struct buf;

/* Appends the text of a gzip member whose header is plain, as gzip -n makes it. */
void inflate(const unsigned char *member, struct buf *);

#endif
