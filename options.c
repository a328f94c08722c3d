/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: those of the original pyflame keep their letters and meanings.
 * Numbers are parsed whole; what does not fit is refused, never guessed.
 */
#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util.h"
#include "packed/packed.h"
#include "packed/help.h"
#include "profile.h"
#include "format/formats.h"
#include "proc.h"
#include "waits/waits.h"
#include "native/native.h"
#include "layouts.h"
#include "values/listing.h"
#include "why/why.h"
#include "tasks/async.h"
#include "options.h"

enum { OPT_THREADS = 256, OPT_BY_THREAD, OPT_FLAMECHART, OPT_ABI, OPT_STATS, OPT_SEED, OPT_PAUSE,
       OPT_NO_PAUSE, OPT_CHILDREN, OPT_ALL, OPT_BY_PROCESS, OPT_TITLE, OPT_DIFF,
       OPT_ROTATE, OPT_WAITS, OPT_LOCALS, OPT_NATIVE, OPT_WHY, OPT_ASYNC, OPT_NO_KERNEL };

struct option {
	const char *name;
	int number; /* its letter, if it has one */
	enum { WANTS_NONE, WANTS_VALUE, MAY_HAVE } wants; /* one after "=", that is */
};

static const struct option options[] = {
	{ "abi", OPT_ABI, 1 },
	{ "all", OPT_ALL, 0 },
	{ "async", OPT_ASYNC, 0 },
	{ "by-process", OPT_BY_PROCESS, 0 },
	{ "by-thread", OPT_BY_THREAD, 0 },
	{ "children", OPT_CHILDREN, 0 },
	{ "diff", OPT_DIFF, 1 },
	{ "dump", 'd', 0 },
	{ "exclude-idle", 'x', 0 },
	{ "flamechart", OPT_FLAMECHART, 0 },
	{ "format", 'f', 1 },
	{ "help", 'h', 0 },
	{ "input", 'i', 1 },
	{ "locals", OPT_LOCALS, 0 },
	{ "mode", 'm', 1 },
	{ "native", OPT_NATIVE, MAY_HAVE },
	{ "no-kernel", OPT_NO_KERNEL, 0 },
	{ "no-line-numbers", 'n', 0 },
	{ "no-pause", OPT_NO_PAUSE, 0 },
	{ "output", 'o', 1 },
	{ "pause", OPT_PAUSE, 0 },
	{ "pid", 'p', 1 },
	{ "quiet", 'q', 0 },
	{ "rate", 'r', 1 },
	{ "rotate", OPT_ROTATE, 1 },
	{ "seconds", 's', 1 },
	{ "seed", OPT_SEED, 1 },
	{ "stats", OPT_STATS, 0 },
	{ "threads", OPT_THREADS, 0 },
	{ "title", OPT_TITLE, 1 },
	{ "trace", 't', 0 },
	{ "version", 'v', 0 },
	{ "waits", OPT_WAITS, 0 },
	{ "why", OPT_WHY, 0 },
};

static void
add_version(struct buf *out)
{
	struct utsname u;

	uname(&u);
	buf_printf(out, "pyflame %s linux %s", PYFLAME_VERSION, u.machine);
}

static _Noreturn void
print(struct buf *text)
{
	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	exit(write_all(STDOUT_FILENO, text->data, text->len) ? FAILURE : DONE);
}

/* Appends a text, in lines that begin where --help explains options. */
static void
add_wrapped(struct buf *out, const char *text)
{
	enum { WIDTH = 60 };
	size_t used = 0, n;

	for (; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (used && used + 1 + n > WIDTH) {
			buf_str(out, "\n                          ");
			used = 0;
		}
		buf_printf(out, used ? " %.*s" : "%.*s", (int)n, text);
		used += n + !!used;
	}
	buf_str(out, "\n");
}

static void
add_formats(struct buf *out)
{
	struct buf text = { 0 };

	if (format_list(&text) > 1)
		buf_printf(&text, "; default: by FILE's name, %selse collapsed",
		           format_named("report")->write ? "else a report on a terminal, " : "");
	buf_add(&text, "", 1);
	add_wrapped(out, text.data);
	buf_free(&text);
}

static _Noreturn void
print_help(void)
{
	struct buf text = { 0 };

	packed_need(0);
	add_version(&text);
	buf_printf(&text, "\n\n%s%s\n%s", help_usage, format_named("html")->write ?
	           ", or draws them: pyflame -o profile.html PID" : "", help_options);
	add_formats(&text);
	buf_printf(&text, "  -i, --input=FILE        read collapsed stacks%s%s",
	           format_named("json")->read ? " or JSON" : "", help_rest);
	print(&text);
}

static _Noreturn void
print_version(void)
{
	struct buf text = { 0 };

	add_version(&text);
	buf_printf(&text, " (ABI list: %s)\n", layouts_supported);
	print(&text);
}

/* A time in seconds, or with a unit; "hz" is a rate.  -1: not a time. */
static double
parse_time(const char *text, int allow_hz)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "m", 60 },
	              { "min", 60 }, { "h", 3600 } };
	const char *unit;
	double value;

	if (parse_decimal(text, &value, &unit))
		return -1;
	if (allow_hz && !strcasecmp(unit, "hz"))
		return value > 0 ? 1 / value : -1;
	for (size_t i = 0; i < LEN(units); i++)
		if (!strcmp(unit, units[i].name))
			return value * units[i].seconds;
	return -1;
}

static double
parse_seconds(const char *text)
{
	double seconds = parse_time(text, 0);

	if (seconds < 0 || seconds > 1e9)
		die(USAGE, "-s wants a time in seconds (10, 0.5, 5m), not \"%s\"", text);
	return seconds;
}

static int64_t
parse_period(const char *text)
{
	double seconds = parse_time(text, 1);

	if (seconds < 1e-6 * (1 - 1e-9) || seconds > 1e6)
		die(USAGE, "-r wants a time between samples of 1us or more (0.001, 10ms, 100hz), "
		    "not \"%s\"", text);
	return (int64_t)(seconds * 1e9 + 0.5);
}

static int64_t
parse_rotate(const char *text)
{
	double seconds = parse_time(text, 0);

	if (seconds < 1 || seconds > 1e9)
		die(USAGE, "--rotate wants a time of a second or more (60, 5m, 1h), not \"%s\"",
		    text);
	return (int64_t)(seconds * 1e9);
}

static int
parse_pid(const char *text)
{
	const char *p = text;
	uint64_t value;

	if (parse_digits(&p, 10, &value) || *p || value > INT_MAX || value < 1)
		die(USAGE, "\"%s\" is not a pid", text);
	if (value == (uint64_t)getpid())
		die(USAGE, "pid %d is pyflame itself", (int)value);
	return (int)value;
}

static int
parse_mode(const char *text)
{
	for (size_t i = 0; i < LEN(profile_modes); i++)
		if (!strcmp(text, profile_modes[i]))
			return (int)i;
	die(USAGE, "-m wants wall, cpu or gil, not \"%s\"", text);
}

static const struct format *
parse_format(const char *name)
{
	const struct format *format = format_named(name);
	struct buf names = { 0 };

	if (format && !format->write)
		format_left_out(format, USAGE, "-f ", name);
	if (format)
		return format;
	format_names(&names);
	die(USAGE, "-f wants one of %.*s, not \"%s\"", (int)names.len, names.data, name);
}

static uint64_t
parse_seed(const char *text)
{
	const char *p = text;
	uint64_t value;

	if (parse_digits(&p, 10, &value) || *p || !value)
		die(USAGE, "--seed wants a number from 1 on, not \"%s\"", text);
	return value;
}

/* "3.12", or as the original had it "27", "36". */
static unsigned
parse_abi(const char *text)
{
	unsigned major = (unsigned char)text[0] - '0', hex;
	const char *p = text + (major <= 9) + (major <= 9 && text[1] == '.');
	uint64_t minor;

	if (major > 9 || parse_digits(&p, 10, &minor) || *p || minor > 99)
		die(USAGE, "--abi wants a version (2.7, 3.12), not \"%s\"", text);
	hex = major << 24 | (unsigned)minor << 16 | 0xffff;
	if (!layout_known(hex))
		die(USAGE, "--abi: pyflame reads %s, not %u.%u", layouts_supported, major,
		    (unsigned)minor);
	return hex;
}

/* ---- what was meant ---- */

/* What people type who know another profiler, and what does that here. */
struct habit {
	const char *name, *here;
};

static const struct habit commands[] = {
	{ "attach", "pyflame PID" },
	{ "dump", "pyflame -d PID" },
	{ "record", "pyflame -o profile.html PID, or with -t COMMAND instead of PID" },
	{ "run", "pyflame -t COMMAND" },
	{ "top", "pyflame PID (there is no live view)" },
};

static const struct habit spellings[] = {
	{ "all-threads", "--threads" },
	{ "blocking", "--pause" },
	{ "collapsed", "-f collapsed" },
	{ "duration", "-s" },
	{ "exposure", "-s" },
	{ "flamegraph", "-f html" },
	{ "function", "-n" },
	{ "gecko", "-f gecko" },
	{ "gil", "-m gil" },
	{ "idle", "--threads" },
	{ "interval", "-r" },
	{ "nonblocking", "--no-pause" },
	{ "nolineno", "-n" },
	{ "sampling-rate", "-r" },
	{ "subprocesses", "--children" },
	{ "where", "-d" },
};

/* A name may be cut short. */
static const char *
find_habit(const char *name, size_t len)
{
	enum { SHORTEST = 3 };

	for (size_t i = 0; i < LEN(spellings) && len >= SHORTEST; i++)
		if (!strncmp(spellings[i].name, name, len))
			return spellings[i].here;
	return NULL;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* How many letters are to be added, left out or changed to make one of the other (the
 * distance of Levenshtein). */
static unsigned
distance(const char *a, size_t len, const char *b)
{
	enum { LONGEST = 32 };
	unsigned row[LONGEST + 1], before, above;
	size_t n = strlen(b);

	if (n > LONGEST)
		return UINT_MAX;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; i < len; i++) {
		before = row[0]++;
		for (size_t j = 0; j < n; j++) {
			above = row[j + 1];
			row[j + 1] = least(above + 1, row[j] + 1, before + (a[i] != b[j]));
			before = above;
		}
	}
	return row[n];
}

/* The option whose name is nearly that, NULL if there is none. */
static const char *
find_nearest(const char *name, size_t len)
{
	unsigned best = 2 + (unsigned)len / 4, d;
	const char *found = NULL;

	for (size_t i = 0; i < LEN(options); i++) {
		d = distance(name, len, options[i].name);
		if (d < best) {
			best = d;
			found = options[i].name;
		}
	}
	return found;
}

static _Noreturn void
unknown_name(const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *here = find_habit(name, len), *near = find_nearest(name, len);

	if (here)
		die(USAGE, "unknown option %s: that is %s here", word, here);
	if (near)
		die(USAGE, "unknown option %s: perhaps --%s", word, near);
	die(USAGE, "unknown option %s", word);
}

/* What stands where a pid does may be something else. */
static void
check_operand(const struct options *o, const char *word, int others)
{
	const char *here = NULL;

	for (size_t i = 0; i < LEN(commands); i++)
		if (!strcmp(word, commands[i].name))
			here = commands[i].here;
	if (isdigit((unsigned char)*word))
		return;
	if (here)
		die(USAGE, "\"%s\" is not a pid; what it does elsewhere: %s", word, here);
	if (o->n_inputs)
		die(USAGE, "\"%s\" is not a pid; each file wants an option of its own: -i %s", word,
		    word);
	if (format_of_file(word)->read)
		die(USAGE, "\"%s\" is not a pid; to read a profile: pyflame -i %s", word, word);
	die(USAGE, "\"%s\" is not a pid; to run a command and profile it: pyflame -t %s%s", word,
	    word, others ? " ..." : "");
}

/* A rate is so many a second elsewhere. */
static void
check_rate(const struct options *o)
{
	double seconds = o->seconds >= 0 ? o->seconds : 1;
	const char *unit;
	double number;

	if (!o->rate || o->dump || o->why || seconds == 0 || (o->command && o->seconds < 0) ||
	    (double)o->period <= seconds * 1e9)
		return;
	if (!parse_decimal(o->rate, &number, &unit) && !*unit)
		die(USAGE, "-r %s is the time between samples in seconds, longer than the run; %s samples "
		    "a second are -r %shz", o->rate, o->rate, o->rate);
	die(USAGE, "-r %s is the time between samples, longer than the run", o->rate);
}

/* What people expect a profile to be by the name that they give to it, and is not. */
static void
check_ending(const char *path)
{
	static const char *const others[] = { ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf",
	                                      ".prof", ".pstats", ".bin", ".austin" };
	const char *ending = path ? strrchr(path, '.') : NULL;
	struct buf ours = { 0 };

	for (size_t i = 0; ending && i < LEN(others); i++) {
		if (strcmp(ending, others[i]))
			continue;
		format_endings(&ours);
		die(USAGE, "-o %s: pyflame writes no %s; the format goes by the ending:%.*s; or choose one "
		    "with -f", path, ending, (int)ours.len, ours.data);
	}
}

/* Takes the number of a thread for its process's. */
static void
add_pid(struct options *o, int number)
{
	int pid = proc_owner(number);

	for (size_t i = 0; i < o->n_pids; i++)
		if (o->pids[i] == pid)
			return;
	o->pids = xrealloc(o->pids, o->n_pids + 1, sizeof *o->pids);
	o->pids[o->n_pids++] = pid;
}

/* By the file's name; on a terminal for the person who reads it. */
static const struct format *
default_format(const struct options *o)
{
	const struct format *report = format_named("report");

	if (!o->output && !o->dump && !o->why && !o->flamechart && !o->diff && report->write &&
	    isatty(STDOUT_FILENO))
		return report;
	check_ending(o->output);
	return format_of_file(o->output);
}

/* Chooses the format; dumps and flame charts are text. */
static void
check_format(struct options *o)
{
	const char *text = o->why ? "--why" : o->dump ? "-d" : o->flamechart ? "--flamechart" : NULL;
	int json;

	if (!o->format)
		o->format = default_format(o);
	json = o->format == format_named("json");
	if (!o->format->write)
		format_left_out(o->format, USAGE, "-o ", o->output);
	if (text && o->format != format_of_file(NULL) && !((o->dump || o->why) && json))
		die(USAGE, "%s and -f %s do not go together", text, o->format->name);
	if (o->diff && (text || !(o->format->needs & FORMAT_BEFORE)))
		die(USAGE, "--diff and %s%s do not go together", text ? text : "-f ",
		    text ? "" : o->format->name);
	if (o->format->needs & FORMAT_ALL && !o->mode)
		o->threads = 1;
}

/* Options that exclude each other. */
static void
check_pairs(const struct options *o, int pids)
{
	enum { INPUT, COMMAND, DUMP, CHART, ALL, PID, ROTATE, DIFF, PAUSE, NO_PAUSE, WAITS, BUSY,
	       NATIVE, WHY };
	static const char names[][12] = { "-i", "-t", "-d", "--flamechart", "--all", "a pid",
	                                  "--rotate", "--diff", "--pause", "--no-pause", "--waits",
	                                  "-x", "--native", "--why" };
	static const unsigned char pairs[][2] = {
		{ INPUT, COMMAND }, { INPUT, DUMP }, { INPUT, CHART }, { INPUT, ALL }, { INPUT, PID },
		{ COMMAND, PID }, { COMMAND, DUMP }, { ROTATE, INPUT }, { ROTATE, DUMP },
		{ ROTATE, DIFF }, { PAUSE, NO_PAUSE }, { WAITS, INPUT }, { WAITS, BUSY },
		{ NATIVE, INPUT }, { WHY, INPUT },
		{ WHY, COMMAND }, { WHY, DUMP }, { WHY, CHART }, { WHY, ROTATE },
	};
	const int given[] = { o->n_inputs > 0, o->command != NULL, o->dump, o->flamechart, o->all,
	                      pids, o->rotate != 0, o->diff != NULL, o->pause, o->no_pause,
	                      o->waits, o->exclude_idle, o->native, o->why };

	for (size_t i = 0; i < LEN(pairs); i++)
		if (given[pairs[i][0]] && given[pairs[i][1]])
			die(USAGE, "%s and %s do not go together", names[pairs[i][0]],
			    names[pairs[i][1]]);
}

/* There is nothing to profile. */
static _Noreturn void
nothing_given(const struct options *o)
{
	if (o->seconds >= 2)
		die(USAGE, "no pid is given: -s is how long to sample; pyflame -s 10 PID");
	die(USAGE, "usage: pyflame [OPTIONS] PID, or pyflame [OPTIONS] -t COMMAND");
}

static void
check(struct options *o, const char *operand, int operands)
{
	int pids = o->n_pids || operands;

	if (operand)
		check_operand(o, operand, operands > 1);
	check_rate(o);
	check_format(o);
	check_pairs(o, pids);
	if (o->waits && o->mode)
		die(USAGE, "--waits and -m %s do not go together", profile_modes[o->mode]);
	if (HAS_TASKS && o->tasks && (o->n_inputs || o->why))
		die(USAGE, "--async and %s do not go together", o->why ? "--why" : "-i");
	if (HAS_VALUES && o->locals && !o->dump && !o->why)
		die(USAGE, "--locals goes with -d or --why");
	if (o->command && !o->command[0])
		die(USAGE, "-t wants a command to run");
	if (o->all && (pids || o->command))
		die(USAGE, "--all is every process, without a pid or a command");
	if (operands > 1 || (operands && o->n_pids))
		die(USAGE, "one pid at a time, or each with -p");
	if (!o->command && !pids && !o->all && !o->n_inputs)
		nothing_given(o);
}

static _Noreturn void
built_without(const char *option)
{
	die(USAGE, "%s: this pyflame was built without it", option);
}

static void
set_waits(struct options *o)
{
	if (!HAS_WAITS)
		built_without("--waits");
	o->waits = o->threads = 1;
}

static void
set_async(struct options *o)
{
	if (!HAS_TASKS)
		die(USAGE, "--async: this pyflame was built without it");
	o->tasks = 1;
}

static void
set_locals(struct options *o)
{
	if (!HAS_VALUES)
		built_without("--locals");
	o->locals = 1;
}

static void
set_native(struct options *o, const char *value)
{
	if (!HAS_NATIVE)
		built_without("--native");
	if (value && strcmp(value, "all"))
		die(USAGE, "--native takes no value but all, not \"%s\"", value);
	o->native = value ? NATIVE_ALL : NATIVE_OTHERS;
}

static void
set_why(struct options *o)
{
	if (!HAS_WHY)
		built_without("--why");
	o->why = 1;
}

static void
set_option(struct options *o, int option, char *value)
{
	switch (option) {
	case 'd': o->dump = 1; break;
	case 'f': o->format = parse_format(value); break;
	case 'h': print_help();
	case 'i':
		o->inputs = xrealloc(o->inputs, o->n_inputs + 1, sizeof *o->inputs);
		o->inputs[o->n_inputs++] = value;
		break;
	case 'm': o->mode = parse_mode(value); break;
	case 'n': o->no_lines = 1; break;
	case 'o': o->output = value; break;
	case 'p': add_pid(o, parse_pid(value)); break;
	case 'q': o->quiet = 1; break;
	case 'r':
		o->rate = value;
		o->period = parse_period(value);
		break;
	case 's': o->seconds = parse_seconds(value); break;
	case 'v': print_version();
	case 'x': o->exclude_idle = 1; break;
	case OPT_ABI: o->abi = parse_abi(value); break;
	case OPT_ALL: o->all = 1; break;
	case OPT_BY_PROCESS: o->by_process = 1; break;
	case OPT_BY_THREAD: o->by_thread = o->threads = 1; break;
	case OPT_ASYNC: set_async(o); break;
	case OPT_CHILDREN: o->children = 1; break;
	case OPT_DIFF: o->diff = value; break;
	case OPT_FLAMECHART: o->flamechart = 1; break;
	case OPT_LOCALS: set_locals(o); break;
	case OPT_NATIVE: set_native(o, value); break;
	case OPT_NO_PAUSE: o->no_pause = 1; break;
	case OPT_NO_KERNEL: o->no_kernel = 1; break;
	case OPT_PAUSE: o->pause = 1; break;
	case OPT_ROTATE: o->rotate = parse_rotate(value); break;
	case OPT_SEED: o->seed = parse_seed(value); break;
	case OPT_STATS: o->stats = 1; break;
	case OPT_THREADS: o->threads = 1; break;
	case OPT_TITLE: o->title = value; break;
	case OPT_WAITS: set_waits(o); break;
	case OPT_WHY: set_why(o); break;
	}
}

/* By its letter; by its name or what no other name begins with, up to an equals
 * sign.  NULL: there is none. */
static const struct option *
find_letter(char letter)
{
	for (size_t i = 0; i < LEN(options); i++)
		if (options[i].number == letter)
			return &options[i];
	die(USAGE, "unknown option -%c", letter);
}

static const struct option *
find_name(const char *name)
{
	const struct option *found = NULL;
	size_t len = strcspn(name, "=");
	int several = 0;

	for (size_t i = 0; i < LEN(options); i++) {
		if (strncmp(options[i].name, name, len))
			continue;
		if (!options[i].name[len])
			return &options[i];
		several = found != NULL;
		found = &options[i];
	}
	return several ? NULL : found;
}

/* Parses one word with options, and the value, which may be the next word.
 * Returns the number of words; *trace is set if one of them was -t. */
static int
parse_word(struct options *o, char **words, int *trace)
{
	char *word = words[0], *value;
	int is_long = word[1] == '-', used = 1;

	for (char *p = word + 1; *p; p++) {
		const struct option *option = is_long ? find_name(word + 2) : find_letter(*p);

		value = !is_long ? p[1] ? p + 1 : NULL : strchr(word, '=') ? strchr(word, '=') + 1 : NULL;
		if (!option)
			unknown_name(word);
		if (is_long && value && option->wants == WANTS_NONE)
			die(USAGE, "option --%s takes no value", option->name);
		if (option->wants == WANTS_VALUE && !value && !(value = words[used++]))
			die(USAGE, "option %s wants a value", word);
		*trace |= option->number == 't';
		set_option(o, option->number, value);
		if (is_long || option->wants)
			break;
	}
	return used;
}

struct options
options_parse(int argc, char *argv[])
{
	struct options o = { .seconds = -1, .period = 1000000 };
	const char *operand = NULL;
	int operands = 0, trace = 0;

	for (int i = 1; i < argc;) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			operand = operands++ ? operand : argv[i];
			i++;
			continue;
		}
		if (!strcmp(argv[i], "--"))
			trace = ++i;
		else
			i += parse_word(&o, argv + i, &trace);
		if (trace) { /* the rest is the command's */
			o.command = argv + i;
			break;
		}
	}
	check(&o, operand, operands);
	if (operand)
		add_pid(&o, parse_pid(operand));
	return o;
}
