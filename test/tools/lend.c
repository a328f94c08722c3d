/* SPDX-License-Identifier: Apache-2.0 */
/* A child that has our memory until somebody opens a FIFO; then it executes a program. */
#include <fcntl.h>
#include <unistd.h>

int
lend(const char *fifo, char *const argv[])
{
	int pid = vfork();

	if (pid == 0) {
		open(fifo, O_RDONLY);
		execv(argv[0], argv);
		_exit(1);
	}
	return pid;
}
