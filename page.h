/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAGE_H
#define PAGE_H

/* The files of the folder page/, as page/embed makes them into page.c. */

/* The HTML page before and after the profile's JSON. */
extern const char page_head[], page_tail[];

/* The script of an SVG picture. */
extern const char page_svg[];

#endif
