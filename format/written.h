/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITTEN_H
#define WRITTEN_H

/* Frames and names from the text that label.h makes of them. */

struct buf;
struct profile;

/* Appends the name that is written so.  The number of the string, of the frame that is written
 * so; what has no line number is a function without a file, unless that ends in ".py". */
void written_name(struct buf *, const char *text, size_t len);
uint32_t written_string(struct profile *, const char *text, size_t len);
uint32_t written_frame(struct profile *, const char *text, size_t len);

#endif
