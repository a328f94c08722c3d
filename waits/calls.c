/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of system calls, by the machine that the thread runs as: Linux v6.1
 * arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, arch/arm/tools/syscall.tbl,
 * include/uapi/asm-generic/unistd.h (arm64, riscv64), arch/powerpc/kernel/syscalls/syscall.tbl,
 * arch/s390/kernel/syscalls/syscall.tbl.
 */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "waits/calls.h"

enum machine { X86_64, I386, ARM, GENERIC, POWERPC, S390, MACHINES };

static const struct {
	const char name[16];
	unsigned char about; /* enum call_about */
	int16_t numbers[MACHINES];
} calls[] = {
	{ "read", CALL_FILE, { 0, 3, 3, 63, 3, 3 } },
	{ "readv", CALL_FILE, { 19, 145, 145, 65, 145, 145 } },
	{ "pread64", CALL_FILE, { 17, 180, 180, 67, 179, 180 } },
	{ "preadv", CALL_FILE, { 295, 333, 361, 69, 320, 328 } },
	{ "preadv2", CALL_FILE, { 327, 378, 392, 286, 380, 376 } },
	{ "write", CALL_FILE, { 1, 4, 4, 64, 4, 4 } },
	{ "writev", CALL_FILE, { 20, 146, 146, 66, 146, 146 } },
	{ "pwrite64", CALL_FILE, { 18, 181, 181, 68, 180, 181 } },
	{ "pwritev", CALL_FILE, { 296, 334, 362, 70, 321, 329 } },
	{ "recv", CALL_FILE, { 45, 371, 292, 207, 337, 371 } },
	{ "recv", CALL_FILE, { 47, 372, 297, 212, 342, 372 } },
	{ "recv", CALL_FILE, { 299, 337, 365, 243, 343, 357 } },
	{ "recv", CALL_FILE, { -1, -1, 291, -1, 336, -1 } },
	{ "send", CALL_FILE, { 44, 369, 290, 206, 335, 369 } },
	{ "send", CALL_FILE, { 46, 370, 296, 211, 341, 370 } },
	{ "send", CALL_FILE, { 307, 345, 374, 269, 349, 358 } },
	{ "send", CALL_FILE, { -1, -1, 289, -1, 334, -1 } },
	{ "accept", CALL_FILE, { 43, -1, 285, 202, 330, -1 } },
	{ "accept", CALL_FILE, { 288, 364, 366, 242, 344, 364 } },
	{ "connect", CALL_CONNECT, { 42, 362, 283, 203, 328, 362 } },
	{ "fsync", CALL_FILE, { 74, 118, 118, 82, 118, 118 } },
	{ "fdatasync", CALL_FILE, { 75, 148, 148, 83, 148, 148 } },
	{ "syncfs", CALL_FILE, { 306, 344, 373, 267, 348, 338 } },
	{ "ioctl", CALL_FILE, { 16, 54, 54, 29, 54, 54 } },
	{ "getdents64", CALL_FILE, { 217, 220, 217, 61, 202, 220 } },
	{ "fallocate", CALL_FILE, { 285, 324, 352, 47, 309, 314 } },
	{ "ftruncate", CALL_FILE, { 77, 93, 93, 46, 93, 93 } },
	{ "sendfile", CALL_FILE, { 40, 187, 187, 71, 186, 187 } },
	{ "sendfile", CALL_FILE, { -1, 239, 239, -1, -1, -1 } },
	{ "io_uring_enter", CALL_FILE, { 426, 426, 426, 426, 426, 426 } },
	{ "lseek", CALL_FILE, { 8, 19, 19, 62, 19, 19 } },
	{ "close", CALL_FILE, { 3, 6, 6, 57, 6, 6 } },
	{ "tee", CALL_FILE, { 276, 315, 342, 77, 284, 308 } },
	{ "splice", CALL_SPLICE, { 275, 313, 340, 76, 283, 306 } },
	{ "copy_file_range", CALL_SPLICE, { 326, 377, 391, 285, 379, 375 } },
	{ "poll", CALL_POLL, { 7, 168, 168, -1, 167, 168 } },
	{ "poll", CALL_PPOLL, { 271, 309, 336, 73, 281, 302 } },
	{ "poll", CALL_PPOLL, { -1, 414, 414, 414, -1, -1 } },
	{ "select", CALL_SELECT, { 23, 82, -1, -1, 82, 142 } },
	{ "select", CALL_SELECT, { -1, 142, 142, -1, 142, -1 } },
	{ "select", CALL_PSELECT, { 270, 308, 335, 72, 280, 301 } },
	{ "select", CALL_PSELECT, { -1, 413, 413, 413, -1, -1 } },
	{ "epoll", CALL_EPOLL, { 232, 256, 252, -1, 238, 251 } },
	{ "epoll", CALL_EPOLL, { 281, 319, 346, 22, 303, 312 } },
	{ "epoll", CALL_EPOLL2, { 441, 441, 441, 441, 441, 441 } },
	{ "futex", CALL_FUTEX, { 202, 240, 240, 98, 221, 238 } },
	{ "futex", CALL_FUTEX, { -1, 422, 422, 422, -1, -1 } },
	{ "futex_waitv", CALL_FUTEXES, { 449, 449, 449, 449, 449, 449 } },
	{ "sleep", CALL_NANOSLEEP, { 35, 162, 162, 101, 162, 162 } },
	{ "sleep", CALL_SLEEP, { 230, 267, 265, 115, 248, 262 } },
	{ "sleep", CALL_SLEEP, { -1, 407, 407, 407, -1, -1 } },
	{ "wait4", CALL_CHILD, { 61, 114, 114, 260, 114, 114 } },
	{ "waitpid", CALL_CHILD, { -1, 7, -1, -1, 7, -1 } },
	{ "waitid", CALL_WAITID, { 247, 284, 280, 95, 272, 281 } },
	{ "flock", CALL_LOCK, { 73, 143, 143, 32, 143, 143 } },
	{ "fcntl", CALL_FCNTL, { 72, 55, 55, 25, 55, 55 } },
	{ "fcntl", CALL_FCNTL, { -1, 221, 221, -1, -1, -1 } },
	{ "open", CALL_PATH, { 2, 5, 5, -1, 5, 5 } },
	{ "stat", CALL_PATH, { 4, 106, 106, -1, 106, 106 } },
	{ "lstat", CALL_PATH, { 6, 107, 107, -1, 107, 107 } },
	{ "unlink", CALL_PATH, { 87, 10, 10, -1, 10, 10 } },
	{ "rename", CALL_PATH, { 82, 38, 38, -1, 38, 38 } },
	{ "rmdir", CALL_PATH, { 84, 40, 40, -1, 40, 40 } },
	{ "mkdir", CALL_PATH, { 83, 39, 39, -1, 39, 39 } },
	{ "truncate", CALL_PATH, { 76, 92, 92, 45, 92, 92 } },
	{ "execve", CALL_PATH, { 59, 11, 11, 221, 11, 11 } },
	{ "mount", CALL_PATH, { 165, 21, 21, 40, 21, 21 } },
	{ "umount2", CALL_PATH, { 166, 52, 52, 39, 52, 52 } },
	{ "openat", CALL_PATH_AT, { 257, 295, 322, 56, 286, 288 } },
	{ "openat2", CALL_PATH_AT, { 437, 437, 437, 437, 437, 437 } },
	{ "newfstatat", CALL_PATH_AT, { 262, -1, -1, -1, 291, 293 } },
	{ "newfstatat", CALL_PATH_AT, { -1, 300, 327, -1, -1, -1 } },
	{ "statx", CALL_PATH_AT, { 332, 383, 397, 291, 383, 379 } },
	{ "unlinkat", CALL_PATH_AT, { 263, 301, 328, 35, 292, 294 } },
	{ "renameat", CALL_PATH_AT, { 264, 302, 329, 38, 293, 295 } },
	{ "renameat2", CALL_PATH_AT, { 316, 353, 382, 276, 357, 347 } },
	{ "mkdirat", CALL_PATH_AT, { 258, 296, 323, 34, 287, 289 } },
	{ "pause", CALL_SIGNAL, { 34, 29, 29, -1, 29, 29 } },
	{ "rt_sigsuspend", CALL_SIGNAL, { 130, 179, 179, 133, 178, 179 } },
	{ "rt_sigtimedwait", CALL_SIGNALS, { 128, 177, 177, 137, 176, 177 } },
	{ "rt_sigtimedwait", CALL_SIGNALS, { -1, 421, 421, 421, -1, -1 } },
	{ "sigsuspend", CALL_SIGNAL, { -1, 72, 72, -1, 72, 72 } },
	{ "socketcall", CALL_SOCKETCALL, { -1, 102, -1, -1, 102, 102 } },
	{ "restart_syscall", CALL_PLAIN, { 219, 0, 0, 128, 0, 7 } },
	{ "semop", CALL_PLAIN, { 65, -1, 298, 193, -1, -1 } },
	{ "semtimedop", CALL_PLAIN, { 220, -1, 312, 192, 392, 392 } },
	{ "semtimedop", CALL_PLAIN, { -1, 420, 420, 420, -1, -1 } },
	{ "msgrcv", CALL_PLAIN, { 70, 401, 302, 188, 401, 401 } },
	{ "msgsnd", CALL_PLAIN, { 69, 400, 301, 189, 400, 400 } },
	{ "ipc", CALL_PLAIN, { -1, 117, -1, -1, 117, 117 } },
	{ "sync", CALL_PLAIN, { 162, 36, 36, 81, 36, 36 } },
	{ "io_getevents", CALL_PLAIN, { 208, 247, 245, 4, 229, 245 } },
	{ "io_pgetevents", CALL_PLAIN, { 333, 385, 399, 292, 388, 382 } },
	{ "mq_timedreceive", CALL_PLAIN, { 243, 280, 277, 183, 265, 274 } },
	{ "mq_timedsend", CALL_PLAIN, { 242, 279, 276, 182, 264, 273 } },
	{ "mq_timedreceive", CALL_PLAIN, { -1, 419, 419, 419, -1, -1 } },
	{ "mq_timedsend", CALL_PLAIN, { -1, 418, 418, 418, -1, -1 } },
	{ "vfork", CALL_FORK, { 58, 190, 190, -1, 189, 190 } },
	{ "clone", CALL_FORK, { 56, 120, 120, 220, 120, 120 } },
	{ "clone3", CALL_FORK, { 435, 435, 435, 435, 435, 435 } },
	{ "msync", CALL_PLAIN, { 26, 144, 144, 227, 144, 144 } },
	{ "mmap", CALL_PLAIN, { 9, 90, -1, 222, 90, 90 } },
	{ "munmap", CALL_PLAIN, { 11, 91, 91, 215, 91, 91 } },
	{ "mprotect", CALL_PLAIN, { 10, 125, 125, 226, 125, 125 } },
	{ "madvise", CALL_PLAIN, { 28, 219, 220, 233, 205, 219 } },
	{ "exit_group", CALL_PLAIN, { 231, 252, 248, 94, 234, 248 } },
	{ "ptrace", CALL_PLAIN, { 101, 26, 26, 117, 26, 26 } },
	{ "getrandom", CALL_PLAIN, { 318, 355, 384, 278, 359, 349 } },
	{ "brk", CALL_PLAIN, { 12, 45, 45, 214, 45, 45 } },
};

/* What programs of that width of a pointer run as on this machine. */
static int
machine(unsigned word)
{
#if defined(__x86_64__)
	return word == 8 ? X86_64 : I386;
#elif defined(__i386__)
	return word == 8 ? -1 : I386;
#elif defined(__aarch64__)
	return word == 8 ? GENERIC : ARM;
#elif defined(__arm__)
	return word == 8 ? -1 : ARM;
#elif defined(__riscv)
	return word == sizeof(long) ? GENERIC : -1;
#elif defined(__powerpc64__)
	return POWERPC;
#elif defined(__s390x__)
	return word == 8 ? S390 : -1;
#else
	return -1;
#endif
}

int
call_find(unsigned word, int number, struct call *call)
{
	int where = machine(word);

	for (size_t i = 0; where >= 0 && i < LEN(calls); i++)
		if (calls[i].numbers[where] == number) {
			*call = (struct call){ calls[i].name, (enum call_about)calls[i].about };
			return 1;
		}
	return 0;
}
