/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INFLATE_H
#define INFLATE_H

struct buf;

/* Appends what a gzip member has, whose header is plain, as gzip -n makes it. */
void inflate(const unsigned char *member, struct buf *);

#endif
