/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TARGET_H
#define TARGET_H

/* A process that runs Python, and where its interpreter keeps its state. */

struct buf;
struct layout;
struct mem;
struct process;

struct target {
	struct process *process;
	struct mem *mem;     /* the process's */
	struct layout *layout;
	unsigned hex;        /* PY_VERSION_HEX, as far as it is known */
	raddr interpreters;  /* address of the pointer to the first interpreter */
	raddr holder;        /* address of the pointer to the thread that holds the
	                      * GIL; 0 if each interpreter has its own, or it is not known */
};

enum target_answer {
	TARGET_READY,
	TARGET_STARTING,    /* Python, but not yet ready to run anything; or still has the
	                     * memory of its parent */
	TARGET_NOT_PYTHON,
	TARGET_UNSUPPORTED, /* Python, but one that pyflame can't read */
	TARGET_DENIED,
	TARGET_GONE,
};

/*
 * Looks for an interpreter in a process, which it takes over.  abi: a
 * PY_VERSION_HEX to take it for, or 0.  On TARGET_READY *t is to be ended with
 * target_close, and if there is another interpreter in it, a sentence that says so has
 * been appended to *reason; otherwise *t is empty, and the sentence says why.
 */
enum target_answer target_open(struct process *, unsigned abi, struct target *t,
                               struct buf *reason);

/* The same at little cost for a child that was forked from `like` and still is what it was
 * then, with memory of its own.  0, or -1 if it is not, or cannot be read. */
int target_open_like(struct process *, const struct target *like, struct target *t);
void target_close(struct target *);

#endif
