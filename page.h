/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAGE_H
#define PAGE_H

/* The files of the folder page/, which are in the program in packed form. */

struct buf;

/* Append the HTML page as it is before and after the profile's JSON, and the
 * script of SVG pictures. */
void page_add_head(struct buf *);
void page_add_tail(struct buf *);
void page_add_svg(struct buf *);

#endif
