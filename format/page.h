/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAGE_H
#define PAGE_H

/* What the folder page/ has, which is in the program in packed form. */

struct buf;
struct profile;

/* Appends the profile as a page for a browser, which needs nothing but itself. */
void page_write(const struct profile *, struct buf *);

/* Appends the script of SVG pictures. */
void page_add_svg(struct buf *);

#endif
