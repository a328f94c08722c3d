/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python in a program whose threads end and leave their thread states behind:
 * leave N SCRIPT.  Then the main thread runs the script.
 */
#include <Python.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *
leave(void *unused)
{
	PyGILState_Ensure();
	PyRun_SimpleString("pass");
	PyEval_SaveThread();
	return unused;
}

int
main(int argc, char **argv)
{
	FILE *script = argc > 2 ? fopen(argv[2], "r") : NULL;
	int n = script ? atoi(argv[1]) : 0;
	pthread_t *threads = calloc((size_t)n + 1, sizeof *threads);

	if (!script || !threads)
		return 1;
	Py_Initialize();
	Py_BEGIN_ALLOW_THREADS
	/* all at once, as each would have the stack of the one before */
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, leave, NULL))
			return 1;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	Py_END_ALLOW_THREADS
	return PyRun_SimpleFile(script, argv[2]);
}
