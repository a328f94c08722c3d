/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FORMATS_H
#define FORMATS_H

/* The formats that a profile can be written in. */

struct buf;
struct profile;
struct profile_run;

/* What the profile has to hold for a format. */
enum format_needs {
	FORMAT_THREADS = 1, /* a tree for every thread: profile_split() */
	FORMAT_TIMES = 2,   /* the log: when each sample was taken */
	FORMAT_IDLE = 4,    /* which samples found their thread waiting */
	FORMAT_BEFORE = 8,  /* nothing, but it can show the counts of an earlier profile */
	FORMAT_ALL = 16,    /* of all threads, unless somebody asks for less */
};

struct format {
	const char *name;     /* what -f calls it */
	const char *note;     /* what --help adds to that; NULL: nothing */
	const char *suffixes; /* of the files that have it, each followed by a blank */
	unsigned needs;       /* enum format_needs */
	/* Appends the profile.  NULL: this build was made without the format, and
	 * what follows is NULL as well. */
	void (*write)(const struct profile *, struct buf *);
	/* Is called before each time it is written; NULL: nothing to be done. */
	void (*prepare)(struct profile *);
	/* Is called before each time it is written: to that descriptor, which may be a
	 * terminal, or -1, to a file; NULL: that does not matter. */
	void (*fit)(int fd);
	/* Gets what reads source files, so that they can be shown; NULL: they are not.  See
	 * report.h. */
	void (*sources)(int (*read)(void *context, const char *path, struct buf *), void *context);
	/* Reads the JSON of such a file, as saved_read() does; NULL: -i does not take
	 * it.  (Collapsed stacks, which need no format's help, are input.c's.) */
	const char *(*read)(struct profile *, const char *text, size_t len, unsigned flags,
	                    struct profile_run *, size_t *offset);
};

/* By its name, NULL: there is none; by the name of a file, which may be NULL: the
 * first one if none fits.  Either may have been left out of this build. */
const struct format *format_named(const char *name);
const struct format *format_of_file(const char *path);

/* Appends the endings of files' names that choose one in this build, a blank before each. */
void format_endings(struct buf *);

/* Append the names of those in this build: with blanks between them; as a sentence
 * has them, with their notes.  How many these are. */
void format_names(struct buf *);
size_t format_list(struct buf *);

/* Ends the program, as the format that was asked for by an option ("-f ", or "") and
 * its value, or a file's name, was left out of this build. */
_Noreturn void format_left_out(const struct format *, int status, const char *option,
                               const char *value);

#endif
