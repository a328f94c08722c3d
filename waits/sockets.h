/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKETS_H
#define SOCKETS_H

/* The sockets of a process's network namespace, as /proc lists them, and those of the family unix
 * of our own. */

struct buf;
struct sockets;

/* Nothing is read before it is asked for.  To be ended with sockets_free(). */
struct sockets *sockets_new(int pid);
void sockets_free(struct sockets *);

/* Appends what the socket of that inode is: protocol, addresses, state; of one that listens,
 * how many connections wait to be accepted; of one of the family unix its path and its peer's,
 * whose inode *peer gets if it is known.  0, and nothing is appended, if it is of no protocol that
 * is listed.  plain: without what differs from time to time, the ports that the kernel chose. */
int sockets_describe(struct sockets *, uint64_t inode, int plain, uint64_t *peer, struct buf *);

#endif
