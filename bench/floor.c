/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel charges for reading a stack at all, or for interrupting its thread.
 *
 *     floor PID SECONDS ADDRESS:LENGTH...
 *     floor PID SECONDS event HZ
 *
 * The first does nothing but the same process_vm_readv again and again, all regions in
 * one call; prints the CPU time of one call in microseconds, and how many were
 * made in a second.  The second has the thread's CPU clock interrupt it that often, while
 * nobody looks.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REGIONS = 1024, CALLS = 1000 };

static double
wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
interrupt(int pid, double seconds, unsigned long hz)
{
	struct perf_event_attr what = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof what, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000 / hz, .inherit = 1,
	};

	if (syscall(SYS_perf_event_open, &what, pid, -1, -1, 0L) < 0) {
		perror("floor: perf_event_open");
		return 1;
	}
	usleep((useconds_t)(seconds * 1e6));
	return 0;
}

int
main(int argc, char *argv[])
{
	struct iovec local = { 0 }, remote[MAX_REGIONS];
	unsigned long n = 0, calls = 0;
	double started, used, end;

	if (argc < 4 || argc - 3 > MAX_REGIONS) {
		fprintf(stderr, "usage: floor PID SECONDS ADDRESS:LENGTH...|event HZ\n");
		return 2;
	}
	if (!strcmp(argv[3], "event"))
		return interrupt(atoi(argv[1]), atof(argv[2]), strtoul(argv[4] ? argv[4] : "0", NULL, 0));
	for (int i = 3; i < argc; i++, n++) {
		char *rest;

		remote[n].iov_base = (void *)(uintptr_t)strtoull(argv[i], &rest, 0);
		remote[n].iov_len = *rest == ':' ? strtoul(rest + 1, NULL, 0) : 0;
		local.iov_len += remote[n].iov_len;
	}
	local.iov_base = malloc(local.iov_len);
	started = wall();
	end = started + atof(argv[2]);
	used = cpu();
	do {
		for (int i = 0; i < CALLS; i++)
			if (process_vm_readv(atoi(argv[1]), &local, 1, remote, n, 0) !=
			    (ssize_t)local.iov_len) {
				perror("floor: process_vm_readv");
				return 1;
			}
		calls += CALLS;
	} while (wall() < end);
	printf("%.3f %.0f\n", (cpu() - used) / (double)calls * 1e6,
	       (double)calls / (wall() - started));
	return 0;
}
