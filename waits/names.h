/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMES_H
#define NAMES_H

/* What processes and signals are called. */

struct buf;

/* Appends what a process is called, after its pid; and what it does, as "running". */
void names_process(int pid, struct buf *);
void names_process_and_state(int pid, struct buf *);

/* Appends some of a set of signals, bit 0 being the first one, and how many more there are. */
void names_signals(uint64_t set, struct buf *);

#endif
