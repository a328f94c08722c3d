/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FOLLOW_H
#define FOLLOW_H

/*
 * Which processes there are of those that were asked for: some and all that
 * descend from them, or every one.  A process that was seen as a descendant
 * once stays one, whoever becomes its parent.
 */

struct follow;

struct followed {
	int pid, parent;
	uint64_t start_time;
};

struct follow *follow_new(int all);
void follow_free(struct follow *);

/* Follows what descends from that one. */
void follow_root(struct follow *, int pid);

/*
 * Those that have come since the last look, pyflame itself left out; *n gets
 * their number.  The array is good until the next look.  Costs little where no
 * process has started meanwhile.
 */
const struct followed *follow_look(struct follow *, size_t *n);

/* That one has been made by that parent: whether it is to be followed. */
int follow_birth(struct follow *, int pid, int parent);

/* Somebody tells of all births: looking for them is but for what was missed. */
void follow_is_told(struct follow *);

/* That one has ended: if the pid is seen again, it is another process. */
void follow_forget(struct follow *, int pid);

#endif
