/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_H
#define INPUT_H

/* Profiles from files: collapsed stacks, our own or others', and what saved.c
 * and the HTML page hold. */

struct profile;

/* Adds what the file has; "-" is stdin.  flags are those of saved.h.  What the
 * files differ in is no longer known of the run.  Dies if it can't be read or
 * understood, with its name and the place. */
void input_read(struct profile *, const char *path, unsigned flags);

#endif
