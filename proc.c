/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc (proc(5)).  Its files are text that the kernel writes, but
 * names in it are chosen by others: "stat" is parsed from its last ')' on,
 * and lines of maps to their end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "proc.h"

enum { MAX_FILE = 64 << 20, MAX_TASKS = 1 << 20 };

int
proc_read_path(const char *path, struct buf *out)
{
	char piece[4096];
	ssize_t n;
	int fd;

	fd = watch_open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((n = watch_read(fd, piece, sizeof piece)) != 0 && out->len < MAX_FILE) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		buf_add(out, piece, (size_t)n);
	}
	int error = errno;

	close(fd);
	errno = error;
	return n < 0 ? -1 : 0;
}

int
proc_read(int pid, const char *name, struct buf *out)
{
	char path[64];

	text_format(path, sizeof path, "/proc/%d/%s", pid, name);
	return proc_read_path(path, out);
}

/* Nothing but a regular file is opened: to open some other things has effects.  Which inode it
 * has is not the same everywhere, in layered file systems. */
static int
is_readable(int fd, uint64_t inode)
{
	const uint64_t number = (UINT64_C(1) << 40) - 1; /* see parse_map */
	struct stat stat;

	return !watch_fstat(fd, &stat) && S_ISREG(stat.st_mode) &&
	       (stat.st_mode & S_IROTH || (stat.st_ino & number) == (inode & number));
}

int
proc_open(int pid, const char *path, uint64_t inode)
{
	char place[PATH_MAX];
	int fd, file = -1;

	if (strlen(path) > sizeof place - 32)
		return -1;
	text_format(place, sizeof place, "/proc/%d/root%s", pid, path);
	fd = watch_open(place, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (is_readable(fd, inode)) {
		text_format(place, sizeof place, "/proc/self/fd/%d", fd);
		file = watch_open(place, O_RDONLY | O_CLOEXEC);
	}
	close(fd);
	return file;
}

static void
strip_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(path), tail = sizeof mark - 1;

	if (len > tail && !strcmp(path + len - tail, mark))
		path[len - tail] = 0;
}

/* A positive int, whole; 0 for anything else. */
static int
to_int(const char *p)
{
	uint64_t value;

	return !parse_digits(&p, 10, &value) && !*p && value <= INT_MAX ? (int)value : 0;
}

/* A number and the character that has to follow it. */
static int
parse_field(const char **p, unsigned base, char after, uint64_t *value)
{
	if (parse_digits(p, base, value) || **p != after)
		return -1;
	(*p)++;
	return 0;
}

/* start-end perms offset major:minor inode path */
static int
parse_map(char *line, struct proc_map *m)
{
	uint64_t major, minor;
	const char *p = line;

	*m = (struct proc_map){ 0 };
	if (parse_field(&p, 16, '-', &m->start) || parse_field(&p, 16, ' ', &m->end) ||
	    strlen(p) < 5)
		return -1;
	m->readable = p[0] == 'r';
	m->writable = p[1] == 'w';
	m->executable = p[2] == 'x';
	p += 5;
	if (parse_field(&p, 16, ' ', &m->offset) || parse_field(&p, 16, ':', &major) ||
	    parse_field(&p, 16, ' ', &minor) || parse_digits(&p, 10, &m->inode))
		return -1;
	/* inodes are only compared with their neighbours' */
	m->inode ^= major << 48 ^ minor << 40;
	p += strspn(p, " ");
	strip_deleted(line + (p - line));
	m->path = p;
	return 0;
}

/* Takes the text, whose end is a zero byte. */
static void
parse_maps(char *text, struct proc_maps *out)
{
	size_t cap = 0;

	out->text = text;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		out->maps = grow(out->maps, out->n, &cap, sizeof *out->maps);
		if (!parse_map(line, &out->maps[out->n]))
			out->n++;
	}
}

/* A file that is empty for a task without memory, of a process: 0, or -1 with errno set. */
static int
read_memory_file(int pid, const char *name, struct buf *out)
{
	int result = proc_read(pid, name, out), task;

	if (result || out->len)
		return result;
	task = proc_living_task(pid);
	return task && task != pid ? proc_read(task, name, out) : 0;
}

enum why
proc_maps_read(int pid, struct proc_maps *out)
{
	struct buf text = { 0 };

	*out = (struct proc_maps){ 0 };
	if (read_memory_file(pid, "maps", &text)) {
		enum why why = errno == ENOENT || errno == ESRCH ? GONE : DENIED;

		buf_free(&text);
		return why;
	}
	parse_maps(buf_terminate(&text), out);
	if (out->n)
		return OK;
	proc_maps_free(out);
	return BROKEN;
}

void
proc_maps_free(struct proc_maps *m)
{
	free(m->maps);
	free(m->text);
	*m = (struct proc_maps){ 0 };
}

static ssize_t
read_exe(int tid, char *buf, size_t size)
{
	char path[32];

	text_format(path, sizeof path, "/proc/%d/exe", tid);
	return readlink(path, buf, size);
}

int
proc_exe(int pid, char *buf, size_t size)
{
	ssize_t n = read_exe(pid, buf, size - 1);
	int task = n < 0 && errno == ENOENT ? proc_living_task(pid) : 0;

	if (task && task != pid)
		n = read_exe(task, buf, size - 1);
	if (n < 0)
		return -1;
	buf[n] = 0;
	strip_deleted(buf);
	return 0;
}

void
proc_command(int pid, struct buf *out)
{
	enum { MAX_COMMAND = 200 };
	struct buf text = { 0 };
	char name[64];

	if (read_memory_file(pid, "cmdline", &text) || !text.len) {
		if (proc_status(pid, "Name", name, sizeof name))
			text_format(name, sizeof name, "?");
		buf_printf(out, "[%s]", name);
	}
	while (text.len && !text.data[text.len - 1])
		text.len--;
	for (size_t i = 0; i < text.len && i < MAX_COMMAND; i++) {
		unsigned char c = (unsigned char)text.data[i];

		buf_printf(out, "%c", c == 0 ? ' ' : c < ' ' || c == 127 ? '?' : c);
	}
	buf_free(&text);
}

void
proc_short_command(int pid, struct buf *out)
{
	enum { MAX_LENGTH = 80 };
	struct buf command = { 0 };
	size_t start = 0, n;

	proc_command(pid, &command);
	for (size_t i = 0; i < command.len && command.data[0] == '/' && command.data[i] != ' '; i++)
		if (command.data[i] == '/')
			start = i + 1;
	n = command.len - start;
	if (n > MAX_LENGTH) /* not within a character */
		for (n = MAX_LENGTH; n && (command.data[start + n] & 0xc0) == 0x80; n--)
			;
	buf_printf(out, "%.*s%s", (int)n, command.data + start,
	           start + n < command.len ? "..." : "");
	buf_free(&command);
}

/* The fields of a stat file after the name: the state comes first. */
static const char *
after_name(const char *stat)
{
	const char *p = strrchr(stat, ')');

	return p && p[1] == ' ' ? p + 2 : NULL;
}

/* Reads the start of a thread's file again, through a descriptor that is
 * opened when *fd is -1.  The bytes read, 0 if there are none. */
static size_t
read_again(int pid, int tid, const char *name, int *fd, char *text, size_t size)
{
	char path[64];
	ssize_t n;

	if (*fd < 0) {
		text_format(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, name);
		*fd = watch_open(path, O_RDONLY | O_CLOEXEC);
		if (*fd < 0)
			return 0;
	}
	n = watch_pread(*fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

char
proc_state(int pid, int tid, int *fd)
{
	char text[512];
	const char *p = read_again(pid, tid, "stat", fd, text, sizeof text) ? after_name(text) : NULL;

	return p ? *p : 0;
}

int
proc_cpu(int pid, int tid, int *fd)
{
	enum { BEFORE = 36 }; /* other fields, from the state on */
	char text[1024];
	uint64_t cpu;
	const char *p = read_again(pid, tid, "stat", fd, text, sizeof text) ? after_name(text) : NULL;

	for (int i = 0; p && i < BEFORE; i++)
		if ((p = strchr(p, ' ')))
			p++;
	return p && !parse_digits(&p, 10, &cpu) && cpu <= INT_MAX ? (int)cpu : -1;
}

static int
parse_times(const char *p, struct proc_times *times)
{
	uint64_t ran, waited, turns;

	if (parse_field(&p, 10, ' ', &ran) || !ran || parse_field(&p, 10, ' ', &waited) ||
	    parse_digits(&p, 10, &turns))
		return -1;
	*times = (struct proc_times){ (int64_t)ran, (int64_t)waited, turns };
	return 0;
}

int
proc_times(int pid, int tid, int *fd, struct proc_times *times)
{
	char text[128];

	return read_again(pid, tid, "schedstat", fd, text, sizeof text) ? parse_times(text, times) : -1;
}

/* The clock that clock_getcpuclockid(3) gives: Linux v6.1 include/linux/posix-timers.h,
 * CPUCLOCK_SCHED. */
int64_t
proc_cpu_time(int pid)
{
	enum { SCHED = 2 };
	struct timespec t;

	if (clock_gettime((clockid_t)(~(unsigned)pid << 3 | SCHED), &t))
		return -1;
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* " 0x1" */
static int
parse_word(const char **p, uint64_t *word)
{
	if (strncmp(*p, " 0x", 3))
		return -1;
	*p += 3;
	return parse_digits(p, 16, word);
}

/* "7 0x1 0x2 0x3 0x4 0x5 0x6 SP PC", "-1 SP PC" or "running": proc(5). */
static int
parse_call(const char *p, struct proc_call *call)
{
	uint64_t number;

	*call = (struct proc_call){ .number = *p == 'r' ? PROC_RUNS : -1 };
	if (!strncmp(p, "-1 ", 3)) {
		p += 2;
	} else {
		if (parse_digits(&p, 10, &number) || number > INT_MAX)
			return -1;
		call->number = (int)number;
		for (size_t i = 0; i < LEN(call->args); i++)
			if (parse_word(&p, &call->args[i]))
				return -1;
	}
	return parse_word(&p, &call->sp) || parse_word(&p, &call->pc) ? -1 : 0;
}

int
proc_call(int pid, int tid, int *fd, struct proc_call *call)
{
	char text[256];

	return read_again(pid, tid, "syscall", fd, text, sizeof text) ? parse_call(text, call) : -1;
}

static int
parse_stat(const char *text, struct proc_stat *out)
{
	enum { STATE = 3, PARENT, FLAGS = 9, START_TIME = 22, START_CODE = 26, END_CODE,
	       START_STACK };
	/* Linux v6.1 include/linux/sched.h */
	enum { PF_EXITING = 0x4, PF_FORKNOEXEC = 0x40, PF_KTHREAD = 0x200000 };
	uint64_t fields[START_STACK + 1] = { 0 };
	const char *p = after_name(text);

	if (!p)
		return -1;
	*out = (struct proc_stat){ .state = *p };
	for (int i = STATE + 1; i <= START_STACK && (p = strchr(p, ' ')); i++)
		if (parse_digits(&(const char *){ ++p }, 10, &fields[i]))
			fields[i] = 0; /* some are negative */
	out->parent = (int)fields[PARENT];
	out->kernel = (fields[FLAGS] & PF_KTHREAD) != 0;
	out->forked = (fields[FLAGS] & PF_FORKNOEXEC) != 0;
	out->ended = (fields[FLAGS] & PF_EXITING) || out->state == 'Z' || out->state == 'X';
	out->start_time = fields[START_TIME];
	if (fields[START_CODE])
		out->image = hash_words(fields[START_CODE] ^ fields[END_CODE], fields[START_STACK]) | 1u;
	return 0;
}

static int
task_stat(int pid, int tid, struct proc_stat *out)
{
	char text[1024];
	int fd = -1;
	size_t len = read_again(pid, tid, "stat", &fd, text, sizeof text);

	if (fd >= 0)
		close(fd);
	return len ? parse_stat(text, out) : -1;
}

int
proc_stat(int tid, struct proc_stat *out)
{
	return task_stat(tid, tid, out);
}

/* Finds a task of a process that has not ended: its number, 0 if there is none.  One that
 * executes a program takes the first one's number meanwhile: that is looked at again. */
static int
find_living(int pid, struct proc_stat *out)
{
	char path[32];
	struct dirent *entry;
	int found = 0;
	DIR *dir;

	text_format(path, sizeof path, "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		int tid = to_int(entry->d_name);

		if (tid && !task_stat(pid, tid, out) && !out->ended)
			found = tid;
	}
	if (dir)
		closedir(dir);
	return found || proc_stat(pid, out) || out->ended ? found : pid;
}

int
proc_living_task(int pid)
{
	struct proc_stat stat;

	return !proc_stat(pid, &stat) && !stat.ended ? pid : find_living(pid, &stat);
}

int
proc_process_stat(int pid, struct proc_stat *out)
{
	struct proc_stat living;

	if (proc_stat(pid, out))
		return -1;
	if (out->ended && find_living(pid, &living)) {
		out->state = living.state;
		out->image = living.image;
		out->ended = 0;
	}
	return 0;
}

uint64_t
proc_start_time(int pid)
{
	struct proc_stat stat;

	return proc_stat(pid, &stat) ? 0 : stat.start_time;
}

int64_t
proc_age(uint64_t start_time)
{
	struct timespec t;
	int64_t age, tick = 1000000000 / (int64_t)getauxval(AT_CLKTCK);

	clock_gettime(CLOCK_BOOTTIME, &t);
	age = t.tv_sec * INT64_C(1000000000) + t.tv_nsec - (int64_t)start_time * tick;
	return age > 0 ? age : 0;
}

/* The value of a "Name:\tvalue" line in text. */
static int
status_line(const char *text, const char *name, char *value, size_t size)
{
	size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, len) || p[len] != ':')
			continue;
		p += len + 1;
		p += strspn(p, " \t");
		text_format(value, size, "%.*s", (int)strcspn(p, "\n"), p);
		return 0;
	}
	return -1;
}

int
proc_status(int pid, const char *name, char *value, size_t size)
{
	struct buf text = { 0 };
	int result = -1;

	if (!proc_read(pid, "status", &text))
		result = status_line(buf_terminate(&text), name, value, size);
	buf_free(&text);
	return result;
}

/* The innermost of the numbers in an NSpid line; tid where there is none. */
static int
inner_tid(int pid, int tid)
{
	char name[48], line[256];
	struct buf text = { 0 };
	int inner = tid;

	text_format(name, sizeof name, "task/%d/status", tid);
	if (!proc_read(pid, name, &text) &&
	    !status_line(buf_terminate(&text), "NSpid", line, sizeof line)) {
		const char *last = strrchr(line, '\t');

		inner = to_int(last ? last + 1 : line);
	}
	buf_free(&text);
	return inner;
}

int
proc_owner(int tid)
{
	char value[32];
	int pid = proc_status(tid, "Tgid", value, sizeof value) ? 0 : to_int(value);

	return pid ? pid : tid;
}

/* Of the tasks that have ended, only the main thread stays for the others. */
static int
main_has_ended(int pid)
{
	struct proc_stat stat;

	return !proc_stat(pid, &stat) && stat.ended;
}

size_t
proc_tasks(int pid, struct proc_task **tasks)
{
	char path[32], line[256];
	int ended = main_has_ended(pid);
	size_t n = 0, cap = 0;
	/* Numbers differ only if the process is in a pid namespace of its own. */
	int nested = !proc_status(pid, "NSpid", line, sizeof line) && strchr(line, '\t');
	struct dirent *entry;
	DIR *dir;

	*tasks = NULL;
	text_format(path, sizeof path, "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)) && n < MAX_TASKS) {
		int tid = to_int(entry->d_name);

		if (tid <= 0 || (tid == pid && ended))
			continue;
		*tasks = grow(*tasks, n, &cap, sizeof **tasks);
		(*tasks)[n++] = (struct proc_task){ tid, nested ? inner_tid(pid, tid) : tid };
	}
	closedir(dir);
	return n;
}

/* ---- memory that is lent ---- */

/* Whether a thread waits in a call that makes a child: until a child that has its memory
 * has another, that is. */
static int
waits_for_child(int pid, int tid)
{
	static const uint16_t calls[] = {
		SYS_clone,
#ifdef SYS_vfork
		SYS_vfork,
#endif
#ifdef SYS_clone3
		SYS_clone3,
#endif
	};
	char text[256];
	const char *p = text;
	uint64_t call;
	int fd = -1, waits = 0;
	size_t len = read_again(pid, tid, "syscall", &fd, text, sizeof text);

	if (fd >= 0)
		close(fd);
	if (!len || parse_digits(&p, 10, &call))
		return 0;
	for (size_t i = 0; i < LEN(calls); i++)
		waits |= call == calls[i];
	return waits;
}

/* Whether that thread made that child; yes where the kernel does not say. */
static int
may_have_made(int pid, int tid, int child)
{
	char name[48];
	struct buf text = { 0 };
	const char *p;
	uint64_t number = 0;
	int unknown;

	text_format(name, sizeof name, "task/%d/children", tid);
	unknown = proc_read(pid, name, &text);
	p = buf_terminate(&text);
	while (number != (uint64_t)child && !parse_digits(&p, 10, &number))
		p += *p == ' ';
	buf_free(&text);
	return unknown || number == (uint64_t)child;
}

/* Where kcmp(2) is missing or forbidden. */
static int
is_waited_for(int child, int parent)
{
	struct proc_task *tasks;
	size_t n = proc_tasks(parent, &tasks);
	int waited = 0;

	for (size_t i = 0; i < n && !waited; i++)
		waited = waits_for_child(parent, tasks[i].tid) &&
		         may_have_made(parent, tasks[i].tid, child);
	free(tasks);
	return waited;
}

int
proc_lender(int pid)
{
	enum { KCMP_VM = 1 }; /* linux/kcmp.h */
	struct proc_stat child, parent;
	long differ;

	if (proc_stat(pid, &child) || !child.forked || !child.image ||
	    proc_process_stat(child.parent, &parent) || parent.image != child.image)
		return 0;
	differ = watch_kcmp(pid, proc_living_task(child.parent), KCMP_VM);
	if (differ < 0 ? is_waited_for(pid, child.parent) : !differ)
		return child.parent;
	return 0;
}

int
proc_task_name(int pid, int tid, char *buf, size_t size)
{
	struct buf text = { 0 };
	char name[32];
	int result;

	text_format(name, sizeof name, "task/%d/comm", tid);
	result = proc_read(pid, name, &text);
	if (!result)
		text_format(buf, size, "%.*s", (int)(text.len ? text.len - 1 : 0), text.data);
	buf_free(&text);
	return result;
}

size_t
proc_list(int **pids)
{
	size_t n = 0, cap = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	*pids = NULL;
	while (dir && (entry = readdir(dir))) {
		int pid = to_int(entry->d_name);

		if (pid <= 0)
			continue;
		*pids = grow(*pids, n, &cap, sizeof **pids);
		(*pids)[n++] = pid;
	}
	if (dir)
		closedir(dir);
	return n;
}
