/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FORMS_H
#define FORMS_H

/*
 * Where CPython keeps what only asyncio's tasks and coroutines need: byte offsets and values, by
 * the version and relative to what a target's layout has.
 */

struct layout;
struct mem;
struct process;

/* After each member: the member of CPython's structure that it is.  "3.11: x" means from 3.11
 * on, "-3.10: x" up to 3.10; where none is given it is ABSENT. */
struct form {
	struct {               /* TaskObj of the C module; a future begins likewise */
		int size;      /* up to the last member that is read */
		int loop;      /* task_loop */
		int callback;  /* task_callback0 */
		int callbacks; /* task_callbacks, more of them */
		int state;     /* task_state, 0: pending */
		int waiter;    /* task_fut_waiter */
		int coro;      /* task_coro */
		int name;      /* 3.8: task_name */
		int cancel;    /* the byte that has task_must_cancel, */
		unsigned cancel_bit;
		int awaited_by, awaited_by_set; /* 3.14: task_awaited_by, and whether it is a set */
		int node;      /* 3.14: task_node */
	} task;

	struct {            /* PyGenObject; coroutines and asynchronous generators are alike */
		int frame;  /* -3.10: gi_frame, 3.11: gi_iframe */
		int state;  /* 3.11: gi_frame_state */
		/* The values of that: not begun; suspended; suspended by a yield; by an await,
		 * two of them; executing. */
		int created, suspended, yields, delegates, locked, executes;
		int depth;  /* how far below the top of the stack the awaited object is */
	} coro;

	struct {            /* -3.10: PyFrameObject */
		int size;   /* up to the last member that is read */
		int generator; /* f_gen */
		int state;  /* 3.10: f_state, as coro.state */
		int code;   /* -3.10: co_code of the code object */
		int delegates; /* -3.10: the opcode of YIELD_FROM */
	} frame;

	int closure;        /* PyFunctionObject.func_closure */
	int collected;      /* pointers before an object that are the collector's, the first two of
	                     * them to others: PyGC_Head; -3.7: one more, and it may be padded */

	struct {            /* 3.14: what the module itself says of other structures */
		int of_interp, of_thread; /* asyncio_tasks_head in both */
		int running;              /* asyncio_running_task of a thread */
	} lists;
};

/* Fills *out for a target of that layout; what the module says is still ABSENT.  0, or -1 if its
 * release is not known here, or has no such tasks. */
int form_find(const struct layout *, struct form *out);

/* Whether the module has to say where its tasks are; and adds that, where it can be found in the
 * process: 0, or -1. */
int form_is_told(const struct layout *);
int form_read(struct form *, const struct layout *, const struct process *, struct mem *);

#endif
