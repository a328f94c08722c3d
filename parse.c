/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of JSON that cannot leave its text, as no step leads over the zero
 * byte at its end; see parse.h. */
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
	while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

/* Whether this text comes next, which it then does no longer. */
static int
take(struct parse *p, const char *text)
{
	size_t n = strlen(text);

	if (*p->at != *text || strncmp(p->at, text, n))
		return 0;
	p->at += n;
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

/* Reads "uXXXX". */
static unsigned
code_unit(struct parse *p)
{
	char digits[5] = { 0 };
	const char *q = digits;
	uint64_t value = 0;

	if (strspn(p->at + 1, "0123456789abcdefABCDEF") < 4) {
		parse_wrong(p, "a \\u without four digits");
		return 0;
	}
	memcpy(digits, p->at + 1, 4);
	parse_digits(&q, 16, &value);
	p->at += 5;
	return (unsigned)value;
}

/* What stands behind a backslash. */
static void
escape(struct parse *p, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = *p->at ? strchr(from, *p->at) : NULL;
	unsigned c;

	if (known) {
		buf_add(out, &to[known - from], 1);
		p->at++;
	} else if (*p->at == 'u') {
		c = code_unit(p);
		if (c >> 10 == 0x36 && p->at[0] == '\\' && p->at[1] == 'u') { /* half of one */
			p->at++;
			c = 0x10000 + ((c & 0x3ff) << 10) + (code_unit(p) & 0x3ff);
		}
		add_utf8(out, c);
	} else {
		parse_wrong(p, "an unknown escape");
	}
}

void
parse_string(struct parse *p, struct buf *out)
{
	if (*p->at != '"') {
		parse_wrong(p, "no string where one has to be");
		return;
	}
	p->at++;
	while (!p->wrong && *p->at != '"') {
		const char *from = p->at;

		while ((unsigned char)*p->at >= ' ' && *p->at != '"' && *p->at != '\\')
			p->at++;
		buf_add(out, from, (size_t)(p->at - from));
		if (*p->at == '\\') {
			p->at++;
			escape(p, out);
		} else if (*p->at != '"') {
			parse_wrong(p, "a string with a control character or without an end");
		}
	}
	take(p, "\"");
}

/* ---- numbers ---- */

static void
digits(struct parse *p)
{
	const char *from = p->at;

	while (*p->at >= '0' && *p->at <= '9')
		p->at++;
	if (p->at == from)
		parse_wrong(p, "something that is no JSON");
}

static void
number(struct parse *p)
{
	p->at += *p->at == '-';
	if (*p->at == '0')
		p->at++;
	else
		digits(p);
	if (*p->at == '.') {
		p->at++;
		digits(p);
	}
	if ((*p->at | 32) == 'e') {
		p->at++;
		p->at += *p->at == '+' || *p->at == '-';
		digits(p);
	}
	blanks(p);
}

/* ---- values ---- */

int
parse_next(struct parse *p, char open, size_t *n)
{
	int array = open == '[';
	struct buf key = { 0 };

	if (!*n && !take(p, array ? "[" : "{"))
		parse_wrong(p, array ? "no array where one has to be" : "no object where one has to be");
	if (p->wrong || take(p, array ? "]" : "}"))
		return 0;
	if (*n && !take(p, ","))
		parse_wrong(p, "no comma where one has to be");
	++*n;
	if (!array) {
		parse_string(p, &key);
		text_format(p->key, sizeof p->key, "%.*s", (int)key.len, key.len ? key.data : "");
		buf_free(&key);
		if (!take(p, ":"))
			parse_wrong(p, "no colon where one has to be");
	}
	return !p->wrong;
}

static void
skip(struct parse *p, int depth)
{
	struct buf text = { 0 };
	size_t n = 0;
	char open = *p->at;

	if (depth > MAX_DEPTH) {
		parse_wrong(p, "it is nested too deeply");
	} else if (open == '[' || open == '{') {
		while (parse_next(p, open, &n))
			skip(p, depth + 1);
	} else if (open == '"') {
		parse_string(p, &text);
		buf_free(&text);
	} else if (!take(p, "true") && !take(p, "false") && !take(p, "null")) {
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
	if (p->at != p->end)
		parse_wrong(p, "something behind the end");
	if (!p->wrong)
		p->at = text;
}

void
parse_members(struct parse *p, const char *names, const char **at)
{
	size_t n = 0, len;

	do {
		const char **to = at;

		for (const char *name = names; *name; name += len + (name[len] == ' ')) {
			len = strcspn(name, " ");
			if (!n)
				*to = NULL;
			else if (strlen(p->key) == len && !memcmp(p->key, name, len))
				*to = p->at;
			to++;
		}
		if (n)
			parse_skip(p);
	} while (parse_next(p, '{', &n));
}

int
parse_at(struct parse *p, const char *at)
{
	if (p->wrong || !at)
		return 0;
	p->at = at;
	return 1;
}

int64_t
parse_integer(struct parse *p, int64_t least, int64_t most)
{
	int negative = *p->at == '-';
	const char *q = p->at + negative;
	uint64_t value = 0;
	int64_t n;

	if (parse_digits(&q, 10, &value) || *q == '.' || (*q | 32) == 'e' || value > INT64_MAX)
		value = INT64_MAX; /* which is too much for all */
	n = negative ? -(int64_t)value : (int64_t)value;
	if (n < least || n > most) {
		parse_wrong(p, "not an integer, or one that can't be here");
		return 0;
	}
	p->at = q;
	blanks(p);
	return n;
}

int64_t
parse_scaled(struct parse *p, double scale)
{
	double value = 0;
	const char *rest;

	if (parse_decimal(p->at, &value, &rest) || !(value * scale < 9e15))
		parse_wrong(p, "not a number, or one that can't be here");
	else
		number(p);
	return p->wrong ? 0 : (int64_t)(value * scale + 0.5);
}

int
parse_bool(struct parse *p)
{
	int yes = take(p, "true");

	if (!yes && !take(p, "false"))
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
