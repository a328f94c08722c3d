/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another user may do while root writes into a folder that all may write to:
 * swap NAME ONE OTHER exchanges ONE for OTHER, which has the name NAME.other, and back,
 * without a pause, for as long as its standard input is open.  These are "file",
 * "folder", "pipe", or where a link leads, "/...".  What root put there and took away
 * again is made anew.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXCHANGE = 2 }; /* linux/fs.h */

static void
make(const char *name, const char *what)
{
	unlink(name);
	if (*what == '/' && symlink(what, name))
		usleep(1);
	else if (*what == 'p')
		mkfifo(name, 0666);
	else if (what[1] == 'o')
		mkdir(name, 0777);
	else if (what[1] == 'i')
		close(open(name, O_CREAT | O_WRONLY | O_EXCL, 0666));
}

int
main(int argc, char *argv[])
{
	struct pollfd in = { .fd = 0 };
	char other[4096];

	if (argc != 4)
		return 2;
	snprintf(other, sizeof other, "%s.other", argv[1]);
	puts("ready");
	fflush(stdout);
	for (unsigned long i = 0; i % 256 || !poll(&in, 1, 0); i++) {
		if (!syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, other, EXCHANGE))
			continue;
		make(argv[1], argv[2]);
		make(other, argv[3]);
	}
	return 0;
}
