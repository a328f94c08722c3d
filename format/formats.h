/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FORMATS_H
#define FORMATS_H

/* The formats that a profile can be written in. */

struct buf;
struct profile;

struct format {
	const char *name;
	const char *suffixes; /* of files that have it, each followed by a blank */
	unsigned needs;
	void (*write)(const struct profile *, struct buf *);
};

/* What the profile has to hold for it. */
enum format_needs {
	FORMAT_THREADS = 1, /* is to be split: a tree for every thread */
	FORMAT_TIMES = 2,   /* the log */
	FORMAT_IDLE = 4,    /* which samples found the thread waiting */
	FORMAT_BEFORE = 8,  /* it can show the counts of an earlier profile */
	FORMAT_FOREIGN = 16, /* export_prepare() */
};

/* By its name; by that of a file, which may be NULL: the first one if none
 * fits.  NULL: there is no such format. */
const struct format *format_named(const char *name);
const struct format *format_of_file(const char *path);

/* Appends all names, with blanks between them. */
void format_names(struct buf *);

#endif
