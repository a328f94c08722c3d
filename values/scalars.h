/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCALARS_H
#define SCALARS_H

/* Numbers and text; see show.h. */

struct show;
struct type;

void scalar_bool(struct show *, raddr object, const struct type *);
void scalar_int(struct show *, raddr object, const struct type *); /* and 2.7's long */
void scalar_float(struct show *, raddr object, const struct type *);
void scalar_complex(struct show *, raddr object, const struct type *);

/* str, bytes, bytearray, and 2.7's unicode. */
void scalar_text(struct show *, raddr object, const struct type *);

/* Whether an int is 1. */
int scalar_is_one(struct show *, raddr object);

#endif
