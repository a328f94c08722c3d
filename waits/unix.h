/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIX_H
#define UNIX_H

/* Sockets of the family unix, of which the kernel tells one who asks what /proc does not. */

struct buf;

struct unix_socket {
	uint32_t peer;      /* the inode of the socket that it is connected to; 0: none, or not known */
	int listens;
	unsigned to_accept; /* how many connections wait for that */
};

/* Makes what questions go through.  To be called before the sandbox, which forbids it; without,
 * nothing is known. */
void unix_prepare(void);

/* Appends the path in an address, "@" in front of an abstract one. */
void unix_path(const char *bytes, size_t len, struct buf *);

/* Asks for that of one inode, and appends its path, if it has one.  0 if there is none,
 * or not in this network namespace. */
int unix_ask(uint64_t inode, struct unix_socket *, struct buf *path);

#endif
