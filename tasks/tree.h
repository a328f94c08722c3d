/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TREE_H
#define TREE_H

/* The tasks of a process as trees: below each task those that it awaits. */

struct buf;
struct files;
struct parents;
struct tasks;

/* Appends them: for those that are equal, with all below them, one with their number. */
void tree_write(const struct tasks *, const struct parents *, struct files *, struct buf *);

#endif
