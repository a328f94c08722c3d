/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMED_H
#define NAMED_H

/* Objects that are told by a name; see show.h. */

struct show;
struct type;

void named_module(struct show *, raddr object, const struct type *);
void named_type(struct show *, raddr object, const struct type *);

/* Functions, methods, generators and coroutines. */
void named_function(struct show *, raddr object, const struct type *);

#endif
