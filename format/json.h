/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSON_H
#define JSON_H

/*
 * JSON: writing it (json_open, json_close, json_add_...) and reading it
 * (json_read_...).
 */

struct buf;
struct profile;

/*
 * Writing.  Each call appends a value, with the comma that it needs; key
 * is NULL in an array and at the outermost level.  What comes out is valid
 * UTF-8, and may stand in a <script> of HTML.
 */

/* bracket is '{' or '[', and what closes it. */
void json_open(struct buf *, const char *key, char bracket);
void json_close(struct buf *, char bracket);

/* What an object begins with that has an array of processes, in a format of ours of that version,
 * and what it ends with. */
void json_begin_processes(struct buf *, const char *format, int version);
void json_end_processes(struct buf *);

/* Bytes that are not UTF-8 become U+FFFD.  Nothing is written of NULL. */
void json_add_text(struct buf *, const char *key, const char *text);

/* The same of names, escaped as label_name does it. */
void json_add_name(struct buf *, const char *key, const char *text);
void json_add_string(struct buf *, const char *key, const struct profile *, uint32_t string);

/* An array of all strings of a profile, so escaped. */
void json_add_strings(struct buf *, const char *key, const struct profile *);

/* The same of names as they are to be shown by others: but for controls, and what is not
 * UTF-8, they are not escaped. */
void json_add_shown(struct buf *, const char *key, const char *text);
void json_add_shown_string(struct buf *, const char *key, const struct profile *,
                           uint32_t string);

/* Adds where a frame is: "function", and "file" and "line" if they are known. */
void json_add_place(struct buf *, const struct profile *, uint32_t frame);

void json_add_number(struct buf *, const char *key, int64_t);
/* n / 10^digits, exactly; n is not negative. */
void json_add_decimal(struct buf *, const char *key, int64_t n, int digits);
void json_add_bool(struct buf *, const char *key, int);

/* An array of n numbers, each from get(); JSON_NULL for null, JSON_NONE
 * for none at all. */
#define JSON_NULL INT64_MIN
#define JSON_NONE (INT64_MIN + 1)
void json_add_array(struct buf *, const char *key, size_t n,
                    int64_t (*get)(const void *context, size_t i), const void *context);

/*
 * Reading, strictly.  What is wrong is said once; from then on
 * the reader is at its end, and all that it returns is 0 or empty.
 */

struct json_reader {
	const char *at, *end;  /* what is to be read, up to a zero byte */
	const char *wrong;     /* what is; NULL: nothing so far */
	const char *wrong_at;
	char key[16];          /* of the member last stepped to, cut */
};

#define JSON_MOST (INT64_C(1) << 53) /* what every reader of JSON can count */

/* Checks the text, all of it and a zero byte after it, as one JSON value, and
 * leaves the reader there. */
void json_read_begin(struct json_reader *, const char *text, size_t len);

/* Says what is wrong with the value at the reader. */
void json_read_fail(struct json_reader *, const char *what);

/* Steps to the next member of the array ('[') or object ('{') that begins at
 * the reader, with *n the number of steps so far.  0: there is none, and the
 * reader is past it. */
int json_read_next(struct json_reader *, char open, size_t *n);

/* Reads over the value at the reader. */
void json_read_skip(struct json_reader *);

/* Looks for members of the object at the reader, and moves past it.  names
 * have blanks between them; at gets where their values are, or NULL. */
void json_read_members(struct json_reader *, const char *names, const char **at);

/* Moves to such a place: 0 if it is NULL. */
int json_read_at(struct json_reader *, const char *at);

/* Reads the value at the reader: a string into the buffer; an integer within
 * bounds; a number that is not negative, times scale, 9e15 at most; true or
 * false. */
void json_read_string(struct json_reader *, struct buf *);
int64_t json_read_integer(struct json_reader *, int64_t least, int64_t most);
int64_t json_read_scaled(struct json_reader *, double scale);
int json_read_bool(struct json_reader *);

/* The integers of an array, to be freed, and their number; within bounds. */
int64_t *json_read_integers(struct json_reader *, int64_t least, int64_t most, size_t *n);

#endif
