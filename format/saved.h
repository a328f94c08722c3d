/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAVED_H
#define SAVED_H

/* pyflame's own format, from which a profile can be had back; see the man page. */

struct buf;
struct profile;
struct profile_run;

/* Appends the profile as one JSON object, without a newline. */
void saved_write(const struct profile *, struct buf *);

/* The same with one: a file. */
void saved_write_file(const struct profile *, struct buf *);

enum saved_flags {
	SAVED_NO_LINES = 1, /* leave out line numbers */
	SAVED_NO_IDLE = 2,  /* leave out what was idle */
	SAVED_BEFORE = 4,   /* it is the earlier one, see profile_compare() */
	SAVED_NO_BEFORE = 8, /* leave out the earlier one that is in it */
};

/*
 * Adds a profile that was written so; a zero byte has to follow the text.
 * *run gets what it says of its run, of which threads' roots depend on the
 * profile's own by_thread and by_process, which are set if it has them.  NULL,
 * or what is wrong and *offset where; part of it may have been added then.
 */
const char *saved_read(struct profile *, const char *text, size_t len, unsigned flags,
                       struct profile_run *run, size_t *offset);

/* Keeps of run a what is still known if b is added to it; frees b's texts. */
void saved_merge_run(struct profile_run *a, struct profile_run *b);

#endif
