/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTACH_H
#define ATTACH_H

/* From what the command line names to processes that can be sampled, or to why there are
 * none, in words for a person. */

struct group;
struct options;

struct attach {
	struct options *options;
	struct group *group; /* gets the processes */
	/* Waits until `due`, of now_ns(), looking after signals; non-zero: it is time to end. */
	int (*wait)(void *context, int64_t due);
	void *context;
	size_t opened;       /* of those that were given, or given up */
	int launched;        /* the command is not Python, and its children are followed */
};

/* Whether processes are followed, so that which they are may change. */
int attach_is_following(const struct options *);

/* Finds those that were given, or with --all every one.  DONE: there are some, or with
 * --children may come to be; else why not, of which a message says more. */
enum status attach_targets(struct attach *);

/* Waits until the command, or what it executes or runs, is a Python that can be read.  -1 if
 * it ended first or it was time to end.  Of what it runs none is sampled without --children
 * unless it only launches that: then this sets --children, and says so. */
int attach_command(struct attach *, int pid);

/* Says why nothing could be sampled of what was followed. */
enum status attach_nothing_sampled(const struct attach *);

#endif
