/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXPORT_H
#define EXPORT_H

/* What writers of others' formats share. */

struct buf;
struct profile;

/* Makes stacks of a thread of their own of what was idle and what failed, as
 * those formats know nothing else; to be called again when there is more. */
void export_prepare(struct profile *);

/* The stack that a sample of the log counts for then. */
uint32_t export_stack(uint32_t stack);

/* To be freed: of every stack the number of its thread (UINT32_MAX: none); of
 * every frame the number of its function, whatever the line, and how many
 * functions there are. */
uint32_t *export_owners(const struct profile *);
uint32_t *export_functions(const struct profile *, uint32_t *n);

/* A thread's id, or another number if that is not known or not the only one. */
int export_thread_id(const struct profile *, uint32_t thread);

/* The title, else the command, else something. */
const char *export_title(const struct profile *);

/* Appends to an object of JSON a frame's name, the text, its file and its line. */
void export_frame(struct buf *, const struct profile *, uint32_t frame, const char *text);

#endif
