/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARSE_H
#define PARSE_H

/*
 * Reading JSON, strictly (RFC 8259).  What is wrong is said once; from then on
 * the reader is at its end, and all that it returns is 0 or empty.
 */

struct buf;

struct parse {
	const char *at, *end;  /* what is to be read, up to a zero byte */
	const char *wrong;     /* what is; NULL: nothing so far */
	const char *wrong_at;
	char key[16];          /* of the member last stepped to, cut */
};

#define PARSE_MOST (INT64_C(1) << 53) /* what every reader of JSON can count */

/* Checks the text, all of it and a zero byte behind it, as one JSON value, and
 * leaves the reader there. */
void parse_begin(struct parse *, const char *text, size_t len);

/* Says what is wrong with the value at the reader. */
void parse_wrong(struct parse *, const char *what);

/* Steps to the next member of the array ('[') or object ('{') that begins at
 * the reader, with *n the number of steps so far.  0: there is none, and the
 * reader is behind it. */
int parse_next(struct parse *, char open, size_t *n);

/* Reads over the value at the reader. */
void parse_skip(struct parse *);

/* Looks for members of the object at the reader, and moves behind it.  names
 * have blanks between them; at gets where their values are, or NULL. */
void parse_members(struct parse *, const char *names, const char **at);

/* Moves to such a place: 0 if it is NULL. */
int parse_at(struct parse *, const char *at);

/* Reads the value at the reader: a string into the buffer; an integer within
 * bounds; a number that is not negative, times scale, 9e15 at most; true or
 * false. */
void parse_string(struct parse *, struct buf *);
int64_t parse_integer(struct parse *, int64_t least, int64_t most);
int64_t parse_scaled(struct parse *, double scale);
int parse_bool(struct parse *);

/* The integers of an array, to be freed, and their number; within bounds. */
int64_t *parse_integers(struct parse *, int64_t least, int64_t most, size_t *n);

#endif
