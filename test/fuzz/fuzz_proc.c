/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel writes in /proc, in which others choose names.  Input: which
 * file it is to be, then its text.
 */
#include "proc.c"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_maps(char *text)
{
	struct proc_maps maps = { 0 };
	size_t lengths = 0;

	parse_maps(text, &maps); /* which takes the text */
	for (size_t i = 0; i < maps.n; i++) {
		if (maps.maps[i].path < maps.text)
			abort();
		lengths += strlen(maps.maps[i].path);
	}
	if (maps.n > lengths + (1 << 20))
		abort();
	proc_maps_free(&maps);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text, value[64];
	struct proc_stat stat;
	struct proc_times times;
	struct proc_call call;

	if (!len)
		return 0;
	text = xcalloc(len, 1);
	memcpy(text, in + 1, len - 1);
	switch (in[0] % 5) {
	case 0:
		read_maps(text);
		return 0;
	case 1:
		if (!parse_stat(text, &stat) && stat.image && !(stat.image & 1))
			abort();
		break;
	case 2:
		parse_times(text, &times);
		break;
	case 3:
		parse_call(text, &call);
		break;
	case 4:
		if (!status_line(text, "NSpid", value, sizeof value))
			to_int(value);
	}
	free(text);
	return 0;
}
