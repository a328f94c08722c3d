/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of values need; see show.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/show.h"

int
show_is_full(struct show *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->out->len && !s->over; i++)
		n += (s->out->data[i] & 0xc0) != 0x80;
	s->over |= n > SHOW_MOST;
	return s->over;
}

enum why
show_word(const struct show *s, raddr object, unsigned n, raddr *out)
{
	return object_read_pointer(s->mem, s->l,
	                           object + (raddr)s->l->object.head + n * (raddr)s->l->ptr, out);
}

void
show_member(struct show *s, raddr object)
{
	if (s->several)
		buf_str(s->out, ", ");
	s->object(s, object);
	s->several = 1;
}

enum why
show_members(struct show *s, raddr at, uint64_t n)
{
	raddr object;
	enum why why = OK;

	for (uint64_t i = 0; i < n && why == OK && !show_is_full(s); i++) {
		why = object_read_pointer(s->mem, s->l, at + i * (raddr)s->l->ptr, &object);
		if (why == OK && object)
			show_member(s, object);
		else if (!s->slots--)
			s->over = 1;
	}
	return why;
}

enum why
show_name(struct show *s, raddr str)
{
	return object_text(s->mem, s->l, str, s->out);
}
