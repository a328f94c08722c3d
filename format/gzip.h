/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GZIP_H
#define GZIP_H

/* Compression (RFC 1952). */

struct buf;

/* Appends the bytes as one member of gzip. */
void gzip_add(struct buf *, const char *bytes, size_t len);

#endif
