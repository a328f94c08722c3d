/* SPDX-License-Identifier: Apache-2.0 */
/* Structures as JSON objects, by tables of their members. */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "json.h"
#include "label.h"
#include "parse.h"
#include "profile.h"
#include "record.h"

enum kind {
	TEXT, NAME,         /* char *; a name is escaped */
	MODE,               /* one of profile_modes */
	ID,                 /* int */
	START, DURATION,    /* int64_t, microseconds; seconds in JSON */
	PERIOD,             /* the same, nanoseconds */
	FLAG,               /* int; this and what follows is known or not together */
	COUNT, FAILURES,    /* uint64_t; an array of it */
};

struct member {
	char name[14];
	unsigned char kind, at;
};

#define RUN(kind, name) { #name, kind, offsetof(struct profile_run, name) }
#define THREAD(kind, name) { #name, kind, offsetof(struct profile_thread, name) }

static const struct member run_members[] = {
	RUN(TEXT, title), RUN(TEXT, command), RUN(ID, pid), RUN(TEXT, host), RUN(TEXT, python),
	RUN(START, start), RUN(DURATION, duration), RUN(PERIOD, period), RUN(MODE, mode),
	RUN(FLAG, all_threads), RUN(FLAG, by_thread), RUN(FLAG, by_process), RUN(FLAG, lines),
	RUN(COUNT, ticks), RUN(COUNT, missed), RUN(COUNT, left_out), RUN(FAILURES, failures),
};

static const struct member thread_members[] = {
	THREAD(ID, pid), THREAD(ID, tid), THREAD(NAME, name), THREAD(NAME, process),
};

/* A member of a structure, by its kind's type. */
union place {
	void *any;
	char **text;
	const char **mode;
	int *id;
	int64_t *time;
	uint64_t *count;
};

static union place
place(const struct member *m, const void *structure)
{
	return (union place){ .any = (char *)structure + m->at };
}

/* ---- writing ---- */

static void
write_failures(struct buf *out, const char *key, const uint64_t *failures)
{
	json_open(out, key, '{');
	for (int i = OK + 1; i < WHY_COUNT; i++)
		if (failures[i])
			json_number(out, why_word((enum why)i), (int64_t)failures[i]);
	json_close(out, '}');
}

static void
write_member(struct buf *out, const struct member *m, union place at)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case MODE:
		json_text(out, m->name, *at.text);
		break;
	case NAME:
		json_name(out, m->name, *at.text);
		break;
	case ID:
		if (*at.id)
			json_number(out, m->name, *at.id);
		break;
	case START:
	case DURATION:
	case PERIOD:
		if (*at.time)
			json_decimal(out, m->name, *at.time, m->kind == PERIOD ? 9 : 6);
		break;
	case FLAG:
		json_bool(out, m->name, *at.id);
		break;
	case COUNT:
		json_number(out, m->name, (int64_t)*at.count);
		break;
	case FAILURES:
		write_failures(out, m->name, at.count);
	}
}

void
record_write_run(struct buf *out, const char *key, const struct profile_run *r)
{
	json_open(out, key, '{');
	for (size_t i = 0; i < LEN(run_members); i++)
		if (run_members[i].kind < FLAG || r->known)
			write_member(out, &run_members[i], place(&run_members[i], r));
	json_close(out, '}');
}

void
record_write_thread(struct buf *out, const struct profile_thread *t)
{
	json_open(out, NULL, '{');
	for (size_t i = 0; i < LEN(thread_members); i++)
		write_member(out, &thread_members[i], place(&thread_members[i], t));
	json_close(out, '}');
}

/* ---- reading ---- */

static char *
read_text(struct parse *in, int escaped)
{
	struct buf text = { 0 }, name = { 0 };

	parse_string(in, escaped ? &text : &name);
	if (escaped)
		label_read(&name, text.data, text.len);
	buf_add(&name, "", 1);
	buf_free(&text);
	return name.data;
}

static void
read_failures(struct parse *in, uint64_t *failures)
{
	for (size_t n = 0; parse_next(in, '{', &n);) {
		uint64_t count = (uint64_t)parse_integer(in, 0, PARSE_MOST);

		for (int i = OK + 1; i < WHY_COUNT; i++)
			if (!strcmp(in->key, why_word((enum why)i)))
				failures[i] = count;
	}
}

static const char *
read_mode(struct parse *in)
{
	char *mode = read_text(in, 0);
	const char *known = NULL;

	for (size_t i = 0; i < LEN(profile_modes); i++)
		if (!strcmp(mode, profile_modes[i]))
			known = profile_modes[i];
	free(mode);
	return known;
}

static void
read_member(struct parse *in, const struct member *m, union place at)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case NAME:
		free(*at.text); /* it may be there twice */
		*at.text = read_text(in, m->kind == NAME);
		break;
	case MODE:
		*at.mode = read_mode(in);
		break;
	case ID:
		*at.id = (int)parse_integer(in, 0, INT_MAX);
		break;
	case START:
	case DURATION:
	case PERIOD:
		*at.time = parse_scaled(in, m->kind == PERIOD ? 1e9 : 1e6);
		break;
	case FLAG:
		*at.id = parse_bool(in);
		break;
	case COUNT:
		*at.count = (uint64_t)parse_integer(in, 0, PARSE_MOST);
		break;
	case FAILURES:
		read_failures(in, at.count);
	}
}

/* Returns the last kind that was read, 0 if it was none but those of text. */
static int
read_members(struct parse *in, const struct member *members, size_t count, void *structure)
{
	int most = 0;

	for (size_t n = 0, i; parse_next(in, '{', &n);) {
		for (i = 0; i < count && strcmp(in->key, members[i].name); i++)
			;
		if (i == count) {
			parse_skip(in);
			continue;
		}
		read_member(in, &members[i], place(&members[i], structure));
		most = members[i].kind > most ? members[i].kind : most;
	}
	return most;
}

void
record_read_run(struct parse *in, struct profile_run *r)
{
	r->known = read_members(in, run_members, LEN(run_members), r) >= FLAG;
}

void
record_read_thread(struct parse *in, struct profile_thread *t)
{
	read_members(in, thread_members, LEN(thread_members), t);
}

/* ---- merging ---- */

static void
merge_text(char **a, char *b, int first)
{
	if (first || (*a && b && !strcmp(*a, b))) {
		free(*a);
		*a = b;
	} else {
		free(*a);
		free(b);
		*a = NULL;
	}
}

static void
merge_member(const struct member *m, union place a, union place b, int first)
{
	switch ((enum kind)m->kind) {
	case TEXT:
	case NAME:
		merge_text(a.text, *b.text, first);
		break;
	case MODE:
		*a.mode = first || *a.mode == *b.mode ? *b.mode : NULL;
		break;
	case ID:
		*a.id = first || *a.id == *b.id ? *b.id : 0;
		break;
	case START:
		*a.time = first || *b.time < *a.time ? *b.time : *a.time;
		break;
	case DURATION:
		*a.time = first || (*a.time && *b.time) ? *a.time + *b.time : 0;
		break;
	case PERIOD:
		*a.time = first || *a.time == *b.time ? *b.time : 0;
		break;
	case FLAG:
		*a.id |= *b.id;
		break;
	case COUNT:
		*a.count += *b.count;
		break;
	case FAILURES:
		for (int i = 0; i < WHY_COUNT; i++)
			a.count[i] += b.count[i];
	}
}

void
record_merge_run(struct profile_run *a, struct profile_run *b)
{
	for (size_t i = 0; i < LEN(run_members); i++)
		merge_member(&run_members[i], place(&run_members[i], a), place(&run_members[i], b),
		             !a->runs);
	a->known = b->known && (a->known || !a->runs);
	a->runs++;
}
