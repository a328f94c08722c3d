/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp filter (seccomp(2)), put together here: musl's compiler does not
 * see the kernel's headers.  What is listed is what the rest of pyflame calls,
 * by way of musl or glibc, on any machine; where a machine does not have a call
 * of that name, it has no number here.
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
	(void)child;
	filtered = prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) > 0;
}

#else

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
	SYS_writev, SYS_close, SYS_fcntl, SYS_getdents64, SYS_lseek, SYS_waitid,
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
	SYS_readlinkat, SYS_faccessat, SYS_unlinkat, SYS_exit, SYS_exit_group, SYS_futex,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_renameat2
	SYS_renameat2,
#endif
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
	SYS_access, SYS_stat, SYS_lstat, SYS_readlink, SYS_rename, SYS_unlink, SYS_getpgrp,
#endif
#ifdef SYS_stat64 /* 32 bits */
	SYS_stat64, SYS_lstat64, SYS_fstat64, SYS_fstatat64, SYS_fcntl64, SYS__llseek, SYS_mmap2,
	SYS_geteuid32, SYS_sigreturn,
#endif
};

/* Allowed if those bits of an argument have that value. */
static const struct rule {
	uint16_t call, arg;
	uint32_t mask, value;
} rules[] = {
	{ SYS_ptrace, 0, UINT32_MAX, PTRACE_SEIZE },
	{ SYS_ptrace, 0, UINT32_MAX, PTRACE_INTERRUPT },
	{ SYS_ptrace, 0, UINT32_MAX, PTRACE_DETACH },
	{ SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SYS_openat, 2, O_PATH, O_PATH },
	{ SYS_openat, 2, O_CREAT | O_EXCL, O_CREAT | O_EXCL },
#ifdef SYS_open
	{ SYS_open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SYS_open, 1, O_PATH, O_PATH },
	{ SYS_open, 1, O_CREAT | O_EXCL, O_CREAT | O_EXCL },
#endif
	{ SYS_ioctl, 1, UINT32_MAX, TIOCGWINSZ },
	{ SYS_ioctl, 1, UINT32_MAX, TIOCGPGRP },
	{ SYS_ioctl, 1, UINT32_MAX, TCGETS },
	{ SYS_prctl, 0, UINT32_MAX, PR_SET_TIMERSLACK },
	{ SYS_prlimit64, 0, UINT32_MAX, 0 },
	{ SYS_kill, 1, UINT32_MAX, 0 }, /* asks whether it is there */
	{ SYS_tgkill, 2, UINT32_MAX, 0 },
	{ SYS_kcmp, 2, UINT32_MAX, 1 }, /* KCMP_VM */
	{ SYS_kill, 1, UINT32_MAX, SIGCHLD }, /* wakes, and does nothing else */
	{ SYS_setpriority, 1, UINT32_MAX, 0 },
	{ SYS_sched_setscheduler, 0, UINT32_MAX, 0 },
	{ SYS_prctl, 0, UINT32_MAX, PR_SET_PDEATHSIG },
	{ SYS_clone, CLONE_FLAGS, UINT32_MAX, WATCH_CLONE },
};

static void
add(struct filter *f, int code, uint32_t k, int if_false)
{
	f->at[f->n++] = (struct instruction){ (uint16_t)code, 0, (uint8_t)if_false, k };
}

static void
add_rule(struct filter *f, struct rule r)
{
	add(f, JUMP_EQUAL, r.call, 5);
	/* The kernel takes the lower half of them as well, or refuses the whole. */
	add(f, LOAD, (uint32_t)(offsetof(struct data, args) + 8u * r.arg + (LITTLE ? 0 : 4)), 0);
	add(f, AND, r.mask, 0);
	add(f, JUMP_EQUAL, r.value, 1);
	add(f, RETURN, ALLOW, 0);
	add(f, LOAD, offsetof(struct data, call), 0);
}

void
sandbox_enter(int child)
{
	struct instruction program[2 * LEN(allowed) + 6 * LEN(rules) + 18];
	struct filter f = { program, 0 };
	struct { unsigned short n; struct instruction *at; } whole;

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
	for (size_t i = 0; i < LEN(rules); i++)
		add_rule(&f, rules[i]);
	add_rule(&f, (struct rule){ SYS_kill, 0, UINT32_MAX, (uint32_t)getpid() });
	if (child)
		add_rule(&f, (struct rule){ SYS_kill, 0, UINT32_MAX, (uint32_t)child });
	add(&f, RETURN, KILL_PROCESS, 0);
	whole.n = (unsigned short)f.n;
	whole.at = program;
	/* Speculation need not be slowed down for it; older kernels do not know of that. */
	on = !prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) &&
	     (!syscall(SYS_seccomp, SET_MODE_FILTER, SPEC_ALLOW, &whole) ||
	      !syscall(SYS_seccomp, SET_MODE_FILTER, 0, &whole));
}

#endif
