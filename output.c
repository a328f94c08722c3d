/* SPDX-License-Identifier: Apache-2.0 */
/* The output file; see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"
#include "output.h"

static const char *final; /* NULL: written to fd as it is */
static char *beside;      /* exists while it is not NULL */
static int fd = -1;

static void
remove_beside(void)
{
	if (beside)
		unlink(beside);
}

/* Creates the file that will be renamed.  0, or -1 with errno set. */
static int
create_beside(void)
{
	struct buf name = { 0 };

	buf_printf(&name, "%s.%d.tmp", final, (int)getpid());
	buf_add(&name, "", 1);
	fd = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		buf_free(&name);
		return -1;
	}
	beside = name.data;
	return 0;
}

void
output_open(const char *path)
{
	struct stat st;

	if (!path || !strcmp(path, "-")) {
		fd = STDOUT_FILENO;
		return;
	}
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) { /* a pipe, a device */
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			die(FAILURE, "cannot write to %s:", path);
		return;
	}
	if (!access(path, F_OK) && access(path, W_OK))
		die(FAILURE, "cannot write to %s:", path);
	final = realpath(path, NULL); /* a link stays, what it leads to is replaced */
	if (!final)
		final = path;
	atexit(remove_beside);
	if (create_beside())
		die(FAILURE, "cannot write to %s:", path);
}

int
output_write(const struct buf *b)
{
	int result;

	if (final && !beside && create_beside())
		return -1;
	result = write_all(fd, b->data, b->len) ? errno == EPIPE ? 1 : -1 : 0;
	if (!final || result)
		return result;
	if (close(fd) || rename(beside, final))
		return -1;
	free(beside);
	beside = NULL;
	return 0;
}
