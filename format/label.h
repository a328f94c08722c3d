/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LABEL_H
#define LABEL_H

/* Frames and names as text that can do no harm. */

struct buf;
struct profile;

/* Appends a name, escaped: the bytes of ';' and of control characters (see is_control),
 * and those that are not UTF-8, as \xNN, a backslash doubled.  What comes out is one
 * line of UTF-8. */
void label_name(struct buf *, const char *name, size_t len);

/* The same of a string of the profile. */
void label_string(struct buf *, const struct profile *, uint32_t string);

/* Appends a frame of the profile: file:function:line, without the parts that
 * it does not have. */
void label_frame(struct buf *, const struct profile *, uint32_t frame);

/* The other way round: appends the name that is written so.  The number of the
 * string, of the frame that is written so; what has no line number is a function
 * without a file, unless that ends in ".py". */
void label_read(struct buf *, const char *text, size_t len);
uint32_t label_read_string(struct profile *, const char *text, size_t len);
uint32_t label_read_frame(struct profile *, const char *text, size_t len);

/* Where the frame's file comes from; native: it has none; wait: it has none, and says what
 * the thread waits for, or that nothing ran. */
enum origin { ORIGIN_APPLICATION, ORIGIN_PACKAGES, ORIGIN_LIBRARY, ORIGIN_NATIVE, ORIGIN_WAIT };
enum origin label_origin(const struct profile *, uint32_t frame);

#endif
