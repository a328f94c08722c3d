/* SPDX-License-Identifier: Apache-2.0 */
/* By the folders of a path; see origin.h. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/origin.h"

/* Whether the path has a folder of that name. */
static int
has_folder(const struct buf *path, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i + len < path->len; i++)
		if ((!i || path->data[i - 1] == '/') && !memcmp(path->data + i, name, len) &&
		    path->data[i + len] == '/')
			return 1;
	return 0;
}

/* Whether it lies in lib/python3.12 or the like. */
static int
is_in_library(const struct buf *path)
{
	static const char *const libraries[] = { "lib/python", "lib32/python", "lib64/python" };

	for (size_t i = 0; i < path->len; i++)
		for (size_t k = 0; (!i || path->data[i - 1] == '/') && k < LEN(libraries); k++) {
			size_t n = strlen(libraries[k]);

			if (i + n < path->len && !memcmp(path->data + i, libraries[k], n) &&
			    path->data[i + n] >= '0' && path->data[i + n] <= '9')
				return 1;
		}
	return 0;
}

static int
is_frozen(const struct buf *path)
{
	static const char frozen[] = "<frozen ";

	return path->len >= sizeof frozen - 1 && !memcmp(path->data, frozen, sizeof frozen - 1);
}

static int
is_wait(const struct profile *p, uint32_t function)
{
	static const char wait[] = "waits: ", idle[] = "(idle)";
	size_t len;
	const char *name = profile_string_get(p, function, &len);

	return (len >= sizeof wait - 1 && !memcmp(name, wait, sizeof wait - 1)) ||
	       (len == sizeof idle - 1 && !memcmp(name, idle, len));
}

enum origin
origin_of(const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);
	enum origin origin = ORIGIN_APPLICATION;
	struct buf file = { 0 };

	if (f.file == PROFILE_NO_FILE)
		return is_wait(p, f.function) ? ORIGIN_WAIT : ORIGIN_NATIVE;
	label_string(&file, p, f.file);
	if (has_folder(&file, "site-packages") || has_folder(&file, "dist-packages"))
		origin = ORIGIN_PACKAGES;
	else if (is_frozen(&file) || is_in_library(&file))
		origin = ORIGIN_LIBRARY;
	buf_free(&file);
	return origin;
}
