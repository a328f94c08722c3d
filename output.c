/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output file; see output.h.
 *
 * In a folder that all may write to, such as /tmp, somebody else may have put a
 * link or a pipe where root is about to write.  Neither is followed there, as
 * the kernel has it with fs.protected_symlinks=1; and the file that is written
 * is always a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "output.h"

enum {
	MAX_LINKS = 40,
	MAX_TRIES = 100, /* names beside the file's: some may be left of those killed */
};

static const char *pattern; /* as it was given; NULL: stdout */
static int pid;             /* %p */
static time_t begun;        /* %t */
static char *name;          /* what the pattern comes to */
static int direct;          /* a pipe or a device: written to fd as it is */
static char *final;         /* where the name's links lead; NULL: not known */
static char *beside;        /* exists while it is not NULL */
static int fd = -1;
static int error;           /* of what is being written, an errno */

static void
remove_beside(void)
{
	if (beside)
		unlink(beside);
	free(beside);
	beside = NULL;
}

/* 20261122T195500Z. */
static void
add_time(struct buf *out, uint64_t t)
{
	static const unsigned char lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned day = (unsigned)(t / 86400), time = (unsigned)(t % 86400), year = 1970, month = 0;

	for (;;) {
		int leap = year % 4 == 0 && (year % 100 || year % 400 == 0);
		unsigned length = lengths[month] + (month == 1 && leap);

		if (day < length)
			break;
		day -= length;
		year += month == 11;
		month = (month + 1) % 12;
	}
	buf_printf(out, "%04u%02u%02uT%02u%02u%02uZ", year, month + 1, day + 1, time / 3600,
	           time / 60 % 60, time % 60);
}

/* The name that the pattern comes to by now; the caller frees it. */
static char *
expand(void)
{
	struct buf out = { 0 };

	for (const char *p = pattern; *p; p++) {
		char what = *p == '%' ? p[1] : 0;

		if (what == 'p')
			buf_printf(&out, "%d", pid);
		else if (what == 't')
			add_time(&out, (uint64_t)begun);
		else
			buf_add(&out, p, 1);
		p += what == 'p' || what == 't' || what == '%';
	}
	return buf_terminate(&out);
}

/* ---- links ---- */

/* How much of a path is its folder, the slash included. */
static size_t
folder_length(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len;
}

/* Whether the first len bytes of a path are a link that another user put into
 * a folder that all may write to; or if they are all of it, anything but a file
 * that may be replaced. */
static int
is_trap(const char *path, size_t len, int all)
{
	char part[4096], folder[4096];
	struct stat it, in;
	size_t n = folder_length(path, len);

	text_format(part, sizeof part, "%.*s", (int)len, path);
	text_format(folder, sizeof folder, "%.*s", n ? (int)n : 1, n ? path : ".");
	if (lstat(part, &it) || stat(folder, &in) || !(in.st_mode & S_IWOTH) ||
	    it.st_uid == geteuid() || it.st_uid == in.st_uid)
		return 0;
	return S_ISLNK(it.st_mode) ||
	       (all && (!S_ISREG(it.st_mode) || (in.st_mode & S_ISVTX && geteuid())));
}

static int
has_trap(const char *path)
{
	for (size_t i = 1; path[i]; i++)
		if (path[i] == '/' && is_trap(path, i, 0))
			return 1;
	return is_trap(path, strlen(path), 1);
}

/* Where a path's links lead, be there anything or not; NULL with errno set:
 * EPERM if another user may have had a hand in that. */
static char *
follow_links(const char *path)
{
	struct buf at = { 0 };

	buf_str(&at, path);
	buf_terminate(&at);
	for (int i = 0; i < MAX_LINKS; i++) {
		char to[4096];
		ssize_t n;

		if (has_trap(at.data)) {
			errno = EPERM;
			buf_free(&at);
			return NULL;
		}
		n = readlink(at.data, to, sizeof to);
		if (n <= 0 || n == (ssize_t)sizeof to)
			return at.data;
		at.len = *to == '/' ? 0 : folder_length(at.data, at.len);
		buf_add(&at, to, (size_t)n);
		buf_terminate(&at);
	}
	errno = ELOOP;
	buf_free(&at);
	return NULL;
}

/* ---- the file ---- */

/* Finds out where to write by now. */
static int
choose(void)
{
	free(name);
	free(final);
	name = expand();
	final = follow_links(name);
	return final ? 0 : -1;
}

/* Creates the file that will be renamed.  0, or -1 with errno set. */
static int
create_beside(void)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		struct buf path = { 0 };

		buf_printf(&path, "%s.%d.tmp", final, (int)getpid() + i);
		fd = open(buf_terminate(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd >= 0) {
			beside = path.data;
			return 0;
		}
		buf_free(&path);
		if (errno != EEXIST)
			break;
	}
	return -1;
}

int
output_tells_time(const char *path)
{
	for (; path && *path; path++) {
		if (path[0] != '%')
			continue;
		if (path[1] == 't')
			return 1;
		path += path[1] == '%';
	}
	return 0;
}

void
output_open(const char *path, int first_pid)
{
	struct stat st;

	if (!path || !strcmp(path, "-")) {
		fd = STDOUT_FILENO;
		direct = 1;
		return;
	}
	pattern = path;
	pid = first_pid ? first_pid : (int)getpid();
	begun = time(NULL);
	if (choose() && errno == EPERM)
		die(FAILURE, "cannot write to %s: another user put something there, in a folder "
		    "that all may write to; name another file", name);
	if (!final)
		die(FAILURE, "cannot write to %s:", name);
	if (!stat(name, &st) && !S_ISREG(st.st_mode)) { /* a pipe, a device */
		direct = 1;
		fd = open(name, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			die(FAILURE, "cannot write to %s:", name);
		return;
	}
	if (!access(name, F_OK) && access(name, W_OK))
		die(FAILURE, "cannot write to %s:", name);
	atexit(remove_beside);
	if (create_beside())
		die(FAILURE, "cannot write to %s:", name);
}

void
output_set_pid(int new_pid)
{
	pid = new_pid;
	if (!direct)
		choose();
}

void
output_begin_next(void)
{
	time_t now = time(NULL);

	begun = now > begun ? now : begun + 1; /* the clock may have been set back */
	if (!direct)
		choose();
}

const char *
output_name(void)
{
	return name;
}

/* After an error the rest is left out. */
static void
drain(const char *bytes, size_t len)
{
	if (!error && write_all(fd, bytes, len))
		error = errno;
}

void
output_begin(struct buf *out)
{
	*out = (struct buf){ .drain = drain };
	error = 0;
	if (!direct && ((!final && choose()) || (!beside && create_beside())))
		error = errno;
}

/* Gives the file its name, or removes it. */
static void
end_beside(void)
{
	if (beside && close(fd) && !error)
		error = errno;
	if (!error && rename(beside, final))
		error = errno;
	if (error)
		remove_beside();
	free(beside);
	beside = NULL;
}

int
output_end(struct buf *out)
{
	drain(out->data, out->len);
	buf_free(out);
	if (!direct)
		end_beside();
	errno = error;
	return !error ? 0 : direct && error == EPIPE ? 1 : -1;
}
