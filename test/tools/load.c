/* SPDX-License-Identifier: Apache-2.0 */
/* A program that loads Python 3 while it runs: load LIBRARY [ARGUMENT]... */
#include <dlfcn.h>
#include <stdio.h>
#include <wchar.h>

int
main(int argc, char *argv[])
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	int (*run)(int, wchar_t **);
	wchar_t *(*decode)(const char *, size_t *);
	wchar_t *words[64] = { 0 };

	if (!library || argc > 64) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*(void **)&run = dlsym(library, "Py_Main");
	*(void **)&decode = dlsym(library, "Py_DecodeLocale");
	if (!run || !decode)
		return 2;
	for (int i = 1; i < argc; i++)
		words[i - 1] = decode(argv[i], NULL);
	return run(argc - 1, words);
}
