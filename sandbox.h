/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_H
#define SANDBOX_H

/*
 * Giving up what pyflame does not need to read a process, so that whoever takes it
 * over by what it reads gains little: no programs, no sockets, no other process
 * written to or killed, no file opened for writing, created, renamed or removed.
 * Whatever else is called ends pyflame at once, by SIGSYS.
 */

/* Enters it, for good; to be called when the output is open and the command
 * runs, if there is one (else 0): only that may be sent signals. */
void sandbox_enter(int child);

/* The same for the process that writes the output file: from here on it can change
 * nothing outside of that folder, where the kernel knows how to (-1: not known which). */
void sandbox_enter_writer(int folder);

/* Whether the kernel did that; whether there was another filter before. */
int sandbox_is_on(void);
int sandbox_was_filtered(void);

#endif
