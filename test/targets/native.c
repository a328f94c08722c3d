/* SPDX-License-Identifier: Apache-2.0 */
/* Functions in C that call each other in a known order, for native.py; see there. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

typedef void callback(void);

void outer(callback *);
void inner(callback *);
void born(callback *);
void interrupted(void);
void spin(unsigned);
void below(void);
void naps(void);

static volatile int calls;

/* Two chains of the same calls, for what_chains: the second function of each calls Python, which
 * calls the third. */
#define CHAIN(side) \
	void side##_1(callback *); \
	void side##_3(void); \
	static __attribute__((noinline)) void \
	side##_4(void) \
	{ \
		for (int i = 0; i < 200; i++) \
			calls++; \
	} \
	void \
	side##_3(void) \
	{ \
		calls++; \
		side##_4(); \
		calls++; \
	} \
	static __attribute__((noinline)) void \
	side##_2(callback *call) \
	{ \
		calls++; \
		call(); \
		calls++; \
	} \
	void \
	side##_1(callback *call) \
	{ \
		calls++; \
		side##_2(call); \
		calls++; \
	}
CHAIN(left)
CHAIN(right)

static __attribute__((noinline)) void
middle(callback *call)
{
	calls++;
	call();
	calls--;
}

void
outer(callback *call)
{
	calls++;
	middle(call);
	calls--;
}

void
inner(callback *call)
{
	volatile char room[100000]; /* the stack is more than is copied at first */

	room[0] = 1;
	call();
	calls += room[0];
}

static void *
begins(void *call)
{
	calls++;
	middle((callback *)(uintptr_t)call);
	return NULL;
}

/* Calls back in a thread that Python knows nothing of before. */
void
born(callback *call)
{
	pthread_t thread;

	pthread_create(&thread, NULL, begins, (void *)(uintptr_t)call);
	pthread_join(thread, NULL);
}

static void
handle(int signal)
{
	calls += signal;
	(void)!write(STDOUT_FILENO, "ready\n", 6);
	for (;;)
		pause();
}

/* Waits in a handler of a signal that came in here. */
void
interrupted(void)
{
	signal(SIGUSR1, handle);
	raise(SIGUSR1);
	calls++;
}

/* Computes. */
void
spin(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		for (unsigned k = 0; k < 1000; k++)
			calls += (int)(i ^ k);
}

#ifdef __x86_64__
/* Computes, and keeps where its caller's stack begins below its own, as OpenSSL's SHA-512 does. */
__asm__(".globl below\n"
        ".type below, @function\n"
        "below:\n"
        ".cfi_startproc\n"
        "mov %rsp, -8(%rsp)\n"
        ".cfi_escape 0x0f, 5, 0x77, 0x78, 0x06, 0x23, 8\n" /* CFA: *(rsp - 8) + 8 */
        "mov $20000000, %ecx\n"
        "1: dec %ecx\n"
        "jnz 1b\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size below, . - below\n");

/* Waits, having pushed what aligns its stack, as GCC 15 does. */
__asm__(".globl naps\n"
        ".type naps, @function\n"
        "naps:\n"
        ".cfi_startproc\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "mov %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "push %rbx\n"
        ".cfi_offset %rbx, -24\n"
        "push %rax\n"
        "call pause@PLT\n"
        "pop %rdx\n"
        "pop %rbx\n"
        "pop %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size naps, . - naps\n");
#endif
