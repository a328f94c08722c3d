/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_H
#define CGROUPS_H

/* What the files of control groups say. */

struct buf;

/* Appends a file of a process's control group, or of the one so many levels above that: in the
 * hierarchy of version 1 that has the controller, or, NULL, in that of version 2.  0; -1: it can't
 * be read; 1: there is no such level, or hierarchy. */
int cgroups_read(int pid, const char *controller, unsigned up, const char *file, struct buf *);

#endif
