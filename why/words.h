/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORDS_H
#define WORDS_H

/* What was found, as text. */

struct buf;
struct finding;
struct listing;
struct look;
struct member;

/* Appends the finding's sentence; what a thread waits for by Python's own structures, if it
 * does; what it does, as in "which sleeps". */
void words_finding(const struct look *, const struct finding *, struct buf *);
void words_need(const struct look *, const struct member *, struct buf *);
void words_does(const struct look *, const struct member *, struct buf *);

/* Appends how many threads there are and what they used, who waits for whom, all threads by
 * equal stacks, what to look at next.  NULL: without their variables. */
void words_evidence(const struct look *, const struct finding *, struct listing *, struct buf *);

#endif
