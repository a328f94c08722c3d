/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

/* The command line. */

struct format;

struct options {
	int *pids;            /* those given, each once */
	size_t n_pids;
	char **command;       /* of -t; NULL: none given */
	const char *output;   /* NULL or "-": stdout */
	const struct format *format;
	const char *title;    /* NULL: not given */
	const char *diff;     /* the earlier profile; NULL: not given */
	const char **inputs;  /* files to be read instead of a process */
	size_t n_inputs;
	double seconds;       /* < 0: not given */
	int64_t period;       /* nanoseconds; and how it was given, NULL: not */
	const char *rate;
	int64_t rotate;       /* nanoseconds for each file; 0: not given */
	uint64_t seed;        /* 0: not given */
	unsigned abi;         /* PY_VERSION_HEX, 0: as found */
	int mode;             /* enum mode of sample.h */
	int native;           /* enum native_frames of native/native.h */
	int pause, no_pause, no_kernel;
	int children, all, by_process;
	int dump, why, locals, tasks;
	int threads, by_thread, waits, exclude_idle, no_lines, flamechart, stats, quiet;
};

/* Parses argv.  Prints help or version and exits, or says what is wrong with
 * it and exits with USAGE. */
struct options options_parse(int argc, char *argv[]);

#endif
