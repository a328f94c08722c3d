/* SPDX-License-Identifier: Apache-2.0 */
/* Names; see names.h. */
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "waits/names.h"

void
names_process(int pid, struct buf *out)
{
	buf_printf(out, "%d ", pid);
	proc_short_command(pid, out);
}

static const char *
state_word(char state)
{
	switch (state) {
	case 'R': return ", running";
	case 'T': return ", stopped";
	case 't': return ", traced";
	case 'X':
	case 'Z': return ", ended";
	default: return ", waiting";
	}
}

void
names_process_and_state(int pid, struct buf *out)
{
	struct proc_stat stat;

	names_process(pid, out);
	if (!proc_stat(pid, &stat))
		buf_str(out, state_word(stat.state));
}

static void
add_signal(int number, struct buf *out)
{
	static const struct {
		char name[8];
		int number;
	} names[] = {
		{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ALRM", SIGALRM },
		{ "TERM", SIGTERM }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "CHLD", SIGCHLD },
		{ "CONT", SIGCONT }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
		{ "PIPE", SIGPIPE }, { "IO", SIGIO }, { "URG", SIGURG }, { "WINCH", SIGWINCH },
		{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
	};

	for (size_t i = 0; i < LEN(names); i++)
		if (names[i].number == number) {
			buf_printf(out, "SIG%s", names[i].name);
			return;
		}
	buf_printf(out, "signal %d", number);
}

void
names_signals(uint64_t set, struct buf *out)
{
	enum { LISTED = 3, SIGNALS = 64 };
	int n = 0;

	for (int i = 0; i < SIGNALS; i++)
		if (set >> i & 1 && n++ < LISTED) {
			buf_str(out, n > 1 ? ", " : "");
			add_signal(i + 1, out);
		}
	if (n > LISTED)
		buf_printf(out, " and %d more", n - LISTED);
}
