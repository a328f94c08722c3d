/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENLETS_H
#define GREENLETS_H

/* The greenlets of a process, of all its threads, as they are now. */

struct codes;
struct greenlet;
struct greenlets;
struct profile;
struct tasks;

/* All must outlive it.  To be ended with greenlets_free(), for which NULL is none. */
struct greenlets *greenlets_new(const struct tasks *, struct profile *, struct codes *);
void greenlets_free(struct greenlets *);

/* Finds and reads them, in so much CPU time at most.  OK, or why not all of them could be found. */
enum why greenlets_read(struct greenlets *, int64_t most_ns);

/* All of them, and their number; the number of one, plus one, 0: it is none. */
const struct greenlet *greenlets_all(const struct greenlets *, size_t *n);
size_t greenlets_find(const struct greenlets *, raddr);

/* How many there are that are neither what a thread begins with nor over, and in how many
 * different places. */
size_t greenlets_count(const struct greenlets *, size_t *places);

/* Whether a frame of the profile is in a file whose path has that in it. */
int greenlets_is_in(const struct greenlets *, uint32_t frame, const char *part);

/* The pointer at an address, 0 where none can be read. */
raddr greenlets_word(const struct greenlets *, raddr addr);

/* Whose they are. */
const struct tasks *greenlets_tasks(const struct greenlets *);

#endif
