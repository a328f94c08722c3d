/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: cgroups(7); see cgroups.h. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "util.h"
#include "proc.h"
#include "waits/cgroups.h"

/* Whether a name is one of those that commas separate. */
static int
is_listed(const char *names, size_t len, const char *name)
{
	for (const char *end = names + len; names < end; names++) {
		size_t n = strcspn(names, ",:");

		if (n == strlen(name) && !strncmp(names, name, n))
			return 1;
		names += n;
	}
	return 0;
}

/* "0::/user.slice", and of version 1 "9:cpu,cpuacct:/docker/12": the path in that hierarchy. */
static const char *
find_group(const char *text, const char *controller)
{
	const char *names, *path;

	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		names = strchr(line, ':');
		path = names ? strchr(++names, ':') : NULL;
		if (!path)
			return NULL;
		if (controller ? is_listed(names, (size_t)(path - names), controller) : path == names)
			return path + 1;
	}
	return NULL;
}

/* Version 2 is beside version 1 in a folder of its own. */
static int
read_in_group(const char *folder, const char *path, size_t len, const char *file,
              struct buf *out)
{
	struct buf name = { 0 };
	int result;

	buf_printf(&name, "/sys/fs/cgroup/%s%.*s/%s", folder, (int)len, path, file);
	result = proc_read_path(buf_terminate(&name), out);
	buf_free(&name);
	return result;
}

int
cgroups_read(int pid, const char *controller, unsigned up, const char *file, struct buf *out)
{
	struct buf text = { 0 };
	const char *path = proc_read(pid, "cgroup", &text) ? NULL :
	                   find_group(buf_terminate(&text), controller);
	size_t len = path ? strcspn(path, "\n") : 0;
	int result = 1;

	for (; up && len > 1; up--) {
		while (len > 1 && path[len - 1] != '/')
			len--;
		len -= len > 1;
	}
	if (len && !up)
		result = read_in_group(controller ? controller : "", path, len, file, out) &&
		         (controller || read_in_group("unified", path, len, file, out)) ? -1 : 0;
	buf_free(&text);
	return result;
}
