/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a harness every file of the command line, and, where there are
 * folders, all in them: for compilers without a fuzzer, AFL++ and the tests. */
#undef exit /* see survive.h */
#undef read
#undef write
#undef calloc
#undef realloc
#undef free
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;
	uint8_t *copy;

	if (!file || ferror(file)) {
		if (file)
			fclose(file);
		return -1;
	}
	fclose(file);
	copy = malloc(len ? len : 1); /* so that reading beyond it shows */
	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return 0;
}

static unsigned
run_folder(DIR *dir, const char *path)
{
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(dir))) {
		char name[4096];

		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && !run_file(name))
			n++;
	}
	closedir(dir);
	return n;
}

int
main(int argc, char *argv[])
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		n += dir ? run_folder(dir, argv[i]) : !run_file(argv[i]);
	}
	printf("%u inputs\n", n);
	return n == 0;
}
