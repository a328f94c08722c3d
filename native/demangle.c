/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions of C++ and of Rust before its v0: Itanium C++ ABI, section 5.1.  "_ZN" and
 * names with their lengths before them, up to an "E"; or "_Z" and one of them.  What the
 * arguments of templates are is passed over; what is more than that is left as it is.
 */
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "native/demangle.h"

struct text {
	const char *p, *end;
};

static int
peek(const struct text *t)
{
	return t->p < t->end ? (unsigned char)*t->p : 0;
}

static int
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* "3foo": 0, or -1. */
static int
take_name(struct text *t, const char **name, size_t *len)
{
	size_t n = 0;

	if (!is_digit(peek(t)))
		return -1;
	while (is_digit(peek(t)) && n < (size_t)(t->end - t->p))
		n = n * 10 + (size_t)(*t->p++ - '0');
	if (!n || n > (size_t)(t->end - t->p))
		return -1;
	*name = t->p;
	*len = n;
	t->p += n;
	return 0;
}

/* "S_", "S1_", "St", of which St alone is a name. */
static int
skip_substitution(struct text *t)
{
	t->p++;
	if (strchr("tabsiod", peek(t)) && peek(t)) {
		t->p++;
		return 0;
	}
	while (is_digit(peek(t)) || (peek(t) >= 'A' && peek(t) <= 'Z'))
		t->p++;
	if (peek(t) != '_')
		return -1;
	t->p++;
	return 0;
}

/* One of the arguments of a template, or a part of it: 1: something was opened, -1: closed. */
static int
skip_part(struct text *t, int *bad)
{
	const char *name;
	size_t len;
	int c = peek(t);

	if (is_digit(c)) {
		*bad |= take_name(t, &name, &len);
		return 0;
	}
	if (c == 'S') {
		*bad |= skip_substitution(t);
		return 0;
	}
	t->p++;
	if (c == 'L') { /* a value: of a simple type, or it is not understood */
		*bad |= peek(t) < 'a' || peek(t) > 'z';
		while (peek(t) && peek(t) != 'E')
			t->p++;
		return 1;
	}
	if (c == 'T')
		while (is_digit(peek(t)) || peek(t) == '_')
			t->p++;
	if (c == 'D' && !strchr("npaif", peek(t)))
		*bad = 1;
	*bad |= !c || c == 'X' || c == 'A' || c == 'M' || c == 'U' || c == 'Z';
	return c == 'E' ? -1 : c == 'I' || c == 'N' || c == 'F' || c == 'J';
}

static int
skip_template(struct text *t)
{
	int depth = 0, bad = 0;

	do
		depth += skip_part(t, &bad);
	while (depth > 0 && !bad);
	return bad ? -1 : 0;
}

/* What Rust writes for what may not be in a symbol. */
static void
add_rust(struct buf *out, const char *p, size_t len)
{
	static const char codes[][6] = { "$LT$", "$GT$", "$RF$", "$C$", "$u20$", "$BP$", ".." };
	static const char plain[][3] = { "<", ">", "&", ",", " ", "*", "::" };

	if (len > 1 && p[0] == '_' && p[1] == '$') {
		p++;
		len--;
	}
	while (len) {
		size_t i = 0, n = 1;

		for (; i < LEN(codes); i++) {
			n = strlen(codes[i]);
			if (n <= len && !memcmp(p, codes[i], n))
				break;
		}
		if (i == LEN(codes))
			n = 1;
		buf_add(out, i < LEN(codes) ? plain[i] : p, i < LEN(codes) ? strlen(plain[i]) : 1);
		p += n;
		len -= n;
	}
}

/* "17h" and 16 digits: Rust's, of what it was compiled from. */
static int
is_hash(const char *name, size_t len)
{
	return len == 17 && *name == 'h' && strspn(name + 1, "0123456789abcdef") >= 16;
}

struct names {
	const char *last; /* for constructors and destructors */
	size_t len, n;
};

/* The next of the names that are one within the other; -1: it is not understood. */
static int
add_nested(struct text *t, struct names *names, struct buf *out)
{
	const char *name;
	size_t len;
	int c = peek(t);

	if (c == 'I')
		return skip_template(t);
	if (c == 'L' && is_digit(t->p[1]))
		t->p++;
	if (c == 'B') { /* a tag: "B5cxx11" */
		t->p++;
		return take_name(t, &name, &len);
	}
	if (c == 'S') {
		int std = t->end - t->p > 1 && t->p[1] == 't';

		if (skip_substitution(t) || !std)
			return -1;
		buf_str(out, "std");
		names->n++;
		return 0;
	}
	if (c == 'C' || c == 'D') {
		if (!names->n || t->end - t->p < 2 || !is_digit(t->p[1]))
			return -1;
		t->p += 2;
		buf_str(out, c == 'C' ? "::" : "::~");
		buf_add(out, names->last, names->len);
		return 0;
	}
	if (take_name(t, &name, &len))
		return -1;
	if (is_hash(name, len) && peek(t) == 'E')
		return 0;
	if (names->n++)
		buf_str(out, "::");
	add_rust(out, name, len);
	names->last = name;
	names->len = len;
	return 0;
}

/* Appends what it is after "_Z"; -1: it is not understood. */
static int
add_name(struct text *t, struct buf *out)
{
	struct names names = { "", 0, 0 };

	if (peek(t) == 'L')
		t->p++;
	if (peek(t) != 'N')
		return is_digit(peek(t)) ? add_nested(t, &names, out) : -1;
	t->p++;
	while (peek(t) && strchr("rVKRO", peek(t)))
		t->p++;
	while (peek(t) && peek(t) != 'E')
		if (add_nested(t, &names, out))
			return -1;
	return peek(t) == 'E' ? 0 : -1;
}

void
demangle(const char *symbol, size_t len, struct buf *out)
{
	struct text t = { symbol + 2, symbol + len };
	size_t before = out->len;

	if (len > 3 && symbol[0] == '_' && symbol[1] == 'Z' && !add_name(&t, out))
		return;
	out->len = before;
	buf_add(out, symbol, len);
}
