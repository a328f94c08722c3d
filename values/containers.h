/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_H
#define CONTAINERS_H

/* Objects that are made of others; see show.h. */

struct show;
struct type;

enum why container_tuple(struct show *, raddr object, const struct type *);
enum why container_list(struct show *, raddr object, const struct type *);
enum why container_dict(struct show *, raddr object, const struct type *);
enum why container_set(struct show *, raddr object, const struct type *); /* and frozenset */
enum why container_deque(struct show *, raddr object, const struct type *);
enum why container_range(struct show *, raddr object, const struct type *); /* and slice */
enum why container_exception(struct show *, raddr object, const struct type *);

/* A numpy.ndarray: only what it holds, and its shape. */
enum why container_array(struct show *, raddr object, const struct type *);

/* The attributes of an object, each after a comma if s->several is set, else a blank. */
enum why container_attributes(struct show *, raddr object);

#endif
