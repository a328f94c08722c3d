/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENLIST_H
#define GREENLIST_H

/* The greenlets of a process in a dump. */

struct buf;
struct files;
struct greenlets;

/* Appends them as text, what is equal once with its number; as an array of JSON, all of them. */
void greenlist_write(const struct greenlets *, struct files *, struct buf *);
void greenlist_write_json(const struct greenlets *, struct files *, struct buf *);

/* Appends the frames of a stack, the innermost one first, as an array of JSON. */
void greenlist_frames(const struct profile *, uint32_t stack, struct buf *);

#endif
