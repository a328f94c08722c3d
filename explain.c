/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explanations.  The kernel says EPERM for a dozen reasons; which one it was
 * is found out by looking at what it decides by: ptrace(2), "Ptrace access
 * mode checking", and the Yama module's documentation.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"
#include "proc.h"
#include "sandbox.h"
#include "explain.h"

enum { CAP_SYS_PTRACE = 19 };

#define GRANT "in Docker: --cap-add=SYS_PTRACE; in Kubernetes: " \
	"securityContext.capabilities.add: [SYS_PTRACE]"

void
explain_not_python(int pid, const char *exe, const struct proc_maps *maps, struct buf *out)
{
	const char *what = NULL;

	for (size_t i = 0; i < maps->n && !what; i++)
		if (text_find(base_name(maps->maps[i].path), "pypy"))
			what = "PyPy, which pyflame cannot read: it reads CPython";
	buf_printf(out, "pid %d (%s) is %s", pid, *exe ? exe : "no executable",
	           what ? what : "not Python");
}

void
explain_no_memory(int pid, int kernel, struct buf *out)
{
	if (kernel)
		buf_printf(out, "pid %d is a kernel thread, not Python", pid);
	else
		buf_printf(out, "pid %d is a zombie: it has exited, and its parent has not "
		           "collected it", pid);
}

int
explain_hidden(int pid, struct buf *out)
{
	char path[32];

	text_format(path, sizeof path, "/proc/%d", pid);
	if (!access(path, F_OK) || (kill(pid, 0) && errno != EPERM))
		return 0;
	buf_printf(out, "not permitted to see pid %d: /proc is mounted with hidepid; run pyflame "
	           "as the user that it belongs to, or as root", pid);
	return 1;
}

/* The first number in a status line of a process, in the given base. */
static uint64_t
status_number(int pid, const char *name, unsigned base)
{
	char value[256];
	const char *p = value;
	uint64_t number;

	if (proc_status(pid, name, value, sizeof value) || parse_digits(&p, base, &number))
		return 0;
	return number;
}

/* The value of Yama's ptrace_scope, -1 where there is no Yama. */
static int
yama_scope(void)
{
	char text[16];
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	return text[0] - '0';
}

static int
other_user_namespace(int pid)
{
	char path[64], ours[64], theirs[64];
	ssize_t a, b;

	text_format(path, sizeof path, "/proc/%d/ns/user", pid);
	a = readlink("/proc/self/ns/user", ours, sizeof ours);
	b = readlink(path, theirs, sizeof theirs);
	return a > 0 && b > 0 && (a != b || memcmp(ours, theirs, (size_t)a));
}

/* The kernel gives the files of a process that is not dumpable to root. */
static int
is_undumpable(int pid, unsigned uid)
{
	char path[32];
	struct stat st;

	text_format(path, sizeof path, "/proc/%d/maps", pid);
	return uid && !stat(path, &st) && st.st_uid != uid;
}

static void
explain_yama(int pid, int scope, struct buf *out)
{
	if (scope == 1)
		buf_printf(out, "not permitted to read pid %d: Yama's ptrace_scope is 1, so only "
		           "its parent may; run pyflame as root, start the program with "
		           "pyflame -t, or run: sysctl kernel.yama.ptrace_scope=0 (%s)", pid, GRANT);
	else if (scope == 2)
		buf_printf(out, "not permitted to read pid %d: Yama's ptrace_scope is 2, so only "
		           "root may; run pyflame as root (%s)", pid, GRANT);
	else
		buf_printf(out, "not permitted to read pid %d: Yama's ptrace_scope is 3, which "
		           "forbids it to everybody until the next boot", pid);
}

/* The pid that this /proc has for us; 0: we are not in there, -1: it is no /proc. */
static int
own_pid(void)
{
	char text[24];
	ssize_t n = readlink("/proc/self", text, sizeof text - 1);
	const char *p = text;
	uint64_t pid;

	if (n < 0)
		return access("/proc/version", F_OK) ? -1 : 0;
	text[n] = 0;
	return parse_digits(&p, 10, &pid) || *p ? -1 : (int)pid;
}

int
explain_proc(struct buf *out)
{
	int pid = own_pid();

	if (pid == getpid())
		return 0;
	if (pid < 0)
		buf_str(out, "/proc is not mounted; run: mount -t proc proc /proc");
	else
		buf_printf(out, "/proc is of another pid namespace than pyflame; to enter a container "
		           "enter both, its pid and its mount namespace: nsenter -t PID -%s",
		           pid ? "m -p" : "p -m");
	return 1;
}

static int
may_trace_all(uint64_t caps)
{
	return caps >> CAP_SYS_PTRACE & 1;
}

int
explain_is_kin_only(void)
{
	return yama_scope() == 1 && !may_trace_all(status_number(getpid(), "CapEff", 16));
}

void
explain_denied(int pid, struct buf *out)
{
	unsigned uid = (unsigned)status_number(pid, "Uid", 10);
	uint64_t caps = status_number(getpid(), "CapEff", 16);
	uint64_t theirs = status_number(pid, "CapPrm", 16);
	int may_trace = may_trace_all(caps), scope = yama_scope();

	if (scope == 3)
		explain_yama(pid, scope, out);
	else if (may_trace && other_user_namespace(pid))
		buf_printf(out, "not permitted to read pid %d: it is in another user namespace; "
		           "run pyflame as root of the machine, or inside that namespace", pid);
	else if (sandbox_was_filtered() && (may_trace || (uid == geteuid() && scope <= 0)))
		buf_printf(out, "not permitted to read pid %d: a seccomp filter forbids "
		           "process_vm_readv and ptrace; %s, or --security-opt seccomp=unconfined",
		           pid, GRANT);
	else if (!may_trace && uid != geteuid())
		buf_printf(out, "not permitted to read pid %d: it belongs to user %u%s; run pyflame "
		           "as that user or as root%s%s%s", pid, uid,
		           geteuid() ? "" : ", and this root lacks the capability SYS_PTRACE",
		           geteuid() ? "" : " (", geteuid() ? "" : GRANT, geteuid() ? "" : ")");
	else if (!may_trace && !geteuid())
		buf_printf(out, "not permitted to read pid %d: this root lacks the capability "
		           "SYS_PTRACE (%s)", pid, GRANT);
	else if (!may_trace && scope >= 1)
		explain_yama(pid, scope, out);
	else if (!may_trace && theirs & ~caps)
		buf_printf(out, "not permitted to read pid %d: it has capabilities that pyflame "
		           "has not; run pyflame as root (%s)", pid, GRANT);
	else if (!may_trace && is_undumpable(pid, uid))
		buf_printf(out, "not permitted to read pid %d: it made itself undumpable, as "
		           "programs do that hold secrets or changed user; run pyflame as root (%s)",
		           pid, GRANT);
	else
		buf_printf(out, "not permitted to read pid %d: the kernel forbids it, perhaps by a "
		           "security module; run pyflame as root of the machine (%s)", pid, GRANT);
}
