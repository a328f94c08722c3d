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

#endif
