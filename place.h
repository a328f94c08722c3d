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
	int folder; /* -1: not known */
	int it;     /* what has the name; -1: nothing */
	char name[NAME_MAX + 1];
	struct stat in, is; /* of the two */
	int magic;          /* it is a link that only /proc can follow, `is` what that leads to */
};

#define NO_PLACE { .folder = -1, .it = -1 }

/* The place that a path leads to, be there anything or not, instead of what the structure
 * held.  0, or -1 with errno set: EPERM if another user may have had a hand in that. */
int place_find(struct place *, const char *path);

/* Lets go of it. */
void place_leave(struct place *);

#endif
