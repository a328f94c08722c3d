/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSON_H
#define JSON_H

/*
 * JSON as text.  Each call appends a value, with the comma that it needs; key
 * is NULL in an array and at the outermost level.  What comes out is valid
 * UTF-8, and may stand in a <script> of HTML.
 */

struct buf;
struct profile;

/* bracket is '{' or '[', and what closes it. */
void json_open(struct buf *, const char *key, char bracket);
void json_close(struct buf *, char bracket);

/* Bytes that are not UTF-8 become U+FFFD.  Nothing is written of NULL. */
void json_text(struct buf *, const char *key, const char *text);

/* The same of names, escaped as label_name does it. */
void json_name(struct buf *, const char *key, const char *text);
void json_string(struct buf *, const char *key, const struct profile *, uint32_t string);

/* An array of all strings of a profile. */
void json_strings(struct buf *, const char *key, const struct profile *);

void json_number(struct buf *, const char *key, int64_t);
/* n / 10^digits, exactly; n is not negative. */
void json_decimal(struct buf *, const char *key, int64_t n, int digits);
void json_bool(struct buf *, const char *key, int);

/* An array of n numbers, of which get tells each; JSON_NULL for null, JSON_NONE
 * for none at all. */
#define JSON_NULL INT64_MIN
#define JSON_NONE (INT64_MIN + 1)
void json_array(struct buf *, const char *key, size_t n,
                int64_t (*get)(const void *context, size_t i), const void *context);

#endif
