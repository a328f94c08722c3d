/* SPDX-License-Identifier: Apache-2.0 */
/* A thread in C that takes the GIL again and again, and computes with it for most of the
 * time, but never runs Python: for targets/frameless.py. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static int (*ensure)(void);
static void (*release)(int);
static double began, held;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *
hold(void *unused)
{
	(void)unused;
	for (began = now();;) {
		int state = ensure();
		double start = now(), end;

		while ((end = now()) < start + .02)
			;
		held += end - start;
		release(state);
		usleep(10000);
	}
	return NULL;
}

void
begin(void *with, void *after)
{
	pthread_t thread;

	*(void **)&ensure = with;
	*(void **)&release = after;
	pthread_create(&thread, NULL, hold, NULL);
	pthread_setname_np(thread, "carrier");
}

/* The share of time in which it has held the GIL; to be called with the GIL. */
double
share(void)
{
	return held / (now() - began);
}
