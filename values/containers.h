/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_H
#define CONTAINERS_H

/* Objects that are made of others; see show.h. */

struct show;
struct type;

void container_tuple(struct show *, raddr object, const struct type *);
void container_list(struct show *, raddr object, const struct type *);
void container_dict(struct show *, raddr object, const struct type *);
void container_set(struct show *, raddr object, const struct type *); /* and frozenset */
void container_deque(struct show *, raddr object, const struct type *);
void container_range(struct show *, raddr object, const struct type *); /* and slice */
void container_exception(struct show *, raddr object, const struct type *);

/* A numpy.ndarray: only what it holds, and its shape. */
void container_array(struct show *, raddr object, const struct type *);

/* The attributes of an object, each after a comma if s->several is set, else a blank. */
void container_attributes(struct show *, raddr object);

#endif
