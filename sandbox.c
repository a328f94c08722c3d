/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fewer capabilities, and a seccomp filter (seccomp(2)), put together here: musl's
 * compiler does not see the kernel's headers.  What is listed is what the rest of
 * pyflame calls, by way of musl or glibc, on any machine; where a machine does not have
 * a call of that name, it has no number here.
 *
 * Landlock (landlock(7)) is for the writer alone: the kernel lets nobody who is in it
 * read or stop a process that is not.
 */
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>
#include <sys/types.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"
#include "sandbox.h"

#if defined __x86_64__ && defined __LP64__
#define MACHINE EM_X86_64
#elif defined __i386__
#define MACHINE EM_386
#elif defined __aarch64__
#define MACHINE EM_AARCH64
#elif defined __arm__
#define MACHINE EM_ARM
#elif defined __riscv && __riscv_xlen == 64
#define MACHINE 243 /* EM_RISCV, which older elf.h lack */
#elif defined __powerpc64__
#define MACHINE EM_PPC64
#elif defined __s390x__
#define MACHINE EM_S390
#endif

/* What a sanitizer calls is its own affair. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#undef MACHINE
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#undef MACHINE
#endif

static int on, filtered;

/* linux/capability.h: the masks are of 32 capabilities each. */
enum { CAP_VERSION_3 = 0x20080522, CAP_WORDS = 2 };
enum {
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH,
	CAP_FOWNER,
	CAP_KILL = 5,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_NICE = 23,
};

/* Keeps those of a set of capabilities that there are. */
static void
keep_capabilities(uint32_t kept)
{
	struct { uint32_t version; int pid; } header = { CAP_VERSION_3, 0 };
	struct { uint32_t effective, permitted, inheritable; } sets[CAP_WORDS];

	if (syscall(SYS_capget, &header, sets))
		return;
	for (size_t i = 0; i < CAP_WORDS; i++, kept = 0) {
		sets[i].effective &= kept;
		sets[i].permitted &= kept;
		sets[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, sets);
}

/* To read and stop processes, and to be on time; to hand signals on to a command that
 * changed its user. */
static void
keep_reading(int child)
{
	keep_capabilities(1u << CAP_SYS_PTRACE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_SYS_NICE |
	                  (child ? 1u << CAP_KILL : 0));
}

/* linux/landlock.h; the numbers of its calls are the same on all machines. */
enum { CREATE_RULESET = 444, ADD_RULE, RESTRICT_SELF };
enum { ASK_VERSION = 1, PATH_BENEATH = 1 };
enum { WRITE_FILE = 1 << 1, REMOVE_FILE = 1 << 5, MAKE_REG = 1 << 8 };

/* All rights to files that this kernel can take away, 0: it can't. */
static uint64_t
known_rights(void)
{
	static const uint16_t known[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff }; /* by version */
	long version = syscall(CREATE_RULESET, NULL, 0L, ASK_VERSION);

	if (version <= 0)
		return 0;
	return known[version < (long)LEN(known) ? version : (long)LEN(known) - 1];
}

/* Lets nothing be written, created, renamed or removed but files in that folder.  Older
 * kernels do not know of that. */
static void
keep_to_folder(int folder)
{
	uint64_t handled = known_rights();
	struct { uint64_t rights; int32_t folder; } __attribute__((packed)) rule = {
		WRITE_FILE | REMOVE_FILE | MAKE_REG, folder };
	long rules;

	if (!handled)
		return;
	rules = syscall(CREATE_RULESET, &handled, sizeof handled, 0L);
	if (rules < 0)
		return;
	if (!syscall(ADD_RULE, rules, PATH_BENEATH, &rule, 0L))
		syscall(RESTRICT_SELF, rules, 0L);
	close((int)rules);
}

void
sandbox_enter_writer(int folder)
{
	keep_capabilities(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER);
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) && folder >= 0)
		keep_to_folder(folder);
}

int
sandbox_is_on(void)
{
	return on;
}

int
sandbox_was_filtered(void)
{
	return filtered;
}

#ifndef MACHINE

void
sandbox_enter(int child)
{
	keep_reading(child);
	filtered = prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) > 0;
}

#else

/* linux/perf_event.h */
enum { PERF_ENABLE = 0x2400, PERF_DISABLE, PERF_PERIOD = 0x40082404 };

/* linux/seccomp.h, linux/filter.h, linux/audit.h */
enum { SET_MODE_FILTER = 1, SPEC_ALLOW = 4, LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };
enum { LOAD = 0x20, AND = 0x54, JUMP_EQUAL = 0x15, RETURN = 0x06 };
#define ALLOW 0x7fff0000u
#define KILL_PROCESS 0x80000000u
#define ARCH (MACHINE | (sizeof(long) == 8 ? 0x80000000u : 0) | (LITTLE ? 0x40000000u : 0))

#ifdef __s390x__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 }; /* which argument they are */
#endif

struct data { /* what the filter sees */
	int32_t call;
	uint32_t arch;
	uint64_t instruction, args[6];
};

struct instruction {
	uint16_t code;
	uint8_t if_true, if_false;
	uint32_t k;
};

struct filter {
	struct instruction *at;
	size_t n;
};

/* Allowed, whatever their arguments are; the most frequent ones first. */
static const uint16_t allowed[] = {
	SYS_process_vm_readv, SYS_pread64, SYS_rt_sigtimedwait, SYS_wait4, SYS_read, SYS_write,
	SYS_writev, SYS_close, SYS_getdents64, SYS_lseek, SYS_waitid,
#ifdef SYS_clock_gettime
	SYS_clock_gettime, SYS_clock_nanosleep,
#endif
#ifdef SYS_clock_gettime64 /* 32 bits */
	SYS_clock_gettime64, SYS_rt_sigtimedwait_time64, SYS_clock_nanosleep_time64,
	SYS_ppoll_time64,
#endif
#ifdef SYS_clock_gettime32 /* musl's names for the older ones */
	SYS_clock_gettime32, SYS_clock_nanosleep_time32,
#endif
#ifdef SYS_nanosleep
	SYS_nanosleep,
#endif
#ifdef SYS_mmap
	SYS_mmap,
#endif
	SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_getpid, SYS_getppid, SYS_getpgid, SYS_geteuid, SYS_uname, SYS_setitimer, SYS_ppoll,
	SYS_signalfd4, SYS_set_tid_address, SYS_getpriority, SYS_sched_getscheduler,
	SYS_readlinkat, SYS_faccessat, SYS_getxattr, SYS_exit, SYS_exit_group, SYS_futex,
#ifdef SYS_fstat
	SYS_fstat,
#endif
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_statx
	SYS_statx,
#endif
#ifdef SYS_getrandom
	SYS_getrandom,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_access /* and all the older calls */
	SYS_access, SYS_stat, SYS_lstat, SYS_readlink, SYS_getpgrp,
#endif
#ifdef SYS_stat64 /* 32 bits */
	SYS_stat64, SYS_lstat64, SYS_fstat64, SYS_fstatat64, SYS__llseek, SYS_mmap2,
	SYS_geteuid32, SYS_sigreturn,
#endif
};

/* Of an argument those bits have that value; all zero: whatever it is. */
struct test {
	uint32_t arg, mask, value;
};

struct rule {
	uint16_t call;
	struct test tests[2];
};

#define IS(arg, value) { arg, UINT32_MAX, value }

/* Ends pyflame, though a rule below would allow it. */
static const struct rule refused[] = {
	{ SYS_ptrace, { IS(0, PTRACE_DETACH), IS(3, SIGKILL) } }, /* never on its way to a thread */
};

static const struct rule rules[] = {
	{ SYS_ptrace, { IS(0, PTRACE_SEIZE), IS(3, 0) } }, /* without options */
	{ SYS_ptrace, { IS(0, PTRACE_INTERRUPT) } },
	{ SYS_ptrace, { IS(0, PTRACE_DETACH) } },
#ifndef WITHOUT_native
	{ SYS_ptrace, { IS(0, PTRACE_GETREGSET), IS(2, 1) } }, /* NT_PRSTATUS: but reads */
#endif
	{ SYS_openat, { { 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ SYS_openat, { { 2, O_ACCMODE | O_CREAT | O_TRUNC, O_PATH } } }, /* in musl one of these */
#ifdef SYS_open
	{ SYS_open, { { 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ SYS_open, { { 1, O_ACCMODE | O_CREAT | O_TRUNC, O_PATH } } },
#endif
	{ SYS_fcntl, { IS(1, F_SETFD) } },
#ifdef SYS_fcntl64 /* 32 bits */
	{ SYS_fcntl64, { IS(1, F_SETFD) } },
#endif
	{ SYS_ioctl, { IS(1, TIOCGWINSZ) } },
	{ SYS_ioctl, { IS(1, TIOCGPGRP) } },
	{ SYS_ioctl, { IS(1, TCGETS) } },
#ifndef WITHOUT_kernel
	{ SYS_ioctl, { IS(1, PERF_ENABLE) } },
	{ SYS_ioctl, { IS(1, PERF_DISABLE) } },
	{ SYS_ioctl, { IS(1, PERF_PERIOD) } },
#endif
	{ SYS_prctl, { IS(0, PR_SET_TIMERSLACK), IS(1, 1) } },
	{ SYS_prctl, { IS(0, PR_SET_PDEATHSIG), IS(1, SIGKILL) } },
	{ SYS_prlimit64, { IS(0, 0) } },
	{ SYS_kill, { IS(1, 0) } }, /* asks whether it is there */
	{ SYS_kill, { IS(1, SIGCHLD) } }, /* wakes, and does nothing else */
	{ SYS_tgkill, { IS(2, 0) } },
	{ SYS_kcmp, { IS(2, 1) } }, /* KCMP_VM */
	{ SYS_setpriority, { IS(0, PRIO_PROCESS), IS(1, 0) } },
	{ SYS_sched_setscheduler, { IS(0, 0) } },
	{ SYS_sched_setattr, { IS(0, 0) } },
	{ SYS_sched_getaffinity, { IS(0, 0) } },
	{ SYS_sched_setaffinity, { IS(0, 0) } },
	{ SYS_clone, { IS(CLONE_FLAGS, WATCH_CLONE) } },
};

static void
add(struct filter *f, int code, uint32_t k, int if_false)
{
	f->at[f->n++] = (struct instruction){ (uint16_t)code, 0, (uint8_t)if_false, k };
}

static void
add_rule(struct filter *f, struct rule r, uint32_t verdict)
{
	enum { LAST = 8 }; /* the instruction that the next rule goes on with */
	size_t start = f->n;

	add(f, JUMP_EQUAL, r.call, LAST);
	for (size_t i = 0; i < LEN(r.tests); i++) {
		/* The kernel takes the lower half of them as well, or refuses the whole. */
		size_t half = 8 * r.tests[i].arg + (LITTLE ? 0 : 4);

		add(f, LOAD, (uint32_t)(offsetof(struct data, args) + half), 0);
		add(f, AND, r.tests[i].mask, 0);
		add(f, JUMP_EQUAL, r.tests[i].value, (int)(start + LAST - f->n) - 1);
	}
	add(f, RETURN, verdict, 0);
	add(f, LOAD, offsetof(struct data, call), 0);
}

void
sandbox_enter(int child)
{
	struct instruction program[2 * LEN(allowed) + 9 * (LEN(refused) + LEN(rules) + 2) + 5];
	struct filter f = { program, 0 };
	struct { unsigned short n; struct instruction *at; } whole;

	keep_reading(child);
	filtered = prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) > 0;
	add(&f, LOAD, offsetof(struct data, arch), 0);
	add(&f, JUMP_EQUAL, ARCH, 0);
	program[1].if_true = 1;
	add(&f, RETURN, KILL_PROCESS, 0);
	add(&f, LOAD, offsetof(struct data, call), 0);
	for (size_t i = 0; i < LEN(allowed); i++) {
		add(&f, JUMP_EQUAL, allowed[i], 1);
		add(&f, RETURN, ALLOW, 0);
	}
	for (size_t i = 0; i < LEN(refused); i++)
		add_rule(&f, refused[i], KILL_PROCESS);
	for (size_t i = 0; i < LEN(rules); i++)
		add_rule(&f, rules[i], ALLOW);
	add_rule(&f, (struct rule){ SYS_kill, { IS(0, (uint32_t)getpid()) } }, ALLOW);
	if (child)
		add_rule(&f, (struct rule){ SYS_kill, { IS(0, (uint32_t)child) } }, ALLOW);
	add(&f, RETURN, KILL_PROCESS, 0);
	whole.n = (unsigned short)f.n;
	whole.at = program;
	/* Speculation need not be slowed down for it; older kernels do not know of that. */
	on = !prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) &&
	     (!syscall(SYS_seccomp, SET_MODE_FILTER, SPEC_ALLOW, &whole) ||
	      !syscall(SYS_seccomp, SET_MODE_FILTER, 0, &whole));
}

#endif
