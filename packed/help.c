/* SPDX-License-Identifier: Apache-2.0 */
/* See help.h. */
#include "packed/help.h"

/* Of options that this build is without nothing is said. */
#ifdef WITHOUT_waits
#define HELP_WAITS(text)
#else
#define HELP_WAITS(text) text
#endif
#ifdef WITHOUT_values
#define HELP_VALUES(text)
#else
#define HELP_VALUES(text) text
#endif
#ifdef WITHOUT_tasks
#define HELP_TASKS(text)
#else
#define HELP_TASKS(text) text
#endif
#ifdef WITHOUT_native
#define HELP_NATIVE(text)
#else
#define HELP_NATIVE(text) text
#endif
#ifdef WITHOUT_kernel
#define HELP_KERNEL(text)
#else
#define HELP_KERNEL(text) text
#endif
#ifdef WITHOUT_why
#define HELP_WHY(text)
#else
#define HELP_WHY(text) text
#endif

const char help_usage[] =
	"Usage: pyflame [OPTIONS] PID                profile a running Python process\n"
	"       pyflame [OPTIONS] -t COMMAND [ARG]   run a command and profile it\n"
	"       pyflame -d PID                       print every thread's stack once\n"
	HELP_WHY(
	"       pyflame --why PID                    say what it is stuck in, or does\n")
	"       pyflame [OPTIONS] -i FILE...         read profiles instead of a process\n"
	"\n"
	"Prints collapsed stacks";

const char help_options[] =
	"\n"
	"  -p, --pid=PID           the process to profile, as PID alone; may be repeated\n"
	"      --children          profile all processes that descend from it, too\n"
	"      --all               profile every Python that may be read\n"
	"  -t, --trace COMMAND...  run COMMAND, profile it until it exits, and exit with\n"
	"                          its status (also: -- COMMAND); the last option\n"
	"  -s, --seconds=N         how long to sample (default 1; 0: one sample; with -t:\n"
	"                          until the command exits)\n"
	"  -r, --rate=N            time between samples in seconds, or with a unit: 10ms,\n"
	"                          250us, 100hz (default 0.001)\n"
	"  -o, --output=FILE       write there instead of to stdout; in its name %p is the\n"
	"                          pid and %t the time\n"
	"      --rotate=N          begin another FILE after each N seconds, or 5m, 1h\n"
	"  -f, --format=FORMAT     ";

const char help_rest[] =
	" instead of sampling; several\n"
	"                          files are added up; - is stdin\n"
	"      --diff=FILE         compare with that earlier profile\n"
	"      --title=TEXT        a title for the profile\n"
	"  -n, --no-line-numbers   frames are file:function\n"
	"  -x, --exclude-idle      leave out (idle), and with --threads the idle threads\n"
	"  -d, --dump              print every thread's stack once and exit\n"
	HELP_TASKS(
	"      --async             asyncio tasks on those that await them, greenlets on who\n"
	"                          spawned them; with -d: all of these\n")
	HELP_WHY(
	"      --why               say in words what it is stuck in, or does, and exit\n")
	HELP_VALUES(
	"      --locals            with -d or --why: the arguments and local variables of each\n"
	"                          frame\n")
	"      --threads           sample every thread, not only those that run\n"
	HELP_WAITS(
	"      --waits             what each thread waits for, on its stack; implies --threads\n")
	HELP_NATIVE(
	"      --native[=all]      C frames among Python's; all: the interpreter's own, too\n")
	"      --by-process        a root frame for every process\n"
	"      --by-thread         a root frame for every thread; implies --threads\n"
	"      --flamechart        print samples in order, with their times\n"
	"  -m, --mode=MODE         wall: what runs, or (idle) (default); cpu: what is on a\n"
	"                          CPU; gil: only the thread that holds the GIL\n"
	"      --pause             stop the thread for the length of every sample\n"
	"      --no-pause          never stop it, not even where nothing else gives proof\n"
	HELP_KERNEL(
	"      --no-kernel         take no samples by the kernel's own means\n")
	"      --abi=VERSION       take the target for that version of CPython (2.7, 3.12)\n"
	"      --seed=N            fix the ticks' small random delays, for tests\n"
	"      --stats             print counts of what was done and what failed\n"
	"  -q, --quiet             no progress, no summary\n"
	"  -v, --version           print the version\n"
	"  -h, --help              print this\n";
