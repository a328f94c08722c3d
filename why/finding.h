/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FINDING_H
#define FINDING_H

/* What is the matter with a process, in a sentence. */

struct buf;
struct look;

enum finding_kind {
	FINDING_STOPPED, FINDING_TRACED, FINDING_FROZEN, FINDING_DEADLOCK, FINDING_BLOCKED,
	FINDING_GIL, FINDING_QUOTA, FINDING_DISK, FINDING_LOOP, FINDING_BUSY, FINDING_IDLE,
	FINDING_WAITS, FINDING_NOTHING,
};

struct finding {
	enum finding_kind kind;
	int member; /* whom it is about, or NOBODY */
};

/* One word for a kind. */
const char *finding_word(enum finding_kind);

/* Judges what two looks have found. */
struct finding finding_make(const struct look *);

/* Whether another look would make it surer: it is ready to run, and hardly does, or collects
 * garbage. */
int finding_is_unsure(const struct look *);

/* Whether a thread does nothing as there is nothing to do. */
int finding_is_idle(const struct look *, const struct member *);

/* Whether the thread waits at the other end of what it reads or writes for somebody else. */
int finding_is_outside(const struct member *);

/* Whether it is a loop of asyncio that no timer and no socket can wake, but its own. */
int finding_is_lone(const struct member *);

/* Whether most of what it does is to collect garbage. */
int finding_collects(const struct look *);

#endif
