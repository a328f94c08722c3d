/* SPDX-License-Identifier: Apache-2.0 */
/* A library for targets/ordered.py: a handler that looks at what comes with real-time
 * signals, which Python's own do not tell, and a sender of those. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 3 };

static volatile int arrived[KINDS], disordered;

static void
handle(int number, siginfo_t *info, void *context)
{
	int *next = (int *)&arrived[number - SIGRTMIN - 5];

	(void)context;
	disordered += info->si_value.sival_int != *next;
	++*next;
}

void
listen(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = handle;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	for (int i = 0; i < KINDS; i++) { /* no handler interrupts another */
		sigaddset(&action.sa_mask, SIGRTMIN + 5 + i);
		sigaction(SIGRTMIN + 5 + i, &action, NULL);
	}
}

/* Sends so many of each kind, in bursts. */
void
send_all(int pid, int count)
{
	for (int n = 0; n < count; n++) {
		for (int i = 0; i < KINDS; i++)
			while (sigqueue(pid, SIGRTMIN + 5 + i, (union sigval){ .sival_int = n }) &&
			       errno == EAGAIN)
				usleep(100);
		if (n % 10 == 0)
			usleep(1000);
	}
}

int
count_arrived(void)
{
	return arrived[0] + arrived[1] + arrived[2];
}

int
count_disordered(void)
{
	return disordered;
}
