/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

/* Why a process cannot be read, in one sentence that says what to do. */

struct proc_maps;
struct buf;

/* If /proc does not show the processes that pyflame's pids are of, appends why, and returns
 * non-zero. */
int explain_proc(struct buf *);

/* Appends what the process is instead of CPython. */
void explain_not_python(int pid, const char *exe, const struct proc_maps *, struct buf *);

/* Appends why a process has no memory at all: a thread of the kernel's, or a zombie. */
void explain_no_memory(int pid, int kernel, struct buf *);

/* If the process exists though /proc does not show it (hidepid), appends that
 * and returns non-zero. */
int explain_hidden(int pid, struct buf *);

/* Appends what forbids reading it, and what to do about it, on a bare machine
 * and in containers. */
void explain_denied(int pid, struct buf *);

/* Whether all that may be read is what descends from this very process, by Yama. */
int explain_is_kin_only(void);

#endif
