/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The colours; see colour.h.  Those of the origins differ in lightness as well,
 * so that they can be told apart in all kinds of colour blindness.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "label.h"
#include "profile.h"
#include "colour.h"

enum { SAME = 0xe4e2dc, MORE = 0xe2503f, LESS = 0x3f8fdc };

/* Between two colours: part is 0 to 255. */
static uint32_t
mix(int from, int to, int part)
{
	uint32_t colour = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		int a = from >> shift & 255, b = to >> shift & 255;

		colour = colour << 8 | (uint32_t)(a + (b - a) * part / 255);
	}
	return colour;
}

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

enum origin
colour_origin(const struct profile *p, uint32_t frame)
{
	struct profile_frame f = profile_frame_get(p, frame);
	enum origin origin = ORIGIN_APPLICATION;
	struct buf file = { 0 };

	if (f.file == PROFILE_NO_FILE)
		return ORIGIN_NATIVE;
	label_string(&file, p, f.file);
	if (has_folder(&file, "site-packages") || has_folder(&file, "dist-packages"))
		origin = ORIGIN_PACKAGES;
	else if (is_frozen(&file) || is_in_library(&file))
		origin = ORIGIN_LIBRARY;
	buf_free(&file);
	return origin;
}

uint32_t
colour_frame(const struct profile *p, uint32_t frame)
{
	static const int ends[][2] = {
		[ORIGIN_APPLICATION] = { 0xf2a945, 0xfbc978 }, [ORIGIN_PACKAGES] = { 0x5aa0e0, 0x82bdf0 },
		[ORIGIN_LIBRARY] = { 0xa4dcb8, 0xbfe8cd }, [ORIGIN_NATIVE] = { 0xcd8fb9, 0xdda9cc },
	};
	const int *range = ends[colour_origin(p, frame)];
	struct buf function = { 0 };
	int part;

	label_string(&function, p, profile_frame_get(p, frame).function);
	part = hash_bytes(function.data, function.len) & 255;
	buf_free(&function);
	return mix(range[0], range[1], part);
}

uint32_t
colour_change(double now, double before)
{
	double difference = fabs(now - before), most = now > before ? now : before, certain;

	if (most <= 0)
		return SAME;
	certain = difference / (3 * sqrt(now + before));
	return mix(SAME, now > before ? MORE : LESS,
	           (int)(255 * (certain < 1 ? certain : 1) * difference / most));
}
