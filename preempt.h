/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PREEMPT_H
#define PREEMPT_H

/*
 * Reading a thread that moves all the time from the CPU that it is on, without stopping it.  We go
 * there and sleep until a tick; then our timer interrupts the thread wherever it is, and it cannot
 * run while we do.
 */

struct process;
struct task;

/* Whether we are on the CPU of a thread that is to be read so. */
int preempt_is_on(void);

/* Begins to read a thread: whether it is on our CPU, and so does not run; *turns is to be kept.
 * And at the end: whether it has not run since. */
int preempt_begin(const struct process *, struct task *, uint64_t *turns);
int preempt_held(const struct process *, struct task *, uint64_t turns);

/* Asks for being on the CPU that this thread was on last, at the next tick: of several one is
 * chosen then, at random.  preempt_stay() is the same for a thread that was read so. */
void preempt_want(const struct process *, struct task *);
void preempt_stay(const struct process *, const struct task *);

/* And for being anywhere else at the next one. */
void preempt_unwant(void);

/* The process and the thread whose CPU we are on, 0: none is known. */
int preempt_pid(void);
int preempt_tid(void);

/* To be called when a tick begins, late by that many nanoseconds: where we have to wait for a CPU
 * the moment is not ours to choose, so this is left alone then for a while.  When it ends: goes to
 * the CPU that was asked for; returns for how long a thread could not run because of us,
 * nanoseconds. */
void preempt_begin_tick(int64_t late);
int64_t preempt_end_tick(void);

/* Within a tick, before the thread that is on our CPU is stopped, to go on elsewhere. */
void preempt_stops(void);

/* Within a tick, before what takes long: lets the thread that was read so run. */
void preempt_step_aside(void);

/* Goes back to where we may be. */
void preempt_leave(void);

#endif
