/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output file; see output.h.
 *
 * It is another process, the writer, that creates and renames files, so that the one that
 * reads hostile memory need not be able to.  It is made as soon as it is known where to
 * write to, and is asked over a socket:
 *
 *   { CHOOSE, a pid, a time }   the name is another from now on
 *   { BEGIN }                   a file
 *   { DATA, a length }, bytes   that go there
 *   { END }                     of the file; the answer is an errno, an int
 *   { QUIT }                    of the writer; there is no answer but its end
 *
 * What it writes, and to which name, is all that this can change.  It ends when nobody
 * can ask it any more, whatever became of pyflame, and leaves no unfinished file.
 * Pipes and devices, stdout too, need none of this.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "sandbox.h"
#include "place.h"
#include "output.h"

enum { MAX_TRIES = 100 }; /* names beside the file's: some may be left of those killed */

static const char *pattern; /* as it was given; NULL: stdout */
static int pid;             /* %p */
static time_t begun;        /* %t */
static char *name;          /* what the pattern comes to */
static int direct;          /* a pipe or a device: written to fd as it is */
static int fd = -1;
static int error;           /* of what is being written, an errno */
static int asked = -1;      /* our end of the writer's socket; -1: there is no writer */

/* Of the writer. */
static struct place place = NO_PLACE; /* where the name leads */
static char *beside;        /* the file that is written, in the folder of that; NULL: none */

struct request {
	enum what { CHOOSE, BEGIN, DATA, END, QUIT } what;
	int32_t number;
	int64_t time;
};

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

/* ---- the file ---- */

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
	return place_find(&place, name);
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

/* ---- the writer ---- */

/* 0, or -1 if there is not so much. */
static int
read_all(int from, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(from, (char *)to + done, len - done);

		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* After an error the rest is left out. */
static void
add_bytes(const char *bytes, size_t len)
{
	if (!error && write_all(fd, bytes, len))
		error = errno;
}

static int
copy_bytes(int from, size_t len)
{
	static char bytes[BUF_FULL];

	for (size_t n; len; len -= n) {
		n = len < sizeof bytes ? len : sizeof bytes;
		if (read_all(from, bytes, n))
			return -1;
		add_bytes(bytes, n);
	}
	return 0;
}

static int
serve(int from, const struct request *r)
{
	switch (r->what) {
	case CHOOSE:
		pid = r->number;
		begun = (time_t)r->time;
		choose();
		return 0;
	case BEGIN:
		error = 0;
		if ((place.folder < 0 && choose()) || (!beside && create_beside()))
			error = errno;
		return 0;
	case DATA:
		return copy_bytes(from, (uint32_t)r->number);
	case END:
		end_beside();
		return write_all(from, (char *)&error, sizeof error);
	case QUIT:
		break;
	}
	return -1;
}

/* Whether the folder, not only the file, may be another after a CHOOSE. */
static int
folder_varies(void)
{
	const char *slash = strrchr(pattern, '/');

	return slash && memchr(pattern, '%', (size_t)(slash - pattern));
}

/* No signal ends it, as whoever asks waits for an answer. */
static _Noreturn void
write_files(int from)
{
	struct request r;

	prctl(PR_SET_NAME, "pyflame-writer");
	sandbox_enter_writer(folder_varies() ? -1 : place.folder);
	while (!read_all(from, &r, sizeof r) && !serve(from, &r))
		;
	remove_beside();
	_exit(DONE);
}

/* Makes the writer, and lets go of what is its own.  0, or -1 with errno set. */
static int
start_writer(void)
{
	sigset_t all, before;
	int ends[2], writer;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	writer = fork_process();
	if (writer == 0) {
		close(ends[0]);
		write_files(ends[1]);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (writer < 0)
		return -1;
	asked = ends[0];
	close(fd);
	free(beside);
	beside = NULL;
	place_leave(&place);
	return 0;
}

/* Asks the writer for something, after which some bytes may follow. */
static void
ask(enum what what, int32_t number, const char *bytes)
{
	struct request r = { what, number, begun };

	if (write_all(asked, (char *)&r, sizeof r) ||
	    (bytes && write_all(asked, bytes, (uint32_t)number)))
		error = errno;
}

/* It may be the child of another of our processes, which does not wait for it.  (What atexit(3)
 * takes of the C library is a kilobyte.) */
__attribute__((destructor)) static void
end_writer(void)
{
	char none;

	if (asked < 0)
		return;
	ask(QUIT, 0, NULL);
	while (read(asked, &none, 1) < 0 && errno == EINTR)
		;
}

/* ---- for the rest of pyflame ---- */

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
	/* The C library's is ready to make a process, for what is not asked here. */
	if (place.it >= 0 && syscall(SYS_faccessat, place.folder, place.name, W_OK))
		return -1;
	if (create_beside())
		return -1;
	if (!start_writer())
		return 0;
	remove_beside();
	return -1;
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

/* The name is another from now on. */
static void
rename_output(void)
{
	if (direct)
		return;
	free(name);
	name = expand();
	ask(CHOOSE, pid, NULL);
}

void
output_set_pid(int new_pid)
{
	pid = new_pid;
	rename_output();
}

void
output_begin_next(void)
{
	time_t now = time(NULL);

	begun = now > begun ? now : begun + 1; /* the clock may have been set back */
	rename_output();
}

const char *
output_name(void)
{
	return name;
}

static void
drain(const char *bytes, size_t len)
{
	if (direct)
		add_bytes(bytes, len);
	else if (!error && len)
		ask(DATA, (int32_t)len, bytes);
}

void
output_begin(struct buf *out)
{
	*out = (struct buf){ .drain = drain };
	error = 0;
	if (!direct)
		ask(BEGIN, 0, NULL);
}

int
output_end(struct buf *out)
{
	int answer;

	drain(out->data, out->len);
	buf_free(out);
	if (!direct && !error)
		ask(END, 0, NULL);
	if (!direct && !error)
		error = read_all(asked, &answer, sizeof answer) ? EPIPE : answer;
	errno = error;
	return !error ? 0 : direct && error == EPIPE ? 1 : -1;
}
