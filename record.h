/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_H
#define RECORD_H

/* What is known of runs and threads, as members of JSON objects and back. */

struct buf;
struct parse;
struct profile_run;
struct profile_thread;

/* Append an object; what is not known is no member. */
void record_write_run(struct buf *, const char *key, const struct profile_run *);
void record_write_thread(struct buf *, const struct profile_thread *);

/* Read the object at the reader into what is all zero before; texts are to be
 * freed. */
void record_read_run(struct parse *, struct profile_run *);
void record_read_thread(struct parse *, struct profile_thread *);

/* Keeps of run a what is still known if b is added to it; frees b's texts. */
void record_merge_run(struct profile_run *a, struct profile_run *b);

#endif
