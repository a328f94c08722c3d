/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of values need; see show.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "memory.h"
#include "layouts.h"
#include "objects.h"
#include "values/types.h"
#include "values/show.h"

int
show_is_full(struct show *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->out->len && !s->over; i++)
		n += (s->out->data[i] & 0xc0) != 0x80;
	s->over |= n > SHOW_MOST;
	return s->over || s->failed;
}

void
show_check(struct show *s, enum why why)
{
	s->failed |= why != OK;
}

raddr
show_pointer(struct show *s, raddr addr)
{
	raddr value = 0;

	show_check(s, object_read_pointer(s->o->mem, s->o->l, addr, &value));
	return value;
}

raddr
show_word(struct show *s, raddr object, unsigned n)
{
	const struct layout *l = s->o->l;

	return show_pointer(s, object + (raddr)l->object.head + n * (raddr)l->ptr);
}

void
show_text(struct show *s, const char *text)
{
	buf_str(s->out, text);
}

void
show_name(struct show *s, raddr str)
{
	show_check(s, object_text(s->o->mem, s->o->l, str, s->out));
}

void
show_member(struct show *s, raddr object)
{
	if (s->several)
		show_text(s, ", ");
	s->object(s, object);
	s->several = 1;
}

void
show_members(struct show *s, raddr at, uint64_t n)
{
	for (uint64_t i = 0; i < n && !show_is_full(s); i++) {
		raddr object = show_pointer(s, at + i * (raddr)s->o->l->ptr);

		if (object)
			show_member(s, object);
		else if (!s->slots--)
			s->over = 1;
	}
}

void
show_end(struct show *s, const char *text)
{
	if (!s->over)
		show_text(s, text);
}
