/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enters pyflame's sandbox and then makes a call, as somebody would who has
 * taken it over: breakout CALL; breakout CALL outside: without entering it; breakout
 * write-in FOLDER: enters the writer's instead.
 *
 * Exit status: 77 the call returned, 78 the kernel has no sandbox, 2 CALL is not
 * known; killed by SIGSYS if the sandbox holds.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "util.h"
#include "sandbox.h"

static int child;

static void do_socket(void) { socket(AF_UNIX, SOCK_STREAM, 0); }
static void do_exec(void) { execl("/bin/true", "true", (char *)NULL); }
static void do_fork(void) { syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static void do_poke(void) { ptrace(PTRACE_POKEDATA, child, 0, 0); }
static void do_setregs(void) { ptrace(PTRACE_SETREGSET, child, 1, 0); }
static void do_traceme(void) { ptrace(PTRACE_TRACEME, 0, 0, 0); }
static void do_write_memory(void)
{
	char byte = 0;
	struct iovec v = { &byte, 1 };

	process_vm_writev(child, &v, 1, &v, 1, 0);
}
static void do_open_memory(void) { open("/proc/self/mem", O_RDWR); }
static void do_open_writing(void) { open("/dev/null", O_WRONLY); }
static void do_truncate(void) { open("/dev/null", O_RDONLY | O_TRUNC); }
static void do_replace(void) { open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666); }
static void do_kill(void) { kill(getppid(), SIGURG); }
static void do_kill_group(void) { kill(0, SIGURG); }
static void do_type(void) { ioctl(0, TIOCSTI, "x"); }
static void do_mount(void) { mount("none", "/nowhere", "tmpfs", 0, NULL); }
static void do_setuid(void) { syscall(SYS_setuid, 0); }
static void do_chmod(void) { syscall(SYS_fchmodat, AT_FDCWD, "/nowhere", 0777); }
static void do_limit(void) { prlimit(child, RLIMIT_CORE, NULL, NULL); }
static void do_renice(void) { setpriority(PRIO_PROCESS, (unsigned)child, 1); }
static void do_renice_user(void) { setpriority(PRIO_USER, 0, 1); }
/* Each of these ends a process that it may not be sent a signal. */
static void do_exitkill(void)
{
	ptrace(PTRACE_SEIZE, child, 0, (void *)(intptr_t)PTRACE_O_EXITKILL);
}
static void do_detach_killing(void) { ptrace(PTRACE_DETACH, child, 0, (void *)(intptr_t)SIGKILL); }
static void do_setown(void) { fcntl(0, F_SETOWN, child); }
static void do_setsig(void) { fcntl(0, F_SETSIG, SIGKILL); }
static void do_lease(void) { fcntl(0, F_SETLEASE, F_RDLCK); }
static void do_create(void) { openat(AT_FDCWD, "new", O_WRONLY | O_CREAT | O_EXCL, 0666); }
static void do_setuid_file(void) { openat(AT_FDCWD, "new", O_WRONLY | O_CREAT | O_EXCL, 04644); }
static void do_temporary(void) { openat(AT_FDCWD, ".", O_RDWR | O_TMPFILE, 0666); }
static void do_rename(void) { rename("/nowhere", "/here"); }
static void do_renameat2(void) { syscall(SYS_renameat2, AT_FDCWD, "/nowhere", AT_FDCWD, "/here", 0); }
static void do_unlink(void) { unlink("/nowhere"); }
static void do_unlinkat(void) { unlinkat(AT_FDCWD, "/nowhere", 0); }
static void do_deathsig(void) { prctl(PR_SET_PDEATHSIG, SIGTERM); }
static void do_slack(void) { prctl(PR_SET_TIMERSLACK, 2UL); }
static void do_capset(void) { syscall(SYS_capset, NULL, NULL); }
static void do_link(void) { syscall(SYS_linkat, AT_FDCWD, "/nowhere", AT_FDCWD, "/here", 0); }
#ifdef __x86_64__
static void do_other_machine(void) /* getpid as i386 numbers it; writev here */
{
	long number = 20;

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
}
static void do_x32(void) { syscall(0x40000000 + SYS_getpid); }
#endif

/* What has to go on working. */
static void do_allowed(void)
{
	int status;

	if (open("/proc/self/maps", O_RDONLY | O_CLOEXEC) < 0 || write(1, "x", 1) != 1)
		_exit(1);
	if (kill(1, 0) && kill(getpid(), 0))
		_exit(1);
	if (ptrace(PTRACE_SEIZE, child, 0, 0) || ptrace(PTRACE_INTERRUPT, child, 0, 0) ||
	    waitpid(child, &status, __WALL) != child || ptrace(PTRACE_DETACH, child, 0, 0) ||
	    kill(child, SIGKILL) || waitpid(child, &status, 0) != child)
		_exit(1);
}

static const struct {
	const char *name;
	void (*make)(void);
} calls[] = {
	{ "socket", do_socket }, { "exec", do_exec }, { "fork", do_fork }, { "poke", do_poke },
	{ "setregs", do_setregs }, { "traceme", do_traceme }, { "write-memory", do_write_memory },
	{ "open-memory", do_open_memory }, { "open-writing", do_open_writing },
	{ "truncate", do_truncate }, { "replace", do_replace }, { "kill", do_kill },
	{ "kill-group", do_kill_group }, { "type", do_type }, { "mount", do_mount },
	{ "setuid", do_setuid }, { "chmod", do_chmod }, { "limit", do_limit },
	{ "renice", do_renice }, { "link", do_link }, { "renice-user", do_renice_user },
	{ "exitkill", do_exitkill }, { "detach-killing", do_detach_killing },
	{ "setown", do_setown }, { "setsig", do_setsig }, { "lease", do_lease },
	{ "create", do_create }, { "setuid-file", do_setuid_file }, { "temporary", do_temporary },
	{ "rename", do_rename }, { "renameat2", do_renameat2 }, { "unlink", do_unlink },
	{ "unlinkat", do_unlinkat },
	{ "deathsig", do_deathsig }, { "slack", do_slack }, { "capset", do_capset },
#ifdef __x86_64__
	{ "other-machine", do_other_machine }, { "x32", do_x32 },
#endif
	{ "allowed", do_allowed },
};

/* The writer's sandbox: this has to go on working in the folder, and the rest is refused.
 * 78: the kernel does not know how. */
static int
write_in(const char *folder)
{
	enum { CREATE = O_WRONLY | O_CREAT | O_EXCL };
	int in = open(folder, O_PATH | O_DIRECTORY);

	if (in < 0 || syscall(444, NULL, 0, 1) <= 0) /* landlock_create_ruleset */
		return 78;
	sandbox_enter_writer(in);
	if (openat(in, "new", CREATE, 0666) < 0 || renameat(in, "new", in, "newer") ||
	    openat(in, "new", CREATE, 0666) < 0 || renameat(in, "new", in, "newer") ||
	    openat(in, "new", CREATE, 0666) < 0 || unlinkat(in, "new", 0))
		return 1;
	if (openat(in, "../new", CREATE, 0666) >= 0 || openat(in, "../old", O_WRONLY) >= 0)
		return 3;
	if (!renameat(in, "newer", in, "../newer") || !renameat(in, "../old", in, "../older") ||
	    !unlinkat(in, "../old", 0))
		return 4;
	if (!mkdirat(in, "folder", 0777) || !symlinkat("/nowhere", in, "link") ||
	    !linkat(in, "../old", in, "old", 0))
		return 5;
	return 77;
}

int
main(int argc, char *argv[])
{
	if (argc == 3 && !strcmp(argv[1], "write-in"))
		return write_in(argv[2]);
	for (size_t i = 0; i < LEN(calls); i++) {
		if (argc == 1)
			puts(calls[i].name);
		if (argc == 1 || strcmp(argv[1], calls[i].name))
			continue;
		child = fork();
		if (child == 0) {
			alarm(10);
			for (;;)
				pause();
		}
		if (argc == 2)
			sandbox_enter(child);
		if (argc == 2 && !sandbox_is_on())
			_exit(78);
		calls[i].make();
		_exit(77);
	}
	return argc == 1 ? 0 : 2;
}
