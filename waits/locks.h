/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKS_H
#define LOCKS_H

/* Locks of files, as the kernel lists them. */

struct stat;

/* By that list, terminated: who has what keeps a process from a lock of that file, by flock(2) or
 * else by fcntl(2).  At most `most` pids, each once; returns how many there are.  0 too if the
 * list does not say, or that is more than one lock of this file that the process waits for. */
size_t locks_holders(const char *list, int pid, const struct stat *, int by_flock, int *pids,
                     size_t most);

#endif
