/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTML_H
#define HTML_H

/* A profile as a page for a browser, which needs nothing but itself. */

struct buf;
struct profile;

/* Appends the page. */
void html_write(const struct profile *, struct buf *);

#endif
