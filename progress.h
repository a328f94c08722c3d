/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H

/* One line on the terminal, written over a few times a second, in which a
 * person sees that something is happening. */

/* If stderr is a terminal: adds to the set a signal that tells when to draw,
 * and blocks it.  progress_is_due() says whether a signal is that. */
void progress_begin(sigset_t *);
int progress_is_due(int signal);

/* Draws the line, unless that would have to wait or we are in the background.
 * Times are nanoseconds; total 0: until the target ends. */
void progress_draw(int64_t elapsed, int64_t total, uint64_t ticks, uint64_t samples);

/* Takes the line away. */
void progress_end(void);

#endif
