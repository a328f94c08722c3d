/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of local variables; see listing.h.
 *
 * Of a module or a class's body everything that it defines is a variable, and most of that is
 * code: modules, functions and classes are not told, and of the rest the first ones.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "values/secrets.h"
#include "values/locals.h"
#include "values/values.h"
#include "values/listing.h"

enum {
	MOST_LOCALS = 200,       /* of a frame */
	MOST_BYTES = 4 << 20,    /* of names and values, of a stack */
	MOST_DEFINING = 50,      /* of a frame of a module or a class */
};

struct variable { /* where in the text its name and value begin */
	size_t name, value;
	enum local_kind kind;
};

struct frame {
	size_t first, n; /* variables */
	enum why why;
};

struct listing {
	struct values *values;
	struct frame *frames;
	size_t n_frames, cap_frames;
	struct variable *variables;
	size_t n, cap;
	struct buf text; /* each with a zero byte after it */
};

struct listing *
listing_new(struct mem *mem, const struct layout *l)
{
	struct listing *list = xcalloc(1, sizeof *list);

	list->values = values_new(mem, l);
	return list;
}

void
listing_free(struct listing *list)
{
	if (!list)
		return;
	values_free(list->values);
	free(list->frames);
	free(list->variables);
	buf_free(&list->text);
	free(list);
}

/* Adds a variable to the last frame.  Whether there are too many by now. */
static int
add_variable(void *context, const struct local *local)
{
	struct listing *list = context;
	struct frame *f = &list->frames[list->n_frames - 1];
	struct variable v = { .name = list->text.len, .kind = local->kind };

	if (f->n == MOST_LOCALS || list->text.len > MOST_BYTES) {
		f->why = DEEP;
		return 1;
	}
	buf_visible(&list->text, local->name, strlen(local->name));
	buf_add(&list->text, "", 1);
	v.value = list->text.len;
	if (secrets_is_named(local->name))
		buf_str(&list->text, ELLIPSIS);
	else
		values_show(list->values, local->object, &list->text);
	buf_add(&list->text, "", 1);
	list->variables = grow(list->variables, list->n, &list->cap, sizeof *list->variables);
	list->variables[list->n++] = v;
	f->n++;
	return 0;
}

static int
add_unless_definition(void *context, const struct local *local)
{
	struct listing *list = context;
	struct frame *f = &list->frames[list->n_frames - 1];

	if (values_is_definition(list->values, local->object))
		return 0;
	if (f->n == MOST_DEFINING) {
		f->why = DEEP;
		return 1;
	}
	return add_variable(context, local);
}

static void
read_frame(struct listing *list, raddr at)
{
	struct mem *mem = values_mem(list->values);
	const struct layout *l = values_layout(list->values);
	struct frame *f;
	enum why why;

	list->frames = grow(list->frames, list->n_frames, &list->cap_frames, sizeof *list->frames);
	f = &list->frames[list->n_frames++];
	*f = (struct frame){ .first = list->n, .why = OK };
	why = locals_each(mem, l, at, locals_are_names(mem, l, at) ? add_unless_definition :
	                                                             add_variable, list);
	f->why = f->why == OK ? why : f->why;
}

void
listing_read(struct listing *list, const raddr *frames, size_t n)
{
	list->n = list->n_frames = list->text.len = 0;
	if (!list->values)
		return;
	values_forget(list->values);
	for (size_t i = 0; i < n; i++)
		read_frame(list, frames[i]);
}

void
listing_fail(struct listing *list, enum why why)
{
	for (size_t i = 0; i < list->n_frames; i++)
		list->frames[i] = (struct frame){ .why = why };
}

uint32_t
listing_hash(const struct listing *list)
{
	return hash_bytes(list->text.data, list->text.len);
}

/* Of a release that is not known there are no frames. */
enum why
listing_of(const struct listing *list, size_t frame, size_t *n)
{
	*n = frame < list->n_frames ? list->frames[frame].n : 0;
	return frame < list->n_frames ? list->frames[frame].why : BROKEN;
}

struct listed
listing_get(const struct listing *list, size_t frame, size_t i)
{
	const struct variable *v = &list->variables[list->frames[frame].first + i];

	return (struct listed){ list->text.data + v->name, local_kind_word(v->kind),
	                        list->text.data + v->value };
}
