/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads; see place.h.  It is walked here, name by name, as to look at
 * one and then use it would leave time to exchange it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "proc.h"
#include "place.h"

enum { MAX_LINKS = 40 };

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
	int it = watch_openat(p->folder, p->name, LOOK | (last ? 0 : O_DIRECTORY));

	if (it < 0 && errno == ENOTDIR)
		it = watch_openat(p->folder, p->name, LOOK);
	move_to(&p->it, it);
	if (it < 0)
		return last && errno == ENOENT ? 0 : -1;
	if (watch_fstat(p->folder, &p->in) || watch_fstat(it, &p->is))
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

	if (p->root >= 0 || stat("/proc", &proc) || proc.st_dev != p->in.st_dev ||
	    fstatat(p->folder, p->name, &to, 0) || (last && S_ISREG(to.st_mode)))
		return 0;
	move_to(&p->it, openat(p->folder, p->name, O_PATH | O_CLOEXEC));
	p->is = to;
	p->magic = 1;
	return 1;
}

static int
open_root(const struct place *p)
{
	return p->root < 0 ? open("/", O_PATH | O_CLOEXEC) : openat(p->root, ".", O_PATH | O_CLOEXEC);
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
		move_to(&p->folder, open_root(p));
	buf_add(&longer, to, (size_t)n);
	buf_str(&longer, path->rest);
	free(path->text);
	path->rest = path->text = buf_terminate(&longer);
	return 0;
}

/* Above the root of another process is more than it can see. */
static int
goes_up(const struct place *p)
{
	errno = EPERM;
	return p->root >= 0 && !strcmp(p->name, "..");
}

/* Whether not everybody may search the folder. */
static int
is_closed(const struct place *p)
{
	errno = EPERM;
	return p->open && (p->in.st_mode & 0111) != 0111;
}

static int
walk(struct place *p, struct path *path)
{
	for (int links = 0; links <= MAX_LINKS;) {
		int last = take_name(path, p->name);

		p->magic = 0;
		if (last < 0 || goes_up(p) || look(p, last) || is_closed(p))
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

void
place_leave(struct place *p)
{
	move_to(&p->folder, -1);
	move_to(&p->it, -1);
}

/* From a folder on. */
static int
find_from(struct place *p, int folder, const char *from)
{
	struct path path = { copy_text(from), NULL };
	int result, saved;

	path.rest = path.text;
	p->folder = folder;
	result = folder < 0 ? -1 : walk(p, &path);
	saved = errno;
	free(path.text);
	if (result)
		place_leave(p);
	errno = saved;
	return result;
}

int
place_find(struct place *p, const char *from)
{
	place_leave(p);
	return find_from(p, *from == '/' ? open_root(p) : open(".", O_PATH | O_CLOEXEC), from);
}

/* ---- as another process sees them ---- */

int
view_is_ours(int pid)
{
	char value[128];
	const char *p = value;
	uint64_t id;

	if (proc_status(pid, "Uid", value, sizeof value))
		return 0;
	for (int i = 0; i < 4; i++, p += *p == '\t')
		if (parse_digits(&p, 10, &id) || id != geteuid())
			return 0;
	return 1;
}

static int64_t
us_of(struct timespec t)
{
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int
view_process(struct view *v, int pid)
{
	enum { START_US = 10000 }; /* what the kernel says of when it began is no finer */
	int64_t age = proc_age(proc_start_time(pid));
	struct timespec now;
	char path[48];

	v->open = !view_is_ours(pid);
	text_format(path, sizeof path, "/proc/%d/root", pid);
	v->root = open(path, O_PATH | O_CLOEXEC);
	clock_gettime(CLOCK_REALTIME, &now);
	v->until = us_of(now) - age / 1000 + START_US;
	return v->root < 0 ? -1 : 0;
}

int
view_own(struct view *v, int64_t until)
{
	v->open = !geteuid();
	v->root = open("/", O_PATH | O_CLOEXEC);
	v->until = until;
	return v->root < 0 ? -1 : 0;
}

int
view_has_root_of(const struct view *v, int pid)
{
	struct stat ours, other;
	char path[48];

	text_format(path, sizeof path, "/proc/%d/root", pid);
	return stat(path, &other) ||
	       (!fstat(v->root, &ours) && other.st_dev == ours.st_dev && other.st_ino == ours.st_ino);
}

int
view_open(const struct view *v, const char *path)
{
	struct place p = NO_PLACE;
	struct stat st;
	int fd = -1;

	p.root = v->root;
	p.open = v->open;
	if (*path == '/' && !find_from(&p, openat(v->root, ".", O_PATH | O_CLOEXEC), path) &&
	    p.it >= 0 && S_ISREG(p.is.st_mode))
		fd = watch_openat(p.folder, p.name,
		                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && (watch_fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	                (v->open && (st.st_mode & 0444) != 0444) || us_of(st.st_mtim) > v->until ||
	                us_of(st.st_ctim) > v->until))
		move_to(&fd, -1);
	place_leave(&p);
	return fd;
}
