/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GREENLETS_H
#define GREENLETS_H

/* The greenlets of a process, of all its threads, as they are now. */

struct buf;
struct codes;
struct greenlet;
struct greenlets;
struct mem_vec;
struct profile;
struct tasks;

/* All must outlive it.  To be ended with greenlets_free(), for which NULL is none. */
struct greenlets *greenlets_new(const struct tasks *, struct profile *, struct codes *);
void greenlets_free(struct greenlets *);

/* Finds and reads them, in so much CPU time at most.  OK, or why not all of them could be found. */
enum why greenlets_read(struct greenlets *, int64_t most_ns);

/* Reads the names of those that were read, each with all else of it once more, unless nothing has
 * run since. */
typedef void greenlet_namer(const struct greenlets *, const struct greenlet *, struct buf *);
void greenlets_read_names(struct greenlets *, greenlet_namer *);

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

/* Finds out which threads have greenlets, in so much CPU time at most; whether there are more. */
int greenlets_find_threads(struct greenlets *, int64_t most_ns);

/* A thread with greenlets: the one that it began with, and the state that says which one runs. */
struct green_thread {
	raddr first, state;
	int tid; /* 0: not known */
};
struct green_thread *greenlets_thread(struct greenlets *, int tid);

/* Of one at an address: what it is, with the greenlets that others of its thread are (0: none), as
 * far as that has no need of its stack.  `alive` is where a word is that is 0 if it is over,
 * `links` where the one is that has the parent, or who spawned it, a weak reference, with the
 * frames that did after that. */
struct green_links {
	raddr alive, links;
	int spawned;
};
int greenlets_know(struct greenlets *, raddr addr, raddr first, struct greenlet *,
                   struct green_links *);

/* Has it be taken for a hub from now on, by what it does. */
void greenlets_note_hub(struct greenlets *, raddr addr);

/* Where the two parts of it are that stay the same. */
void greenlets_identity(const struct greenlets *, const struct green_links *,
                        const struct greenlet *, struct mem_vec *two);

/* Finds those that lie where some were found before, of which just addr is set; what began the
 * thread of one, 0: that is not known. */
void greenlets_list(struct greenlets *);
raddr greenlets_first(const struct greenlets *, raddr addr);

/* Whether it ran then, or one did that will go on with it, as a parent, and not a hub. */
int greenlets_leads(const struct greenlets *, raddr addr);

/* Reads its stack; note and context as in struct green_reader. */
void greenlets_frames(struct greenlets *, struct greenlet *,
                      void (*note)(void *, const struct mem_vec *, size_t, const struct buf *),
                      void *context);

/* Whose they are. */
const struct tasks *greenlets_tasks(const struct greenlets *);

#endif
