/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAVED_H
#define SAVED_H

/* pyflame's own format, from which a profile can be had back; see the man page. */

struct buf;
struct profile;

/* Appends the profile as one JSON object, without a newline. */
void saved_write(const struct profile *, struct buf *);

#endif
