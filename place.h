/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACE_H
#define PLACE_H

#include <limits.h>
#include <sys/stat.h>

/*
 * Where a path leads.  In a folder that all may write to, such as /tmp, somebody
 * else may have put a link or a pipe where root is about to write.  Neither is
 * followed there, as the kernel has it with fs.protected_symlinks=1.
 */

/* A name in a folder.  Both are held by descriptors, so that what was looked at is
 * what is used, whatever is put there meanwhile. */
struct place {
	int root;   /* where "/" leads; -1: to our own */
	int open;   /* only where everybody may go */
	int folder; /* -1: not known */
	int it;     /* what has the name; -1: nothing */
	char name[NAME_MAX + 1];
	struct stat in, is; /* of the two */
	int magic;          /* it is a link that only /proc can follow, `is` what that leads to */
};

#define NO_PLACE { .root = -1, .folder = -1, .it = -1 }

/* The place that a path leads to, be there anything or not, instead of what the structure
 * held.  0, or -1 with errno set: EPERM if another user may have had a hand in that. */
int place_find(struct place *, const char *path);

/* Lets go of it. */
void place_leave(struct place *);

/*
 * The files of a program as it sees them, to read its source text.  They are as they were when
 * it ran if they have not changed since it began.  A path never leaves its root: what goes up,
 * and links in /proc, are not followed.
 */
struct view {
	int root;          /* the folder, held by a descriptor; 0: not known */
	int open;          /* only what everybody may read */
	int64_t until;     /* when it began, microseconds since the epoch: newer files are not shown */
};

/* The view of a process; our own, of what ran until then.  Of a process that is another user's
 * in any of its ids, and as root of our own, just what everybody may read: whoever chose the
 * names of files may lack the rights that we have.  0, or -1. */
int view_process(struct view *, int pid);
int view_own(struct view *, int64_t until);

/* Whether a process has the same root, as far as is known; whether it is ours in all of its
 * ids, and not another user's. */
int view_has_root_of(const struct view *, int pid);
int view_is_ours(int pid);

/* Opens a regular file for reading; -1 if there is none that may be shown, or if the path is
 * not from the root: where the program was when it took that for a name is not known. */
int view_open(const struct view *, const char *path);

#endif
