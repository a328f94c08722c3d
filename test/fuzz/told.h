/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOLD_H
#define TOLD_H

/* What is said of a process that is not there. */

struct buf;
struct dump_what;
struct profile;
struct sampler;
struct target;

/* Aborts if a name became a control sequence. */
void told_check(const struct buf *);

/* Appends what --why says, with the values of variables if that is asked for, and checks it. */
void told_explain(struct sampler *, const struct profile *, int locals, int as_json, struct buf *);

/* Opens the process, dumps it as text or as JSON, explains it if that is asked for, and checks
 * all of that. */
void told_dump(struct dump_what, int as_json, int explain);

#endif
