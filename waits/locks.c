/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "1: POSIX  ADVISORY  WRITE 4713 08:01:1234 0 EOF"; lines of those that wait follow that of the
 * lock that they wait for, with the same number and "->" after it: Linux v6.1 fs/locks.c,
 * lock_get_status.
 */
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "util.h"
#include "waits/locks.h"

enum { MOST_LOCKS = 1 << 16 };

struct lock {
	int waits, by_flock, writes;
	int pid; /* 0: it has none */
	uint64_t from, to;
};

/* The next word of a line. */
static const char *
take_word(const char **p, size_t *len)
{
	const char *word = *p + strspn(*p, " ");

	*len = strcspn(word, " \n");
	*p = word + *len;
	return word;
}

static int
is_word(const char *word, size_t len, const char *other)
{
	return len == strlen(other) && !strncmp(word, other, len);
}

/* The numbers of the file that a line is about: whether it is this one. */
static int
take_file(const char **p, const struct stat *st)
{
	uint64_t device[2], inode;

	*p += strspn(*p, " ");
	if (parse_digits(p, 16, &device[0]) || *(*p)++ != ':' || parse_digits(p, 16, &device[1]) ||
	    *(*p)++ != ':' || parse_digits(p, 10, &inode))
		return 0;
	return device[0] == major(st->st_dev) && device[1] == minor(st->st_dev) && inode == st->st_ino;
}

static uint64_t
take_number(const char **p)
{
	uint64_t number;

	*p += strspn(*p, " ");
	if (!parse_digits(p, 10, &number))
		return number;
	*p += strcspn(*p, " \n"); /* "EOF" */
	return UINT64_MAX;
}

/* 0 if the line is not about that file. */
static int
read_lock(const char *p, const struct stat *st, struct lock *lock)
{
	const char *word;
	size_t len;
	uint64_t pid;

	p += strcspn(p, ":\n");
	if (*p++ != ':')
		return 0;
	word = take_word(&p, &len);
	lock->waits = is_word(word, len, "->");
	if (lock->waits)
		word = take_word(&p, &len);
	lock->by_flock = is_word(word, len, "FLOCK");
	if (!lock->by_flock && !is_word(word, len, "POSIX") && !is_word(word, len, "OFDLCK"))
		return 0;
	take_word(&p, &len);
	word = take_word(&p, &len);
	lock->writes = is_word(word, len, "WRITE");
	pid = take_number(&p); /* of the description of an open file it is -1 */
	lock->pid = pid <= INT32_MAX ? (int)pid : 0;
	if (!take_file(&p, st))
		return 0;
	lock->from = take_number(&p);
	lock->to = take_number(&p);
	return 1;
}

/* Walks the list from one lock of that file to the next; NULL: there is no other. */
static const char *
next_lock(const char *p, const struct stat *st, int by_flock, struct lock *lock)
{
	while (p && *p) {
		const char *line = p;

		p = strchr(p, '\n');
		p += p != NULL;
		if (read_lock(line, st, lock) && lock->by_flock == by_flock)
			return p ? p : "";
	}
	return NULL;
}

/* What the process waits for, if that is one. */
static int
find_wanted(const char *list, int pid, const struct stat *st, int by_flock, struct lock *wanted)
{
	struct lock lock;
	int n = 0;

	for (const char *p = list; (p = next_lock(p, st, by_flock, &lock));) {
		if (!lock.waits || lock.pid != pid)
			continue;
		if (n++ && (lock.from != wanted->from || lock.to != wanted->to ||
		            lock.writes != wanted->writes))
			return 0;
		*wanted = lock;
	}
	return n > 0;
}

/* Those by fcntl(2) are a process's, which it never keeps from itself. */
static int
keeps_from(const struct lock *lock, const struct lock *wanted)
{
	return !lock->waits && lock->pid && (lock->by_flock || lock->pid != wanted->pid) &&
	       lock->from <= wanted->to && wanted->from <= lock->to &&
	       (lock->writes || wanted->writes);
}

static size_t
add_pid(int *pids, size_t n, size_t most, int pid)
{
	for (size_t i = 0; i < n && i < most; i++)
		if (pids[i] == pid)
			return n;
	if (n < most)
		pids[n] = pid;
	return n + 1;
}

size_t
locks_holders(const char *list, int pid, const struct stat *st, int by_flock, int *pids,
              size_t most)
{
	struct lock wanted = { 0 }, lock;
	size_t n = 0, seen = 0;

	if (!find_wanted(list, pid, st, by_flock, &wanted))
		return 0;
	for (const char *p = list; seen < MOST_LOCKS && (p = next_lock(p, st, by_flock, &lock)); seen++)
		if (keeps_from(&lock, &wanted))
			n = add_pid(pids, n, most, lock.pid);
	return n;
}
