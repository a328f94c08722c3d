/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors; see files.h. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "waits/sockets.h"
#include "waits/files.h"

enum { LISTED = 3, MOST_ENDS = 1 << 16, MOST_WATCHED = 4096 };

struct end { /* of a pipe */
	uint64_t inode;
	int pid, writes;
};

struct files {
	int pid;
	struct sockets *sockets;
	struct end *ends; /* of all pipes that may be seen */
	size_t n_ends, cap_ends;
	int ends_are_read;
	struct buf locks; /* /proc/locks */
};

struct files *
files_new(int pid)
{
	struct files *f = xcalloc(1, sizeof *f);

	f->pid = pid;
	f->sockets = sockets_new(pid);
	return f;
}

void
files_free(struct files *f)
{
	sockets_free(f->sockets);
	buf_free(&f->locks);
	free(f->ends);
	free(f);
}

/* Where the descriptor of a process leads, "" if that may not be known; *mode gets 0400 if it
 * is open for reading, 0200 for writing. */
static void
read_link(int pid, const char *fd, char *to, size_t size, unsigned *mode)
{
	char path[64];
	struct stat st = { 0 };
	ssize_t n;

	text_format(path, sizeof path, "/proc/%d/fd/%s", pid, fd);
	n = readlink(path, to, size - 1);
	to[n > 0 ? n : 0] = 0;
	if (mode)
		*mode = lstat(path, &st) ? 0 : st.st_mode;
}

/* What it leads to: 0, or -1. */
static int
look_at(const struct files *f, int fd, struct stat *st)
{
	char path[48];

	text_format(path, sizeof path, "/proc/%d/fd/%d", f->pid, fd);
	return stat(path, st);
}

/* "pipe:[123]": 123, 0 if it is none of those. */
static uint64_t
inode_of(const char *link, const char *kind)
{
	size_t n = strlen(kind);
	const char *p = link + n + 2;
	uint64_t inode;

	if (strncmp(link, kind, n) || strncmp(link + n, ":[", 2) || parse_digits(&p, 10, &inode))
		return 0;
	return inode;
}

/* ---- pipes ---- */

static void
read_ends_of(struct files *f, int pid)
{
	char path[32], to[32];
	struct dirent *entry;
	DIR *dir;

	text_format(path, sizeof path, "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && f->n_ends < MOST_ENDS) {
		uint64_t inode;
		unsigned mode;

		read_link(pid, entry->d_name, to, sizeof to, &mode);
		inode = inode_of(to, "pipe");
		if (!inode)
			continue;
		f->ends = grow(f->ends, f->n_ends, &f->cap_ends, sizeof *f->ends);
		f->ends[f->n_ends++] = (struct end){ inode, pid, (mode & 0200) != 0 };
	}
	if (dir)
		closedir(dir);
}

static void
read_ends(struct files *f)
{
	int *pids;
	size_t n = proc_list(&pids);

	for (size_t i = 0; i < n; i++)
		read_ends_of(f, pids[i]);
	free(pids);
	f->ends_are_read = 1;
}

void
files_process(int pid, struct buf *out)
{
	buf_printf(out, "%d ", pid);
	proc_short_command(pid, out);
}

/* Who has the other end of a pipe, one that it is not itself if there is one. */
static void
add_other_ends(struct files *f, uint64_t inode, int writes, struct buf *out)
{
	int others = 0, last = 0, itself = 0;

	if (!f->ends_are_read)
		read_ends(f);
	for (size_t i = 0; i < f->n_ends; i++) {
		const struct end *end = &f->ends[i];

		if (end->inode != inode || end->writes == writes)
			continue;
		if (end->pid == f->pid) {
			itself = 1;
		} else if (end->pid != last) {
			if (others++ < LISTED) {
				buf_str(out, others > 1 ? ", " : writes ? " to " : " from ");
				files_process(end->pid, out);
			}
			last = end->pid;
		}
	}
	if (others > LISTED)
		buf_printf(out, " and %d more", others - LISTED);
	else if (!others && itself)
		buf_str(out, writes ? " to itself" : " from itself");
}

static void
describe_pipe(struct files *f, uint64_t inode, unsigned mode, int plain, struct buf *out)
{
	buf_str(out, "pipe");
	if (!plain && mode & 0600 && (mode & 0600) != 0600)
		add_other_ends(f, inode, (mode & 0200) != 0, out);
}

/* ---- epoll ---- */

/* Whether a descriptor leads to that inode, if it is known.  One that was closed may be another
 * file by now, and the epoll still watch what it was if somebody else has that open. */
static int
leads_to(const struct files *f, int fd, uint64_t inode)
{
	struct stat st;

	return !inode || (!look_at(f, fd, &st) && st.st_ino == inode);
}

/* The number after a word of a line, 0 if there is none. */
static uint64_t
number_after(const char *line, const char *word, unsigned base)
{
	const char *p = text_find(line, word), *end = strchr(line, '\n');
	uint64_t number;

	if (!p || (end && p > end))
		return 0;
	p += strlen(word);
	p += strspn(p, " ");
	return parse_digits(&p, base, &number) ? 0 : number;
}

/* "tfd:        5 events:       19 data:                5  pos:0 ino:1f sdev:9", a line for each;
 * the end of it since Linux 4.13: fs/eventpoll.c, ep_show_fdinfo. */
static size_t
read_watched(const struct files *f, int fd, int *watched)
{
	struct buf text = { 0 };
	char path[32];
	size_t n = 0;

	text_format(path, sizeof path, "fdinfo/%d", fd);
	if (!proc_read(f->pid, path, &text)) {
		buf_terminate(&text);
		for (char *p = text_find(text.data, "tfd:"); p && n < MOST_WATCHED;
		     p = text_find(p + 1, "tfd:")) {
			uint64_t number = number_after(p, "tfd:", 10), inode = number_after(p, "ino:", 16);

			if (number < MOST_ENDS * 16) {
				/* Only those that are listed need to be right. */
				watched[n] = n >= LISTED || leads_to(f, (int)number, inode) ? (int)number : -1;
				n++;
			}
		}
	}
	buf_free(&text);
	return n;
}

static void
describe_epoll(struct files *f, int fd, int plain, struct buf *out)
{
	int *watched = xcalloc(MOST_WATCHED, sizeof *watched);
	size_t n = read_watched(f, fd, watched);

	if (n)
		files_list(f, watched, n, plain, out);
	else
		buf_str(out, "nothing");
	free(watched);
}

/* ---- all ---- */

/* One that an epoll watches is not looked into. */
static int
describe(struct files *f, int fd, int plain, int within, struct buf *out)
{
	static const char anonymous[] = "anon_inode:";
	char number[16], to[1024];
	uint64_t inode;
	unsigned mode;

	text_format(number, sizeof number, "%d", fd);
	read_link(f->pid, number, to, sizeof to, &mode);
	if (!*to)
		return 0;
	if ((inode = inode_of(to, "pipe")))
		describe_pipe(f, inode, mode, plain, out);
	else if ((inode = inode_of(to, "socket")))
		sockets_describe(f->sockets, inode, plain, out);
	else if (!strcmp(to, "anon_inode:[eventpoll]") && !within)
		describe_epoll(f, fd, plain, out);
	else if (!strncmp(to, anonymous, sizeof anonymous - 1))
		buf_visible(out, to + sizeof anonymous - 1, strlen(to) - (sizeof anonymous - 1));
	else
		buf_visible(out, to, strlen(to));
	return 1;
}

int
files_describe(struct files *f, int fd, int plain, struct buf *out)
{
	return describe(f, fd, plain, 0, out);
}

void
files_list(struct files *f, const int *fds, size_t n, int plain, struct buf *out)
{
	size_t shown = 0;

	for (; shown < n && shown < LISTED; shown++) {
		if (shown)
			buf_str(out, ", ");
		if (fds[shown] < 0)
			buf_str(out, "a descriptor that was closed");
		else if (!describe(f, fds[shown], plain, 1, out))
			buf_printf(out, "descriptor %d", fds[shown]);
	}
	if (n > shown && plain)
		buf_str(out, " and more");
	else if (n > shown)
		buf_printf(out, " and %zu more", n - shown);
}

/* "1: FLOCK  ADVISORY  WRITE 4713 08:01:1234 0 EOF"; lines of those that wait have "->" after
 * the number: Linux v6.1 fs/locks.c, lock_get_status. */
static int
holder_in_line(const char *p, const struct stat *st)
{
	uint64_t parts[4]; /* pid, major, minor, inode */
	static const unsigned char bases[] = { 10, 16, 16, 10 };

	p += strcspn(p, ":\n");
	if (*p++ != ':' || !strncmp(p, " ->", 3))
		return 0;
	for (int word = 0; word < 3; word++) {
		p += strspn(p, " ");
		p += strcspn(p, " \n");
	}
	for (size_t i = 0; i < LEN(parts); i++) {
		p += strspn(p, " :");
		if (parse_digits(&p, bases[i], &parts[i]))
			return 0;
	}
	if (parts[1] != major(st->st_dev) || parts[2] != minor(st->st_dev) || parts[3] != st->st_ino)
		return 0;
	return (int)parts[0];
}

void
files_lock_holder(struct files *f, int fd, struct buf *out)
{
	struct stat st;
	int holder;

	if (look_at(f, fd, &st) || (!f->locks.len && proc_read(f->pid, "../locks", &f->locks)))
		return;
	buf_terminate(&f->locks);
	for (const char *p = f->locks.data; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		holder = holder_in_line(p, &st);
		if (holder <= 0)
			continue;
		buf_str(out, " held by ");
		if (holder == f->pid)
			buf_str(out, "itself");
		else
			files_process(holder, out);
		return;
	}
}
