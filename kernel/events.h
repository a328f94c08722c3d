/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_EVENTS_H
#define KERNEL_EVENTS_H

/* What has a program run each time that a thread has used so much CPU time. */

/*
 * Opens one for every thread of a process; those that begin later, and processes that it
 * makes, inherit it.  Nothing happens before events_switch.  How many that are.
 */
size_t events_open(int pid, int64_t period, int program);

/* Has all of them happen, or not. */
void events_switch(int on);

/* Gives the next one, by turns, another period; those that inherit it from then on have it. */
void events_vary(int64_t period);

#endif
