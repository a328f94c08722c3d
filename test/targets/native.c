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

static volatile int calls;

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
