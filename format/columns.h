/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLUMNS_H
#define COLUMNS_H

/* Text for people, fitted to a terminal's columns.  What is appended is UTF-8 that can do no
 * harm. */

struct buf;

/* Has it fit a terminal from now on, -1 for none: its width, and colours, unless the
 * environment's NO_COLOR says not to.  Without one: 80 columns, no colours. */
void columns_fit(int terminal);

/* How many there are, 40 at least. */
size_t columns_width(void);

/* Turns a colour on ("1": bold, "2": faint, "31": red and so on), "0" all off; nothing without
 * colours. */
void columns_colour(struct buf *, const char *code);

/* Appends an empty line and one that is a heading. */
void columns_heading(struct buf *, const char *);

void columns_pad(struct buf *, size_t blanks);

/* Append a text, or as much of it as fits that many columns, with two dots for the rest; of
 * a path its end, from a name on.  How many columns that took. */
size_t columns_cut(struct buf *, const struct buf *text, size_t room);
size_t columns_path(struct buf *, const struct buf *path, size_t room);

/* Append a share in seven columns, " 12.3%"; a number in as many at least. */
void columns_share(struct buf *, uint64_t n, uint64_t of);
void columns_number(struct buf *, uint64_t n, size_t room);

#endif
