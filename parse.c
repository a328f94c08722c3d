/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of JSON that cannot leave its text; see parse.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "parse.h"

enum { MAX_DEPTH = 32 };

void
parse_wrong(struct parse *p, const char *what)
{
	if (!p->wrong) {
		p->wrong = what;
		p->wrong_at = p->at;
	}
	p->at = p->end;
}

static void
blanks(struct parse *p)
{
	while (p->at < p->end && *p->at && strchr(" \t\r\n", *p->at))
		p->at++;
}

/* Whether this character comes next, which it then does no longer. */
static int
take(struct parse *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return 0;
	p->at++;
	blanks(p);
	return 1;
}

/* ---- strings ---- */

static void
add_utf8(struct buf *out, unsigned c)
{
	unsigned char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; --i > 0; c >>= 6)
		bytes[i] = 0x80 | (c & 0x3f);
	bytes[0] = n == 1 ? (unsigned char)c : (unsigned char)(0xf00 >> n | c);
	buf_add(out, bytes, n);
}

/* Four digits behind \u. */
static unsigned
code_unit(struct parse *p)
{
	char digits[5] = { 0 };
	const char *q = digits;
	uint64_t value = 0;

	memcpy(digits, p->at, p->end - p->at < 4 ? 0 : 4);
	if (parse_digits(&q, 16, &value) || q != digits + 4)
		parse_wrong(p, "a \\u without four digits");
	else
		p->at += 4;
	return (unsigned)value;
}

static void
escape(struct parse *p, struct buf *out)
{
	static const char from[] = "\"\\/bfnrtu", to[] = "\"\\/\b\f\n\r\t";
	const char *known = p->at < p->end && *p->at ? strchr(from, *p->at) : NULL;
	unsigned c, low;

	if (!known) {
		parse_wrong(p, "an unknown escape");
		return;
	}
	p->at++;
	if (*known != 'u') {
		buf_add(out, &to[known - from], 1);
		return;
	}
	c = code_unit(p);
	if (c >> 10 == 0x36 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
		const char *before = p->at;

		p->at += 2;
		low = code_unit(p);
		if (low >> 10 == 0x37)
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		else if (!p->wrong)
			p->at = before;
	}
	add_utf8(out, c);
}

void
parse_string(struct parse *p, struct buf *out)
{
	if (p->at == p->end || *p->at != '"') {
		parse_wrong(p, "no string where one has to be");
		return;
	}
	p->at++;
	while (p->at < p->end && *p->at != '"') {
		const char *from = p->at;

		while (p->at < p->end && (unsigned char)*p->at >= ' ' && *p->at != '"' && *p->at != '\\')
			p->at++;
		buf_add(out, from, (size_t)(p->at - from));
		if (p->at < p->end && *p->at == '\\') {
			p->at++;
			escape(p, out);
		} else if (p->at < p->end && *p->at != '"') {
			parse_wrong(p, "a control character in a string");
		}
	}
	if (!take(p, '"'))
		parse_wrong(p, "a string without an end");
}

/* ---- numbers and words ---- */

static void
digits(struct parse *p)
{
	const char *from = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	if (p->at == from)
		parse_wrong(p, "something that is no JSON");
}

static int
is_next(const struct parse *p, const char *set)
{
	return p->at < p->end && *p->at && strchr(set, *p->at);
}

static void
number(struct parse *p)
{
	p->at += is_next(p, "-");
	if (is_next(p, "0"))
		p->at++;
	else
		digits(p);
	if (is_next(p, ".")) {
		p->at++;
		digits(p);
	}
	if (is_next(p, "eE")) {
		p->at++;
		p->at += is_next(p, "+-");
		digits(p);
	}
	blanks(p);
}

static int
word(struct parse *p, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n))
		return 0;
	p->at += n;
	blanks(p);
	return 1;
}

/* ---- values ---- */

int
parse_next(struct parse *p, char open, size_t *n)
{
	struct buf key = { 0 };

	if (!*n && !take(p, open))
		parse_wrong(p, open == '[' ? "no array where one has to be" :
		            "no object where one has to be");
	if (p->wrong || take(p, (char)(open + 2))) /* ']' and '}' */
		return 0;
	if (*n && !take(p, ','))
		parse_wrong(p, "no comma where one has to be");
	++*n;
	if (open == '[')
		return !p->wrong;
	parse_string(p, &key);
	text_format(p->key, sizeof p->key, "%.*s", (int)key.len, key.data ? key.data : "");
	buf_free(&key);
	if (!take(p, ':'))
		parse_wrong(p, "no colon where one has to be");
	return !p->wrong;
}

static void
skip(struct parse *p, int depth)
{
	struct buf text = { 0 };
	size_t n = 0;

	if (depth > MAX_DEPTH) {
		parse_wrong(p, "it is nested too deeply");
	} else if (is_next(p, "[{")) {
		for (char open = *p->at; parse_next(p, open, &n);)
			skip(p, depth + 1);
	} else if (is_next(p, "\"")) {
		parse_string(p, &text);
		buf_free(&text);
	} else if (!word(p, "true") && !word(p, "false") && !word(p, "null")) {
		number(p);
	}
}

void
parse_skip(struct parse *p)
{
	skip(p, 0);
}

void
parse_begin(struct parse *p, const char *text, size_t len)
{
	*p = (struct parse){ .at = text, .end = text + len };
	blanks(p);
	text = p->at;
	parse_skip(p);
	if (p->at < p->end)
		parse_wrong(p, "something behind the end");
	if (!p->wrong)
		p->at = text;
}

void
parse_fields(struct parse *p, struct parse_field *fields, size_t count)
{
	for (size_t n = 0; parse_next(p, '{', &n); parse_skip(p))
		for (size_t i = 0; i < count; i++)
			if (!strcmp(p->key, fields[i].name))
				fields[i].at = p->at;
}

int
parse_at(struct parse *p, const struct parse_field *field)
{
	if (p->wrong || !field->at)
		return 0;
	p->at = field->at;
	return 1;
}

int64_t
parse_integer(struct parse *p, int64_t least, int64_t most)
{
	const char *q = p->at + is_next(p, "-");
	int negative = q != p->at;
	uint64_t value = 0;

	if (parse_digits(&q, 10, &value) || strchr(".eE", *q) || value > INT64_MAX ||
	    (negative ? -(int64_t)value : (int64_t)value) < least ||
	    (negative ? -(int64_t)value : (int64_t)value) > most) {
		parse_wrong(p, "not an integer, or one that can't be here");
		return 0;
	}
	p->at = q;
	blanks(p);
	return negative ? -(int64_t)value : (int64_t)value;
}

int64_t
parse_scaled(struct parse *p, double scale)
{
	double value;
	const char *rest;

	if (!is_next(p, "0123456789") || parse_decimal(p->at, &value, &rest) ||
	    !(value * scale < 9e18)) {
		parse_wrong(p, "not a number, or one that can't be here");
		return 0;
	}
	number(p);
	return (int64_t)(value * scale + 0.5);
}

int
parse_bool(struct parse *p)
{
	int yes = word(p, "true");

	if (!yes && !word(p, "false"))
		parse_wrong(p, "neither true nor false");
	return yes;
}

int64_t *
parse_integers(struct parse *p, int64_t least, int64_t most, size_t *n)
{
	int64_t *array = NULL;
	size_t cap = 0;

	*n = 0;
	for (size_t steps = 0; parse_next(p, '[', &steps);) {
		array = grow(array, *n, &cap, sizeof *array);
		array[(*n)++] = parse_integer(p, least, most);
	}
	return array;
}
