/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TASKS_H
#define TASKS_H

/* The asyncio tasks of a process, of all its loops, as they are now. */

struct async_task;
struct buf;
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
