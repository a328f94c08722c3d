/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILES_H
#define FILES_H

/* What a process's descriptors are. */

struct buf;
struct files;

/* Nothing is looked at before it is asked for.  To be ended with files_free(). */
struct files *files_new(int pid);
void files_free(struct files *);

/* Appends what a descriptor is: a path; a pipe or a unix socket, and which processes have its other
 * end, as far as they may be seen; a socket, see sockets.h; what is watched by an epoll; another
 * kernel object by its kind, and what it is about.  0 if there is no such descriptor or it may
 * not be looked at.  plain: without what differs from time to time. */
int files_describe(struct files *, int fd, int plain, struct buf *);

/* Appends what several are, but no more than a few, and how many more there are.  -1: one that
 * was closed. */
void files_list(struct files *, const int *fds, size_t n, int plain, struct buf *);

/* Appends who has the lock that the process waits for, by flock(2) or else by fcntl(2), if that
 * is known: " held by PID NAME". */
void files_lock_holder(struct files *, int fd, int by_flock, struct buf *);

#endif
