/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with profiles.  What a file is shows at its beginning: '<' and '!' or
 * "html" is a page, '{' and '"' is JSON, all else are lines
 *
 *   frame;frame;frame N
 *
 * as flamegraph.pl takes them.  Austin 3 writes the same with the process and
 * the thread first, comments, and up to three numbers:
 *
 *   # mode: wall
 *   P123;T0:456;file:function:line;... microseconds[,idle,bytes]
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "util.h"
#include "label.h"
#include "profile.h"
#include "saved.h"
#include "input.h"

#define MOST_BYTES ((size_t)1 << 30)
#define MOST_SAMPLES (UINT64_C(1) << 53) /* what every reader of JSON can count */

/* What can't be read or is too large ends the program. */
static void
read_file(const char *path, struct buf *text)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	static char piece[1 << 16];
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
	const char *at, *end; /* of the stack, without its numbers */
	uint64_t count;
	int idle, threaded; /* Austin's: the thread waited; it says which one */
};

/* Takes the numbers from the line's end.  -1: there is none. */
static int
take_count(struct line *l)
{
	const char *p, *blank;
	uint64_t idle;

	while (l->end > l->at && isspace((unsigned char)l->end[-1]))
		l->end--;
	blank = memrchr(l->at, ' ', (size_t)(l->end - l->at));
	p = blank ? blank + 1 : l->end;
	if (!blank || parse_digits(&p, 10, &l->count) || l->count > MOST_SAMPLES)
		return -1;
	if (*p == ',' && *l->at == 'P') {
		p++;
		l->idle = !parse_digits(&p, 10, &idle) && idle;
		p = *p == ',' ? l->end : p;
	}
	if (p != l->end)
		return -1;
	l->end = blank;
	return 0;
}

/* Reads an Austin line's "X123", "X1:2", of which the last number counts.
 * Returns what stands behind it and its semicolon, NULL if it is none. */
static const char *
take_id(const char *p, char letter, int *id)
{
	uint64_t value;

	if (*p++ != letter || parse_digits(&p, 10, &value) ||
	    (*p == ':' && (p++, parse_digits(&p, 10, &value))) ||
	    (*p != ';' && *p != ' '))
		return NULL;
	*id = value > INT_MAX ? 0 : (int)value;
	return *p == ';' ? p + 1 : p;
}

/* The stack that this thread's stacks stand on, the line being moved behind
 * what says which thread it is. */
static uint32_t
take_thread(struct profile *p, struct line *l)
{
	int pid, tid;
	const char *rest = take_id(l->at, 'P', &pid);

	rest = rest ? take_id(rest, 'T', &tid) : NULL;
	if (!rest)
		return profile_thread(p, 0, 0, NULL, NULL);
	l->threaded = 1;
	l->at = rest < l->end ? rest : l->end;
	return profile_thread(p, pid, tid, NULL, NULL);
}

static uint32_t
read_frame(struct profile *p, const char *text, size_t len, unsigned flags)
{
	uint32_t frame = label_read_frame(p, text, len);
	struct profile_frame f = profile_frame_get(p, frame);

	if (!(flags & SAVED_NO_LINES) || !f.line)
		return frame;
	f.line = 0;
	return profile_frame(p, f);
}

static int
is_stack(const struct line *l, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(l->end - l->at) == n && !memcmp(l->at, word, n);
}

static uint32_t
read_stack(struct profile *p, const struct line *l, uint32_t stack, unsigned flags)
{
	for (const char *at = l->at, *end;; at = end + 1) {
		end = memchr(at, ';', (size_t)(l->end - at));
		if (!end)
			end = l->end;
		stack = profile_stack(p, stack, read_frame(p, at, (size_t)(end - at), flags));
		if (end == l->end)
			return stack;
	}
}

static void
add_line(struct profile *p, struct line *l, unsigned flags)
{
	enum profile_column column = flags & SAVED_BEFORE ? PROFILE_BEFORE : PROFILE_SAMPLES;
	uint32_t stack = PROFILE_ROOT;

	if (is_stack(l, "(failed)")) {
		stack = PROFILE_FAILED;
	} else if (is_stack(l, "(idle)")) {
		l->idle = 1;
	} else {
		stack = take_thread(p, l);
		if (l->threaded && l->at == l->end) /* it ran no Python */
			return;
		stack = read_stack(p, l, stack, flags);
	}
	if (l->idle && flags & SAVED_NO_IDLE)
		return;
	profile_add(p, column, stack, l->count);
	if (l->idle && column == PROFILE_SAMPLES && stack != PROFILE_ROOT)
		profile_add(p, PROFILE_IDLE, stack, l->count);
}

/* "# mode: wall" */
static int
is_comment(const char *at, const char *end)
{
	if (end - at < 2 || memcmp(at, "# ", 2))
		return 0;
	for (at += 2; at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '-'); at++)
		;
	return end - at > 1 && at[0] == ':' && at[1] == ' ';
}

static void
read_lines(struct profile *p, const char *path, const struct buf *text, unsigned flags)
{
	const char *at = text->data, *end = at + text->len, *newline;

	for (size_t number = 1; at < end; number++, at = newline + 1) {
		struct line l = { .at = at };

		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			newline = end;
		l.end = newline;
		if (is_comment(at, newline) || strspn(at, " \t\r") == (size_t)(newline - at))
			continue;
		if (take_count(&l))
			die(FAILURE, "%s, line %zu: there is no count at its end", path, number);
		add_line(p, &l, flags);
	}
}

/* ---- JSON and pages ---- */

static void
read_saved(struct profile *p, const char *path, const char *text, size_t len, unsigned flags,
           struct profile_run *run)
{
	size_t offset;
	const char *wrong = saved_read(p, text, len, flags, run, &offset);

	if (wrong)
		die(FAILURE, "%s, byte %zu of the JSON: %s", path, offset, wrong);
}

static void
read_page(struct profile *p, const char *path, const struct buf *text, unsigned flags,
          struct profile_run *run)
{
	static const char tag[] = "<script type=\"application/json\" id=\"profile\">";
	const char *from = strstr(text->data, tag), *to;

	to = from ? strstr(from, "</script>") : NULL;
	if (!to)
		die(FAILURE, "%s is a page without a profile of pyflame", path);
	from += sizeof tag - 1;
	read_saved(p, path, from, (size_t)(to - from), flags, run);
}

/* ---- files ---- */

static void
keep_same(char **a, char *b)
{
	if (*a && (!b || strcmp(*a, b))) {
		free(*a);
		*a = NULL;
	}
	free(b);
}

/* What is still known of a run if another one is added to it. */
static void
merge_runs(struct profile_run *a, struct profile_run *b)
{
	keep_same(&a->title, b->title);
	keep_same(&a->command, b->command);
	keep_same(&a->host, b->host);
	keep_same(&a->python, b->python);
	if (a->mode != b->mode)
		a->mode = NULL;
	if (a->pid != b->pid)
		a->pid = 0;
	if (a->period != b->period)
		a->period = 0;
	if (a->start > b->start)
		a->start = b->start;
	a->duration = a->duration && b->duration ? a->duration + b->duration : 0;
	a->known &= b->known;
	a->all_threads |= b->all_threads;
	a->by_thread |= b->by_thread;
	a->by_process |= b->by_process;
	a->lines |= b->lines;
	a->ticks += b->ticks;
	a->missed += b->missed;
	a->left_out += b->left_out;
	for (int i = 0; i < WHY_COUNT; i++)
		a->failures[i] += b->failures[i];
}

void
input_read(struct profile *p, const char *path, unsigned flags)
{
	static int files;
	struct profile_run run = { 0 }, before = { 0 };
	struct buf text = { 0 };
	const char *at;

	read_file(path, &text);
	at = text.data + strspn(text.data, " \t\r\n");
	if (*at == '{' && at[1 + strspn(at + 1, " \t\r\n")] == '"')
		read_saved(p, path, text.data, text.len, flags, &run);
	else if (!strncmp(at, "<!", 2) || !strncasecmp(at, "<html", 5))
		read_page(p, path, &text, flags, &run);
	else
		read_lines(p, path, &text, flags);
	buf_free(&text);
	if (flags & SAVED_BEFORE) {
		merge_runs(&before, &run);
		return;
	}
	run.by_thread |= profile_run(p)->by_thread;
	run.by_process |= profile_run(p)->by_process;
	run.lines &= !(flags & SAVED_NO_LINES);
	if (files++)
		merge_runs(profile_run(p), &run);
	else
		*profile_run(p) = run;
}
