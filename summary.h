/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUMMARY_H
#define SUMMARY_H

/* What is said of a run: in its profile, and to the person, meanwhile and at its end. */

struct buf;
struct clock;
struct follow;
struct group;
struct kin;
struct options;
struct profile;
struct profile_run;

/* What the words are about; all of it outlives them. */
struct summary {
	const struct options *options;
	const struct group *group;
	const struct clock *clock;
	int pid;       /* whom to speak of where none can be sampled yet; 0: none */
	int64_t since; /* when what is in the profile began, now_ns() */
	/* What had been counted by then. */
	uint64_t ticks, missed, left_out, failures[WHY_COUNT];
	struct follow *follow; /* what descends from the process; NULL: that is not asked */
	struct kin *kin;       /* all that ever did */
	size_t n_kin, cap_kin;
	int64_t began, look;   /* when it was first asked, and will be next */
};

/* PY_VERSION_HEX as text, "3.12.1" or "3.13.0rc2", to be freed. */
char *summary_version(unsigned hex);

/* A profile begins: what is known of it from the start, into the run of an
 * empty one. */
void summary_begin(struct summary *, struct profile_run *);

/* What is known since, into the same; may be called again. */
void summary_update(const struct summary *, struct profile_run *);

/* On stderr: what --stats asks for; the line at the end, after that many
 * nanoseconds, which in a pipe is there only if it has something that a person
 * has to know. */
void summary_stats(const struct summary *);
void summary_end(const struct summary *, int64_t elapsed);

/* And one line, if another option would have shown what this run could not: where the program
 * waits just now, say. */
void summary_hint(struct summary *, const struct profile *, int64_t elapsed);

/* What children do is looked at for that: when the sampling begins, and to be called at each
 * tick, now and then meanwhile. */
void summary_begin_looking(struct summary *);
void summary_look(struct summary *);

/* Appends some of the Pythons that descend from a process, as ", 4711 python3 app.py". */
void summary_children(int pid, struct buf *);

/* The progress line, which is written over a few times a second, so that a person sees that
 * something is happening.
 * If stderr is a terminal: adds to the set a signal that says when to draw,
 * and blocks it.  progress_is_due() says whether a signal is that. */
void progress_begin(sigset_t *);
int progress_is_due(int signal);

/* For a process that goes on with it instead of another. */
void progress_continue(void);

/* Draws the line, unless that would have to wait or we are in the background.
 * Times are nanoseconds; total 0: until the target ends. */
void progress_draw(int64_t elapsed, int64_t total, uint64_t ticks, uint64_t samples);

/* Takes the line away. */
void progress_end(void);

#endif
