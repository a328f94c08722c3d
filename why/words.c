/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and their evidence as text; see words.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "process.h"
#include "waits/names.h"
#include "target.h"
#include "values/listing.h"
#include "sample.h"
#include "why/look.h"
#include "why/locks.h"
#include "why/chain.h"
#include "why/crowd.h"
#include "why/finding.h"
#include "why/words.h"

/* ---- one thread ---- */

/* By enum need_kind. */
static const char needs[] =
	"\0a Lock\0an RLock\0the import of \0 to end\0the result of a Future\0several Futures\0"
	"a Condition to be notified\0an Event to be set\0a Semaphore\0"
	"others at a Barrier\0an item to be put into a queue\0room in a queue, which is full\0"
	"the tasks of a queue to be done\0a lock or semaphore of multiprocessing\0"
	"its threads to end\0work\0events";

void
words_need(const struct look *l, const struct member *m, struct buf *out)
{
	const struct need *need = &m->need;
	int named = need->kind == NEED_JOIN;

	(void)l;
	if (named)
		buf_str(out, need->name ? need->name : "a thread");
	buf_str(out, look_string(needs, need->kind));
	if (need->kind == NEED_IMPORT)
		buf_str(out, need->name ? need->name : "a module");
	if (need->logging)
		buf_str(out, " of logging");
	if (need->kind == NEED_FUTURE && need->name)
		buf_printf(out, " (%s)", need->name);
}

/* What waiting in a call means, the first that fits: how the kernel's words begin, what else is
 * in them, ours. */
static const char outsides[] =
	"sleep\0\0sleeps\0"
	"connect\0\0waits to be connected\0"
	"poll\0:53,\0waits for a name server\0"
	"\0 LISTEN\0waits for connections\0"
	"recv\0udp\0waits for an answer\0"
	"recv\0\0waits to receive\0"
	"poll\0udp\0waits for an answer\0"
	"poll\0 pidfd\0waits for a process to end\0"
	"poll\0 pipe from \0waits to read from a pipe\0"
	"select\0 pipe from \0waits to read from a pipe\0"
	"poll\0tcp\0waits for its peer\0"
	"select\0tcp\0waits for its peer\0"
	"send\0\0waits to send, as its peer does not receive\0"
	"write pipe\0\0waits to write into a pipe that is full\0"
	"read pipe\0from itself\0waits to read from a pipe that nobody else has\0"
	"read pipe\0\0waits to read from a pipe\0"
	"wait\0 child\0waits for a child to end\0"
	"accept\0\0waits for connections\0"
	"flock\0\0waits for the lock of a file\0"
	"fcntl\0\0waits for the lock of a file\0"
	"thread \0\0waits for a thread to end\0"
	"\0\0waits";

static void
add_wait(const struct member *m, struct buf *out)
{
	const char *call = outsides;

	while (!look_waits_in(m, call) || !look_waits_on(m, look_string(call, 1)))
		call = look_string(call, 3);
	buf_str(out, m->input ? "waits for its standard input" : look_string(call, 2));
	if (call != outsides)
		buf_printf(out, ": %s", m->wait);
}

void
words_does(const struct look *l, const struct member *m, struct buf *out)
{
	if (m->wants_gil) {
		buf_str(out, "waits for the GIL");
	} else if (m->state == 'R') {
		buf_str(out, look_has_run(l, m) ? "is busy" : "runs");
	} else if (m->need.kind) {
		buf_str(out, "waits for ");
		words_need(l, m, out);
	} else if (*m->wait) {
		add_wait(m, out);
	} else {
		buf_str(out, m->state == 'T' ? "is stopped" : m->state == 't' ? "is traced" : "waits");
	}
}

static void
add_name(const struct member *m, struct buf *out)
{
	label_name(out, m->name, strlen(m->name));
}

static void
add_handler(const struct look *l, const struct member *m, struct buf *out)
{
	if (!m->handler)
		return;
	buf_str(out, ", in the handler of ");
	names_signals(UINT64_C(1) << (m->handler - 1), out);
	if (m->handles + 1 == m->n)
		return; /* that place has been named */
	buf_str(out, ", ");
	look_place(l, m->frames[m->handles], out);
}

/* "worker-1 sleeps in app.py:hold:8" without the name */
static void
add_deed(const struct look *l, const struct member *m, struct buf *out)
{
	words_does(l, m, out);
	buf_str(out, !m->need.kind && m->wait[0] && !look_waits_in(m, "sleep") ? ", in " : " in ");
	look_where(l, m, out);
	add_handler(l, m, out);
}

static void
add_percent(const struct look *l, int64_t used, struct buf *out)
{
	int64_t percent = l->elapsed > 0 ? (used * 100 + l->elapsed / 2) / l->elapsed : 0;

	buf_printf(out, "%d%% of a CPU", (int)percent);
}

/* ---- who has what others wait for ---- */

/* "a Lock that worker-1 has": what a thread waits for, and of whom. */
static void
add_owned(const struct look *l, const struct member *m, struct buf *out)
{
	const struct member *owner = m->blocker == NOBODY ? NULL : &l->members[m->blocker];
	enum need_kind kind = m->need.kind;

	words_need(l, m, out);
	if (!owner || kind == NEED_JOIN)
		return;
	buf_str(out, kind == NEED_IMPORT ? ", which " : kind == NEED_FUTURE ? ", which " : " that ");
	if (owner == m)
		buf_str(out, "it");
	else
		add_name(owner, out);
	buf_str(out, kind == NEED_IMPORT ? " is in" : kind == NEED_FUTURE ? " runs" :
	             m->need.seems ? " seems to have" : " has");
	if (owner == m)
		buf_str(out, " itself");
}

/* Who has a lock that has no known owner. */
static void
add_unowned(const struct look *l, const struct member *m, struct buf *out)
{
	char name[48];
	int user;

	if (m->need.kind == NEED_RLOCK && m->need.owner) {
		buf_str(out, "; the thread that has it is not in this process (any more): it ended, or the "
		        "process was forked while that had it");
		return;
	}
	if (m->need.kind == NEED_SEMLOCK) {
		buf_str(out, "; who has it is not recorded");
		return;
	}
	if (m->need.kind != NEED_LOCK || !m->need.key)
		return;
	buf_str(out, "; a Lock does not say who has it, and ");
	if (m->need.several) {
		buf_str(out, "it is not sure which thread is in a \"with\" of it");
		return;
	}
	buf_str(out, "no thread is in a \"with\" of it");
	user = locks_user(l, m, name, sizeof name);
	if (user != NOBODY) {
		buf_printf(out, "; it is the value of %s in ", name);
		add_name(&l->members[user], out);
	}
}

/* "MainThread waits", "MainThread and 2 others wait" */
static void
add_waiters(const struct look *l, size_t member, struct buf *out)
{
	size_t others = chain_rivals(l, member);

	add_name(&l->members[member], out);
	if (others)
		buf_printf(out, " and %zu other%s wait for ", others, others == 1 ? "" : "s");
	else
		buf_str(out, " waits for ");
}

/* A chain from a thread on to the last, but not around. */
static void
add_chain(const struct look *l, size_t member, struct buf *out)
{
	const struct member *m = &l->members[member];
	int alone = m->blocker == NOBODY;

	add_waiters(l, member, out);
	add_owned(l, m, out);
	for (size_t step = 0; m->blocker != NOBODY && step < l->n; step++) {
		m = &l->members[m->blocker];
		buf_str(out, ", which ");
		if (m->blocker == NOBODY) {
			add_deed(l, m, out);
			break;
		}
		buf_str(out, "waits for ");
		add_owned(l, m, out);
	}
	if (alone) {
		buf_str(out, " in ");
		look_where(l, m, out);
	}
	if (m->blocker == NOBODY)
		add_unowned(l, m, out);
}

static void
add_cycle(const struct look *l, size_t member, struct buf *out)
{
	size_t at = member;

	do {
		const struct member *m = &l->members[at];

		buf_str(out, at == member ? "" : "; ");
		add_name(m, out);
		buf_str(out, " waits for ");
		add_owned(l, m, out);
		buf_str(out, ", in ");
		look_where(l, m, out);
		if (look_waits_on(m, " left"))
			buf_printf(out, "%s", strrchr(m->wait, ','));
		at = (size_t)m->blocker;
	} while (at != member);
}

/* ---- sentences ---- */

static void
add_deadlock(const struct look *l, const struct member *m, struct buf *out)
{
	buf_str(out, "deadlock: ");
	if (!m) {
		buf_str(out, l->crowd.circle);
		return;
	}
	if (m->blocker != NOBODY) {
		add_cycle(l, (size_t)(m - l->members), out);
		return;
	}
	add_name(m, out);
	buf_str(out, ", a worker of a pool, waits for ");
	words_need(l, m, out);
	buf_str(out, " in ");
	look_where(l, m, out);
	buf_str(out, ", that a worker of the same pool would have to run, and all of these wait so");
}

/* " (MainThread, 50% of a CPU)", and what may not be expected of that. */
static void
add_use(const struct look *l, const struct member *m, struct buf *out)
{
	buf_str(out, " (");
	add_name(m, out);
	if (m->used >= 0) {
		buf_str(out, ", ");
		add_percent(l, m->used, out);
		if (m->ready > l->elapsed / 2 || !m->used)
			buf_str(out, ", for which it waits most of the time");
		if (!look_runs(m) && !m->wants_gil)
			buf_str(out, "; just now it does not run");
	}
	buf_str(out, ")");
}

static void
add_busy(const struct look *l, const struct member *m, struct buf *out)
{
	size_t busy = 0, waiting = 0;

	for (size_t i = 0; i < l->n; i++) {
		busy += look_has_run(l, &l->members[i]);
		waiting += l->members[i].wants_gil;
	}
	buf_str(out, "busy ");
	if (finding_collects(l))
		buf_printf(out, "collecting garbage at %d of %d moments, ", l->collected, l->asked);
	buf_str(out, "in ");
	look_where(l, m, out);
	add_handler(l, m, out);
	add_use(l, m, out);
	if (busy > 1)
		buf_printf(out, ", and %zu more thread%s", busy - 1, busy == 2 ? " is" : "s are");
	if (waiting)
		buf_printf(out, "; %zu wait%s for the GIL", waiting, waiting == 1 ? "s" : "");
	waiting = chain_waiters(l, (size_t)(m - l->members));
	if (waiting)
		buf_printf(out, "; %zu wait%s for this thread", waiting, waiting == 1 ? "s" : "");
}

static void
add_gil(const struct look *l, const struct member *m, struct buf *out)
{
	size_t waiting = 0;
	uint32_t c;

	for (size_t i = 0; i < l->n; i++)
		waiting += l->members[i].wants_gil && l->members[i].wanted_gil;
	add_name(m, out);
	buf_printf(out, " keeps the GIL, for which %zu thread%s: it ", waiting,
	           waiting == 1 ? " waits" : "s wait");
	if (look_runs(m))
		buf_str(out, look_c_frame(l, m, &c) ? "runs" : "runs C code, called");
	else
		words_does(l, m, out);
	buf_str(out, " in ");
	look_where(l, m, out);
}

static void
add_member(const struct look *l, const char *word, const struct member *m, struct buf *out)
{
	buf_printf(out, "%s: ", word);
	add_name(m, out);
	buf_str(out, " ");
	add_deed(l, m, out);
}

static void
add_stop(const struct look *l, enum finding_kind kind, struct buf *out)
{
	if (kind == FINDING_STOPPED)
		buf_str(out, "stopped by a signal: SIGSTOP, or one of its terminal");
	else
		buf_str(out, kind == FINDING_FROZEN ? "frozen by its control group" : l->members[0].wait);
}

void
words_finding(const struct look *l, const struct finding *f, struct buf *out)
{
	const struct member *m = f->member == NOBODY ? NULL : &l->members[f->member];

	switch (f->kind) {
	case FINDING_STOPPED:
	case FINDING_FROZEN:
	case FINDING_TRACED: add_stop(l, f->kind, out); break;
	case FINDING_DEADLOCK: add_deadlock(l, m, out); break;
	case FINDING_GIL: add_gil(l, m, out); break;
	case FINDING_QUOTA:
		buf_str(out, "out of its quota of CPU time, which a control group sets: it got ");
		add_percent(l, l->used, out);
		buf_str(out, ", in ");
		look_where(l, m, out);
		break;
	case FINDING_LOOP:
		buf_str(out, "the event loop is blocked by ");
		look_where(l, m, out);
		buf_str(out, ", which ");
		words_does(l, m, out);
		if (l->crowd.n)
			buf_printf(out, "; of %zu tasks %zu are ready to go on, and %zu wait", l->crowd.n,
			           l->crowd.ready, l->crowd.waiting);
		break;
	case FINDING_DISK: add_member(l, "waits in the kernel", m, out); break;
	case FINDING_BUSY: add_busy(l, m, out); break;
	case FINDING_IDLE:
	case FINDING_WAITS:
	case FINDING_BLOCKED:
		if (finding_is_lone(m)) {
			buf_str(out, "waits: nothing can wake the event loop but a signal or another thread: "
			        "it has no timer, and no socket but its own; in ");
			look_where(l, m, out);
			crowd_add_alike(l, out);
			break;
		}
		if (m->need.kind && m->need.kind != NEED_EVENTS && m->need.kind != NEED_WORK) {
			buf_printf(out, "%s: ", finding_word(f->kind));
			add_chain(l, (size_t)f->member, out);
		} else {
			add_member(l, finding_word(f->kind), m, out);
		}
		break;
	default: buf_str(out, "no Python runs in it"); break;
	}
}

/* ---- evidence ---- */

static void
add_summary(const struct look *l, struct buf *out)
{
	struct buf title = { 0 };

	process_title(sampler_target(l->sampler)->process, &title);
	label_name(out, title.data, title.len);
	buf_free(&title);
	buf_printf(out, ": %u thread%s, which used %d ms of CPU time in %d ms\n", l->n,
	           l->n == 1 ? "" : "s", (int)(l->used / MS), (int)(l->elapsed / MS));
}

static void
add_tasks(const struct look *l, struct buf *out)
{
	if (!l->crowd.n)
		return;
	buf_printf(out, "asyncio tasks: %zu, %zu of them ready, %zu waiting", l->crowd.n,
	           l->crowd.ready, l->crowd.waiting);
	crowd_add_alike(l, out);
	buf_str(out, "\n");
}

/* Each lock once, whoever waits for it. */
static int
is_told_before(const struct look *l, size_t member)
{
	const struct need *need = &l->members[member].need;

	for (size_t i = 0; need->key && i < member; i++)
		if (l->members[i].need.key == need->key && l->members[i].need.kind == need->kind)
			return 1;
	return 0;
}

static void
add_chains(const struct look *l, struct buf *out)
{
	enum { MOST_CHAINS = 20 };
	size_t told = 0;

	for (size_t i = 0; i < l->n && told < MOST_CHAINS; i++) {
		const struct member *m = &l->members[i];

		if (m->blocker == NOBODY && !m->need.key)
			continue;
		if (is_told_before(l, i))
			continue;
		buf_str(out, told++ ? "  " : "\nwho waits for whom:\n  ");
		add_waiters(l, i, out);
		add_owned(l, m, out);
		if (m->blocker != NOBODY && m->need.kind == NEED_LOCK)
			buf_str(out, ", by its \"with\" of it");
		buf_str(out, ", in ");
		look_where(l, m, out);
		if (m->blocker == NOBODY)
			add_unowned(l, m, out);
		buf_str(out, "\n");
	}
}

static void
add_names(const struct look *l, size_t first, struct buf *out)
{
	enum { SHOWN = 5 };
	size_t n = 0;

	for (size_t i = first; i < l->n; i++) {
		const struct member *m = &l->members[i];

		if (m->group != first)
			continue;
		if (n++ < SHOWN) {
			buf_str(out, n > 1 ? ", " : "");
			add_name(m, out);
			buf_printf(out, " (%d%s)", m->tid, m->holds_gil ? "*" : "");
		}
	}
	if (n > SHOWN)
		buf_printf(out, " and %zu more", n - SHOWN);
}

static void
add_locals(const struct listing *list, size_t frame, struct buf *out)
{
	size_t n;
	enum why why = listing_of(list, frame, &n);

	for (size_t i = 0; i < n; i++) {
		struct listed v = listing_get(list, frame, i);

		buf_printf(out, "      %s = %s\n", v.name, v.value);
	}
	if (why != OK)
		buf_printf(out, "      (locals: %s)\n", why_word(why));
}

static void
add_group(const struct look *l, size_t first, struct listing *list, struct buf *out)
{
	const struct member *m = &l->members[first];

	buf_str(out, "\n");
	add_names(l, first, out);
	buf_str(out, ": ");
	words_does(l, m, out);
	if (m->need.kind && *m->wait && !m->wants_gil)
		buf_printf(out, " (%s)", m->wait);
	buf_str(out, "\n");
	if (m->why != OK)
		buf_printf(out, "  (failed: %s)\n", why_word(m->why));
	if (list && m->n)
		look_locals(m, list);
	for (size_t i = m->n_shown, left = m->n; i-- > 0;) {
		buf_str(out, "  ");
		label_frame(out, l->profile, m->shown[i]);
		buf_str(out, "\n");
		if (profile_is_next(m->frames, m->shown[i], &left) && list)
			add_locals(list, left, out);
	}
}

/* What else pyflame, or another program, would tell. */
static void
add_next(const struct look *l, const struct finding *f, int had_locals, struct buf *out)
{
	int pid = process_pid(sampler_target(l->sampler)->process);

	buf_str(out, "\nnext: ");
	switch (f->kind) {
	case FINDING_STOPPED: buf_printf(out, "kill -CONT %d has it go on\n", pid); break;
	case FINDING_QUOTA:
	case FINDING_GIL:
	case FINDING_BUSY:
	case FINDING_LOOP:
		buf_printf(out, "pyflame -s 10 %d shows where the time goes\n", pid);
		break;
	case FINDING_IDLE: buf_printf(out, "pyflame -s 10 --waits %d, while it is slow\n", pid); break;
	default:
		buf_printf(out, had_locals ? "pyflame --why %d, again, shows what has changed\n" :
		           "pyflame --why --locals %d shows the variables\n", pid);
		break;
	}
}

void
words_evidence(const struct look *l, const struct finding *f, struct listing *list,
               struct buf *out)
{
	size_t first = f->member == NOBODY ? l->n : l->members[f->member].group;

	add_summary(l, out);
	add_tasks(l, out);
	add_chains(l, out);
	if (first != l->n)
		add_group(l, first, list, out);
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].group == i && i != first)
			add_group(l, i, list, out);
	add_next(l, f, list != NULL, out);
}
