/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command that the kernel refuses some system calls, as in a container:
 *
 *   refuse eperm|enosys CALL... -- COMMAND [ARGUMENT]...
 *
 * The calls known here are process_vm_readv, ptrace, seccomp, kcmp, mprotect, clone, bpf and
 * perf_event_open.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
number_of(const char *call)
{
	return !strcmp(call, "process_vm_readv") ? __NR_process_vm_readv :
	       !strcmp(call, "ptrace") ? __NR_ptrace :
	       !strcmp(call, "seccomp") ? __NR_seccomp :
	       !strcmp(call, "kcmp") ? __NR_kcmp :
	       !strcmp(call, "mprotect") ? __NR_mprotect :
	       !strcmp(call, "clone") ? __NR_clone :
	       !strcmp(call, "bpf") ? __NR_bpf :
	       !strcmp(call, "perf_event_open") ? __NR_perf_event_open : -1;
}

int
main(int argc, char *argv[])
{
	struct sock_filter filter[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short n = 1;
	unsigned error;
	int i;

	if (argc < 4)
		return 2;
	error = !strcmp(argv[1], "enosys") ? ENOSYS : EPERM;
	for (i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		if (number_of(argv[i]) < 0 || n > 60)
			return 2;
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		                                           (unsigned)number_of(argv[i]), 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		                                           SECCOMP_RET_ERRNO | error);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ n, filter }, 0, 0)) {
		perror("seccomp");
		return 77;
	}
	if (i + 1 < argc)
		execvp(argv[i + 1], argv + i + 1);
	return 127;
}
