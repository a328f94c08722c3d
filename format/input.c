/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with profiles.  What a file is shows at its beginning: '<' is a page, if
 * there is a profile in it, '{' and '"' is JSON, all else are lines
 *
 *   frame;frame;frame N
 *
 * as flamegraph.pl takes them.  Austin 3 writes the same with the process and
 * the thread first, comments, and up to three numbers:
 *
 *   # mode: wall
 *   P123;T0:456;file:function:line;... microseconds[,idle,bytes]
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "profile.h"
#include "format/written.h"
#include "format/json.h"
#include "format/saved.h"
#include "format/formats.h"
#include "format/input.h"

#define MOST_BYTES ((size_t)1 << 30)

/* What can't be read or is too large ends the program. */
static void
read_file(const char *path, struct buf *text)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char piece[1 << 14];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		buf_add(text, piece, n > 0 ? (size_t)n : 0);
		if (text->len > MOST_BYTES)
			die(FAILURE, "%s is larger than 1 GB", path);
	}
	if (n < 0)
		die(FAILURE, "cannot read %s:", path);
	if (fd > STDIN_FILENO)
		close(fd);
	buf_add(text, "", 1);
	text->len--;
}

/* ---- lines ---- */

struct line {
	char *stack; /* the text in front of the numbers */
	uint64_t count;
	int idle;    /* Austin's: the thread waited */
};

/* Cuts the numbers off the line's end.  -1: there are none. */
static int
take_count(struct line *l)
{
	size_t len = strlen(l->stack);
	const char *p;
	char *blank;

	while (len && strchr(" \t\r", l->stack[len - 1]))
		l->stack[--len] = 0;
	blank = strrchr(l->stack, ' ');
	p = blank ? blank + 1 : l->stack + len;
	if (parse_digits(&p, 10, &l->count) || !blank || l->count > JSON_MOST)
		return -1;
	if (*p == ',' && *l->stack == 'P') { /* idle or not, and bytes */
		l->idle = p[1] == '1';
		p += strspn(p, ",-0123456789");
	}
	*blank = 0;
	return *p ? -1 : 0;
}

/* Reads how Austin names threads, "X123", "X0:123": the last number counts.
 * Returns what stands after it, NULL if it is none. */
static char *
take_id(char *text, char letter, int *id)
{
	const char *p = text;
	uint64_t value;

	do
		if (*p != (p == text ? letter : ':') || (p++, parse_digits(&p, 10, &value)))
			return NULL;
	while (*p == ':');
	*id = value > INT_MAX ? 0 : (int)value;
	return *p && *p != ';' ? NULL : text + (p - text) + (*p == ';');
}

/* The stack that this thread's stacks stand on, the line being moved past
 * what says which thread it is. */
static uint32_t
take_thread(struct profile *p, struct line *l)
{
	int pid = 0, tid = 0;
	char *rest = take_id(l->stack, 'P', &pid);

	rest = rest ? take_id(rest, 'T', &tid) : NULL;
	if (rest)
		l->stack = *rest ? rest : NULL; /* NULL: it ran no Python */
	else
		pid = 0;
	return profile_thread(p, pid, tid, NULL, NULL);
}

static uint32_t
read_frame(struct profile *p, const char *text, size_t len, unsigned flags)
{
	uint32_t frame = written_frame(p, text, len);
	struct profile_frame f = profile_frame_get(p, frame);

	if (!(flags & SAVED_NO_LINES) || !f.line)
		return frame;
	f.line = 0;
	return profile_frame(p, f);
}

static uint32_t
read_stack(struct profile *p, const char *at, uint32_t stack, unsigned flags)
{
	for (size_t n;; at += n + 1) {
		n = strcspn(at, ";");
		stack = profile_stack(p, stack, read_frame(p, at, n, flags));
		if (!at[n])
			return stack;
	}
}

static void
add_line(struct profile *p, struct line *l, unsigned flags)
{
	enum profile_column column = flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES;
	uint32_t stack = PROFILE_ROOT;

	if (!strcmp(l->stack, "(failed)")) {
		stack = PROFILE_FAILED;
	} else if (!strcmp(l->stack, "(idle)")) {
		l->idle = 1;
	} else {
		stack = take_thread(p, l);
		if (!l->stack)
			return;
		stack = read_stack(p, l->stack, stack, flags);
	}
	if (l->idle && flags & SAVED_NO_IDLE)
		return;
	profile_add(p, column, stack, l->count);
	if (l->idle && column == PROFILE_SAMPLES && stack != PROFILE_ROOT)
		profile_add(p, PROFILE_IDLE, stack, l->count);
}

/* "# mode: wall" */
static int
is_comment(const char *line)
{
	const char *name = line + 2;
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_-");

	return !strncmp(line, "# ", 2) && !strncmp(name + n, ": ", 2);
}

static void
read_lines(struct profile *p, const char *path, struct buf *text, unsigned flags)
{
	char *at = text->data, *end = at + text->len, *newline;

	for (size_t number = 1; at < end; number++, at = newline + 1) {
		struct line l = { .stack = at };

		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			newline = end;
		*newline = 0;
		if (!at[strspn(at, " \t\r")] || is_comment(at))
			continue;
		if (take_count(&l))
			die(FAILURE, "%s, line %zu: there is no count at its end", path, number);
		add_line(p, &l, flags);
	}
}

/* ---- JSON and pages ---- */

/* Reads the JSON of a file in the format of that name. */
static void
read_saved(struct profile *p, const char *path, const char *name, const struct buf *text,
           unsigned flags, struct profile_run *run)
{
	const struct format *format = format_named(name);
	const char *wrong;
	size_t offset;

	if (!format->read)
		format_left_out(format, FAILURE, "", path);
	wrong = format->read(p, text->data, text->len, flags, run, &offset);
	if (wrong)
		die(FAILURE, "%s, byte %zu of the JSON: %s", path, offset, wrong);
}

/* Returns 0 if it is no page. */
static int
read_page(struct profile *p, const char *path, struct buf *text, unsigned flags,
          struct profile_run *run)
{
	static const char tag[] = "<script type=\"application/json\" id=\"profile\">";
	char *from = text_find(text->data, tag), *to = from ? text_find(from, "</script>") : NULL;
	struct buf json = { 0 };

	if (!to && !strncmp(text->data, "<!", 2))
		die(FAILURE, "%s is a page without a profile of pyflame", path);
	if (!to)
		return 0;
	*to = 0;
	json.data = from + sizeof tag - 1;
	json.len = (size_t)(to - json.data);
	read_saved(p, path, "html", &json, flags, run);
	return 1;
}

/* ---- files ---- */

void
input_read(struct profile *p, const char *path, unsigned flags)
{
	struct profile_run run = { 0 };
	struct buf text = { 0 };
	const char *at;

	read_file(path, &text);
	at = text.data + strspn(text.data, " \t\r\n");
	if (*at == '{' && at[1 + strspn(at + 1, " \t\r\n")] == '"')
		read_saved(p, path, "json", &text, flags, &run);
	else if (*at != '<' || !read_page(p, path, &text, flags, &run))
		read_lines(p, path, &text, flags);
	buf_free(&text);
	if (flags & SAVED_NO_LINES)
		run.lines = 0;
	if (flags & SAVED_BEFORE) /* nobody wants to know */
		saved_merge_run(&(struct profile_run){ .runs = 1 }, &run);
	else
		saved_merge_run(profile_run(p), &run);
}
