/* SPDX-License-Identifier: Apache-2.0 */
/* A program that has Python inside: embed SCRIPT [ARGUMENT]... */
#include <Python.h>

int
main(int argc, char *argv[])
{
	wchar_t **words = PyMem_RawMalloc(sizeof *words * (size_t)argc);
	FILE *script = argc > 1 ? fopen(argv[1], "r") : NULL;

	if (!words || !script)
		return 2;
	for (int i = 0; i < argc; i++)
		words[i] = Py_DecodeLocale(argv[i], NULL);
	Py_InitializeEx(0);
	PySys_SetArgv(argc - 1, words + 1);
	return PyRun_SimpleFileExFlags(script, argv[1], 1, NULL) ? 1 : 0;
}
