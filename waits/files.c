/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors; see files.h. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "waits/names.h"
#include "waits/locks.h"
#include "waits/sockets.h"
#include "waits/files.h"

enum { LISTED = 3, MOST_ENDS = 1 << 17, MOST_FD = 1 << 20, MOST_WATCHED = 4096 };

struct end { /* of a pipe, or a socket */
	uint64_t inode;
	int pid;
	enum { READS, WRITES, SOCKET } kind;
};

struct files {
	int pid;
	struct sockets *sockets;
	struct end *ends; /* all that may be seen */
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

/* ---- pipes, and sockets that are connected ---- */

/* Whether a descriptor leads to an end of something. */
static int
read_end(int pid, const char *fd, struct end *end)
{
	char to[32];
	unsigned mode = 0;

	read_link(pid, fd, to, sizeof to, NULL);
	*end = (struct end){ inode_of(to, "socket"), pid, SOCKET };
	if (end->inode)
		return 1;
	end->inode = inode_of(to, "pipe");
	if (end->inode)
		read_link(pid, fd, to, sizeof to, &mode);
	end->kind = mode & 0200 ? WRITES : READS;
	return end->inode != 0;
}

static void
read_ends_of(struct files *f, int pid)
{
	char path[32];
	struct dirent *entry;
	struct end end;
	DIR *dir;

	text_format(path, sizeof path, "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && f->n_ends < MOST_ENDS) {
		if (!read_end(pid, entry->d_name, &end))
			continue;
		f->ends = grow(f->ends, f->n_ends, &f->cap_ends, sizeof *f->ends);
		f->ends[f->n_ends++] = end;
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

/* Who has that end, after a word for it, ones that it is not itself if there are any. */
static void
add_holders(struct files *f, uint64_t inode, int kind, const char *word, struct buf *out)
{
	int others = 0, last = 0, itself = 0;

	if (!f->ends_are_read)
		read_ends(f);
	for (size_t i = 0; i < f->n_ends; i++) {
		const struct end *end = &f->ends[i];

		if (end->inode != inode || (int)end->kind != kind)
			continue;
		if (end->pid == f->pid) {
			itself = 1;
		} else if (end->pid != last) {
			if (others++ < LISTED) {
				buf_str(out, others > 1 ? ", " : word);
				names_process(end->pid, out);
			}
			last = end->pid;
		}
	}
	if (others > LISTED)
		buf_printf(out, " and %d more", others - LISTED);
	else if (!others && itself)
		buf_printf(out, "%sitself", word);
}

static void
describe_pipe(struct files *f, uint64_t inode, unsigned mode, int plain, struct buf *out)
{
	buf_str(out, "pipe");
	if (plain || !(mode & 0600) || (mode & 0600) == 0600)
		return;
	if (mode & 0200)
		add_holders(f, inode, READS, " to ", out);
	else
		add_holders(f, inode, WRITES, " from ", out);
}

/* What the kernel calls the protocol of a socket of which no list says more: "AF_VSOCK", "TCPv6",
 * "UNIX-STREAM".  That is the same in another network namespace. */
static void
add_protocol(const struct files *f, int fd, struct buf *out)
{
	char path[48], name[32];
	ssize_t n;
	const char *p = name;

	text_format(path, sizeof path, "/proc/%d/fd/%d", f->pid, fd);
	n = getxattr(path, "system.sockprotoname", name, sizeof name - 1);
	name[n > 0 ? n : 0] = 0;
	if (!strncmp(p, "AF_", 3))
		p += 3;
	for (; *p && *p != '-' && *p != 'v'; p++)
		buf_printf(out, "%c", *p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	buf_str(out, n > 0 ? "" : "socket");
}

static void
describe_socket(struct files *f, int fd, uint64_t inode, int plain, struct buf *out)
{
	uint64_t peer = 0;

	if (!sockets_describe(f->sockets, inode, plain, &peer, out))
		add_protocol(f, fd, out);
	if (peer && !plain)
		add_holders(f, peer, SOCKET, " with ", out);
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

/* ---- what has no file: proc_pid_fdinfo(5) ---- */

/* The number after a word of a line, 0 if there is none. */
static uint64_t
number_after(const char *line, const char *word, unsigned base)
{
	const char *p = text_find(line, word), *end = strchr(line, '\n');
	uint64_t number;

	if (!p || (end && p > end))
		return 0;
	p += strlen(word);
	p += strspn(p, " \t");
	return parse_digits(&p, base, &number) ? 0 : number;
}

/* The same of the first line of a text that has the word. */
static uint64_t
value_of(const char *text, const char *word, unsigned base)
{
	const char *line = text_find(text, word);

	return line ? number_after(line, word, base) : 0;
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

			if (number < MOST_FD) {
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

/* "it_value: (2, 49406829)": seconds and nanoseconds. */
static void
add_timer(const char *text, struct buf *out)
{
	static const char value[] = "it_value: (";
	const char *p = text_find(text, value);
	uint64_t seconds, ns;

	if (!p)
		return;
	p += sizeof value - 1;
	if (parse_digits(&p, 10, &seconds) || strncmp(p, ", ", 2))
		return;
	p += 2;
	if (parse_digits(&p, 10, &ns) || seconds > INT32_MAX)
		return;
	buf_str(out, ", ");
	if (seconds || ns) {
		buf_seconds(out, (int64_t)(seconds * 1000000000 + ns));
		buf_str(out, " s left");
	} else {
		buf_str(out, value_of(text, "ticks:", 10) ? "expired" : "not set");
	}
}

static void
add_inotify(const char *text, struct buf *out)
{
	int n = 0;

	for (const char *p = text; (p = text_find(p, "inotify wd:")); p++)
		n++;
	buf_printf(out, " of %d file%s", n, n == 1 ? "" : "s");
}

/* An object of the kernel's, of which the link says no more than the kind. */
static void
describe_object(const struct files *f, int fd, const char *kind, size_t len, int plain,
                struct buf *out)
{
	struct buf text = { 0 };
	char path[32];
	uint64_t pid, signals;

	buf_visible(out, kind, len);
	text_format(path, sizeof path, "fdinfo/%d", fd);
	if (proc_read(f->pid, path, &text))
		return;
	buf_terminate(&text);
	if (!strncmp(kind, "pidfd", len) && !plain && (pid = value_of(text.data, "Pid:", 10))) {
		buf_str(out, " of ");
		names_process_and_state((int)pid, out);
	} else if (!strncmp(kind, "signalfd", len) &&
	           (signals = value_of(text.data, "sigmask:", 16))) {
		buf_str(out, " of ");
		names_signals(signals, out);
	} else if (!strncmp(kind, "timerfd", len) && !plain) {
		add_timer(text.data, out);
	} else if (!strncmp(kind, "inotify", len)) {
		add_inotify(text.data, out);
	}
	buf_free(&text);
}

/* "anon_inode:[timerfd]", "anon_inode:inotify": 0 if it is none of those. */
static int
describe_anonymous(struct files *f, int fd, const char *link, int plain, int within,
                   struct buf *out)
{
	static const char mark[] = "anon_inode:";
	size_t len;

	if (strncmp(link, mark, sizeof mark - 1))
		return 0;
	link += sizeof mark - 1;
	link += *link == '[';
	len = strcspn(link, "]");
	if (!strncmp(link, "eventpoll", len) && !within)
		describe_epoll(f, fd, plain, out);
	else
		describe_object(f, fd, link, len, plain, out);
	return 1;
}

/* ---- all ---- */

/* One that an epoll watches is not looked into. */
static int
describe(struct files *f, int fd, int plain, int within, struct buf *out)
{
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
		describe_socket(f, fd, inode, plain, out);
	else if (!describe_anonymous(f, fd, to, plain, within, out))
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

/* Whether a descriptor of a process leads to that file.  Others are not looked at, as they may be
 * of a server of files that does not answer. */
static int
leads_to_file(int pid, const char *fd, const char *name, const struct stat *file)
{
	char path[64], to[1024];
	struct stat st;

	read_link(pid, fd, to, sizeof to, NULL);
	text_format(path, sizeof path, "/proc/%d/fd/%s", pid, fd);
	return !strcmp(base_name(to), name) && !stat(path, &st) && st.st_dev == file->st_dev &&
	       st.st_ino == file->st_ino;
}

/* Whether a process has that file open, as far as we may know.  Of a lock by flock(2) the list
 * keeps the pid of whoever took it: that may have ended, and the pid be another's. */
static int
has_open(int pid, const char *name, const struct stat *file)
{
	char path[32];
	struct dirent *entry;
	int has = 0;
	DIR *dir;

	text_format(path, sizeof path, "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return proc_start_time(pid) != 0;
	while (!has && (entry = readdir(dir)))
		has = leads_to_file(pid, entry->d_name, name, file);
	closedir(dir);
	return has;
}

void
files_lock_holder(struct files *f, int fd, int by_flock, struct buf *out)
{
	int pids[64];
	char number[16], to[1024];
	struct stat st;
	size_t n, shown = 0, left_out = 0;

	text_format(number, sizeof number, "%d", fd);
	read_link(f->pid, number, to, sizeof to, NULL);
	if (look_at(f, fd, &st) || (!f->locks.len && proc_read(f->pid, "../locks", &f->locks)))
		return;
	n = locks_holders(buf_terminate(&f->locks), f->pid, &st, by_flock, pids, LEN(pids));
	for (size_t i = 0; i < n && i < LEN(pids); i++) {
		if (shown == LISTED || !has_open(pids[i], base_name(to), &st)) {
			left_out += shown == LISTED;
			continue;
		}
		buf_str(out, shown++ ? ", " : " held by ");
		if (pids[i] == f->pid)
			buf_str(out, "itself");
		else
			names_process(pids[i], out);
	}
	if (left_out)
		buf_printf(out, " and %zu more", left_out);
}
