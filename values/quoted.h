/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUOTED_H
#define QUOTED_H

/* Text and bytes as Python's repr() has them. */

struct buf;
struct layout;
struct mem;

/* Characters in the target. */
struct quoted {
	raddr addr;
	uint64_t length;
	unsigned width; /* bytes of each */
	enum quoting {
		QUOTED_TEXT,  /* as it is, but for what is not printable */
		QUOTED_BYTES, /* what is not ASCII as \x.. */
		QUOTED_TWICE, /* likewise, and single quotes even between double ones */
		QUOTED_ASCII, /* likewise, or as \u.... */
	} how;
};

/* Appends them in quotes, up to `most` characters and then without the last quote. */
enum why quoted_add(struct mem *, const struct quoted *, size_t most, struct buf *);

#endif
