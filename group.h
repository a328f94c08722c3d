/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_H
#define GROUP_H

/*
 * The processes that are sampled together.  Each has a sampler of its own, and
 * all count into one profile.  Processes come, go and execute other programs;
 * none of that ends the sampling of the others.
 */

struct buf;
struct group;
struct profile;
struct sample_counts;
struct sample_options;
struct sampler;
struct target;

enum following {
	FOLLOW_NONE,     /* just those that were given */
	FOLLOW_PATIENTLY, /* that one, whatever it executes and however long that takes */
	FOLLOW_CHILDREN, /* and all that descend from them */
	FOLLOW_ALL,      /* every process that may be read */
};

/* abi as for target_open. */
struct group *group_new(struct profile *, const struct sample_options *, unsigned abi,
                        enum following);
void group_free(struct group *);

/* Has all that is sampled from now on counted into another profile, an empty one.
 * What was learned so far goes with the old one; its counts stay. */
void group_restart(struct group *, struct profile *);

/* Adds a process: one that has yet to be opened, by group_look; one that is
 * open, and now belongs to the group. */
void group_add(struct group *, int pid);
void group_adopt(struct group *, const struct target *);

/*
 * Looks for processes that came, ended, became ready or execute something
 * else; does nothing before group_look_due(), a time of now_ns().
 */
void group_look(struct group *);
int64_t group_look_due(const struct group *);

/* With FOLLOW_PATIENTLY, what descends from a process that is not Python is looked at, too.
 * To be called when the first one is ready: if that is a descendant, they all are followed
 * from then on, as by FOLLOW_CHILDREN, and the answer is not 0; else they are forgotten. */
int group_settle(struct group *);

/* Takes the samples of one tick.  How many processes were sampled; *stopped_ns
 * gets for how long the one that had to be stopped most was.  The samples stand for `before`
 * missed ticks, too; group_stand_in() has those of the last tick stand for more. */
size_t group_tick(struct group *, int64_t before, int64_t *stopped_ns);
void group_stand_in(struct group *, int64_t ticks);

/* Forgets the process that was looked at when that had to be given up; what belongs to it
 * is left as it is. */
void group_abandon(struct group *);

/* The number of processes; of those that can be sampled now; whether one will
 * be soon, most likely. */
size_t group_size(const struct group *);
size_t group_ready(const struct group *);
int group_is_starting(const struct group *);

/* Those that can be sampled now, i < group_ready(). */
struct sampler *group_sampler(const struct group *, size_t i);
const struct target *group_target(const struct group *, size_t i);

/* All samplers' counts; ticks are those at which any process was sampled. */
struct sample_counts group_counts(const struct group *);

/* Appends what sampler_say_gil() has of each, those that have ended included. */
void group_say_gil(const struct group *, struct buf *);

/* How many processes have been sampled so far. */
size_t group_sampled(const struct group *);

/* Why the first process that was given, or with FOLLOW_ALL that was denied,
 * could not be opened when that was last tried: the sentence is appended. */
enum target_answer group_answer(const struct group *, struct buf *);

/* Appends who was left out and why, each after a semicolon. */
void group_tell(const struct group *, struct buf *);

#endif
