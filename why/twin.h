/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TWIN_H
#define TWIN_H

/* What was found, as JSON. */

struct buf;
struct finding;
struct listing;
struct look;

/* What stands before all processes, which json_end_processes() ends; and one of these.  rank: a
 * variable that says which of many it is, "" if there is none.  NULL: without the variables. */
void twin_begin(struct buf *);
void twin_add(const struct look *, const struct finding *, const char *rank, struct listing *,
              struct buf *);

#endif
