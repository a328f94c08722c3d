/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output file; see output.h.
 *
 * In a folder that all may write to, such as /tmp, somebody else may have put a
 * link or a pipe where root is about to write.  Neither is followed there, as
 * the kernel has it with fs.protected_symlinks=1; and the file that is written
 * is always a new one.  A path is walked here, name by name, as to look at one
 * and then use it would leave time to exchange it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
static char *beside;        /* a file in the folder that the name leads to; NULL: none */
static int fd = -1;
static int error;           /* of what is being written, an errno */

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

/* ---- where a path leads ---- */

/* A name in a folder.  Both are held by descriptors, so that what was looked at is
 * what is used, whatever is put there meanwhile. */
struct place {
	int folder;
	int it; /* what has the name; -1: nothing */
	char name[NAME_MAX + 1];
	struct stat in, is; /* of the two */
	int magic;          /* it is a link that only /proc can follow, `is` what that leads to */
};

/* What is still to be walked of a path. */
struct path {
	char *text;
	const char *rest;
};

static void
move_to(int *held, int other)
{
	if (*held >= 0)
		close(*held);
	*held = other;
}

/* Whether the name is a link that another user put into a folder that all may write to;
 * or if it is the last one, anything but a file that may be replaced. */
static int
is_trap(const struct place *p, int last)
{
	if (!(p->in.st_mode & S_IWOTH) || p->is.st_uid == geteuid() || p->is.st_uid == p->in.st_uid)
		return 0;
	return S_ISLNK(p->is.st_mode) ||
	       (last && (!S_ISREG(p->is.st_mode) || (p->in.st_mode & S_ISVTX && geteuid())));
}

/* Takes the next name off a path, "." where there is none.  1: it is the last one; -1:
 * it is longer than any name, see errno. */
static int
take_name(struct path *path, char taken[])
{
	const char *from = path->rest + strspn(path->rest, "/");
	size_t n = strcspn(from, "/");

	if (n > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	text_format(taken, NAME_MAX + 1, "%.*s", n ? (int)n : 1, n ? from : ".");
	path->rest = from + n;
	return !*path->rest;
}

/* Looks at what has the name.  A folder is opened as one, which mounts it if need be. */
static int
look(struct place *p, int last)
{
	enum { LOOK = O_PATH | O_NOFOLLOW | O_CLOEXEC };
	int it = openat(p->folder, p->name, LOOK | (last ? 0 : O_DIRECTORY));

	if (it < 0 && errno == ENOTDIR)
		it = openat(p->folder, p->name, LOOK);
	move_to(&p->it, it);
	if (it < 0)
		return last && errno == ENOENT ? 0 : -1;
	if (fstat(p->folder, &p->in) || fstat(it, &p->is))
		return -1;
	if (!is_trap(p, last))
		return 0;
	errno = EPERM;
	return -1;
}

/* The links in /proc may lead where no name does: to a pipe, into a container.  Nobody
 * else can exchange them.  A regular file is looked for by its name all the same. */
static int
follow_magic(struct place *p, int last)
{
	struct stat proc, to;

	if (stat("/proc", &proc) || proc.st_dev != p->in.st_dev ||
	    fstatat(p->folder, p->name, &to, 0) || (last && S_ISREG(to.st_mode)))
		return 0;
	move_to(&p->it, openat(p->folder, p->name, O_PATH | O_CLOEXEC));
	p->is = to;
	p->magic = 1;
	return 1;
}

/* Puts where a link leads before what is left of the path. */
static int
follow_link(struct place *p, struct path *path)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(p->it, "", to, sizeof to);
	struct buf longer = { 0 };

	if (n == (ssize_t)sizeof to)
		errno = ENAMETOOLONG;
	if (n <= 0 || n == (ssize_t)sizeof to)
		return -1;
	if (*to == '/')
		move_to(&p->folder, open("/", O_PATH | O_CLOEXEC));
	buf_add(&longer, to, (size_t)n);
	buf_str(&longer, path->rest);
	free(path->text);
	path->rest = path->text = buf_terminate(&longer);
	return 0;
}

static int
walk(struct place *p, struct path *path)
{
	for (int links = 0; links <= MAX_LINKS;) {
		int last = take_name(path, p->name);

		p->magic = 0;
		if (last < 0 || look(p, last))
			return -1;
		if (p->it >= 0 && S_ISLNK(p->is.st_mode) && !follow_magic(p, last)) {
			links++;
			if (follow_link(p, path))
				return -1;
		} else if (last) {
			return 0;
		} else {
			move_to(&p->folder, p->it);
			p->it = -1;
		}
	}
	errno = ELOOP;
	return -1;
}

static void
leave(struct place *p)
{
	move_to(&p->folder, -1);
	move_to(&p->it, -1);
}

/* The place that a path leads to, be there anything or not.  0, or -1 with errno set:
 * EPERM if another user may have had a hand in that. */
static int
find(const char *from, struct place *p)
{
	struct path path = { copy_text(from), NULL };
	int result, saved;

	leave(p);
	path.rest = path.text;
	p->folder = open(*from == '/' ? "/" : ".", O_PATH | O_CLOEXEC);
	result = p->folder < 0 ? -1 : walk(p, &path);
	saved = errno;
	free(path.text);
	if (result)
		leave(p);
	errno = saved;
	return result;
}

/* ---- the file ---- */

static struct place place = { .folder = -1, .it = -1 }; /* where the name leads */

static void
remove_beside(void)
{
	if (beside)
		unlinkat(place.folder, beside, 0);
	free(beside);
	beside = NULL;
}

/* Finds out where to write by now. */
static int
choose(void)
{
	remove_beside();
	free(name);
	name = expand();
	return find(name, &place);
}

/* Creates the file that will be renamed.  0, or -1 with errno set. */
static int
create_beside(void)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		struct buf path = { 0 };

		buf_printf(&path, "%s.%d.tmp", place.name, (int)getpid() + i);
		fd = openat(place.folder, buf_terminate(&path),
		            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
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

/* Opens what is no file: a pipe, a device, as it was looked at.  0, or -1 with errno set. */
static int
open_direct(void)
{
	struct stat is;

	fd = openat(place.folder, place.name, O_WRONLY | O_CLOEXEC | (place.magic ? 0 : O_NOFOLLOW));
	if (fd < 0 || fstat(fd, &is))
		return -1;
	if (is.st_dev == place.is.st_dev && is.st_ino == place.is.st_ino)
		return 0;
	errno = EPERM;
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

/* Makes ready to write there.  0, or -1 with errno set. */
static int
prepare(void)
{
	direct = place.it >= 0 && !S_ISREG(place.is.st_mode);
	if (direct)
		return open_direct();
	if (place.it >= 0 && faccessat(place.folder, place.name, W_OK, 0))
		return -1;
	atexit(remove_beside);
	return create_beside();
}

void
output_open(const char *path, int first_pid)
{
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
	if (place.folder < 0 || prepare())
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
	if (!direct && ((place.folder < 0 && choose()) || (!beside && create_beside())))
		error = errno;
}

/* Gives the file its name, or removes it. */
static void
end_beside(void)
{
	if (beside && close(fd) && !error)
		error = errno;
	if (!error && renameat(place.folder, beside, place.folder, place.name))
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
