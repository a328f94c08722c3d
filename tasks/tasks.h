/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TASKS_H
#define TASKS_H

/* The asyncio tasks of a process, of all its loops, as they are now. */

struct async_task;
struct buf;
struct chains;
struct codes;
struct form;
struct layout;
struct mem;
struct profile;
struct shape;
struct target;
struct tasks;
struct threads;

/* All must outlive it.  To be ended with tasks_free(), for which NULL is none. */
struct tasks *tasks_new(const struct target *, struct threads *, struct profile *,
                        struct codes *);
void tasks_free(struct tasks *);

/* Tells of a thread's stack, root first: a task that runs is on one. */
void tasks_note(struct tasks *, int tid, const raddr *addresses, const uint32_t *frames,
                size_t n);

/* Whether there was one of that thread, and its outermost frame. */
int tasks_outermost(const struct tasks *, int tid, uint32_t *frame);

/* Finds and reads them.  restack: notes all stacks anew, for tasks that have begun to run
 * since.  OK, or why not all of them could be found. */
enum why tasks_read(struct tasks *, void (*restack)(void *context), void *context);

/* Those that are not done, and their number; the number of one, plus one, 0: it is none. */
struct async_task *tasks_all(const struct tasks *, size_t *n);
size_t tasks_find(const struct tasks *, raddr);

/* In how many different places they are. */
size_t tasks_places(const struct tasks *);

/* Of one interpreter: learns where it has tasks, without looking for any; 0, or -1 if it has not
 * begun with them.  Calls each() with those that may run now on a thread of it until that returns
 * non-zero: up to 3.13 on any. */
int tasks_learn(struct tasks *, raddr interp);
typedef int tasks_each(void *context, raddr task);
enum why tasks_each_running(const struct tasks *, raddr tstate, tasks_each *, void *context);

/* Whether an object is a task, by its type; sets its addr and python, all else is 0. */
int tasks_is_one(const struct tasks *, raddr object, struct async_task *);

/* Finds those of one interpreter of which tasks_learn() knows, whose addr and python are set, and
 * which may be done; as tasks_read() else. */
enum why tasks_list(struct tasks *, raddr interp);

/* The coroutine of one that was found so, 0: it is written in Python. */
raddr tasks_coroutine(const struct tasks *, const struct async_task *);

/* Where stacks of tasks are numbered, if not in the profile: that has no other use. */
void tasks_number_in(struct tasks *, struct profile *);
const struct profile *tasks_stacks(const struct tasks *);

/* What reads them; believes no more what was read of memory that is kept for a while. */
struct chains *tasks_chains(const struct tasks *);
void tasks_forget(const struct tasks *);

/* Appends the name of one. */
void tasks_name(const struct tasks *, const struct async_task *, struct buf *);

/* Whether an object is a future, or a task, of the C module. */
int tasks_is_future(const struct tasks *, raddr);

/* What they are read with; memory that is kept for a while, see values/pages.h. */
struct mem *tasks_mem(const struct tasks *);
const struct layout *tasks_layout(const struct tasks *);
const struct shape *tasks_shape(const struct tasks *);
const struct form *tasks_form(const struct tasks *);
const struct profile *tasks_profile(const struct tasks *);
struct threads *tasks_threads(const struct tasks *);
const struct target *tasks_target(const struct tasks *);

/* Calls each() with what is in a set, until that returns non-zero. */
typedef int tasks_member(void *context, raddr member);
enum why tasks_set_each(const struct tasks *, raddr set, tasks_member *, void *context);

#endif
